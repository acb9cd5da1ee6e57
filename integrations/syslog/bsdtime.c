/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bsdtime.c - "Oct 11 22:14:15", and the variations of it that devices send: a
 * year before or behind the clock, fractions, the name of a zone, a colon at
 * the end, '*' or '.' in front where a clock is not synchronised.
 *
 * Without a year it is the latest one in which the time is not yet to come,
 * with a week's grace for clocks that are ahead.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "syslog.h"

#define MINUTE (60 * 1000ll)
#define QUARTER (15 * MINUTE)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR 31556952000ll

struct moment { int year, month, day, hour, minute, second, ms; bool zoned; };

static bool
number(const char **p, int digits_min, int digits_max, int *out_r)
{
    int n = 0, v = 0;

    for (; n < digits_max && isdigit((unsigned char)(*p)[n]); n++)
        v = 10 * v + ((*p)[n] - '0');
    if (n < digits_min || isdigit((unsigned char)(*p)[n]))
        return false;
    *p += n;
    *out_r = v;
    return true;
}

static bool
literal(const char **p, char c)
{
    if (**p != c)
        return false;
    ++*p;
    return true;
}

static bool
month(const char **p, int *out_r)
{
    static const char names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

    for (int i = 0; i < 12; i++)
        if (strncmp(*p, names[i], 3) == 0 && (*p)[3] == ' ') {
            *p += 3;
            *p += strspn(*p, " ");
            *out_r = i + 1;
            return true;
        }
    return false;
}

static bool
clock_time(const char **p, struct moment *m)
{
    if (!number(p, 1, 2, &m->hour) || !literal(p, ':') || !number(p, 2, 2, &m->minute) || !literal(p, ':') ||
        !number(p, 2, 2, &m->second))
        return false;
    if ((**p == '.' || **p == ',') && isdigit((unsigned char)(*p)[1])) {
        int scale = 100;

        for (++*p; isdigit((unsigned char)**p); ++*p, scale /= 10)
            m->ms += scale * (**p - '0');
    }
    return true;
}

/* Behind the clock: " 2026", " UTC", " CET:". */
static void
year_or_zone(const char **p, struct moment *m)
{
    const char *q = *p + 1;
    size_t letters = strspn(q, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    int year;

    if (**p != ' ')
        return;
    if (m->year == 0 && number(&q, 4, 4, &year) && (*q == ' ' || *q == ':') && year >= 1970) {
        m->year = year;
        *p = q;
        year_or_zone(p, m);
        return;
    }
    q = *p + 1;
    if (letters < 1 || letters > 5 || (q[letters] != ':' && q[letters] != ' '))
        return;
    if ((letters == 1 && *q == 'Z') || (letters == 3 && (strncmp(q, "UTC", 3) == 0 || strncmp(q, "GMT", 3) == 0)))
        m->zoned = true;
    else if (q[letters] != ':')
        return;                    /* a host whose name is in capitals */
    *p = q + letters;
}

/* The moment in a given year as if in UTC; 0 when there is no such day. */
static int64_t
in_year(const struct tocsin_host *host, const struct moment *m, int year)
{
    char text[64];

    if (m->month == 2 && m->day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        return 0;
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, m->month, m->day, m->hour, m->minute,
             m->second == 60 ? 59 : m->second, m->ms);
    return host->time_of(text);
}

/* A time that was read as UTC, though its zone is not known. */
static int64_t
local_to_utc(const struct syslog_clock *clock, int64_t at)
{
    int64_t ahead = at - clock->received_at;

    if (!clock->automatic)
        at -= clock->offset_ms;
    else if (ahead > -14 * HOUR && ahead < 14 * HOUR + QUARTER)
        at -= (ahead + (ahead < 0 ? -QUARTER / 2 : QUARTER / 2)) / QUARTER * QUARTER;
    return at > clock->received_at && at < clock->received_at + DAY ? clock->received_at : at;
}

static int64_t
resolve(const struct tocsin_host *host, const struct syslog_clock *clock, const struct moment *m)
{
    int year = m->year != 0 ? m->year : 1971 + (int)(clock->received_at / YEAR);
    int64_t at = in_year(host, m, year);

    for (int back = 0; m->year == 0 && back < 8 && (at == 0 || at > clock->received_at + 7 * DAY); back++)
        at = in_year(host, m, --year);
    return at == 0 || m->zoned ? at : local_to_utc(clock, at);
}

static int64_t
bsd_time(const struct tocsin_host *host, const struct syslog_clock *clock, const char **p)
{
    struct moment m = { 0 };
    const char *q = *p;

    q += *q == '*' || *q == '.';
    if (!month(&q, &m.month) || !number(&q, 1, 2, &m.day) || *q != ' ')
        return 0;
    q += strspn(q, " ");
    if (isdigit((unsigned char)q[0]) && isdigit((unsigned char)q[1]) && isdigit((unsigned char)q[2])) {
        if (!number(&q, 4, 4, &m.year) || !literal(&q, ' '))
            return 0;
        q += strspn(q, " ");
    }
    if (!clock_time(&q, &m))
        return 0;
    year_or_zone(&q, &m);
    *p = q;
    return resolve(host, clock, &m);
}

/* RFC 3339, as modern senders write it into the old format too. */
static int64_t
iso_time(const struct tocsin_host *host, const struct syslog_clock *clock, const char **p)
{
    size_t n = strspn(*p, "0123456789-+:.,TZtz");
    char text[64];
    int64_t at;

    if (n < 19 || n >= sizeof text || (*p)[4] != '-' || ((*p)[n] != ' ' && (*p)[n] != '\0'))
        return 0;
    memcpy(text, *p, n);
    text[n] = '\0';
    if (text[n - 1] == ':')
        text[n - 1] = '\0';
    at = host->time_of(text);
    if (at == 0)
        return 0;
    *p += n;
    return strpbrk(text + 19, "Zz+-") != NULL ? at : local_to_utc(clock, at);
}

int64_t
syslog_time(const struct tocsin_host *host, const struct syslog_clock *clock, const char **p)
{
    const char *q = *p;
    int64_t at = isdigit((unsigned char)*q) ? iso_time(host, clock, &q) : bsd_time(host, clock, &q);

    if (at == 0)
        return 0;
    q += *q == ':';
    q += *q == ' ';
    *p = q;
    return at;
}
