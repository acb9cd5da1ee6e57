/* SPDX-License-Identifier: Apache-2.0 */
#include "api/prom.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"

void
prom_family(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
add_escaped(struct buf *b, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\\' || *s == '"')
            buf_addc(b, '\\');
        if (*s == '\n')
            buf_add(b, "\\n");
        else
            buf_addc(b, *s);
    }
}

static void
add_series(struct buf *b, const char *name, const struct prom_label *labels, size_t n)
{
    buf_add(b, name);
    for (size_t i = 0; i < n; i++) {
        buf_addf(b, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        add_escaped(b, labels[i].value);
        buf_addc(b, '"');
    }
    if (n > 0)
        buf_addc(b, '}');
    buf_addc(b, ' ');
}

void
prom_sample(struct buf *b, const char *name, const struct prom_label *labels, size_t n, double value)
{
    add_series(b, name, labels, n);
    buf_addf(b, "%.15g\n", value);
}

void
prom_count(struct buf *b, const char *name, const struct prom_label *labels, size_t n, uint64_t value)
{
    add_series(b, name, labels, n);
    buf_addf(b, "%" PRIu64 "\n", value);
}

void
prom_single(struct buf *b, const char *name, const char *type, const char *help, double value)
{
    prom_family(b, name, type, help);
    prom_sample(b, name, NULL, 0, value);
}

void
prom_histogram(struct buf *b, const char *name, const struct prom_label *own, size_t n_own, const char *const *les,
               const uint64_t *counts, size_t n, double sum)
{
    struct prom_label labels[PROM_LABELS + 1];
    char series[128];
    uint64_t total = 0;

    assert(n_own <= PROM_LABELS);
    for (size_t i = 0; i < n_own; i++)
        labels[i] = own[i];
    snprintf(series, sizeof series, "%s_bucket", name);
    for (size_t i = 0; i < n; i++) {
        total += counts[i];
        labels[n_own] = (struct prom_label){ "le", les[i] };
        prom_count(b, series, labels, n_own + 1, total);
    }
    snprintf(series, sizeof series, "%s_sum", name);
    prom_sample(b, series, labels, n_own, sum);
    snprintf(series, sizeof series, "%s_count", name);
    prom_count(b, series, labels, n_own, total);
}
