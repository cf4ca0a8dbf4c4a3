//===- ShapeRules.h - shapes that ONNX operators give -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The result shapes of reshaping operators, the same for constants and for
// values of the network. Failures are reported.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_SHAPERULES_H
#define MINNOW_COMPILER_IMPORT_ONNX_SHAPERULES_H

#include "compiler/import/onnx/Node.h"

namespace minnow::importer {

/// Reshape: 0 in `target` keeps a dimension (unless attribute allowzero), -1 is
/// what is left.
mlir::FailureOr<Shape> reshapedShape(const Node &node,
                                     llvm::ArrayRef<int64_t> input,
                                     llvm::ArrayRef<int64_t> target);

/// Flatten: two dimensions, split before attribute axis.
mlir::FailureOr<Shape> flattenedShape(const Node &node,
                                      llvm::ArrayRef<int64_t> input);

/// Squeeze of `axes`, or of all dimensions of size 1 if there are none.
mlir::FailureOr<Shape> squeezedShape(const Node &node,
                                     llvm::ArrayRef<int64_t> input,
                                     llvm::ArrayRef<int64_t> axes);

/// Unsqueeze: ones at `axes` of the result.
mlir::FailureOr<Shape> unsqueezedShape(const Node &node,
                                       llvm::ArrayRef<int64_t> input,
                                       llvm::ArrayRef<int64_t> axes);

/// Transpose: attribute perm, or the dimensions reversed.
mlir::FailureOr<Shape> transposeOrder(const Node &node, size_t rank);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_SHAPERULES_H
