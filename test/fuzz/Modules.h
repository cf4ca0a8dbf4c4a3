//===- Modules.h - what becomes of what import reads ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checks that hold for every input of import.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_FUZZ_MODULES_H
#define MINNOW_TEST_FUZZ_MODULES_H

#include "mlir/IR/BuiltinOps.h"
#include "test/fuzz/Support.h"
#include "llvm/Support/Error.h"

namespace minnow::fuzz {

/// Consumes `error`; each of its messages must be one for people.
inline void checkMessages(llvm::Error error) {
  llvm::handleAllErrors(std::move(error), [](const llvm::ErrorInfoBase &info) {
    checkMessage(info.message());
  });
}

/// Folds `module` and raises its blocks. Ends the run if a pass fails without a
/// message, or leaves a module that does not verify.
void raise(mlir::ModuleOp module);

} // namespace minnow::fuzz

#endif // MINNOW_TEST_FUZZ_MODULES_H
