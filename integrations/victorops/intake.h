/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - the REST endpoint as a way in: intake.c, for the table in notify.c. */
#ifndef VICTOROPS_INTAKE_H
#define VICTOROPS_INTAKE_H

#include <tocsin/plugin.h>

extern const struct tocsin_route intake_routes[];

enum tocsin_rc intake_identify(const struct tocsin_host *, struct tocsin_call *, const char **credential_r,
                               struct tocsin_err *);
enum tocsin_rc intake_take(void *self, const struct tocsin_host *, struct tocsin_call *, struct tocsin_err *);
void intake_answer(void *self, const struct tocsin_host *, struct tocsin_call *, const struct tocsin_results *);
void intake_refuse(const struct tocsin_host *, struct tocsin_call *, const struct tocsin_err *);

#endif
