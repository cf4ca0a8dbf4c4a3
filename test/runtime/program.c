/*===- program.c - a compiled network made by hand -------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What the compiler will emit, in C: scores = weights * image in six tasks,
 * then their sum. Uses arena, scratch, weights, threads and profiler as a
 * network does. FIXTURE_* make the faulty siblings.
 *===----------------------------------------------------------------------===*/
#include "runtime/abi/minnow_abi.h"
#include "test/runtime/fixture_description.h"

#ifndef FIXTURE_DESCRIPTION_BYTES
#define FIXTURE_DESCRIPTION_BYTES sizeof(description)
#endif

enum { TASKS = 6, ELEMENTS = 12, PER_TASK = ELEMENTS / TASKS };

static const _Alignas(64) float weights[ELEMENTS] = {1, 2, 3, 4,  5,  6,
                                                     7, 8, 9, 10, 11, 12};

typedef struct {
  const float *image;
  const float *weights;
  float *scores;
  char *scratch;
} Scale;

static void scaleTask(void *closure, uint32_t task, uint32_t thread) {
  const Scale *scale = (const Scale *)closure;
  float *scratch = (float *)(void *)(scale->scratch + 64 * thread);
  for (uint32_t i = 0; i < PER_TASK; ++i)
    scratch[i] = scale->image[task * PER_TASK + i];
  for (uint32_t i = 0; i < PER_TASK; ++i)
    scale->scores[task * PER_TASK + i] =
        scratch[i] * scale->weights[task * PER_TASK + i];
}

static void done(const minnow_arguments *arguments, uint32_t call) {
  if (arguments->profiler)
    arguments->profiler->call_done(arguments->profiler->self, call);
}

static int32_t run(const minnow_arguments *arguments) {
  float *arena = (float *)arguments->workspace;
  Scale scale = {(const float *)arguments->inputs[0],
                 (const float *)arguments->weights, arena,
                 (char *)arguments->workspace + 64};
  if ((uintptr_t)arena % 64 || (uintptr_t)scale.weights % 64)
    return MINNOW_BAD_ARGUMENT;
  if (arguments->threads)
    arguments->threads->parallel_for(arguments->threads->self, TASKS, scaleTask,
                                     &scale);
  else
    for (uint32_t task = 0; task < TASKS; ++task)
      scaleTask(&scale, task, 0);
  done(arguments, 0);
  float sum = 0;
  for (int i = 0; i < ELEMENTS; ++i) {
    ((float *)arguments->outputs[0])[i] = arena[i];
    sum += arena[i];
  }
  *(float *)arguments->outputs[1] = sum;
  done(arguments, 1);
  return MINNOW_OK;
}

static const minnow_program program = {
    MINNOW_ABI_VERSION, 0,  description, FIXTURE_DESCRIPTION_BYTES, weights,
    sizeof(weights),    run};

#ifdef FIXTURE_NO_QUERY
#define minnow_query_program someOtherSymbol
#endif

const minnow_program *minnow_query_program(uint32_t abi_version);

const minnow_program *minnow_query_program(uint32_t abi_version) {
#ifdef FIXTURE_OTHER_ABI
  return abi_version == MINNOW_ABI_VERSION + 1 ? &program : 0;
#else
  return abi_version == MINNOW_ABI_VERSION ? &program : 0;
#endif
}
