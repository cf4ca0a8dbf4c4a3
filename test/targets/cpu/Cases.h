//===- Cases.h - random kernels of bytes ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of every target that computes bytes compare with a reference.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_CPU_CASES_H
#define MINNOW_TEST_TARGETS_CPU_CASES_H

#include "test/targets/cpu/Text.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace minnow::test {

enum class Kind {
  Pointwise,
  Convolution,
  Depthwise,
  Stem,
  Deep, // few positions of many channels, which tasks divide
  Linear,
  Pool,
  Elements,
  Attention,
  NumKinds,
  Block // several products, for machines that make one kernel of them
};

/// What a kernel is made from; each number may become smaller.
struct Case {
  Kind kind;
  int64_t height, width, inputs, outputs, kernel, stride;
  bool uneven;   // padding, as "same" of TensorFlow
  int64_t extra; // chooses what follows the product
};

Case makeCase(unsigned seed);
Case makeBlock(unsigned seed);
Node build(KernelText &text, const Case &made);

/// Checks what `make` makes of as many seeds as the environment says (of blocks
/// a sixth), or `count`; calls `fail` with what is wrong with the first few,
/// made smaller.
void checkCases(Case (*make)(unsigned), int count,
                llvm::function_ref<std::string(const Case &, unsigned)> check,
                llvm::function_ref<void(const std::string &)> fail);

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_CPU_CASES_H
