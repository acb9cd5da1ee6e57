/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_intake.c - fuzz_intake_<vendor>: one request to an intake.  The bytes are
 * a line with the number of the route, a line with the value that every header
 * and parameter has, and a body.  Whatever they are, there is an answer, and
 * what becomes an alert is complete and within the limits.
 */
#include "fuzz_decode.h"
#include "fuzz_input.h"

static const char *
same_field(const struct tocsin_payload *in, const char *name)
{
    (void)name;
    return in->host_data;
}

static enum tocsin_rc
run(void *self, struct host_call *c, struct tocsin_err *err)
{
    struct tocsin_results none = { .n_alerts = 0 };
    const char *credential = NULL;
    enum tocsin_rc rc = host_identify(&tocsin_plugin, c, &credential, err);

    if (rc == TOCSIN_OK)
        rc = host_intake(&tocsin_plugin, self, c, err);
    if (rc != TOCSIN_OK) {
        must_be_error(rc, err);
        host_refuse(&tocsin_plugin, c, err);
    } else if (c->status == 0) {
        host_answer(&tocsin_plugin, self, c, &none);
    }
    host_call_forget_json(c);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tocsin_route *route = tocsin_plugin.routes;
    struct arena *a = arena_new();
    struct input bytes = { (const char *)data, size };
    struct tocsin_payload in = { .collector = "fuzz", .received_at = 1769860800000, .header = same_field,
                                 .query = same_field };
    struct tocsin_pair path[] = { { "a", "7" }, { "b", "8" }, { "c", "9" } };
    void *self = input_instance(&tocsin_plugin, tocsin_plugin.collector_options);
    const char *number = input_line(&bytes, a), *field = input_line(&bytes, a);
    struct tocsin_err err = { 0 };
    struct host_call c;

    for (unsigned i = 0; i < (unsigned char)number[0] % 16u && route[1].method != NULL; i++)
        route++;
    in.host_data = field[0] != '\0' ? field : NULL;
    in.len = bytes.n;
    in.body = with_nul((const uint8_t *)bytes.p, bytes.n);
    host_call_init(&c, a, route, "0198c0de-0000-7000-8000-00000000beef");
    c.call.in = &in;
    c.call.peer = "192.0.2.1";
    c.call.path = path;
    c.call.n_path = 3;
    if (run(self, &c, &err) == TOCSIN_OK)
        MUST(c.status >= 200);
    for (size_t i = 0; i < c.batch.n_alerts; i++)
        must_be_alert(c.batch.alerts[i]);
    free((void *)(uintptr_t)in.body);
    arena_free(a);
    return 0;
}
