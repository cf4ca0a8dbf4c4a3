//===- Operators.cpp - the table of claimed ONNX operators ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is not here is reported as unsupported. `minnow compile --list-ops`
// prints the table as the page OPS.md.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Operators.h"
#include "compiler/import/Import.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace minnow::importer;

static constexpr Operator operators[] = {
    {"Add", 11, "A B", convertAdd, foldAdd,
     "of two computed values one has the shape of the result"},
    {"AveragePool", 11, "X", convertAveragePool, nullptr,
     "2-D, batch 1, no dilations; ceil_mode not with count_include_pad where a "
     "window is partial"},
    {"BatchNormalization", 11, "X scale! B! input_mean! input_var!",
     convertBatchNorm, nullptr, "4 dimensions; not in training mode"},
    {"Cast", 11, "input", nullptr, foldCast, "to FLOAT, INT64, INT32 or BOOL"},
    {"Ceil", 11, "X", nullptr, foldCeil, ""},
    {"Clip", 11, "input min!? max!?", convertClip, foldClip,
     "at run time from 0 on"},
    {"Concat", 11, "inputs*", nullptr, foldConcat, ""},
    {"Constant", 11, "", nullptr, foldConstant, "dense tensors and numbers"},
    {"ConstantOfShape", 11, "input!", nullptr, foldConstantOfShape, ""},
    {"Conv", 11, "X W! B!?", convertConv, nullptr,
     "2-D, batch 1, no dilations; group 1, or as many as channels and filters"},
    {"DequantizeLinear", 11, "x x_scale! x_zero_point!?",
     convertDequantizeLinear, foldDequantizeLinear,
     "INT8 and UINT8, constants also INT32; at run time one scale, no blocks"},
    {"Div", 11, "A B", convertDiv, foldDiv,
     "a computed value by a constant, which becomes a product; integers only "
     "of constants"},
    {"Dropout", 11, "data ratio!? training_mode!?", convertDropout, nullptr,
     "not in training mode; the first output"},
    {"Erf", 11, "input", convertErf, nullptr, ""},
    {"Flatten", 11, "input", convertFlatten, foldFlatten, ""},
    {"Floor", 11, "X", nullptr, foldFloor, ""},
    {"Gather", 11, "data indices", nullptr, foldGather, ""},
    {"Gelu", 20, "X", convertGelu, nullptr, "approximate 'none'"},
    {"Gemm", 11, "A B! C!?", convertGemm, nullptr, ""},
    {"GlobalAveragePool", 11, "X", convertGlobalAveragePool, nullptr,
     "2-D, batch 1"},
    {"GlobalMaxPool", 11, "X", convertGlobalMaxPool, nullptr, "2-D, batch 1"},
    {"HardSigmoid", 11, "X", convertHardSigmoid, nullptr, ""},
    {"HardSwish", 14, "X", convertHardSwish, nullptr, ""},
    {"Identity", 11, "input", convertIdentity, foldIdentity, ""},
    {"MatMul", 11, "A B", convertMatMul, nullptr,
     "B a vector or matrix where it is constant"},
    {"Max", 11, "data_0*", nullptr, foldMax, ""},
    {"MaxPool", 11, "X", convertMaxPool, nullptr,
     "2-D, batch 1, no dilations; the first output"},
    {"Min", 11, "data_0*", nullptr, foldMin, ""},
    {"Mul", 11, "A B", convertMul, foldMul,
     "of two computed values one has the shape of the result"},
    {"Neg", 11, "X", nullptr, foldNeg, ""},
    {"Pad", 11, "data pads! constant_value!? axes!?", convertPad, nullptr,
     "zeros around height and width of 4 dimensions"},
    {"QuantizeLinear", 11, "x y_scale! y_zero_point!?", convertQuantizeLinear,
     foldQuantizeLinear,
     "to INT8 or UINT8; at run time one scale, no blocks, no output of the "
     "network"},
    {"ReduceMax", 11, "data axes!?", convertReduceMax, nullptr, ""},
    {"ReduceMean", 11, "data axes!?", convertReduceMean, nullptr, ""},
    {"ReduceMin", 11, "data axes!?", convertReduceMin, nullptr, ""},
    {"ReduceSum", 11, "data axes!?", convertReduceSum, nullptr, ""},
    {"Relu", 11, "X", convertRelu, nullptr, ""},
    {"Reshape", 11, "data shape!", convertReshape, foldReshape, ""},
    {"Shape", 11, "data#", nullptr, foldShape, ""},
    {"Sigmoid", 11, "X", convertSigmoid, nullptr, ""},
    {"Slice", 11, "data starts ends axes? steps?", nullptr, foldSlice, ""},
    {"Softmax", 11, "input", convertSoftmax, nullptr, ""},
    {"Sqrt", 11, "X", nullptr, foldSqrt, ""},
    {"Squeeze", 11, "data axes!?", convertSqueeze, foldSqueeze, ""},
    {"Sub", 11, "A B", convertSub, foldSub,
     "of two computed values one has the shape of the result"},
    {"Transpose", 11, "data", convertTranspose, foldTranspose, ""},
    {"Unsqueeze", 11, "data axes!?", convertUnsqueeze, foldUnsqueeze, ""},
};

