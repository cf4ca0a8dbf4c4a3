//===- Importer.h - a named network into the mobile dialect -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts description, weights and builder together.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_NETWORKS_IMPORTER_H
#define MINNOW_COMPILER_IMPORT_NETWORKS_IMPORTER_H

#include "compiler/import/Faults.h"
#include "compiler/import/Import.h"

namespace minnow::importer {

/// The module of the network `name`, or failure with its faults added.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importNetwork(mlir::MLIRContext &context, llvm::StringRef name,
              const ImportOptions &options, Faults &faults);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_NETWORKS_IMPORTER_H
