/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp.h - OpenTelemetry's logs over HTTP as a way in; shared by the .c files of this folder.
 *
 *   intake.c   the path, and the answers in the encoding of the request
 *   records.c  what JSON says, to records
 *   proto.c    protobuf to the JSON that the same request would be, so that there is one reader; answers in protobuf
 */
#ifndef OTLP_OTLP_H
#define OTLP_OTLP_H

#include "logline.h"

/* Records of a request.  *rejected_r: those that are no records. */
enum tocsin_rc otlp_records(const struct logs *, const json_t *doc, size_t *rejected_r, const char **why_r);

/* The caller drops the reference.  NULL: it is no such message. */
json_t *otlp_from_proto(const char *bytes, size_t n);
/* Heap, freed by the caller; NULL: no memory. */
char *otlp_response_proto(size_t rejected, const char *why, size_t *n_r);
char *otlp_status_proto(int code, const char *message, size_t *n_r);

#endif
