/*===- app.c - what a user writes around a compiled network ---------------===//
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *===----------------------------------------------------------------------===*/
#include "ib.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float input[IB_INPUT_ELEMENTS], first[IB_LOGITS_ELEMENTS],
    second[IB_LOGITS_ELEMENTS];

int main(void) {
  size_t bytes = (IB_WORKSPACE_BYTES + 63u) / 64u * 64u;
  void *workspace = aligned_alloc(64, bytes);
  for (int i = 0; i < IB_INPUT_ELEMENTS; ++i)
    input[i] = (float)(i % 17) / 17.0f;
  int null_input = ib_run(NULL, first, workspace, NULL);
  int misaligned = ib_run(input, first, (char *)workspace + 4, NULL);
  int ran = ib_run(input, first, workspace, NULL);
  memset(workspace, 0xff, bytes);
  ran |= ib_run(input, second, workspace, NULL);
  printf("null %d misaligned %d ran %d repeats %d abi %u\n", null_input,
         misaligned, ran, memcmp(first, second, sizeof first) == 0,
         ib_model.abi_version);
  free(workspace);
  return 0;
}
