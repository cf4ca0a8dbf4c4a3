//===- Reductions.cpp - ONNX operators over whole dimensions --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mean or maximum is a pool whose window is all of what it reduces; sum and
// minimum follow from those two.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"

using namespace llvm;
using namespace minnow::importer;
using minnow::mobile::PoolKind;
using mlir::failed, mlir::FailureOr;

/// The axes that the node reduces, in ascending order; none if it is told to
/// leave its input as it is.
static FailureOr<Shape> reducedAxes(Graph &graph, const Node &node,
                                    size_t rank) {
  FailureOr<Shape> axes = graph.axes(node, 1);
  FailureOr<int64_t> noAxesNothing = node.getInt("noop_with_empty_axes", 0);
  if (failed(axes) || failed(noAxesNothing))
    return failure();
  if (axes->empty())
    return *noAxesNothing ? Shape() : identityOrder(rank);
  return node.normalizeAxes(*axes, rank);
}

/// The mean or maximum of `x` over the axes of the node.
static FailureOr<Tensor> reduce(Graph &graph, const Node &node,
                                FailureOr<Tensor> x, PoolKind kind) {
  FailureOr<int64_t> keep = node.getInt("keepdims", 1);
  if (failed(x) || failed(keep))
    return failure();
  FailureOr<Shape> axes = reducedAxes(graph, node, x->rank());
  if (failed(axes))
    return failure();
  if (axes->empty())
    return x;
  FailureOr<Tensor> result = graph.getBuilder().reduce(*x, kind, *axes);
  if (failed(result) || *keep)
    return result;
  Shape kept;
  for (auto [i, size] : enumerate(x->shape()))
    if (!is_contained(*axes, int64_t(i)))
      kept.push_back(size);
  return graph.getBuilder().reshape(*result, kept);
}

FailureOr<Tensor> minnow::importer::convertReduceMean(Graph &graph,
                                                      const Node &node) {
  return reduce(graph, node, graph.tensor(node, 0), PoolKind::Average);
}

FailureOr<Tensor> minnow::importer::convertReduceMax(Graph &graph,
                                                     const Node &node) {
  return reduce(graph, node, graph.tensor(node, 0), PoolKind::Max);
}

FailureOr<Tensor> minnow::importer::convertReduceSum(Graph &graph,
                                                     const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<Tensor> mean = reduce(graph, node, x, PoolKind::Average);
  if (failed(mean))
    return failure();
  int64_t elements = *countElements(x->shape());
  return affine(graph, node, *mean, elements / *countElements(mean->shape()),
                0);
}

FailureOr<Tensor> minnow::importer::convertReduceMin(Graph &graph,
                                                     const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x) || failed(x = affine(graph, node, *x, -1, 0)) ||
      failed(x = reduce(graph, node, x, PoolKind::Max)))
    return failure();
  return affine(graph, node, *x, -1, 0);
}
