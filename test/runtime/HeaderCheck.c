/*===- HeaderCheck.c - minnow.h is C11 -------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Compiled with every warning an error, beside the ABI's header.
 *===----------------------------------------------------------------------===*/
#include "minnow.h"

#include "abi/minnow_abi.h"

minnow_status checkFromC(const minnow_program *program, minnow_model **model);

minnow_status checkFromC(const minnow_program *program, minnow_model **model) {
  return minnow_model_wrap(program, model, NULL);
}
