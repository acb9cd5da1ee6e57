/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - escalation policies as values.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

struct arena;

struct policy_step {
    int64_t after_ms;              /* from the start of the escalation; rising from step to step */
    const char **targets; size_t n_targets;
};

struct policy {
    const char *name;
    struct policy_step *steps; size_t n_steps;   /* at least one */
    uint32_t loops;                /* how often the steps are repeated after the first pass; UINT32_MAX: for ever */
    int64_t ack_timeout_ms;        /* 0: an acknowledgement holds */
    int64_t failover_after_ms;     /* a delivery failing this long moves the escalation on */
    int64_t last_wait_ms;          /* how long the last step has to answer, before the next loop or the end */
    bool restart_on_unack;         /* on_unack = "restart" rather than "resume" */
    const char **last_resort; size_t n_last_resort;
    /* derived; filled by policy_seal() */
    struct id16 id;
    const char *body;              /* JSON of the above, for policy_row */
};

#define POLICY_FOR_EVER UINT32_MAX

/* Fill id and body.  Memory from the arena. */
void policy_seal(struct policy *, struct arena *);
/* The policy in a stored body; NULL when it is damaged.  Memory from the arena. */
struct policy *policy_parse(const char *body, struct arena *);

/* Offset of step k (k < n_steps) in pass `loop` from esc_start. */
int64_t policy_step_offset(const struct policy *, uint32_t loop, size_t step);
/* Length of one pass: the last step's offset plus last_wait. */
int64_t policy_pass_ms(const struct policy *);

#endif
