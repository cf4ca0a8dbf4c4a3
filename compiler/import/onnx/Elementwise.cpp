//===- Elementwise.cpp - ONNX operators on single elements ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums, products, batch normalisation and activations. An activation written as
// several operators becomes one where its form is unmistakable.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"
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
  if (std::fabs(*alpha - 1.0f / 6.0f) > 1e-6f || *beta != 0.5f)
    return node.fail("alpha " + std::to_string(*alpha) + " and beta " +
                     std::to_string(*beta) +
                     " are not supported, only 1/6 and 0.5");
  return activate(graph, node, Activation::HardSigmoid);
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
  return node.fail("clips to " + std::to_string(*low) + " .. " +
                   std::to_string(*high) +
                   "; only 0 .. 6 and 0 without upper bound are supported");
}

FailureOr<Tensor> minnow::importer::convertSoftmax(Graph &graph,
                                                   const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<int64_t> axis = node.getInt("axis", -1);
  if (failed(x) || failed(axis) ||
      failed(axis = node.normalizeAxis(*axis, x->rank())))
    return failure();
  return graph.getBuilder().softmax(*x, *axis);
}
