//===- Elementwise.cpp - ONNX operators on single elements ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums, products, batch normalisation and activations. An activation written as
// several operators becomes one where its form is unmistakable.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"
#include "compiler/import/onnx/ShapeRules.h"
#include <cmath>
#include <limits>

using namespace llvm;
using namespace minnow::importer;
using namespace minnow::mobile;
using mlir::failed, mlir::FailureOr;

//===----------------------------------------------------------------------===//
// Sums and products
//===----------------------------------------------------------------------===//

template <typename OpTy>
static FailureOr<Tensor> convertBinary(Graph &graph, const Node &node) {
  size_t left = graph.isConstant(node, 0) ? 1 : 0;
  FailureOr<Tensor> x = graph.tensor(node, left);
  if (failed(x))
    return failure();
  if (graph.isConstant(node, 1 - left)) {
    FailureOr<Weight> weight = graph.weight(node, 1 - left);
    if (failed(weight))
      return failure();
    return graph.getBuilder().binary<OpTy>(*x, *weight);
  }
  FailureOr<Tensor> y = graph.tensor(node, 1);
  if (failed(y))
    return failure();
  return graph.getBuilder().binary<OpTy>(*x, *y);
}

Weight minnow::importer::mapped(const Weight &weight, const char *suffix,
                                function_ref<float(float)> map) {
  auto tensor = std::make_shared<HostTensor>(*weight.tensor);
  for (float &x : std::get<0>(tensor->data))
    x = map(x);
  return {weight.key + suffix, tensor};
}

/// A number that the node implies, named after it.
static Weight makeScalar(const Node &node, const char *suffix, float value) {
  auto tensor = std::make_shared<HostTensor>();
  tensor->data = std::vector<float>{value};
  return {node.output(0).str() + suffix, tensor};
}

FailureOr<Tensor> minnow::importer::affine(Graph &graph, const Node &node,
                                           const Tensor &x, float scale,
                                           float shift) {
  FailureOr<Tensor> result = x;
  if (scale != 1)
    result =
        graph.getBuilder().binary<MulOp>(x, makeScalar(node, ".scale", scale));
  if (failed(result) || shift == 0)
    return result;
  return graph.getBuilder().binary<AddOp>(*result,
                                          makeScalar(node, ".shift", shift));
}

FailureOr<Tensor> minnow::importer::convertSub(Graph &graph, const Node &node) {
  NetworkBuilder &builder = graph.getBuilder();
  if (graph.isConstant(node, 1)) {
    FailureOr<Tensor> x = graph.tensor(node, 0);
    FailureOr<Weight> weight = graph.weight(node, 1);
    if (failed(x) || failed(weight))
      return failure();
    return builder.binary<AddOp>(
        *x, mapped(*weight, ".negated", [](float v) { return -v; }));
  }
  FailureOr<Tensor> y = graph.tensor(node, 1);
  if (failed(y) || failed(y = affine(graph, node, *y, -1, 0)))
    return failure();
  if (graph.isConstant(node, 0)) {
    FailureOr<Weight> weight = graph.weight(node, 0);
    if (failed(weight))
      return failure();
    return builder.binary<AddOp>(*y, *weight);
  }
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  return builder.binary<AddOp>(*x, *y);
}

FailureOr<Tensor> minnow::importer::convertDiv(Graph &graph, const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<Weight> weight = graph.weight(node, 1);
  if (failed(x) || failed(weight))
    return failure();
  return graph.getBuilder().binary<MulOp>(
      *x, mapped(*weight, ".inverse", [](float v) { return 1 / v; }));
}

/// The activation that x * `gate` is, if `gate` is a sigmoid of x.
static std::optional<Activation> gatedActivation(const Tensor &x,
                                                 const Tensor &gate) {
  auto op = gate.value.getDefiningOp<ActivateOp>();
  if (!op || op.getInput() != x.value || x.order != gate.order)
    return std::nullopt;
  if (op.getActivation() == Activation::Sigmoid)
    return Activation::Silu;
  if (op.getActivation() == Activation::HardSigmoid)
    return Activation::HardSwish;
  return std::nullopt;
}

FailureOr<Tensor> minnow::importer::convertAdd(Graph &graph, const Node &node) {
  return convertBinary<AddOp>(graph, node);
}

FailureOr<Tensor> minnow::importer::convertMul(Graph &graph, const Node &node) {
  if (graph.isConstant(node, 0) || graph.isConstant(node, 1))
    return convertBinary<MulOp>(graph, node);
  FailureOr<Tensor> x = graph.tensor(node, 0), y = graph.tensor(node, 1);
  if (failed(x) || failed(y))
    return failure();
  if (auto activation = gatedActivation(*x, *y))
    return graph.getBuilder().activate(*x, *activation);
  if (auto activation = gatedActivation(*y, *x))
    return graph.getBuilder().activate(*y, *activation);
  return graph.getBuilder().binary<MulOp>(*x, *y);
}

