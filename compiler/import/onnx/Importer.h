//===- Importer.h - an ONNX file into the mobile dialect --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts file, graph and builder together.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_IMPORTER_H
#define MINNOW_COMPILER_IMPORT_ONNX_IMPORTER_H

#include "compiler/import/Faults.h"
#include "compiler/import/Import.h"

namespace minnow::importer {

/// The module of the ONNX file at `path`, or failure with its faults added.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importOnnx(mlir::MLIRContext &context, llvm::StringRef path,
           const ImportOptions &options, Faults &faults);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_IMPORTER_H
