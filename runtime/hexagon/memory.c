/*===- memory.c - the functions of a C library that kernels call ------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * For an `.elf`; an object takes them from the library that it is linked with.
 * Whole vectors where they can, for kernels clear and copy rows.
 *===----------------------------------------------------------------------===*/
#include <stddef.h>
#include <stdint.h>

enum { ALIGNMENT = 128 };

typedef int32_t vector __attribute__((vector_size(128), may_alias));

/* The bytes that are no whole vectors, one by one; what keeps the compiler from
 * making a call of the function itself of the loop. */
#define EACH_BYTE(statement)                                                   \
  do {                                                                         \
    statement;                                                                 \
    __asm__ volatile("" ::: "memory");                                         \
  } while (0)

void *memset(void *to, int value, size_t bytes) {
  char *at = to;
  vector filling = (vector){} + (int32_t)((value & 0xff) * 0x01010101u);
  for (; bytes && (uintptr_t)at % ALIGNMENT; --bytes)
    EACH_BYTE(*at++ = value);
  for (; bytes >= ALIGNMENT; bytes -= ALIGNMENT, at += ALIGNMENT)
    *(vector *)at = filling;
  for (; bytes; --bytes)
    EACH_BYTE(*at++ = value);
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  char *out = to;
  const char *in = from;
  if (((uintptr_t)out | (uintptr_t)in) % ALIGNMENT == 0)
    for (; bytes >= ALIGNMENT;
         bytes -= ALIGNMENT, out += ALIGNMENT, in += ALIGNMENT)
      *(vector *)out = *(const vector *)in;
  for (; bytes; --bytes)
    EACH_BYTE(*out++ = *in++);
  return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
  char *out = to;
  const char *in = from;
  if ((uintptr_t)out - (uintptr_t)in >= bytes)
    return memcpy(to, from, bytes);
  while (bytes--)
    EACH_BYTE(out[bytes] = in[bytes]);
  return to;
}
