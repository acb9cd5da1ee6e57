/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - which rules can match an alert with this value in this field?
 *
 * Every name that a matcher uses gets a slot, a place in the scratch where its
 * value stands while an alert is worked on; the four fields have the first
 * four.  An alternative (matchers that must all hold) with `name = "value"` is
 * filed under the rarest of its pairs (slot, value); a rule with an alternative
 * that has none is in `always`.  Filing only finds candidates: each of them is
 * then evaluated in full, so a hit too many costs time and a miss is
 * impossible.
 */
#ifndef CORE_INDEX_H
#define CORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct rule;

enum { NO_SLOT = UINT32_MAX };

struct bucket {                    /* rules in rising order */
    const char *value;             /* NULL: an empty place in the table */
    uint32_t slot;
    uint32_t count;                /* while building: alternatives that could be filed here */
    uint32_t n, cap;
    uint32_t *rules;
};

struct slot {
    const char *name;
    bool keyed;                    /* some rule is filed under a value of it */
};

struct index {
    struct slot *slots;     uint32_t n_slots;
    uint32_t *names;        size_t names_mask;     /* open addressing: slot + 1, 0 empty */
    struct bucket *buckets; size_t buckets_mask;   /* open addressing */
    struct bucket always;
};

/* Fills the slot of every matcher.  Memory from the arena. */
void index_build(struct index *, struct arena *, struct rule *rules, size_t n);
/* The slot of a label; NO_SLOT when no matcher asks for it. */
uint32_t index_slot(const struct index *, const char *label);
/* The rules filed under the pair; NULL when there are none. */
const struct bucket *index_find(const struct index *, uint32_t slot, const char *value);

#endif
