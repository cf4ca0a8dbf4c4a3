/*===- support.c - what kernels and the entry code call --------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Linked into every Hexagon program and local to it. A context is a stack of
 * memory for one thread. Kernels may free out of order: a block's memory comes
 * back when all blocks above it are freed.
 *===----------------------------------------------------------------------===*/
#include "runtime/hexagon/program.h"

/* Of a vector, at which every block begins; its header takes one too. */
enum { ALIGNMENT = 128 };

struct block {
  char *top_before;
  struct block *before;
  int freed;
};

struct context {
  char *top;
  struct block *last;
};

void *halide_malloc(void *self, size_t bytes) {
  struct context *context = self;
  uintptr_t up = (uintptr_t)context->top + ALIGNMENT - 1;
  struct block *block = (struct block *)(up & -(uintptr_t)ALIGNMENT);
  block->top_before = context->top;
  block->before = context->last;
  block->freed = 0;
  context->last = block;
  context->top = (char *)block + ALIGNMENT + bytes;
  return (char *)block + ALIGNMENT;
}

void halide_free(void *self, void *memory) {
  struct context *context = self;
  if (!memory)
    return;
  ((struct block *)((char *)memory - ALIGNMENT))->freed = 1;
  while (context->last && context->last->freed) {
    context->top = context->last->top_before;
    context->last = context->last->before;
  }
}

/* The caller of a program holds a vector context; kernels need not ask. */
int halide_qurt_hvx_lock(void *self, int bytes) {
  (void)self, (void)bytes;
  return 0;
}
int halide_qurt_hvx_unlock(void *self) {
  (void)self;
  return 0;
}
void halide_qurt_hvx_unlock_as_destructor(void *self, void *object) {
  (void)self, (void)object;
}

/* Unsigned division, which Hexagon has no instruction for. */
uint32_t __hexagon_udivsi3(uint32_t dividend, uint32_t divisor) {
  uint32_t quotient = 0;
  if (divisor > dividend)
    return 0;
  int shift = __builtin_clz(divisor) - __builtin_clz(dividend);
  divisor <<= shift;
  for (; shift >= 0; --shift, divisor >>= 1) {
    quotient <<= 1;
    if (dividend >= divisor) {
      dividend -= divisor;
      quotient |= 1;
    }
  }
  return quotient;
}

void *memcpy(void *to, const void *from, size_t bytes);

typedef int32_t vector __attribute__((vector_size(128), aligned(1), may_alias));

/* LLVM's word for copies of whole words whose addresses are likely to be too:
 * rows that were put together in memory of the kernel's own. */
void *__hexagon_memcpy_likely_aligned_min32bytes_mult8bytes(
    void *restrict to, const void *restrict from, size_t bytes) {
  char *out = to;
  const char *in = from;
  for (; bytes >= sizeof(vector);
       bytes -= sizeof(vector), out += sizeof(vector), in += sizeof(vector))
    *(vector *)out = *(const vector *)in;
  if (((uintptr_t)out | (uintptr_t)in) % 8)
    memcpy(out, in, bytes);
  else
    for (; bytes; bytes -= 8, out += 8, in += 8)
      *(uint64_t *)out = *(const uint64_t *)in;
  return to;
}

static void run_task(void *self, uint32_t task, uint32_t thread) {
  struct minnow_closure *closure = self;
  struct context context = {
      closure->scratch + thread * (uint32_t)closure->scratch_bytes, 0};
  closure->kernel(&context, task, closure->buffers);
}

/* Runs all tasks of one call, on the caller's threads if it has any, and tells
 * the profiler. */
void minnow_dispatch(struct minnow_closure *closure, uint32_t tasks,
                     const minnow_arguments *arguments, uint32_t call) {
  const minnow_threads *threads = arguments->threads;
  if (threads && tasks > 1)
    threads->parallel_for(threads->self, tasks, run_task, closure);
  else
    for (uint32_t task = 0; task < tasks; ++task)
      run_task(closure, task, 0);
  if (arguments->profiler)
    arguments->profiler->call_done(arguments->profiler->self, call);
}
