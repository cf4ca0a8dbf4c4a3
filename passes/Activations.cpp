//===- Activations.cpp - activations of numbers ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/Activations.h"
#include <algorithm>
#include <cmath>

using minnow::mobile::Activation;

double minnow::evaluateActivation(Activation activation, double x) {
  auto hardSigmoid = [&] { return std::clamp(x / 6 + 0.5, 0.0, 1.0); };
  auto sigmoid = [&] { return 1 / (1 + std::exp(-x)); };
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::Relu:
    return std::max(x, 0.0);
  case Activation::Relu6:
    return std::clamp(x, 0.0, 6.0);
  case Activation::HardSwish:
    return x * hardSigmoid();
  case Activation::HardSigmoid:
    return hardSigmoid();
  case Activation::Sigmoid:
    return sigmoid();
  case Activation::Silu:
    return x * sigmoid();
  case Activation::Gelu:
    return x / 2 * (1 + std::erf(x * M_SQRT1_2));
  case Activation::Erf:
    return std::erf(x);
  }
  llvm_unreachable("an activation without a formula");
}
