//===- Activations.cpp - formulas of the activations ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of `mobile.activate`, which primitives with an `act` end with
// too.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Math/IR/Math.h"
#include "targets/reference/Patterns.h"

using namespace mlir;
using namespace minnow;

static Value sigmoid(Arithmetic math, Value x) {
  Value power = math.make<math::ExpOp>(math.make<arith::NegFOp>(x));
  return math.div(math.number(1), math.add(math.number(1), power));
}

static Value hardSigmoid(Arithmetic math, Value x) {
  return math.clamp(math.add(math.div(x, math.number(6)), math.number(0.5)), 0,
                    1);
}

static Value gelu(Arithmetic math, Value x) {
  Value erf = math.make<math::ErfOp>(math.mul(x, math.number(M_SQRT1_2)));
  return math.mul(math.mul(x, math.number(0.5)), math.add(math.number(1), erf));
}

Value minnow::activateElement(Arithmetic math, mobile::Activation activation,
                              Value x) {
  switch (activation) {
  case mobile::Activation::None:
    return x;
  case mobile::Activation::Relu:
    return math.make<arith::MaximumFOp>(x, math.number(0));
  case mobile::Activation::Relu6:
    return math.clamp(x, 0, 6);
  case mobile::Activation::HardSigmoid:
    return hardSigmoid(math, x);
  case mobile::Activation::HardSwish:
    return math.mul(x, hardSigmoid(math, x));
  case mobile::Activation::Sigmoid:
    return sigmoid(math, x);
  case mobile::Activation::Silu:
    return math.mul(x, sigmoid(math, x));
  case mobile::Activation::Gelu:
    return gelu(math, x);
  case mobile::Activation::Erf:
    return math.make<math::ErfOp>(x);
  }
  llvm_unreachable("an activation without a formula");
}

Value minnow::activate(OpBuilder &builder, Location location,
                       mobile::Activation activation, Value tensor) {
  if (activation == mobile::Activation::None)
    return tensor;
  auto type = cast<RankedTensorType>(tensor.getType());
  return mapElements(builder, location, type, tensor,
                     builder.getMultiDimIdentityMap(type.getRank()),
                     [&](OpBuilder &inner, ValueRange elements) {
                       return activateElement({inner, location}, activation,
                                              elements[0]);
                     });
}
