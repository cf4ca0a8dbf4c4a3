//===- Neon.h - what NEON does in one instruction ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two things that LLVM does not find by itself in kernels for AArch64: the
// conversion that rounds to the nearest, and loads of several registers from a
// pointer that moves on with them.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_LLVM_NEON_H
#define MINNOW_TARGETS_LLVM_NEON_H

#include "llvm/IR/PassManager.h"

namespace minnow {

/// The registers that one instruction loads at most, and all that there are.
constexpr int kNeonGroup = 4, kNeonRegisters = 32;

/// A conversion of what was rounded to the nearest becomes one that rounds.
struct RoundInConversionPass : llvm::PassInfoMixin<RoundInConversionPass> {
  llvm::PreservedAnalyses run(llvm::Function &function,
                              llvm::FunctionAnalysisManager &analyses);
};

/// In a loop that only loads and computes, all that it reads of one stream
/// comes by loads of four registers, or of two where there is room for them.
struct LoadStreamsPass : llvm::PassInfoMixin<LoadStreamsPass> {
  llvm::PreservedAnalyses run(llvm::Function &function,
                              llvm::FunctionAnalysisManager &analyses);
};

} // namespace minnow

#endif // MINNOW_TARGETS_LLVM_NEON_H
