//===- Import.h - models into the mobile dialect ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The front door of import: an ONNX file or the name of a network becomes a
// module of primitives in NHWC with its weights as symbols.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_IMPORT_H
#define MINNOW_COMPILER_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <utility>
#include <vector>

namespace minnow {

struct ImportOptions {
  /// Weights of a named network: the path of a .safetensors file with the keys
  /// and shapes of the framework's state_dict, or "random:SEED" for the formula
  /// of models/README.md. Must be empty for ONNX, which holds its own.
  std::string weights;
  /// Shapes (NCHW where of rank 4) of inputs, by name. An input's free
  /// dimensions take these; the first takes 1 without.
  std::vector<std::pair<std::string, std::vector<int64_t>>> inputShapes;
  /// The folder of the descriptions of networks, NAME.json each.
  std::string modelsDirectory;
};

/// Imports `model`: the path of a file whose name ends in .onnx, the name of a
/// network in `options.modelsDirectory`, or the path of a network's .json.
///
/// The module has one func.func, with `mobile.name` on each argument and result
/// and `mobile.preprocessing` if the network has one, and one mobile.weight for
/// each tensor that the function uses. It verifies.
///
/// The error holds one message for each fault ("FILE: error: ..."), all
/// unsupported operators of a file in one; no input makes it assert.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(mlir::MLIRContext &context, llvm::StringRef model,
            const ImportOptions &options);

/// The claimed ONNX operators with their limits, as a page of Markdown.
std::string describeOnnxOperators();

} // namespace minnow

#endif // MINNOW_COMPILER_IMPORT_IMPORT_H
