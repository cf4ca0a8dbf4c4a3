//===- Entry.h - the entry code of a native program -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a planned program into one function that runs its calls in order.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_LLVM_ENTRY_H
#define MINNOW_TARGETS_LLVM_ENTRY_H

#include "targets/Target.h"

namespace minnow {

/// Adds to `module`, of the LLVM dialect, the program named NAME, with
///
///   int32_t NAME_run(inputs.., outputs.., void *workspace, const
///   minnow_threads *) const minnow_program NAME_model const minnow_program
///   *minnow_query_program(uint32_t abi_version)
///
/// The workspace is aligned to `alignment`. `module` has, or declares,
/// minnow_dispatch (cpu/Support.mlir). Kernels, weights and the description are
/// external symbols, the latter two named kWeightsSymbol and
/// kDescriptionSymbol.
void buildEntry(mlir::ModuleOp module, const Assembly &assembly,
                unsigned alignment);

inline constexpr llvm::StringLiteral kWeightsSymbol = "minnow_weights";
inline constexpr llvm::StringLiteral kDescriptionSymbol = "minnow_description";

} // namespace minnow

#endif // MINNOW_TARGETS_LLVM_ENTRY_H
