/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that knows which names are fields. */
#include "core/rules/field.h"

#include <string.h>

enum field
field_of(const char *name, const char **label_r)
{
    static const char *const fields[] = { "severity", "summary", "source", "status" };
    static const char prefix[] = "labels.";
    enum field f = FIELD_SEVERITY;

    *label_r = name;
    if (strncmp(name, prefix, sizeof prefix - 1) == 0 && name[sizeof prefix - 1] != '\0') {
        *label_r = name + sizeof prefix - 1;
        return FIELD_LABEL;
    }
    while (f < FIELD_LABEL && strcmp(name, fields[f]) != 0)
        f++;
    return f;
}
