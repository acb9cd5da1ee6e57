/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - one way to say that something went wrong, used by every layer.
 *
 * The kind (enum tocsin_rc) says who can mend it; struct tocsin_err says where
 * and what, in words for that person: lower case, no full stop, the subject in
 * quotes.  A function that returns a kind other than TOCSIN_OK has filled the
 * struct; one that returns TOCSIN_OK has not touched it.
 */
#ifndef TOCSIN_ERR_H
#define TOCSIN_ERR_H

enum tocsin_rc {
    TOCSIN_OK = 0,
    TOCSIN_BAD_INPUT,     /* the sender: malformed bytes                (400) */
    TOCSIN_MEANINGLESS,   /* the sender: well formed, but no sense      (422) */
    TOCSIN_UNAUTHORIZED,  /* the sender: no or wrong credentials        (401) */
    TOCSIN_FORBIDDEN,     /* the sender: known, but may not             (403) */
    TOCSIN_NOT_FOUND,     /* the sender: no such thing                  (404) */
    TOCSIN_CONFLICT,      /* the sender: not in this state              (409) */
    TOCSIN_TOO_LARGE,     /* the sender: over a limit, which is named   (413) */
    TOCSIN_UNSUPPORTED,   /* the sender: media type or encoding         (415) */
    TOCSIN_TOO_MANY,      /* the sender: slower, please                 (429) */
    TOCSIN_BAD_CONFIG,    /* the operator: a configuration file         (500) */
    TOCSIN_TEMPORARY,     /* the world: try again later                 (503) */
    TOCSIN_FULL,          /* the operator: disk full                    (503) */
    TOCSIN_FATAL,         /* nobody while running: stop and say why     (503) */
    TOCSIN_INTERNAL,      /* us                                         (500) */
    TOCSIN_NEED_FETCH     /* not an error: verify() asks for a document       */
};

struct tocsin_err {
    enum tocsin_rc rc;
    int sys_errno;        /* 0, or the errno that explains it */
    char where[256];      /* "tocsin.cfg:41", "$.alerts[3].status", "header X-Signature"; may be "" */
    char what[512];       /* "unknown policy 'ml-oncal'; did you mean 'ml-oncall'?" */
};

#endif
