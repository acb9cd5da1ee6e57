/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is taken out unless somebody says otherwise: members that are named like
 * a secret, and texts that look like one whatever their member is called.
 */
#include "core/redact/redact.h"

#include "core/redact/impl.h"

/* Names as people give them, somewhere within what the member is called. */
static const char names[] =
    "(?i)pass(?:word|wd|phrase)|pwd$|secret|(?:api|access|private|signing|encryption)[_-]?key|credential|"
    "token(?:s$|[_-]|$)|[cx]srf|cookie|^(?:proxy[_-]|http[_-])*authorization$|^auth$|session[_-]?id|bearer|"
    "card[_-]?num|^cv[vc]2?$|^(?:.*[_-])?ssn$|^otp$|one[_-]?time[_-]?(?:code|pass)|mysql_pwd|connection[_-]?string";

static const struct {
    const char *pattern, *replace;
    bool card;
} texts[] = {
    /* card numbers: the issuers' prefixes, grouped or not; the check digit decides */
    { "(?<![\\w.-])(?:(?:4\\d{3}|5[1-5]\\d{2}|2[2-7]\\d{2}|6(?:011|4[4-9]\\d|5\\d{2})|35\\d{2})[ -]?\\d{4}[ -]?\\d{4}"
      "[ -]?\\d{1,7}|3[47]\\d{2}[ -]?\\d{6}[ -]?\\d{5}|3(?:0[0-5]|[68]\\d)\\d[ -]?\\d{6}[ -]?\\d{4})(?![\\w-])",
      "[card]", true },
    { "-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----END)[\\s\\S])*(?:-----END [A-Z ]{0,40}-----)?", "[key]",
      false },
    { "(?i)(?<=://)[^\\s/@:?#]*:[^\\s/@?#]+(?=@)", REDACT_MARK, false },
    { "(?i)\\b(?:bearer|basic)\\s+[a-z0-9._~+/-]{6,}=*", REDACT_MARK, false },
    { "\\beyJ[A-Za-z0-9_-]{6,}\\.[A-Za-z0-9_-]{6,}\\.[A-Za-z0-9_-]*", "[token]", false },
    { "\\b(?:AKIA|ASIA)[0-9A-Z]{16}\\b", "[key]", false },
    { "(?i)(?<![a-z0-9])(?:[a-z0-9]+[_.-])*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|sig)"
      "(?:=|%3d|\"?:\\s*\"?)[^&\\s\"',;}]+",
      REDACT_MARK, false },
    { "(?<![\\w-])\\d{3}-\\d{2}-\\d{4}(?![\\w-])", "[ssn]", false },
};

enum tocsin_rc
redact_add_defaults(struct redact *r, struct tocsin_err *err)
{
    const struct redact_rule by_name = { .path = "**.names" };
    enum tocsin_rc rc = redact_add(r, &by_name, err);

    if (rc == TOCSIN_OK)
        rc = redact_compile(names, 0, &r->rules[r->n - 1].names, err);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && rc == TOCSIN_OK; i++) {
        struct redact_rule rule = { .pattern = texts[i].pattern, .replace = texts[i].replace };

        rc = redact_add(r, &rule, err);
        if (rc == TOCSIN_OK)
            r->rules[r->n - 1].card = texts[i].card;
    }
    return rc;
}
