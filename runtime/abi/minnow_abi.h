/*===- minnow_abi.h - what a compiled network and its caller share ---------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The contract between the code that Minnow emits and whoever calls it: the
 * runtime, or an app that links the object. C11 and C++17, no other header.
 * The compiler copies this text into each header that it writes, so that an
 * object needs no header but its own.
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_ABI_H
#define MINNOW_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a struct below changes; a program of another version is refused.
 */
#define MINNOW_ABI_VERSION 1u

/* What a run function returns. */
enum {
  MINNOW_OK = 0,
  MINNOW_BAD_ARGUMENT = 1 /* a null or misaligned pointer */
};

/* One task of a kernel: `task` < the count asked for, `thread` < threads.count.
 * Tasks of one call may run at once, each thread index by one thread only. */
typedef void (*minnow_task)(void *closure, uint32_t task, uint32_t thread);

/* How a program runs its tasks on several threads. `parallel_for` calls `fn`
 * once for each task below `tasks` and returns when all are done. */
typedef struct minnow_threads {
  void *self;
  uint32_t count;
  void (*parallel_for)(void *self, uint32_t tasks, minnow_task fn,
                       void *closure);
} minnow_threads;

/* Called after each kernel call of a program, in program order, with the index
 * of the call in the description's `calls`. For profilers. */
typedef struct minnow_profiler {
  void *self;
  void (*call_done)(void *self, uint32_t call);
} minnow_profiler;

/* The arguments of one inference. Inputs, outputs and workspace belong to the
 * caller, do not overlap, and are aligned to 64 bytes (workspace) or to their
 * element (inputs and outputs). */
typedef struct minnow_arguments {
  const void *const *inputs; /* in the description's order */
  void *const *outputs;      /* in the description's order */
  void *workspace;           /* arena_bytes + threads * scratch_bytes */
  const void *weights;       /* the program's weight section, 64-byte aligned */
  const minnow_threads *threads;   /* null: on the calling thread */
  const minnow_profiler *profiler; /* null: none */
} minnow_arguments;

/* A compiled network. `description` is the FlatBuffer of
 * runtime/abi/program.fbs. */
typedef struct minnow_program {
  uint32_t abi_version;
  uint32_t reserved;
  const void *description;
  uint64_t description_bytes;
  const void *weights;
  uint64_t weights_bytes;
  int32_t (*run)(const minnow_arguments *arguments);
} minnow_program;

/* The one symbol that a `.so` exports for the loader, under the name
 * `minnow_query_program`. Returns null for another ABI version. */
typedef const minnow_program *(*minnow_query_fn)(uint32_t abi_version);

#ifdef __cplusplus
}
#endif
#endif /* MINNOW_ABI_H */
