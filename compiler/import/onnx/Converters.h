//===- Converters.h - ONNX operators that become primitives -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function an operator. They are grouped in files by what they share;
// Operators.cpp has the table in which they are looked up.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_CONVERTERS_H
#define MINNOW_COMPILER_IMPORT_ONNX_CONVERTERS_H

#include "compiler/import/onnx/Graph.h"

namespace minnow::importer {

/// Writes the primitives of a node and returns the value of its first output.
using Converter = mlir::FailureOr<Tensor> (*)(Graph &graph, const Node &node);

// Windows.cpp
mlir::FailureOr<Tensor> convertConv(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertAveragePool(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertMaxPool(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertGlobalAveragePool(Graph &graph,
                                                 const Node &node);
mlir::FailureOr<Tensor> convertGlobalMaxPool(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertPad(Graph &graph, const Node &node);

// Elementwise.cpp
mlir::FailureOr<Tensor> convertAdd(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertDiv(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertMul(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertBatchNorm(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertClip(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertErf(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertGelu(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertHardSigmoid(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertHardSwish(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertRelu(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertSigmoid(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertSoftmax(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertSub(Graph &graph, const Node &node);

/// What `map` makes of the numbers of `weight`; `suffix` is added to the name.
Weight mapped(const Weight &weight, const char *suffix,
              llvm::function_ref<float(float)> map);

/// scale * x + shift, of which only what changes something is computed.
mlir::FailureOr<Tensor> affine(Graph &graph, const Node &node, const Tensor &x,
                               float scale, float shift);

// Matrices.cpp
mlir::FailureOr<Tensor> convertGemm(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertMatMul(Graph &graph, const Node &node);

// Quantization.cpp
mlir::FailureOr<Tensor> convertDequantizeLinear(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertQuantizeLinear(Graph &graph, const Node &node);

// Reductions.cpp
mlir::FailureOr<Tensor> convertReduceMax(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertReduceMean(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertReduceMin(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertReduceSum(Graph &graph, const Node &node);

// Shapes.cpp
mlir::FailureOr<Tensor> convertDropout(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertFlatten(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertIdentity(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertReshape(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertSqueeze(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertTranspose(Graph &graph, const Node &node);
mlir::FailureOr<Tensor> convertUnsqueeze(Graph &graph, const Node &node);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_CONVERTERS_H
