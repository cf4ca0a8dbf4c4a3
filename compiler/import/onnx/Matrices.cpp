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

/// Input 1, which must be a matrix.
static FailureOr<Weight> matrix(Graph &graph, const Node &node) {
  FailureOr<Weight> weight = graph.weight(node, 1);
  if (succeeded(weight) && weight->shape().size() != 2)
    return node.fail("input 1 has the shape " + shapeText(weight->shape()) +
                     ", expected a matrix");
  return weight;
}

static Weight scaled(const Weight &weight, const char *suffix, float factor) {
  if (factor == 1)
    return weight;
  return mapped(weight, suffix, [&](float x) { return factor * x; });
}

/// `addend` as a vector of `columns` numbers, if it has one for each column or
/// one for all.
static std::optional<Weight> asRow(const Weight &addend, int64_t columns) {
  size_t count = addend.tensor->size();
  bool isRow =
      addend.shape().empty() || addend.shape().back() == int64_t(count);
  if (!isRow || (count != 1 && int64_t(count) != columns))
    return std::nullopt;
  std::vector<float> numbers = addend.tensor->floats();
  numbers.resize(columns, numbers.front());
  auto tensor = std::make_shared<HostTensor>();
  tensor->shape = {columns};
  tensor->data = std::move(numbers);
  return Weight{addend.key, tensor};
}

FailureOr<Tensor> minnow::importer::convertGemm(Graph &graph,
                                                const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<Weight> filter = matrix(graph, node);
  FailureOr<float> alpha = node.getFloat("alpha", 1);
  FailureOr<float> beta = node.getFloat("beta", 1);
  FailureOr<int64_t> transA = node.getInt("transA", 0);
  FailureOr<int64_t> transB = node.getInt("transB", 0);
  if (failed(x) || failed(filter) || failed(alpha) || failed(beta) ||
      failed(transA) || failed(transB))
    return failure();
  NetworkBuilder &builder = graph.getBuilder();
  if (*transA && x->rank() == 2)
    x = builder.transpose(*x, {1, 0});
  Weight factor = scaled(*filter, ".alpha", *alpha);
  if (!node.hasInput(2))
    return builder.linear(*x, factor, *transB, nullptr);
  FailureOr<Weight> addend = graph.weight(node, 2);
  if (failed(addend))
    return failure();
  addend = scaled(*addend, ".beta", *beta);
  if (auto row = asRow(*addend, factor.shape()[*transB ? 0 : 1]))
    return builder.linear(*x, factor, *transB, &*row);
  FailureOr<Tensor> product = builder.linear(*x, factor, *transB, nullptr);
  if (failed(product))
    return failure();
  return builder.binary<minnow::mobile::AddOp>(*product, *addend);
}

//===----------------------------------------------------------------------===//
// NumPy's product
//===----------------------------------------------------------------------===//

/// `x` times the constant matrix `filter`, all dimensions but the last as rows.
static FailureOr<Tensor> timesConstant(NetworkBuilder &builder, const Tensor &x,
                                       const Weight &filter) {
  Shape shape = x.shape();
  int64_t rows = *countElements(ArrayRef(shape).drop_back());
  FailureOr<Tensor> flat = builder.reshape(x, {rows, shape.back()});
  if (failed(flat))
    return failure();
  FailureOr<Tensor> product = builder.linear(*flat, filter, false, nullptr);
  if (failed(product))
    return failure();
  shape.back() = filter.shape().back();
  return builder.reshape(*product, shape);
}

/// `x` times input 1; of a vector, which is a column, `isColumn` is set.
static FailureOr<Tensor> timesInput(Graph &graph, const Node &node,
                                    const Tensor &x, bool &isColumn) {
  NetworkBuilder &builder = graph.getBuilder();
  if (graph.isConstant(node, 1)) {
    FailureOr<Weight> filter = graph.weight(node, 1);
    if (succeeded(filter) && (isColumn = filter->shape().size() == 1)) {
      auto tensor = std::make_shared<HostTensor>(*filter->tensor);
      tensor->shape.push_back(1);
      return timesConstant(builder, x, {filter->key, tensor});
    }
    if (failed(filter) || failed(filter = matrix(graph, node)))
      return failure();
    return timesConstant(builder, x, *filter);
  }
  FailureOr<Tensor> y = graph.tensor(node, 1);
  if (failed(y))
    return failure();
  if ((isColumn = y->rank() == 1))
    y = builder.reshape(*y, {y->shape().front(), 1});
  return builder.matmul(x, *y);
}

FailureOr<Tensor> minnow::importer::convertMatMul(Graph &graph,
                                                  const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  if (x->rank() == 0)
    return node.fail("the input is one number, expected a vector or matrices");
  NetworkBuilder &builder = graph.getBuilder();
  bool isRow = x->rank() == 1, isColumn = false;
  if (isRow)
    x = builder.reshape(*x, {1, x->shape().front()});
  FailureOr<Tensor> product = timesInput(graph, node, *x, isColumn);
  if (failed(product))
    return failure();
  // The dimensions that vectors got are not in the result.
  Shape shape = product->shape();
  if (isColumn)
    shape.pop_back();
  if (isRow)
    shape.erase(shape.end() - (isColumn ? 1 : 2));
  return builder.reshape(*product, shape);
}
