//===- Gelu.h - GELU by tables in registers ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As one polynomial GELU takes 17 operations a vector, on the two ports on
// which sums wait. AVX-512 looks 32 floats up at once, so a cubic of its own
// for each piece of the curve takes 10, and errs by less.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_LLVM_GELU_H
#define MINNOW_TARGETS_LLVM_GELU_H

#include "llvm/IR/PassManager.h"

namespace minnow {

/// The width of a piece, and the piece that |v| is in: the last bits of
/// fma(|v|, kGeluFactor, kGeluAddend). These are the largest floats, 2^104
/// apart: behind the last piece the sum is infinite, which ends in bits of 0.
constexpr float kGeluPiece = 0.17f;
constexpr float kGeluFactor = 0x1p104f / kGeluPiece;
constexpr float kGeluAddend = 0x1.ffffc2p127f; // ends in 1

/// Where a kernel multiplies by kGeluFactor and adds kGeluAddend, puts the GELU
/// of what it multiplies. For machines with AVX-512.
struct LookUpGeluPass : llvm::PassInfoMixin<LookUpGeluPass> {
  llvm::PreservedAnalyses run(llvm::Function &function,
                              llvm::FunctionAnalysisManager &analyses);
};

} // namespace minnow

#endif // MINNOW_TARGETS_LLVM_GELU_H
