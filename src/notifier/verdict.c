/* SPDX-License-Identifier: Apache-2.0 */
#include "notifier/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { CONTINUE_MAX_MS = 60000, SECRET_MIN = 4 };

/* Replace each occurrence of the secret, and a piece of it at the very end that a full buffer cut off. */
static void
hide(char *text, size_t size, const char *secret)
{
    char out[sizeof((struct tocsin_outcome *)0)->reason];
    size_t n = strlen(secret), len = strlen(text), used = 0, i = 0;

    if (n < SECRET_MIN || size > sizeof out)
        return;
    while (i < len && used + 3 < size) {
        size_t left = len - i, part = left < n ? left : n;
        bool cut = left < n && len == size - 1 && part >= SECRET_MIN;

        if ((left >= n || cut) && strncmp(text + i, secret, part) == 0) {
            memcpy(out + used, "***", 3);
            used += 3;
            i += part;
        } else {
            out[used++] = text[i++];
        }
    }
    while (i < len && used + 1 < size)
        out[used++] = text[i++];
    out[used] = '\0';
    memcpy(text, out, used + 1);
}

static int64_t
clamp(int64_t value, int64_t max)
{
    return value < 0 ? 0 : value > max ? max : value;
}

void
verdict_tidy(struct arena *a, const struct tocsin_settings *set, struct tocsin_outcome *out)
{
    out->reason[sizeof out->reason - 1] = '\0';
    out->vendor_ref[sizeof out->vendor_ref - 1] = '\0';
    out->carry[sizeof out->carry - 1] = '\0';
    if (out->verdict < TOCSIN_DELIVERED || out->verdict > TOCSIN_CONTINUE)
        out->verdict = TOCSIN_RETRY;
    out->delay_ms = clamp(out->delay_ms, out->verdict == TOCSIN_CONTINUE ? CONTINUE_MAX_MS : RETRY_AFTER_MAX_MS);
    for (size_t i = 0; set != NULL && i < set->n; i++)
        if (set->items[i].type == TOCSIN_OPT_SECRET && set->items[i].text != NULL)
            hide(out->reason, sizeof out->reason, set->items[i].text);
    snprintf(out->reason, sizeof out->reason, "%s",
             text_clean(a, out->reason, strlen(out->reason), sizeof out->reason - 1));
    snprintf(out->vendor_ref, sizeof out->vendor_ref, "%s",
             text_clean(a, out->vendor_ref, strlen(out->vendor_ref), sizeof out->vendor_ref - 1));
}
