/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - what intake.c and intake_routes.c share, and those who lead a request without a server. */
#ifndef COLLECTOR_INTAKE_H
#define COLLECTOR_INTAKE_H

#include "collector/collector.h"
#include "plugin/host.h"

enum { INTAKE_CANDIDATES = 64, INTAKE_VARIABLES = 8 };

/* A collector whose integration serves the path, by this route. */
struct candidate {
    const struct conf_collector *col;
    const struct tocsin_route *route;
    struct tocsin_pair path[INTAKE_VARIABLES];
    size_t n_path;
};

/*
 * All candidates for a request, in the order of the configuration, those of paths without {*} first.  The methods that
 * the path takes are added to allow: with 0 candidates, none is added if the path is not known.  path is raw.
 */
size_t intake_match(const struct conf *, const char *method, const char *path, struct arena *,
                    struct candidate out[INTAKE_CANDIDATES], char *allow, size_t allow_size);

/* The key of the collector that the credential is; NULL: none of them.  Takes as long whichever it is. */
const struct conf_key *intake_key(const struct conf_collector *, const char *credential);
/* What the route that a request names stands for, or else its sender's key; policy NULL: neither.  by: in the call's
 * arena. */
struct rule_route intake_route(const struct conf_collector *, const struct conf_key *, const struct host_call *);

#endif