static SmallVector<StringRef> inputsOf(StringRef signature) {
  SmallVector<StringRef> inputs;
  signature.split(inputs, ' ', -1, /*KeepEmpty=*/false);
  return inputs;
}

size_t Operator::minInputs() const {
  return count_if(inputsOf(signature),
                  [](StringRef input) { return !input.contains('?'); });
}

size_t Operator::maxInputs() const {
  return signature.contains('*') ? std::numeric_limits<int>::max()
                                 : inputsOf(signature).size();
}

const Operator *minnow::importer::findOperator(StringRef type) {
  const Operator *found =
      find_if(operators, [&](const Operator &op) { return op.type == type; });
  return found == std::end(operators) ? nullptr : found;
}

//===----------------------------------------------------------------------===//
// The page
//===----------------------------------------------------------------------===//

/// "`X`, `W` constant, `B` constant optional".
static std::string describeInputs(const Operator &op) {
  std::vector<std::string> texts;
  for (StringRef input : inputsOf(op.signature)) {
    std::string text = formatv("`{0}`", input.rtrim("!?#*"));
    text += input.contains('!') ? " constant" : "";
    text += input.contains('#') ? " shape" : "";
    text += input.contains('?') ? " optional" : "";
    text += input.contains('*') ? " ..." : "";
    texts.push_back(std::move(text));
  }
  return join(texts, ", ");
}

static StringRef describeTime(const Operator &op) {
  if (!op.convert)
    return "compile";
  return op.fold ? "both" : "run";
}

static constexpr StringLiteral pageHead =
    R"(# ONNX operators that Minnow compiles

Printed by `minnow compile --list-ops` from `Operators.cpp`; a test keeps the two equal.

- Operator sets {0} to {1}, of ONNX's own domain. *since*: the first of them that has the operator.
- Values computed at run time are FLOAT and of static shape, without empty dimensions. A free dimension takes its size from
  `--input-shape`; a free batch is 1 without. An input of 4 dimensions has batch 1.
- An input marked *constant* must be known at compile time: an initializer, or computed from such and from shapes.
- *when*: `run` computes at run time; `compile` only what is known at compile time (FLOAT, FLOAT16, BFLOAT16 widened,
  DOUBLE rounded, integers and BOOL); `both` either. A network's output must depend on an input.

| operator | since | inputs | when | limits |
|---|---|---|---|---|
)";

std::string minnow::describeOnnxOperators() {
  std::string page =
      formatv(pageHead.data(), Model::minOpset, Model::maxOpset).str();
  for (const Operator &op : operators)
    page += formatv("| {0} | {1} | {2} | {3} | {4} |\n", op.type, op.since,
                    describeInputs(op), describeTime(op), op.limits)
                .str();
  return page;
}
