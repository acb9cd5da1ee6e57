/* SPDX-License-Identifier: Apache-2.0 */
/* rand.h - randomness from the system. */
#ifndef OS_RAND_H
#define OS_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t n);          /* never fails: ends the process if the system has none */
uint64_t rand_u64(void);

#endif
