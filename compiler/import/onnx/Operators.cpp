//===- Converters.cpp - the table of ONNX operators -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is not here and not folded is reported as unsupported, with this list.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace minnow::importer;

static constexpr Operator operators[] = {
    {"Add", convertAdd, 2, 2},
    {"AveragePool", convertAveragePool, 1, 1},
    {"BatchNormalization", convertBatchNorm, 5, 5},
    {"Clip", convertClip, 1, 3},
    {"Conv", convertConv, 2, 3},
    {"Dropout", convertDropout, 1, 3},
    {"Flatten", convertFlatten, 1, 1},
    {"Gelu", convertGelu, 1, 1},
    {"Gemm", convertGemm, 2, 3},
    {"GlobalAveragePool", convertGlobalAveragePool, 1, 1},
    {"HardSigmoid", convertHardSigmoid, 1, 1},
    {"HardSwish", convertHardSwish, 1, 1},
    {"Identity", convertIdentity, 1, 1},
    {"MatMul", convertMatMul, 2, 2},
    {"MaxPool", convertMaxPool, 1, 1},
    {"Mul", convertMul, 2, 2},
    {"Pad", convertPad, 2, 4},
    {"ReduceMean", convertReduceMean, 1, 2},
    {"Relu", convertRelu, 1, 1},
    {"Reshape", convertReshape, 2, 2},
    {"Sigmoid", convertSigmoid, 1, 1},
    {"Softmax", convertSoftmax, 1, 1},
    {"Squeeze", convertSqueeze, 1, 2},
    {"Transpose", convertTranspose, 1, 1},
    {"Unsqueeze", convertUnsqueeze, 2, 2},
};

const Operator *minnow::importer::findOperator(StringRef type) {
  const Operator *found =
      find_if(operators, [&](const Operator &op) { return op.type == type; });
  return found == std::end(operators) ? nullptr : found;
}

std::string minnow::importer::supportedOperators() {
  return join(map_range(operators, [](const Operator &op) { return op.type; }),
              ", ");
}
