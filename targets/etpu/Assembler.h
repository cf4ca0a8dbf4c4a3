//===- Assembler.h - between etpu ops and the binary ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text, ops and binary of a program are equivalent: each direction loses
// nothing.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_ETPU_ASSEMBLER_H
#define MINNOW_TARGETS_ETPU_ASSEMBLER_H

#include "dialects/etpu/Etpu.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/abi/etpu.h"
#include "llvm/Support/Error.h"

namespace minnow::etpu {

/// The code section of `program`. A field that does not fit its bits is an
/// error at its op.
mlir::FailureOr<std::string> assemble(ir::ProgramOp program);

/// The op of a code section, appended to `module`.
llvm::Expected<ir::ProgramOp>
disassemble(mlir::ModuleOp module, llvm::StringRef name, llvm::StringRef bytes);

/// Registers `etpu-to-binary` and `binary-to-etpu` with mlir-translate's main.
void registerTranslations();

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_ASSEMBLER_H
