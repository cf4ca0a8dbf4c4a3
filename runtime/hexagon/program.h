/*===- program.h - what the code of a Hexagon program shares ---------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Between the entry code that targets/hexagon emits, support.c and start.c.
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_RUNTIME_HEXAGON_PROGRAM_H
#define MINNOW_RUNTIME_HEXAGON_PROGRAM_H

#include "runtime/abi/minnow_abi.h"

/* One call of a kernel, as targets/llvm/Entry.cpp writes it. */
struct minnow_closure {
  int32_t (*kernel)(void *context, uint32_t task, void *const *buffers);
  void *const *buffers;
  char *scratch; /* of the first thread */
  uint64_t scratch_bytes;
};

/* What start.c must know of a program. */
struct minnow_sizes {
  uint32_t inputs, outputs, workspace_bytes;
  uint32_t bytes[]; /* of each input, then of each output */
};

#endif /* MINNOW_RUNTIME_HEXAGON_PROGRAM_H */
