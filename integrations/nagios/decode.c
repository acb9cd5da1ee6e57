/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c - nagios: the family's reader under this name. */
#include "notification.h"

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "nagios",
    .summary = "Nagios' notifications, as a form or JSON",
    .collector_options = notification_options,
    .open = notification_open,
    .decode = notification_decode,
};
