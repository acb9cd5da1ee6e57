/* SPDX-License-Identifier: Apache-2.0 */
/* notification.h - a notification as Nagios and its descendants make it. */
#ifndef NOTIFICATION_H
#define NOTIFICATION_H

#include <tocsin/plugin.h>

extern const struct tocsin_option notification_options[];

enum tocsin_rc notification_open(const struct tocsin_host *, const struct tocsin_settings *, void **self_r,
                                 struct tocsin_err *);
enum tocsin_rc notification_decode(void *self, const struct tocsin_host *, const struct tocsin_payload *,
                                   struct tocsin_batch *, struct tocsin_err *);

#endif
