/*===- two_networks.c - two compiled networks at once in one program -------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *===----------------------------------------------------------------------===*/
#include "first.h"
#include "second.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static float x1[FIRST_INPUT_ELEMENTS], y1[FIRST_LOGITS_ELEMENTS];
static float x2[SECOND_INPUT_ELEMENTS], y2[SECOND_LOGITS_ELEMENTS];

static void *run_first(void *workspace) {
  return first_run(x1, y1, workspace, NULL) ? NULL : workspace;
}
int main(void) {
  void *w1 = aligned_alloc(64, FIRST_WORKSPACE_BYTES);
  void *w2 = aligned_alloc(64, SECOND_WORKSPACE_BYTES);
  pthread_t thread;
  int started = pthread_create(&thread, NULL, run_first, w1) == 0;
  int failed = second_run(x2, y2, w2, NULL) || !started;
  failed |= started && (pthread_join(thread, &w1) || !w1);
  printf("%.6f %.6f\n", y1[0], y2[0]);
  return failed;
}
