//===- Elements.cpp - element operations of a region ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// They become expressions of what they read, computed where that is used.
//===----------------------------------------------------------------------===//
#include "targets/halide/Builder.h"
#include "targets/llvm/Bytes.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using mlir::Value;

/// A value whose elements are `value`, a function of those of `input`.
Computed Builder::changeElements(const Computed &input, Expr value) {
  Func func("element");
  func(c, x, y) = value;
  Computed result = input;
  result.tensor.func = func;
  result.tensor.stored = result.tensor.columnsFirst = false;
  return result;
}

/// The numbers of an argument that is read one by one.
Func Builder::getParameters(Value vector) {
  return parameters[llvm::cast<mlir::BlockArgument>(vector).getArgNumber()];
}

/// The factor of each channel, or the one of all.
Expr Builder::readFactor(Value scale) {
  return readVector(scale)(getShape(scale)[0] == 1 ? Expr(0) : c, 0);
}

Expr Builder::subtractZero(Expr element, Expr zero) {
  if (element.type().bits() != 8)
    return element;
  return Halide::cast<int32_t>(element) - (zero + getOffset(element.type()));
}

/// One term of a mobile.requantize: less its zero point, times its factor.
Expr Builder::readTerm(Value value, Value scale, Expr zero) {
  Expr element = subtractZero(read(value).tensor.func(c, x, y), zero);
  return Halide::cast<float>(element) * readFactor(scale);
}

/// Whether the bytes of `value` are stored in vectors of as many channels as a
/// register has bytes.
bool Builder::storesWholeVectors(const Computed &value) {
  if (value.pending < 0)
    return value.tensor.channels % (4 * form.vectorFloats) == 0;
  StageAttr attribute = getStageAttr(kernel, pipeline.stages[value.pending].op);
  return pipeline.stages[value.pending].isInteger &&
         attribute.getVectors() % 4 == 0;
}

Expr Builder::addFixedTerms(RequantizeOp op, Func parameters) {
  auto scale = [&](Value term, Value factor, RequantizeOp::Parameter zero) {
    return scaleFixed(read(term).tensor.func(c, x, y), readFactor(factor),
                      parameters(int(zero)), parameters);
  };
  Expr sum = scale(op.getInput(), op.getScale(), RequantizeOp::InputZero);
  if (op.getAddend())
    sum += scale(op.getAddend(), op.getAddendScale(), RequantizeOp::AddendZero);
  return sum;
}

/// The sum of two terms in the float form of mobile.requantize, which has the
/// zero point of the result.
Expr Builder::addFloatTerms(RequantizeOp op, Func parameters) {
  Expr shift = parameters(int(RequantizeOp::Shift));
  auto isByte = [&](Expr element) { return element.type().bits() == 8; };
  auto number = [&](Expr element) {
    return Halide::cast<float>(subtractZero(element, shift));
  };
  auto getNumber = [&](RequantizeOp::Parameter zero) {
    return Halide::cast<float>(parameters(int(zero)) - shift);
  };
  Expr input = read(op.getInput()).tensor.func(c, x, y);
  Expr addend = read(op.getAddend()).tensor.func(c, x, y);
  Expr outer = readFactor(op.getScale());
  Expr inner = readFactor(op.getAddendScale());
  // Zero points of sums are 0.
  Expr zeros =
      isByte(addend) ? inner * getNumber(RequantizeOp::AddendZero) : Expr(0.f);
  if (isByte(input))
    zeros = fma(outer, getNumber(RequantizeOp::InputZero), zeros, form);
  Expr offset = Halide::strict_float(getNumber(RequantizeOp::Zero) - zeros);
  return fma(number(input), outer, fma(number(addend), inner, offset, form),
             form);
}

/// The scaled sums of a product that gives floats (Integer.h): 2^23 leaves them
/// again within the one step that scales.
Expr Builder::scaleFloats(RequantizeOp op) {
  Expr sum =
      Halide::reinterpret<float>(read(op.getInput()).tensor.func(c, x, y));
  Expr factor = readFactor(op.getScale());
  return fma(sum, factor, Halide::strict_float(factor * -kSumNumber), form);
}

/// The byte of one or two terms in the float form.
Expr Builder::roundFloat(RequantizeOp op, Func parameters) {
  mlir::Operation *product = op.getInput().getDefiningOp();
  bool isSum = bool(op.getAddend());
  Expr value;
  if (isSum)
    value = addFloatTerms(op, parameters);
  else if (product && givesFloats(product, form))
    value = scaleFloats(op);
  else
    value = readTerm(op.getInput(), op.getScale(),
                     parameters(int(RequantizeOp::InputZero)));
  value = Halide::strict_float(op.getUnbounded() ? holdInWord(value) : value);
  if (op.getRectified() && form.packsInLlvm())
    return roundRectified(value);
  ByteRange range(parameters);
  if (isSum)
    range.zero = parameters(int(RequantizeOp::Shift));
  if (op.getFull() && form.packsInLlvm())
    return roundFull(value, range.zero);
  if (op.getFull() || op.getRectified())
    range.low = -128, range.high = 127;
  if (op.getRectified())
    range.zero = -128;
  return roundToByte(value, range, form);
}

Computed Builder::requantize(RequantizeOp op) {
  Func parameters = getParameters(op.getParameters());
  Computed input = read(op.getInput());
  if (Value addend = op.getAddend()) {
    int pending = read(addend).pending;
    if (input.pending >= 0 && pending >= 0 && input.pending != pending)
      throw Unsupported("an element operation on two values that are computed "
                        "at once");
    input.pending = std::max(input.pending, pending);
  }
  Expr byte = op.getForm() == RequantizeForm::Fixed
                  ? roundFixed(addFixedTerms(op, parameters), parameters,
                               storesWholeVectors(input))
                  : roundFloat(op, parameters);
  Computed result = changeElements(input, byte);
  result.tensor.columnsFirst = input.tensor.columnsFirst;
  return result;
}

Computed Builder::dequantize(DequantizeOp op) {
  Expr zero = op.getZero() ? readZero(op.getZero()) : Expr(0);
  return changeElements(read(op.getInput()),
                        readTerm(op.getInput(), op.getScale(), zero));
}

Computed Builder::lookup(LookupOp op) {
  Computed input = read(op.getInput());
  Expr index = Halide::cast<int32_t>(input.tensor.func(c, x, y)) + 128;
  return changeElements(input, readVector(op.getTable())(index, 0));
}
