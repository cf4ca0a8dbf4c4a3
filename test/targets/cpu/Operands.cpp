//===- Operands.cpp - numbers for kernels under test ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The role of an argument is what its first user takes it for.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Operands.h"
#include <algorithm>
#include <cmath>

using namespace minnow;
using namespace minnow::mobile;
using mlir::Operation;
using mlir::Value;

namespace {

enum class Kind { Even, Ends, Ties, Saturated };

} // namespace

static int64_t choose(std::mt19937 &random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

static double chooseReal(std::mt19937 &random, double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random);
}

static llvm::ArrayRef<int64_t> getShape(Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

/// The shift of the fixed form, which all factors of a kernel agree in.
static int getShift(unsigned seed) { return seed % 16; }

/// {zero, low, high, input zero, addend zero, shift}: a plain range, that of a
/// relu, or any.
static std::vector<double> makeParameters(RequantizeOp user,
                                          std::mt19937 &random, int shift) {
  double zero = choose(random, -128, 127), low = -128, high = 127;
  bool isFull = user && (user.getFull() || user.getRectified());
  if (!isFull && choose(random, 0, 2) == 0)
    low = zero;
  if (!isFull && choose(random, 0, 4) == 0) {
    low = choose(random, -128, 0);
    high = choose(random, low, 127);
  }
  if (user && user.getRectified())
    zero = -128;
  return {zero,
          low,
          high,
          double(choose(random, -128, 127)),
          double(choose(random, -128, 127)),
          double(shift)};
}

/// The terms of each sum that `value` holds; 1 where it is none.
static double getDepth(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return 1;
  if (auto pool = llvm::dyn_cast<Pool2DOp>(op))
    return pool.getWindow()[0] * pool.getWindow()[1] / 16.0;
  if (!llvm::isa<Conv2DOp, DepthwiseConv2DOp, LinearOp>(op))
    return 1;
  double depth = 1;
  for (int64_t size : getShape(op->getOperand(1)).drop_back())
    depth *= size;
  return depth;
}

/// A factor that brings sums of bytes into the range of a byte.
/// Where they are unbounded, saturated ones are far out of the range of an i32.
static double makeScale(Value scaled, Kind kind, std::mt19937 &random) {
  mlir::Type element =
      llvm::cast<mlir::ShapedType>(scaled.getType()).getElementType();
  double typical = element.isInteger(32) ? 5000 * std::sqrt(getDepth(scaled))
                   : element.isF32()     ? 1
                                         : 64;
  double scale = chooseReal(random, 20, 90) / typical;
  if (kind == Kind::Ties)
    return std::exp2(std::floor(std::log2(scale)));
  auto user = llvm::dyn_cast<RequantizeOp>(*scaled.user_begin());
  double most = user && user.getUnbounded() ? 1e12 : 1e5;
  return kind == Kind::Saturated ? scale * most : float(scale);
}

/// The same in the fixed form.
static double makeFactor(Value scaled, Kind kind, int shift,
                         std::mt19937 &random) {
  int bits =
      llvm::cast<mlir::ShapedType>(scaled.getType()).getElementTypeBitWidth();
  double factor = std::ldexp(makeScale(scaled, kind, random),
                             (bits == 8 ? 15 : 31) + shift);
  return std::floor(std::min(factor, 2147483647.0));
}

/// The bias of a product: where it is rectified, sometimes one that takes its
/// sums near what they must be less than. With a saturated scale these would
/// leave an i32.
static double makeBias(Operation *product, Kind kind, std::mt19937 &random) {
  constexpr int64_t kUsual = 30000;
  auto user = product->hasOneUse()
                  ? llvm::dyn_cast<RequantizeOp>(*product->user_begin())
                  : RequantizeOp();
  if (!user || !user.getRectified() || kind == Kind::Saturated ||
      choose(random, 0, 1))
    return choose(random, -kUsual, kUsual);
  int64_t room =
      (1 << 23) - 1 - int64_t(getDepth(product->getResult(0))) * 127 * 128;
  return choose(random, 0, 1) ? room : -room * int64_t(choose(random, 1, 100));
}

static double makeByte(Kind kind, int low, std::mt19937 &random) {
  if (kind != Kind::Ends)
    return choose(random, low, 127);
  return choose(random, 0, 1) ? 127 : low;
}

/// The operand of a change of scale that `argument` is the factor of.
static Value getScaled(mlir::BlockArgument argument) {
  mlir::OpOperand &use = *argument.use_begin();
  bool isFactor = llvm::isa<RequantizeOp, DequantizeOp>(use.getOwner()) &&
                  use.getOperandNumber() % 2 == 1 &&
                  getShape(argument).size() == 1;
  return isFactor ? use.getOwner()->getOperand(use.getOperandNumber() - 1)
                  : Value();
}

/// Logits that differ by a few units, or by nearly none or very much.
static std::vector<double> makeAttentionScales(AttentionOp op, Kind kind,
                                               std::mt19937 &random) {
  double typical = 5000 * std::sqrt(double(op.getKeyWidth()));
  double logits = chooseReal(random, 1, 8) / typical;
  if (kind == Kind::Saturated)
    logits *= choose(random, 0, 1) ? 1e3 : 1e-3;
  return {float(logits), float(chooseReal(random, 0.5, 3))};
}

/// The same in the fixed form.
static std::vector<double> makeAttentionFactors(AttentionOp op, Kind kind,
                                                std::mt19937 &random) {
  double logits = makeAttentionScales(op, kind, random)[0];
  return {std::floor(std::min(std::ldexp(logits * 40, 31), 2147483647.0)),
          double(choose(random, 1 << 29, 2147483647))};
}

/// Bytes that are read as u8.
static std::vector<double> makeExponentials() {
  std::vector<double> table;
  for (int i = 0; i < 256; ++i)
    table.push_back(int8_t(std::lround(255 * std::exp(-i / 40.0))));
  return table;
}

std::vector<double> test::makeNumbers(mlir::BlockArgument argument,
                                      unsigned seed, std::mt19937 &random) {
  auto type = llvm::cast<mlir::RankedTensorType>(argument.getType());
  std::vector<double> numbers(type.getNumElements());
  Operation *user = *argument.user_begin();
  Kind kind = Kind(seed % 4);
  mlir::Type element = type.getElementType();
  Value scaled = getScaled(argument);
  if (auto op = llvm::dyn_cast<RequantizeOp>(user))
    if (op.getParameters() == argument)
      return makeParameters(op, random, getShift(seed));
  if (auto op = llvm::dyn_cast<AttentionOp>(user)) {
    auto parameters = op.getParameters();
    if (parameters.size() >= 2 && parameters[0] == argument)
      return element.isF32() ? makeAttentionScales(op, kind, random)
                             : makeAttentionFactors(op, kind, random);
    if (parameters.size() >= 2 && parameters[1] == argument)
      return makeParameters({}, random, getShift(seed) % 8);
    if (parameters.size() == 3 && parameters[2] == argument)
      return makeExponentials();
  }
  bool isFilter = user->getNumOperands() > 1 &&
                  user->getOperand(1) == argument && type.getRank() > 1;
  for (double &number : numbers) {
    if (scaled && element.isF32())
      number = float(makeScale(scaled, kind, random));
    else if (scaled)
      number = makeFactor(scaled, kind, getShift(seed), random);
    else if (element.isF32())
      number = float(chooseReal(random, -1, 1));
    else if (element.isInteger(8)) // Weights are symmetric.
      number = makeByte(kind, isFilter ? -127 : -128, random);
    else if (llvm::isa<DequantizeOp>(user))
      number = choose(random, -128, 127);
    else
      number = makeBias(user, kind, random);
  }
  return numbers;
}
