/* SPDX-License-Identifier: Apache-2.0 */
#include "core/delivery/delivery.h"

enum { BACKOFF_FIRST_MS = 1000 };

/* A snoozed incident is quiet at the vendors too: they are told that it is acknowledged. */
static enum tocsin_incident_state
shown_state(const struct incident_row *i)
{
    if (i->state == TOCSIN_INC_TRIGGERED && i->snoozed_until > 0)
        return TOCSIN_INC_ACKNOWLEDGED;
    return (enum tocsin_incident_state)i->state;
}

static enum tocsin_change
when_resolved(const struct delivery_row *d, const struct delivery_caps *caps)
{
    if (d->told == TOLD_NOTHING || d->told == TOLD_RESOLVED || !caps->send_resolved)
        return 0;
    return TOCSIN_RESOLVE;
}

static enum tocsin_change
when_acknowledged(const struct incident_row *i, const struct delivery_row *d, const struct delivery_caps *caps)
{
    switch (d->told) {
    case TOLD_MAYBE:
    case TOLD_KNOWN:
    case TOLD_TRIGGERED:
        return caps->can_ack ? TOCSIN_ACKNOWLEDGE : 0;
    case TOLD_ACKNOWLEDGED:
        return d->told_ver < i->ver ? TOCSIN_UPDATE : 0;
    default:
        return 0;                            /* told already; or never, and somebody has answered */
    }
}

static enum tocsin_change
when_triggered(const struct incident_row *i, const struct delivery_row *d, const struct delivery_caps *caps)
{
    bool news = d->told_ver < i->ver || d->told_page < d->want_page;

    if (i->suppressed_by[0] != '\0')
        return 0;
    switch (d->told) {
    case TOLD_NOTHING:
    case TOLD_MAYBE:
    case TOLD_MAYBE_ACKED:
        return d->want_page > 0 ? TOCSIN_TRIGGER : 0;
    case TOLD_KNOWN:
    case TOLD_ACKNOWLEDGED:
        return caps->can_unack ? TOCSIN_UNACKNOWLEDGE : news ? TOCSIN_UPDATE : 0;
    case TOLD_TRIGGERED:
        return news ? TOCSIN_UPDATE : 0;
    default:
        return 0;
    }
}

bool
delivery_next(const struct incident_row *i, const struct delivery_row *d, const struct delivery_caps *caps,
              struct delivery_work *out)
{
    enum tocsin_change change = 0;
    bool notes = caps->can_note && d->told_notes < i->notes && d->told >= TOLD_KNOWN && d->told < TOLD_RESOLVED;

    *out = (struct delivery_work){ .ver = i->ver, .page = d->want_page, .notes = d->told_notes };
    switch (shown_state(i)) {
    case TOCSIN_INC_TRIGGERED:
        change = when_triggered(i, d, caps);
        break;
    case TOCSIN_INC_ACKNOWLEDGED:
        change = when_acknowledged(i, d, caps);
        break;
    case TOCSIN_INC_RESOLVED:
        change = when_resolved(d, caps);
        break;
    }
    /* a note goes before the resolve that ends the conversation, and after everything else */
    if (notes && (change == 0 || change == TOCSIN_RESOLVE)) {
        change = TOCSIN_NOTE;
        out->notes = d->told_notes + 1;
    }
    out->change = change;
    return change != 0;
}

int64_t
delivery_backoff_ms(uint32_t attempts, uint64_t seed)
{
    int64_t base = attempts < 9 ? (int64_t)BACKOFF_FIRST_MS << attempts : DELIVERY_BACKOFF_MAX_MS;

    if (base > DELIVERY_BACKOFF_MAX_MS)
        base = DELIVERY_BACKOFF_MAX_MS;
    return base / 2 + (int64_t)(seed % (uint64_t)(base / 2 + 1));
}
