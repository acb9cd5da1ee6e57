/* SPDX-License-Identifier: Apache-2.0 */
/* test_notifier_doubles.h - functions of other folders that the notifier calls, for test_notifier_ledger.h alone. */
#ifndef TEST_NOTIFIER_DOUBLES_H
#define TEST_NOTIFIER_DOUBLES_H

/* --- doubles of other folders ------------------------------------------------------------- */

void
host_request_init(struct tocsin_request *r, struct arena *a)
{
    *r = (struct tocsin_request){ .arena = a };
}

enum tocsin_rc
host_request_seal(struct tocsin_request *r, int64_t now_ms, struct tocsin_err *err)
{
    (void)r;
    (void)now_ms;
    (void)err;
    return TOCSIN_OK;
}

bool
alert_text_decode(struct arena *a, const void *body, size_t len, struct alert_text *out)
{
    *out = (struct alert_text){ .summary = len > 0 ? arena_strndup(a, body, len) : "", .source_severity = "" };
    return true;
}

struct conf *
conf_ref(struct conf *c)
{
    pthread_mutex_lock(&fx.lock);
    c->refs++;
    pthread_mutex_unlock(&fx.lock);
    return c;
}

void
conf_unref(struct conf *c)
{
    pthread_mutex_lock(&fx.lock);
    c->refs--;
    pthread_mutex_unlock(&fx.lock);
}

const struct conf_notifier *
conf_notifier(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_notifiers; i++)
        if (strcmp(c->notifiers[i].name, name) == 0)
            return &c->notifiers[i];
    return NULL;
}

/* Told nothing: trigger; otherwise the state's own word, an update for a newer version, a note for a newer note. */
bool
delivery_next(const struct incident_row *i, const struct delivery_row *d, const struct delivery_caps *caps,
              struct delivery_work *out)
{
    *out = (struct delivery_work){ .ver = i->ver, .page = d->want_page, .notes = d->told_notes };
    if (i->state == TOCSIN_INC_RESOLVED)
        out->change = d->told == TOLD_NOTHING || d->told == TOLD_RESOLVED || !caps->send_resolved ? 0 : TOCSIN_RESOLVE;
    else if (d->told <= TOLD_MAYBE)
        out->change = TOCSIN_TRIGGER;
    else if (i->state == TOCSIN_INC_ACKNOWLEDGED && d->told == TOLD_TRIGGERED)
        out->change = caps->can_ack ? TOCSIN_ACKNOWLEDGE : 0;
    else if (d->told_ver < i->ver || d->told_page < d->want_page)
        out->change = TOCSIN_UPDATE;
    else if (caps->can_note && d->told_notes < i->notes)
        out->change = TOCSIN_NOTE, out->notes = d->told_notes + 1;
    return out->change != 0;
}

#endif
