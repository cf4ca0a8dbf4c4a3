/*===- system.h - Linux's system calls, as qemu-hexagon has them ------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_RUNTIME_HEXAGON_SYSTEM_H
#define MINNOW_RUNTIME_HEXAGON_SYSTEM_H

#include <stdint.h>

enum {
  MINNOW_READ = 63,
  MINNOW_WRITE = 64,
  MINNOW_EXIT_GROUP = 94,
  MINNOW_CALL_DONE = 0x5151 /* no system has it: for plugins that count */
};

static inline int32_t minnow_system(int32_t number, int32_t a, const void *b,
                                    uint32_t c) {
  register int32_t r0 __asm__("r0") = a;
  register const void *r1 __asm__("r1") = b;
  register uint32_t r2 __asm__("r2") = c;
  register int32_t r6 __asm__("r6") = number;
  __asm__ volatile("trap0(#1)"
                   : "+r"(r0)
                   : "r"(r1), "r"(r2), "r"(r6)
                   : "memory");
  return r0;
}

/* Moves `bytes` through a file; returns fewer where it ends. */
static inline uint32_t minnow_move(int32_t call, int32_t file, void *data,
                                   uint32_t bytes) {
  uint32_t done = 0;
  while (done < bytes) {
    int32_t moved =
        minnow_system(call, file, (char *)data + done, bytes - done);
    if (moved <= 0)
      break;
    done += moved;
  }
  return done;
}

/* Ends the program: well if `why` is empty, else after saying it. */
static inline _Noreturn void minnow_stop(const char *why) {
  uint32_t length = 0;
  while (why[length])
    ++length;
  minnow_system(MINNOW_WRITE, 2, why, length);
  for (;;)
    minnow_system(MINNOW_EXIT_GROUP, length != 0, 0, 0);
}

#endif /* MINNOW_RUNTIME_HEXAGON_SYSTEM_H */
