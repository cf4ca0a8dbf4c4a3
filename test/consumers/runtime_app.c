/*===- runtime_app.c - a linked network through the runtime's C API --------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *===----------------------------------------------------------------------===*/
#include "first.h"
#include <minnow.h>
#include <stdio.h>

static float input[FIRST_INPUT_ELEMENTS], logits[FIRST_LOGITS_ELEMENTS];

int main(void) {
  const void *inputs[] = {input};
  void *outputs[] = {logits};
  minnow_model *model;
  minnow_context *context = NULL;
  minnow_error error;
  int failed = minnow_model_wrap(&first_model, &model, &error) ||
               minnow_context_create(model, 2, &context, &error) ||
               minnow_context_run(context, inputs, outputs, &error);
  if (failed)
    fprintf(stderr, "%s\n", error.message);
  else
    printf("%.6f\n", logits[0]);
  minnow_context_free(context);
  minnow_model_free(model);
  return failed;
}
