//===- Entry.h - the entry code of a native program -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a planned program into one function that runs its calls in order.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_LLVM_ENTRY_H
#define MINNOW_TARGETS_LLVM_ENTRY_H

#include "targets/Target.h"

namespace minnow {

/// What a machine's programs have besides their kernels.
struct NativeParts {
  /// Text of the LLVM dialect that has, or declares, minnow_dispatch
  /// (cpu/Support.mlir).
  llvm::StringRef support;
  llvm::ArrayRef<llvm::StringRef> objects = {};
  unsigned alignment = 64; // of the workspace and of the weights
  /// That code may load behind the weights, though it takes nothing of it.
  unsigned bytesBehind = 0;
  llvm::StringRef descriptionSection = "";
};

/// The object of the program named NAME, with
///
///   int32_t NAME_run(inputs.., outputs.., void *workspace, const
///   minnow_threads *) const minnow_program NAME_model const minnow_program
///   *minnow_query_program(uint32_t abi_version)
llvm::Expected<std::string> assembleObject(const Assembly &assembly,
                                           const TargetSpec &machine,
                                           const NativeParts &parts);

} // namespace minnow

#endif // MINNOW_TARGETS_LLVM_ENTRY_H
