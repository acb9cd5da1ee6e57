/* SPDX-License-Identifier: Apache-2.0 */
#include "core/escalation/escalation.h"

#include "base/text.h"
#include "core/delivery/ledger.h"

bool
escalation_wanted(const struct world_incident *i)
{
    const struct incident_row *r = &i->row;
    uint32_t paging = r->n_firing[TOCSIN_WARNING] + r->n_firing[TOCSIN_ERROR] + r->n_firing[TOCSIN_CRITICAL];

    return paging > 0 || (r->routed && r->n_firing[TOCSIN_INFO] > 0);
}

static bool
running(const struct incident_row *r)
{
    return r->state == TOCSIN_INC_TRIGGERED && r->paging && r->paused_at == 0;
}

static const char *
targets_text(const struct world *w, const char *const *targets, size_t n)
{
    const char *text = "";

    for (size_t k = 0; k < n; k++)
        text = arena_printf(w->arena, "%s%s%s", text, k > 0 ? ", " : "", targets[k]);
    return text;
}

static void
fire_step(struct world *w, struct world_incident *i, size_t step, const char *why)
{
    const struct policy_step *s = &i->policy->steps[step];
    const char *const *targets = (const char *const *)s->targets;

    i->row.step = (uint16_t)(step + 1);
    i->row.updated_at = w->now;              /* a repeated page is a message of its own, not the one before */
    i->dirty = true;
    world_note(w, &i->row.id, "page", i->policy->name, "step %zu of %zu%s: %s%s", step + 1, i->policy->n_steps,
               i->row.loop > 0 ? arena_printf(w->arena, ", loop %u", i->row.loop + 1u) : "",
               targets_text(w, targets, s->n_targets), why);
    for (size_t k = 0; k < s->n_targets; k++)
        ledger_page(w, i, s->targets[k], (uint16_t)step);
}

static void
exhaust(struct world *w, struct world_incident *i, const char *why)
{
    const struct policy *p = i->policy;
    const char *const *targets = (const char *const *)p->last_resort;

    i->row.exhausted = true;
    i->row.updated_at = w->now;
    i->dirty = true;
    world_note(w, &i->row.id, "exhausted", p->name, "the policy ended%s; last resort: %s", why,
               p->n_last_resort > 0 ? targets_text(w, targets, p->n_last_resort) : "none");
    for (size_t k = 0; k < p->n_last_resort; k++)
        ledger_page(w, i, p->last_resort[k], STEP_NONE);
}

/* --- the clock -------------------------------------------------------------------- */

static bool
more_loops(const struct world_incident *i)
{
    return i->policy->loops == POLICY_FOR_EVER || i->row.loop < i->policy->loops;
}

/* When the next step, loop or the end is due by the plan. */
static int64_t
plan_due(const struct world_incident *i)
{
    const struct incident_row *r = &i->row;

    if (r->step < i->policy->n_steps)
        return r->esc_start + policy_step_offset(i->policy, r->loop, r->step);
    if (more_loops(i))
        return r->esc_start + policy_step_offset(i->policy, r->loop + 1u, 0);
    return r->esc_start + policy_step_offset(i->policy, r->loop, 0) - i->policy->steps[0].after_ms +
           policy_pass_ms(i->policy);
}

/* All steps and loops are done and the last resort knows. */
static bool
plan_over(const struct world_incident *i)
{
    return i->row.exhausted && i->row.step >= i->policy->n_steps && !more_loops(i);
}

/* When the step reached counts as failed; 0: it does not.  Once the last resort knows there is nobody to move on to. */
static int64_t
failover_due(const struct world *w, const struct world_incident *i)
{
    return i->row.step > 0 && !i->row.exhausted ? ledger_step_failed_at(w, i, (uint16_t)(i->row.step - 1)) : 0;
}

void
escalation_reschedule(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;
    int64_t due = 0, failed;

    if (r->state == TOCSIN_INC_RESOLVED) {
        due = 0;
    } else if (r->snoozed_until > 0) {
        due = r->snoozed_until;
    } else if (r->state == TOCSIN_INC_ACKNOWLEDGED) {
        due = i->policy->ack_timeout_ms > 0 ? r->acked_at + i->policy->ack_timeout_ms : 0;
    } else if (running(r) && !plan_over(i)) {
        due = plan_due(i);
        failed = failover_due(w, i);
        if (failed > 0 && failed < due)
            due = failed;
    }
    if (due != r->next_due) {
        r->next_due = due;
        i->dirty = true;
    }
}

/* Move to the latest step that is due; true if one is to fire. */
static bool
skip_to_latest(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;
    unsigned missed = 0;
    bool due = false;

    /* whole loops that passed in one go: arithmetic, not iteration */
    if (more_loops(i) && policy_pass_ms(i->policy) > 0) {
        int64_t loops = (w->now - r->esc_start) / policy_pass_ms(i->policy);

        if (i->policy->loops != POLICY_FOR_EVER && loops > i->policy->loops)
            loops = i->policy->loops;
        if (loops > r->loop && w->now >= r->esc_start + policy_step_offset(i->policy, (uint32_t)loops, 0)) {
            missed += (unsigned)(i->policy->n_steps - r->step);
            r->loop = (uint16_t)(loops < UINT16_MAX ? loops : UINT16_MAX);
            r->step = 0;
        }
    }
    while (r->step < i->policy->n_steps && r->esc_start + policy_step_offset(i->policy, r->loop, r->step) <= w->now) {
        if (due)
            missed++;
        due = true;
        r->step++;
    }
    if (due)
        r->step--;                           /* fire_step() counts it */
    if (missed > 0)
        world_note(w, &r->id, "skipped", i->policy->name, "%u earlier step%s passed while tocsin was not running",
                   missed, missed > 1 ? "s" : "");
    return due;
}

