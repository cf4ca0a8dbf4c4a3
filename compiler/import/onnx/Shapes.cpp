//===- Shapes.cpp - ONNX operators that compute nothing -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reshapes, transposes and what is the identity in inference.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"
#include "compiler/import/onnx/ShapeRules.h"

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

/// Input 0 under the shape that `rule` gives.
template <typename Rule>
static FailureOr<Tensor> reshapeBy(Graph &graph, const Node &node, Rule rule) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  FailureOr<Shape> shape = rule(x->shape());
  if (failed(shape))
    return failure();
  return graph.getBuilder().reshape(*x, *shape);
}

FailureOr<Tensor> minnow::importer::convertFlatten(Graph &graph,
                                                   const Node &node) {
  return reshapeBy(graph, node, [&](ArrayRef<int64_t> shape) {
    return flattenedShape(node, shape);
  });
}

FailureOr<Tensor> minnow::importer::convertReshape(Graph &graph,
                                                   const Node &node) {
  FailureOr<Shape> target = graph.integers(node, 1);
  if (failed(target))
    return failure();
  return reshapeBy(graph, node, [&](ArrayRef<int64_t> shape) {
    return reshapedShape(node, shape, *target);
  });
}

FailureOr<Tensor> minnow::importer::convertSqueeze(Graph &graph,
                                                   const Node &node) {
  FailureOr<Shape> axes = graph.axes(node, 1);
  if (failed(axes))
    return failure();
  return reshapeBy(graph, node, [&](ArrayRef<int64_t> shape) {
    return squeezedShape(node, shape, *axes);
  });
}

FailureOr<Tensor> minnow::importer::convertUnsqueeze(Graph &graph,
                                                     const Node &node) {
  FailureOr<Shape> axes = graph.axes(node, 1);
  if (failed(axes))
    return failure();
  return reshapeBy(graph, node, [&](ArrayRef<int64_t> shape) {
    return unsqueezedShape(node, shape, *axes);
  });
}

FailureOr<Tensor> minnow::importer::convertTranspose(Graph &graph,
                                                     const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  FailureOr<Shape> order = transposeOrder(node, x->rank());
  if (failed(order))
    return failure();
  return graph.getBuilder().transpose(*x, *order);
}

FailureOr<Tensor> minnow::importer::convertIdentity(Graph &graph,
                                                    const Node &node) {
  return graph.tensor(node, 0);
}

FailureOr<Tensor> minnow::importer::convertDropout(Graph &graph,
                                                   const Node &node) {
  if (node.hasInput(2)) {
    FailureOr<Shape> training = graph.integers(node, 2);
    if (failed(training))
      return failure();
    if (training->size() != 1 || training->front() != 0)
      return node.fail("is in training mode; export the model for inference");
  }
  return graph.tensor(node, 0);
}