FailureOr<Tensor> minnow::importer::convertBatchNorm(Graph &graph,
                                                     const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<float> epsilon = node.getFloat("epsilon", 1e-5f);
  FailureOr<int64_t> training = node.getInt("training_mode", 0);
  if (failed(x) || failed(epsilon) || failed(training))
    return failure();
  if (*training)
    return node.fail("is in training mode; export the model for inference");
  if (!(*epsilon >= 0) || std::isinf(*epsilon))
    return node.fail("epsilon must be a number of at least 0");
  SmallVector<Weight, 4> parameters;
  for (size_t i = 1; i <= 4; ++i) {
    FailureOr<Weight> weight = graph.weight(node, i);
    if (failed(weight))
      return failure();
    Shape shape = x->shape();
    if (shape.size() > 1 && weight->shape() != ArrayRef(shape[1]))
      return node.fail(
          "input " + Twine(i) + " has the shape " + shapeText(weight->shape()) +
          ", expected one number for each of " + Twine(shape[1]) + " channels");
    parameters.push_back(*weight);
  }
  return graph.getBuilder().batchNorm(*x, parameters, *epsilon);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

static FailureOr<Tensor> activate(Graph &graph, const Node &node,
                                  Activation activation) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  return graph.getBuilder().activate(*x, activation);
}

FailureOr<Tensor> minnow::importer::convertRelu(Graph &graph,
                                                const Node &node) {
  return activate(graph, node, Activation::Relu);
}

FailureOr<Tensor> minnow::importer::convertErf(Graph &graph, const Node &node) {
  return activate(graph, node, Activation::Erf);
}

FailureOr<Tensor> minnow::importer::convertSigmoid(Graph &graph,
                                                   const Node &node) {
  return activate(graph, node, Activation::Sigmoid);
}

FailureOr<Tensor> minnow::importer::convertHardSwish(Graph &graph,
                                                     const Node &node) {
  return activate(graph, node, Activation::HardSwish);
}

FailureOr<Tensor> minnow::importer::convertHardSigmoid(Graph &graph,
                                                       const Node &node) {
  FailureOr<float> alpha = node.getFloat("alpha", 0.2f);
  FailureOr<float> beta = node.getFloat("beta", 0.5f);
  if (failed(alpha) || failed(beta))
    return failure();
  // The primitive is clamp(x / 6 + 1/2).
  if (std::fabs(*alpha - 1.0f / 6.0f) < 1e-6f)
    *alpha = 1.0f / 6.0f;
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x) ||
      failed(x = affine(graph, node, *x, *alpha * 6.0f, (*beta - 0.5f) * 6.0f)))
    return failure();
  return graph.getBuilder().activate(*x, Activation::HardSigmoid);
}

FailureOr<Tensor> minnow::importer::convertGelu(Graph &graph,
                                                const Node &node) {
  FailureOr<std::string> form = node.getString("approximate", "none");
  if (failed(form))
    return failure();
  if (*form != "none")
    return node.fail("approximate " + quote(*form) +
                     " is not supported, only the exact form, 'none'");
  return activate(graph, node, Activation::Gelu);
}

FailureOr<Tensor> minnow::importer::convertClip(Graph &graph,
                                                const Node &node) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  FailureOr<float> low = graph.scalar(node, 1, -infinity);
  FailureOr<float> high = graph.scalar(node, 2, infinity);
  if (failed(low) || failed(high))
    return failure();
  if (*low == 0 && *high == 6)
    return activate(graph, node, Activation::Relu6);
  if (*low == 0 && *high >= std::numeric_limits<float>::max())
    return activate(graph, node, Activation::Relu);
  // Only a lower bound of 0 keeps small values exact.
  if (*low != 0 || !(*high > 0))
    return node.fail("clips to " + std::to_string(*low) + " .. " +
                     std::to_string(*high) +
                     "; only 0 to a number above it, or without upper bound, "
                     "is supported");
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x) || failed(x = affine(graph, node, *x, 6 / *high, 0)) ||
      failed(x = graph.getBuilder().activate(*x, Activation::Relu6)))
    return failure();
  return affine(graph, node, *x, *high / 6, 0);
}

/// Until operator set 12 softmax is over all dimensions from the axis on.
static FailureOr<Tensor> convertOldSoftmax(Graph &graph, const Node &node,
                                           const Tensor &x) {
  FailureOr<Shape> flat = flattenedShape(node, x.shape());
  if (failed(flat))
    return failure();
  NetworkBuilder &builder = graph.getBuilder();
  FailureOr<Tensor> result = builder.reshape(x, *flat);
  if (failed(result) || failed(result = builder.softmax(*result, 1)))
    return failure();
  return builder.reshape(*result, x.shape());
}

FailureOr<Tensor> minnow::importer::convertSoftmax(Graph &graph,
                                                   const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  if (node.opset() < 13)
    return convertOldSoftmax(graph, node, *x);
  FailureOr<int64_t> axis = node.getInt("axis", -1);
  if (failed(axis) || failed(axis = node.normalizeAxis(*axis, x->rank())))
    return failure();
  return graph.getBuilder().softmax(*x, *axis);
}
