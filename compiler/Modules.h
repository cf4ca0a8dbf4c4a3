//===- Modules.h - modules from and to files ---------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_MODULES_H
#define MINNOW_COMPILER_MODULES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

namespace minnow {

/// Reads a module, text or bytecode. The error names the line at fault.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
readModule(mlir::MLIRContext &context, llvm::StringRef path);

/// The module as bytecode, the same bytes each time.
llvm::Expected<std::string> toBytecode(mlir::ModuleOp module);

/// Writes a module with all its weights: bytecode where `path` ends in
/// `.mlirbc`, else text. Returns the bytes written.
llvm::Expected<uint64_t> writeModule(mlir::ModuleOp module,
                                     llvm::StringRef path);

} // namespace minnow

#endif // MINNOW_COMPILER_MODULES_H
