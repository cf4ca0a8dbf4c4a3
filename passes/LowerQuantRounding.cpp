//===- LowerQuantRounding.cpp - sums to bytes -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers of mobile.requantize and mobile.lookup, as weights.
//===----------------------------------------------------------------------===//
#include "passes/Activations.h"
#include "passes/InlineBlocks.h"
#include "passes/LowerQuant.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;
using namespace minnow::lower_quant;

/// "blocks.0.conv" and "scale" -> "blocks.0.conv.scale".
std::string Lowering::nameBeside(Operation *op, StringRef suffix) {
  StringRef base = getLayerName(op->getLoc());
  if (op->getNumOperands() > 1)
    if (auto weight = op->getOperand(1).getDefiningOp<GetWeightOp>())
      base = weight.getWeight();
  if (base.empty())
    base = op->getName().stripDialect();
  base.consume_back(".weight");
  return (base + "." + suffix).str();
}

/// Bits that a factor is shifted by: see mobile.requantize.
static int getFactorBits(const Term &term) {
  auto type = cast<RankedTensorType>(term.value.getType());
  return type.getElementType().isInteger(8) ? 15 : 31;
}

/// The largest shift of mobile.requantize with which all factors are below
/// 2^31; nothing if there is none.
std::optional<int> Lowering::chooseShift(ArrayRef<Term> terms) {
  for (int shift = 15; shift >= -2; --shift) {
    bool fits = llvm::all_of(terms, [&](const Term &term) {
      return llvm::all_of(term.ratios, [&](float ratio) {
        return std::ldexp(double(ratio), getFactorBits(term) + shift) <
               2147483647.0;
      });
    });
    if (fits)
      return shift;
  }
  return std::nullopt;
}

Value Lowering::makeFactors(Operation *op, const Term &term, int shift) {
  std::string name = nameBeside(op, "scale");
  if (form == RequantizeForm::Float)
    return weights.create(builder, op->getLoc(), name,
                          ArrayRef<float>(term.ratios));
  SmallVector<int32_t> factors;
  for (float ratio : term.ratios)
    factors.push_back(
        std::llround(std::ldexp(double(ratio), getFactorBits(term) + shift)));
  return weights.create(builder, op->getLoc(), name,
                        ArrayRef<int32_t>(factors));
}

/// The largest magnitude that `term` may have when it is scaled; that of a f32
/// is its own affair.
double Lowering::getReach(const Term &term) {
  Type element = cast<RankedTensorType>(term.value.getType()).getElementType();
  if (element.isF32())
    return 0;
  SmallVector<double> sums = reaches.lookup(term.value);
  if (sums.empty())
    sums.push_back(std::ldexp(1, element.isInteger(8) ? 8 : 31));
  double most = 0;
  for (size_t i = 0; i < std::max(sums.size(), term.ratios.size()); ++i)
    most = std::max(most, sums[i % sums.size()] *
                              term.ratios[i % term.ratios.size()]);
  return most;
}

/// Rounds the sum of one or two terms to `result`; null after an error.
Value Lowering::requantize(Operation *op, ArrayRef<Term> terms, Type result,
                           Activation activation) {
  int32_t zero = getZeroPoint(result);
  auto [low, high] = getStorageRange(result);
  if (activation == Activation::Relu || activation == Activation::Relu6)
    low = std::max<int64_t>(low, zero);
  if (activation == Activation::Relu6)
    high = std::min<int64_t>(high, zero + roundEven(6.0 / getScale(result)));
  std::optional<int> shift = -getStorageOffset(getQuantizedElement(result));
  if (form == RequantizeForm::Fixed)
    shift = chooseShift(terms);
  if (!shift) {
    op->emitOpError("the scale of its result is too small beside those of its "
                    "operands for fixed-point arithmetic");
    return {};
  }
  int32_t parameters[] = {zero,
                          int32_t(low),
                          int32_t(high),
                          terms[0].zero,
                          terms.size() > 1 ? terms[1].zero : 0,
                          *shift};
  Value factors = makeFactors(op, terms[0], *shift), addend, addendFactors;
  if (terms.size() > 1) {
    addend = terms[1].value;
    addendFactors = makeFactors(op, terms[1], *shift);
  }
  double reach = 0;
  for (const Term &term : terms)
    reach += getReach(term);
  // Half of what is too much, for the sum's own rounding.
  bool isFloat = form == RequantizeForm::Float;
  bool isUnbounded = isFloat && !(reach < std::ldexp(1, 30));
  bool isFull = isFloat && low == -128 && high == 127;
  bool isRectified = isFull && zero == -128 && terms.size() == 1 &&
                     tops.lookup_or(terms[0].value, 1 << 23) < 1 << 23;
  return RequantizeOp::create(builder, op->getLoc(), getStorageType(result),
                              terms[0].value, factors, addend, addendFactors,
                              weights.create(builder, op->getLoc(),
                                             nameBeside(op, "rounding"),
                                             ArrayRef<int32_t>(parameters)),
                              isUnbounded, isFull && !isRectified, isRectified);
}

Term Lowering::makeTerm(Value value, Type result) {
  Type type = getType(value);
  Term term{value, {}, 0};
  for (double scale : getScales(type))
    term.ratios.push_back(float(scale) / getScale(result));
  if (isQuantizedMap(type))
    term.zero = getZeroPoint(type);
  return term;
}

/// The activation between two quantized types as a table.
Value Lowering::lookUp(Operation *op, Value input, Type from, Type to,
                       Activation activation) {
  SmallVector<int8_t> table;
  auto [low, high] = getStorageRange(to);
  for (int64_t i = -128; i < 128; ++i) {
    double x = (i - getZeroPoint(from)) * getScales(from)[0];
    int64_t y = roundEven(evaluateActivation(activation, x) / getScales(to)[0]);
    table.push_back(std::clamp<int64_t>(y + getZeroPoint(to), low, high));
  }
  Value weight = weights.create(builder, op->getLoc(), nameBeside(op, "table"),
                                ArrayRef<int8_t>(table));
  return LookupOp::create(builder, op->getLoc(), input.getType(), input,
                          weight);
}

/// What is read outside of a map of the quantized type `type`.
Value Lowering::makeZero(Operation *op, Type type) {
  int8_t zero = getZeroPoint(type);
  return weights.create(builder, op->getLoc(), nameBeside(op, "zero"),
                        ArrayRef<int8_t>(zero));
}

/// Replaces `op` by `result` for all users but what made `result` of it.
void Lowering::finish(Operation *op, Value result) {
  types[result] = getType(op->getResult(0));
  llvm::SmallPtrSet<Operation *, 2> inside;
  for (Operation *maker = result.getDefiningOp(); maker && maker != op;
       maker = maker->getOperand(0).getDefiningOp())
    inside.insert(maker);
  op->getResult(0).replaceAllUsesExcept(result, inside);
}
