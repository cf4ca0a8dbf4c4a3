//===- Matrices.cpp - ONNX matrix products --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of a value and a constant matrix is a linear layer; of two values
// it is one of attention's.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

/// Input `i` as a matrix.
static FailureOr<Weight> matrix(Graph &graph, const Node &node, size_t i) {
  FailureOr<Weight> weight = graph.weight(node, i);
  if (succeeded(weight) && weight->shape().size() != 2)
    return node.fail("input " + Twine(i) + " has the shape " +
                     shapeText(weight->shape()) + ", expected a matrix");
  return weight;
}

/// The addend C of Gemm as a vector of `columns` numbers.
static FailureOr<Weight> addend(Graph &graph, const Node &node,
                                int64_t columns) {
  FailureOr<Weight> bias = graph.weight(node, 2);
  if (failed(bias))
    return failure();
  size_t count = bias->tensor->size();
  bool isRow = bias->shape().empty() || bias->shape().back() == int64_t(count);
  if (!isRow || (count != 1 && int64_t(count) != columns))
    return node.fail("input 2 has the shape " + shapeText(bias->shape()) +
                     ", expected one number for each of " + Twine(columns) +
                     " columns");
  std::vector<float> numbers = bias->tensor->floats();
  numbers.resize(columns, numbers.front());
  auto tensor = std::make_shared<HostTensor>();
  tensor->shape = {columns};
  tensor->data = std::move(numbers);
  return Weight{bias->key, tensor};
}

FailureOr<Tensor> minnow::importer::convertGemm(Graph &graph,
                                                const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<Weight> filter = matrix(graph, node, 1);
  FailureOr<float> alpha = node.getFloat("alpha", 1);
  FailureOr<float> beta = node.getFloat("beta", 1);
  FailureOr<int64_t> transA = node.getInt("transA", 0);
  FailureOr<int64_t> transB = node.getInt("transB", 0);
  if (failed(x) || failed(filter) || failed(alpha) || failed(beta) ||
      failed(transA) || failed(transB))
    return failure();
  if (*alpha != 1 || (*beta != 1 && node.hasInput(2)) || *transA)
    return node.fail("alpha, beta and transA must be 1, 1 and 0; they are " +
                     std::to_string(*alpha) + ", " + std::to_string(*beta) +
                     " and " + Twine(*transA));
  if (!node.hasInput(2))
    return graph.getBuilder().linear(*x, *filter, *transB, nullptr);
  FailureOr<Weight> bias =
      addend(graph, node, filter->shape()[*transB ? 0 : 1]);
  if (failed(bias))
    return failure();
  return graph.getBuilder().linear(*x, *filter, *transB, &*bias);
}

FailureOr<Tensor> minnow::importer::convertMatMul(Graph &graph,
                                                  const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  if (!graph.isConstant(node, 1)) {
    FailureOr<Tensor> y = graph.tensor(node, 1);
    if (failed(y))
      return failure();
    return graph.getBuilder().matmul(*x, *y);
  }
  FailureOr<Weight> filter = matrix(graph, node, 1);
  if (failed(filter))
    return failure();
  NetworkBuilder &builder = graph.getBuilder();
  Shape shape = x->shape();
  if (shape.size() < 2)
    return node.fail("the input has the shape " + shapeText(shape) +
                     ", expected at least 2 dimensions");
  int64_t rows = *countElements(ArrayRef(shape).drop_back());
  FailureOr<Tensor> flat = builder.reshape(*x, {rows, shape.back()});
  if (failed(flat))
    return failure();
  FailureOr<Tensor> product = builder.linear(*flat, *filter, false, nullptr);
  if (failed(product))
    return failure();
  shape.back() = filter->shape().back();
  return builder.reshape(*product, shape);
}
