/*===- start.c - a Hexagon program that runs by itself ---------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The start of an `.elf`: reads the inputs from standard input, one after the
 * other, runs the network once and writes the outputs. Needs nothing but three
 * of Linux's system calls. After each kernel it makes a call that no system
 * has, for plugins of qemu that count.
 *===----------------------------------------------------------------------===*/
#include "runtime/hexagon/program.h"
#include "runtime/hexagon/system.h"

extern const struct minnow_sizes minnow_sizes;
extern char minnow_memory[]; /* inputs, outputs, workspace; each aligned */
const minnow_program *minnow_query_program(uint32_t version);

enum { ALIGNMENT = 128, MOST_TENSORS = 1024 };

static void call_done(void *self, uint32_t call) {
  (void)self;
  minnow_system(MINNOW_CALL_DONE, call, 0, 0);
}

static char *take(char **memory, uint32_t bytes) {
  char *taken = *memory;
  *memory += (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  return taken;
}

static void read_inputs(void **tensors) {
  char byte;
  for (uint32_t i = 0; i < minnow_sizes.inputs; ++i) {
    uint32_t bytes = minnow_sizes.bytes[i];
    if (minnow_move(MINNOW_READ, 0, tensors[i], bytes) != bytes)
      minnow_stop("error: standard input ends before the network's inputs do\n");
  }
  if (minnow_move(MINNOW_READ, 0, &byte, 1))
    minnow_stop("error: standard input has more bytes than the network's "
                "inputs\n");
}

static void write_outputs(void **tensors, uint32_t count) {
  for (uint32_t i = minnow_sizes.inputs; i < count; ++i) {
    uint32_t bytes = minnow_sizes.bytes[i];
    if (minnow_move(MINNOW_WRITE, 1, tensors[i], bytes) != bytes)
      minnow_stop("error: standard output does not take the network's "
                  "outputs\n");
  }
}

static void start(void) {
  static void *tensors[MOST_TENSORS];
  uint32_t count = minnow_sizes.inputs + minnow_sizes.outputs;
  char *memory = minnow_memory;
  if (count > MOST_TENSORS)
    minnow_stop("error: the network has more than 1024 tensors\n");
  for (uint32_t i = 0; i < count; ++i)
    tensors[i] = take(&memory, minnow_sizes.bytes[i]);
  read_inputs(tensors);
  const minnow_program *program = minnow_query_program(MINNOW_ABI_VERSION);
  const minnow_profiler profiler = {0, call_done};
  const minnow_arguments arguments = {(const void *const *)tensors,
                                      tensors + minnow_sizes.inputs,
                                      memory,
                                      program->weights,
                                      0,
                                      &profiler};
  call_done(0, -1);
  if (program->run(&arguments))
    minnow_stop("error: the network refuses its arguments\n");
  write_outputs(tensors, count);
  minnow_stop("");
}

__attribute__((naked, noreturn)) void _start(void) {
  __asm__ volatile("{ r29 = and(r29, #-128) }\n"
                   "{ call %0 }\n" ::"i"(start));
}
