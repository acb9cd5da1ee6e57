/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rules/jqwords.h"

#include <string.h>

#include "base/text.h"

static const char *const refused[] = {
    "env",        "now",        "input",     "inputs",    "debug",          "stderr",          "input_filename",
    "halt",       "halt_error", "localtime", "date",      "strflocaltime",  "input_line_number", "modulemeta",
    "dateadd",    "datesub",    "nan",       "import",    "include",        "get_search_list", "get_prog_origin",
    "get_jq_origin", "builtins",
};

bool
jqword_is(const char *p, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(p, word, len) == 0;
}

bool
jqword_is_refused(const char *p, size_t len)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (jqword_is(p, len, refused[i]))
            return true;
    return false;
}

bool
jqword_is_keyword(const char *p, size_t len)
{
    static const char *const words[] = { "and", "as",   "catch",   "def",  "elif", "else", "end", "foreach",
                                         "if",  "label", "or",     "reduce", "then", "try" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (jqword_is(p, len, words[i]))
            return true;
    return false;
}

size_t
jqword_utf8(const char *p, size_t n)
{
    size_t i = 0, len = 1;

    while (i < n && len > 0) {
        len = utf8_seq(p + i, n - i);
        i += len;
    }
    return i;
}
