//===- Entry.h - the entry code of a CPU program ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a planned program into one function that runs its calls in order.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_ENTRY_H
#define MINNOW_TARGETS_CPU_ENTRY_H

#include "targets/Target.h"

namespace minnow::cpu {

/// Builds the LLVM-dialect module of a program named NAME, with
///
///   int32_t NAME_run(inputs.., outputs.., void *workspace, const
///   minnow_threads *) const minnow_program NAME_model const minnow_program
///   *minnow_query_program(uint32_t abi_version)
///
/// and what they call (Support.mlir). Kernels, weights and the description are
/// external symbols, the latter two named kWeightsSymbol and
/// kDescriptionSymbol.
mlir::OwningOpRef<mlir::ModuleOp> buildEntry(const Assembly &assembly);

inline constexpr llvm::StringLiteral kWeightsSymbol = "minnow_weights";
inline constexpr llvm::StringLiteral kDescriptionSymbol = "minnow_description";

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_ENTRY_H
