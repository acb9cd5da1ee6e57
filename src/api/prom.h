/* SPDX-License-Identifier: Apache-2.0 */
/* prom.h - Prometheus text exposition format 0.0.4: families, label values escaped. */
#ifndef API_PROM_H
#define API_PROM_H

#include <stddef.h>
#include <stdint.h>

struct buf;

struct prom_label { const char *name, *value; };

/* Begins a family: every sample that follows has its name. */
void prom_family(struct buf *, const char *name, const char *type, const char *help);
void prom_sample(struct buf *, const char *name, const struct prom_label *, size_t n, double value);
void prom_count(struct buf *, const char *name, const struct prom_label *, size_t n, uint64_t value);
/* A family of one sample without labels. */
void prom_single(struct buf *, const char *name, const char *type, const char *help, double value);
/*
 * The samples of one histogram: counts[i] holds what fell between les[i-1] and les[i]; les[n-1] is "+Inf".
 * It has at most PROM_LABELS labels of its own.
 */
enum { PROM_LABELS = 2 };
void prom_histogram(struct buf *, const char *name, const struct prom_label *own, size_t n_own, const char *const *les,
                    const uint64_t *counts, size_t n, double sum);

#endif
