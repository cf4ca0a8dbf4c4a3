//===- Operands.h - numbers for kernels under test --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random numbers that suit what a kernel does with them.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_CPU_OPERANDS_H
#define MINNOW_TEST_TARGETS_CPU_OPERANDS_H

#include "dialects/mobile/Mobile.h"
#include <random>

namespace minnow::test {

/// The row-major elements of `argument`, an argument of a kernel. Those of f32
/// are in [-1, 1]. For bytes `seed` chooses, by its remainder of 4, even
/// numbers, the ends of the range only, scales that make many ties, or ones
/// that saturate nearly all.
std::vector<double> makeNumbers(mlir::BlockArgument argument, unsigned seed,
                                std::mt19937 &random);

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_CPU_OPERANDS_H
