/* SPDX-License-Identifier: Apache-2.0 */
/* jqitems.h - functions of jq in C (jqfunc.h) about arrays and objects.  Each takes its arguments. */
#ifndef CORE_JQITEMS_H
#define CORE_JQITEMS_H

#include <jv.h>

struct jqregex;

/* glue, items: as jq's own */
jv jqitems_join(struct jqregex *, jv *args);
/* to_entries */
jv jqitems_entries(struct jqregex *, jv *args);
/* An array of {key, value} as an object; of two with one key the last counts. */
jv jqitems_gather(struct jqregex *, jv *args);
/* An array or an object without what is null in it. */
jv jqitems_compact(struct jqregex *, jv *args);
/* n, object: of its first n members those that have a name and a text, as text.  {} for anything else. */
jv jqitems_texts(struct jqregex *, jv *args);
/* chars, object: its names in lower case and without these characters; of two that become one the last counts. */
jv jqitems_fold(struct jqregex *, jv *args);
/* value, or values in a row; array: where it stands there. */
jv jqitems_indices(struct jqregex *, jv *args);

#endif