/* The step reached failed as a whole: go on now, with the rest of the plan moved along. */
static void
fail_over(struct world *w, struct world_incident *i, const char *why)
{
    struct incident_row *r = &i->row;

    if (r->step < i->policy->n_steps) {
        int64_t offset = policy_step_offset(i->policy, r->loop, r->step);

        if (r->esc_start + offset > w->now)
            r->esc_start = w->now - offset;
        fire_step(w, i, r->step, why);
    } else {
        exhaust(w, i, why);
    }
}

void
escalation_run(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;
    int64_t failed;

    if (!running(r) || plan_over(i))
        return;
    if (plan_due(i) <= w->now) {
        if (skip_to_latest(w, i))
            fire_step(w, i, r->step, "");
        if (r->step >= i->policy->n_steps && !more_loops(i) && !r->exhausted && plan_due(i) <= w->now)
            exhaust(w, i, " unanswered");
    }
    failed = failover_due(w, i);
    if (failed > 0 && failed <= w->now)
        fail_over(w, i, ", because the step before could not be delivered");
}

/* --- start, stop, go on --------------------------------------------------------------- */

void
escalation_begin(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;

    if (r->paging || r->state != TOCSIN_INC_TRIGGERED || r->snoozed_until > 0 || !escalation_wanted(i))
        return;
    r->paging = true;
    r->esc_start = w->now;
    r->paused_at = 0;
    r->step = 0;
    r->loop = 0;
    i->dirty = true;
    for (const char *at = r->notify; *at != '\0';) {
        size_t n = 0;

        while (at[n] != '\0' && at[n] != '\n')
            n++;
        ledger_page(w, i, arena_strndup(w->arena, at, n), STEP_NONE);
        at += n + (at[n] == '\n');
    }
    escalation_run(w, i);
}

void
escalation_pause(struct world *w, struct world_incident *i)
{
    if (!i->row.paging || i->row.paused_at > 0)
        return;
    i->row.paused_at = w->now;
    i->dirty = true;
}

void
escalation_resume(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;

    if (r->paused_at == 0)
        return;
    if (w->now > r->paused_at)               /* the clock may have gone back meanwhile */
        r->esc_start += w->now - r->paused_at;
    r->paused_at = 0;
    i->dirty = true;
}

void
escalation_bring_back(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;

    if (!r->paging) {
        escalation_begin(w, i);
        return;
    }
    escalation_resume(w, i);
    if (i->policy->restart_on_unack || r->exhausted) {
        r->esc_start = w->now;
        r->step = 0;
        r->loop = 0;
        r->exhausted = false;
        i->dirty = true;
        escalation_run(w, i);
    } else if (r->step == 0) {
        escalation_run(w, i);
    } else if (ledger_step_can_repage(w, i, (uint16_t)(r->step - 1))) {
        fire_step(w, i, r->step - 1u, ", again");
    } else {
        /* nobody of this step would be woken: their pagers keep the acknowledgement */
        fail_over(w, i, ", because the pagers of the step before cannot take an acknowledgement back");
    }
}

void
escalation_force(struct world *w, struct world_incident *i, const char *by)
{
    struct incident_row *r = &i->row;
    const char *why = arena_printf(w->arena, ", asked for by %s", by);

    if (!r->paging) {
        r->paging = true;
        r->esc_start = w->now;
        i->dirty = true;
    }
    escalation_resume(w, i);
    if (r->step >= i->policy->n_steps && more_loops(i)) {
        r->loop++;
        r->step = 0;
    }
    if (r->step < i->policy->n_steps) {
        r->esc_start = w->now - policy_step_offset(i->policy, r->loop, r->step);
        fire_step(w, i, r->step, why);
    } else {
        exhaust(w, i, why);
    }
}

/* --- a clock that was set back ---------------------------------------------------------------- */

/* How far into the plan the escalation is known to have come. */
static int64_t
reached_ms(const struct world_incident *i)
{
    const struct incident_row *r = &i->row;

    if (r->step > 0)
        return policy_step_offset(i->policy, r->loop, r->step - 1u);
    return r->loop > 0 ? policy_step_offset(i->policy, r->loop - 1u, i->policy->n_steps - 1) : 0;
}

static void
no_later(int64_t *at, int64_t limit)
{
    if (*at > limit)
        *at = limit;
}

void
escalation_clamp(struct world *w, struct world_incident *i)
{
    struct incident_row *r = &i->row;
    int64_t due = r->next_due, ahead = r->updated_at - w->now;

    ledger_clamp(w, i);
    if (r->state == TOCSIN_INC_RESOLVED)
        return;
    if (ahead > 0 && r->snoozed_until > 0)   /* set when the row was written, for a time that counted from then */
        r->snoozed_until -= ahead;
    no_later(&r->updated_at, w->now);
    no_later(&r->acked_at, w->now);
    if (r->paused_at > w->now) {
        r->esc_start -= r->paused_at - w->now;
        r->paused_at = w->now;
    }
    if (r->paging)
        no_later(&r->esc_start, (r->paused_at > 0 ? r->paused_at : w->now) - reached_ms(i));
    escalation_reschedule(w, i);
    if (ahead > 0 || r->next_due != due)
        i->dirty = true;
    if (r->next_due != due)
        world_note(w, &r->id, "clock", "timer", "the clock was set back while tocsin was not running: what was due "
                   "later than the policy allows is brought forward");
}
