//===- Bytes.h - sums to bytes by packs of AVX-512 --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM cuts each vector of i32 to bytes by an instruction that takes two places
// of the ports on which the sums wait. Four vectors packed together take one a
// vector.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_LLVM_BYTES_H
#define MINNOW_TARGETS_LLVM_BYTES_H

#include "llvm/IR/PassManager.h"

namespace minnow {

/// The number that kernels add to a float to round it, 1.5 * 2^23, and its
/// bits.
constexpr float kRoundingNumber = 12582912.f;
constexpr int kRoundingBits = 0x4B400000;

/// The bits of 2^23. A sum that begins with them is, as a float, 2^23 + sum
/// where that is less than 2^24; of a negative sum it is less than 2^23.
constexpr int kSumBits = 0x4B000000;
constexpr float kSumNumber = 8388608.f;

/// Where vectors of 16 i32, held between -128 and a byte, are stored as bytes,
/// packs four of them at once. For machines with AVX-512BW.
struct PackBytesPass : llvm::PassInfoMixin<PackBytesPass> {
  llvm::PreservedAnalyses run(llvm::Function &function,
                              llvm::FunctionAnalysisManager &analyses);
};

} // namespace minnow

#endif // MINNOW_TARGETS_LLVM_BYTES_H
