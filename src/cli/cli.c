/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the command, and keeps what all of them share: options, the terminal, the token. */
#include "cli/cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/internal.h"
#include "os/clock.h"
#include "os/file.h"

enum { FILE_MAX = 64 << 20, TOKEN_MAX = 4096, WIDTH_MIN = 40 };

static const struct {
    const char *name;
    int (*run)(struct cli *, int argc, char **argv);
} commands[] = {
    { "send", command_send },
    { "incidents", command_incidents },
    { "silence", command_silence },
    { "heartbeats", command_heartbeats },
    { "explain", command_explain },
    { "test", command_test },
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

int
cli_find(const char *command)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, command) == 0)
            return 1;
    return 0;
}

int
cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;

    fputs("tocsin: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see 'tocsin %s --help'\n", command);
    return EXIT_USAGE;
}

void
cli_print_json(const json_t *doc)
{
    json_dumpf(doc, stdout, JSON_INDENT(2));
    putchar('\n');
}

static enum tocsin_rc
read_stdin(struct buf *b, struct tocsin_err *err)
{
    char chunk[65536];
    ssize_t n;

    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, TOCSIN_BAD_INPUT, "", "cannot read standard input");
        buf_addn(b, chunk, (size_t)n);
        if (!buf_ok(b))
            return err_set(err, TOCSIN_TOO_LARGE, "", "standard input is larger than %d bytes", FILE_MAX);
    }
    return TOCSIN_OK;
}

enum tocsin_rc
cli_read(const char *path, char **out_r, size_t *len_out, struct tocsin_err *err)
{
    enum tocsin_rc rc;
    struct buf b;

    if (strcmp(path, "-") != 0)
        return file_read(path, FILE_MAX, out_r, len_out, err);
    buf_init(&b, FILE_MAX);
    rc = read_stdin(&b, err);
    if (rc == TOCSIN_OK) {
        *len_out = b.n;
        *out_r = buf_take(&b);
    }
    buf_release(&b);
    return rc;
}

static int
read_token(struct cli *cli, const char *path)
{
    struct tocsin_err err;
    char text[1024], *token;
    size_t n;

    if (file_read(path, TOKEN_MAX, &token, &n, &err) != TOCSIN_OK) {
        fprintf(stderr, "tocsin: %s\n", err_text(&err, text, sizeof text));
        return EXIT_USAGE;
    }
    while (n > 0 && (token[n - 1] == '\n' || token[n - 1] == '\r'))
        n--;
    cli->token = arena_strndup(cli->arena, token, n);
    free(token);
    return EXIT_YES;
}

int
cli_option(struct cli *cli, int opt, const char *arg, const char *help)
{
    switch (opt) {
    case OPT_URL:
        cli->url = arg;
        return EXIT_YES;
    case OPT_TOKEN_FILE:
        return read_token(cli, arg);
    case OPT_CA_FILE:
        cli->ca_file = arg;
        return EXIT_YES;
    case OPT_JSON:
        cli->json = true;
        return EXIT_YES;
    case 'h':
        fputs(help, stdout);
        return OPTION_HELP;
    default:
        return OPTION_UNKNOWN;
    }
}

static void
look_at_terminal(struct cli *cli)
{
    const char *columns = getenv("COLUMNS"), *term = getenv("TERM");
    struct winsize size = { 0 };

    if (!isatty(STDOUT_FILENO))
        return;
    cli->colour = getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        cli->width = size.ws_col;
    else
        cli->width = columns != NULL ? (size_t)strtoul(columns, NULL, 10) : 80;
    if (cli->width < WIDTH_MIN)
        cli->width = WIDTH_MIN;
}

int
cli_main(int argc, char **argv)
{
    const char *url = getenv("TOCSIN_URL"), *token = getenv("TOCSIN_TOKEN"), *ca = getenv("TOCSIN_CA_FILE");
    struct cli cli = { 0 };
    int status = EXIT_USAGE;

    if (argc > 1 && !cli_find(argv[0])) {
        argc--;
        argv++;
    }
    cli.arena = arena_new();
    cli.url = url != NULL && *url != '\0' ? url : "http://127.0.0.1:9096";
    cli.token = token != NULL && *token != '\0' ? token : NULL;
    cli.ca_file = ca != NULL && *ca != '\0' ? ca : NULL;
    cli.now = clock_wall_ms();
    look_at_terminal(&cli);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    optind = 0;                              /* glibc: begin anew */
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (argc > 0 && strcmp(commands[i].name, argv[0]) == 0)
            status = commands[i].run(&cli, argc, argv);
    if (fflush(stdout) != 0 && status == EXIT_YES) {
        perror("tocsin: cannot write");
        status = EXIT_NO;
    }
    curl_global_cleanup();
    arena_free(cli.arena);
    return status;
}
