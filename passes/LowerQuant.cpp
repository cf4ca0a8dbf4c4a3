//===- LowerQuant.cpp - quantized types to storage types ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %y = conv2d %x, %w bias %b act relu : q8<s_x:z_x>, q8<s_w>, i32 ->
//   q8<s_y:z_y>
// becomes
//   %a = conv2d %x, %w bias %b' zero %z : i8, i8, i32, i8 -> i32
//   %y = requantize %a scale %m by %p : i32, f32, i32 -> i8
//
// with b' = b - z_x * sum(w), m = s_x * s_w / s_y. Scales and zero points
// become numbers of weights, so that kernels of the same shape stay equal.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Activations.h"
#include "passes/InlineBlocks.h"
#include "passes/IntegerWeights.h"
#include "passes/Passes.h"
#include "targets/Target.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_LOWERQUANT
#include "passes/Passes.h.inc"
} // namespace minnow

namespace {

/// One term of a requantisation.
struct Term {
  Value value; // on storage types
  // Of its scale to the result's, one or one a channel.
  SmallVector<float> ratios;
  int32_t zero = 0;
};

/// Rewrites one network in place, in its order. The quantized types that values
/// had are kept beside it.
class Lowering {
public:
  Lowering(func::FuncOp function, RequantizeForm form, bool quantizedEdges,
           IntegerWeights &weights)
      : function(function), form(form), quantizedEdges(quantizedEdges),
        weights(weights), builder(function.getContext()) {}
  LogicalResult run();

private:
  LogicalResult lower(Operation *op);
  template <typename Product>
  LogicalResult lowerProduct(Product op, Value zero);
  LogicalResult lower(AddOp op);
  LogicalResult lower(MulOp op);
  Value widen(Operation *op, Value map);
  LogicalResult lower(Pool2DOp op);
  LogicalResult lower(AttentionOp op);
  void roundArgument(BlockArgument argument, QuantizeOp op);
  LogicalResult lower(QuantizeOp op);
  LogicalResult lower(DequantizeOp op);
  LogicalResult lower(ActivateOp op);
  LogicalResult lower(PadOp op);

  struct ProductNumbers;
  FailureOr<ProductNumbers> readNumbers(Operation *op,
                                        MutableOperandRange bias);
  void replaceFilter(Operation *op, ArrayRef<int8_t> numbers,
                     ArrayRef<int> halvings);
  LogicalResult foldZeroPoint(Operation *op, Type input,
                              MutableOperandRange biasOperand);
  Value requantize(Operation *op, ArrayRef<Term> terms, Type result,
                   Activation activation = Activation::None);
  Value makeFactors(Operation *op, const Term &term, int shift);
  std::optional<int> chooseShift(ArrayRef<Term> terms);
  Value lookUp(Operation *op, Value input, Type from, Type to,
               Activation activation);
  Value makeZero(Operation *op, Type type);
  Term makeTerm(Value value, Type result);
  double getReach(const Term &term);
  void finish(Operation *op, Value result);

  Type getType(Value value) {
    Type type = types.lookup(value);
    return type ? type : value.getType();
  }
  std::string nameBeside(Operation *op, StringRef suffix);

  func::FuncOp function;
  RequantizeForm form;
  bool quantizedEdges; // inputs and outputs are i8
  IntegerWeights &weights;
  OpBuilder builder;
  DenseMap<Value, Type> types;                  // of quantized values, before
  DenseMap<Value, SmallVector<double>> reaches; // of products' sums
  DenseMap<Value, int64_t> tops; // the largest of all channels' sums
};

} // namespace

static float getScale(Type type) { return getScales(type)[0]; }

static quant::QuantizedType getElement(Type type) {
  return getQuantizedElement(type);
}

/// Of half an integer, the even one: round to nearest, ties to even.
static int64_t roundEven(double value) { return std::llrint(value); }

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

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

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
  std::optional<int> shift = -getStorageOffset(getElement(result));
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

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The numbers of a product; their channels are the last dimension.
struct Lowering::ProductNumbers {
  std::vector<int8_t> filter;
  std::vector<int32_t> bias;

  size_t getNumChannels() const { return bias.size(); }
  /// The largest magnitude of a channel's sum of inputs up to `largest`, and
  /// the sum of its weights.
  std::pair<int64_t, int64_t> getReach(size_t channel, int64_t largest) const {
    int64_t most = std::abs(int64_t(bias[channel])), sum = 0;
    for (size_t i = channel; i < filter.size(); i += getNumChannels()) {
      most += std::abs(int(filter[i])) * largest;
      sum += filter[i];
    }
    return {most, sum};
  }
  /// The largest sum of a channel of inputs from `low` to `high`.
  int64_t getTop(size_t channel, int64_t low, int64_t high) const {
    int64_t top = bias[channel];
    for (size_t i = channel; i < filter.size(); i += getNumChannels())
      top += std::max(filter[i] * low, filter[i] * high);
    return top;
  }
  /// Divides the numbers of a channel by two, rounded.
  void halve(size_t channel) {
    for (size_t i = channel; i < filter.size(); i += getNumChannels())
      filter[i] = roundEven(filter[i] / 2.0);
    bias[channel] = roundEven(bias[channel] / 2.0);
  }
};

FailureOr<Lowering::ProductNumbers>
Lowering::readNumbers(Operation *op, MutableOperandRange bias) {
  auto filter = weights.read<int8_t>(op->getOperand(1));
  if (failed(filter))
    return failure();
  size_t channels =
      cast<RankedTensorType>(op->getOperand(1).getType()).getShape().back();
  ProductNumbers numbers{std::move(*filter), std::vector<int32_t>(channels, 0)};
  if (bias.empty())
    return numbers;
  auto read = weights.read<int32_t>(bias[0].get());
  if (failed(read))
    return failure();
  numbers.bias = std::move(*read);
  return numbers;
}

/// Replaces the filter of `op` by `numbers`, of which each channel is divided
/// by 2^halvings.
void Lowering::replaceFilter(Operation *op, ArrayRef<int8_t> numbers,
                             ArrayRef<int> halvings) {
  auto type = cast<RankedTensorType>(getType(op->getOperand(1)));
  SmallVector<double> scales = getScales(type);
  scales.resize(halvings.size(), scales[0]);
  for (auto [scale, count] : llvm::zip(scales, halvings))
    scale = std::ldexp(scale, count);
  quant::QuantizedType old = getElement(type);
  auto element = quant::UniformQuantizedPerAxisType::get(
      old.getFlags(), old.getStorageType(), old.getExpressedType(), scales,
      SmallVector<int64_t>(scales.size(), 0), type.getRank() - 1,
      old.getStorageTypeMin(), old.getStorageTypeMax());
  auto get = op->getOperand(1).getDefiningOp<GetWeightOp>();
  Value filter = weights.create(builder, op->getLoc(), get.getWeight(), numbers,
                                type.getShape());
  types[filter] = type.clone(element);
  op->setOperand(1, filter);
}

/// Gives `op` the bias b - z * sum(w). A channel whose sum could leave its
/// bits, as a large bias beside a filter of nearly nothing makes it, is
/// computed on a coarser scale.
LogicalResult Lowering::foldZeroPoint(Operation *op, Type input,
                                      MutableOperandRange biasOperand) {
  auto numbers = readNumbers(op, biasOperand);
  if (failed(numbers))
    return failure();
  std::string name = nameBeside(op, "bias");
  int64_t zero = getZeroPoint(input);
  auto [low, high] = getStorageRange(input);
  int64_t largest = std::max(high - zero, zero - low);
  int64_t limit = int64_t(1) << (form == RequantizeForm::Fixed ? 29 : 31);
  SmallVector<int> halvings(numbers->getNumChannels(), 0);
  for (auto [c, count] : llvm::enumerate(halvings)) {
    auto [most, sum] = numbers->getReach(c, largest);
    for (; most >= limit && numbers->bias[c] != 0; ++count) {
      numbers->halve(c);
      std::tie(most, sum) = numbers->getReach(c, largest);
    }
    if (most >= limit || (count && isQuantizedSum(getType(op->getResult(0)))))
      return op->emitOpError("the sum of channel ")
             << c << " could be more than its 32 bits hold; its bias is too "
             << "large for the scales of input and filter";
    bool isNear = most < int64_t(1) << 30;
    int64_t &top = tops[op->getResult(0)];
    top = std::max(top,
                   isNear ? numbers->getTop(c, low - zero, high - zero) : most);
    numbers->bias[c] -= zero * sum;
    reaches[op->getResult(0)].push_back(most);
  }
  if (llvm::any_of(halvings, [](int count) { return count != 0; }))
    replaceFilter(op, numbers->filter, halvings);
  biasOperand.assign(weights.create(builder, op->getLoc(), name,
                                    ArrayRef<int32_t>(numbers->bias)));
  return success();
}

/// Makes a product give its bare sum, and rounds that where it is to be.
template <typename Product>
LogicalResult Lowering::lowerProduct(Product op, Value zero) {
  Type input = getType(op.getInput()), type = getType(op.getResult());
  if (!isQuantizedMap(input))
    return success();
  if (failed(foldZeroPoint(op, input, op.getBiasMutable())))
    return failure();
  auto axis = cast<RankedTensorType>(type).getRank() - 1;
  auto sum = cast<RankedTensorType>(type).clone(
      getSumElement(input, getType(op.getFilter()), axis));
  Activation activation = op.getActivation();
  auto via = op.getPreactivation();
  op.setActivation(Activation::None);
  op.removePreactivationAttr();
  op.getResult().setType(cast<RankedTensorType>(getStorageType(sum)));
  if (zero)
    if constexpr (!std::is_same_v<Product, LinearOp>)
      op.getZeroMutable().assign(zero);
  if (isQuantizedSum(type))
    return success();

  builder.setInsertionPointAfter(op);
  types[op.getResult()] = sum;
  Type rounded = via ? cast<RankedTensorType>(type).clone(*via) : type;
  Value result =
      requantize(op, makeTerm(op.getResult(), rounded), rounded, activation);
  if (!result)
    return failure();
  if (via)
    result = lookUp(op, result, rounded, type, activation);
  types[op.getResult()] = type;
  finish(op, result);
  return success();
}

//===----------------------------------------------------------------------===//
// The other primitives
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lower(AddOp op) {
  Type type = getType(op.getResult());
  Type lhs = getType(op.getLhs()), rhs = getType(op.getRhs());
  if (!getElement(type))
    return success();
  bool isOneSum = isQuantizedSum(lhs) && lhs == rhs;
  if (isOneSum) {
    types[op.getResult()] = lhs;
    op.getResult().setType(cast<RankedTensorType>(getStorageType(lhs)));
    if (isQuantizedSum(type))
      return success();
  }
  builder.setInsertionPointAfter(op);
  SmallVector<Term, 2> terms;
  if (isOneSum)
    terms = {makeTerm(op.getResult(), type)};
  else
    terms = {makeTerm(op.getLhs(), type), makeTerm(op.getRhs(), type)};
  Activation activation = op.getActivation();
  op.setActivation(Activation::None);
  Value result = requantize(op, terms, type, activation);
  if (!result)
    return failure();
  types[op.getResult()] = type;
  finish(op, result);
  if (!isOneSum)
    op.erase();
  return success();
}

/// A map less its zero point, in 32 bits: its average over one position.
Value Lowering::widen(Operation *op, Value map) {
  auto type = cast<RankedTensorType>(map.getType());
  SmallVector<int64_t> ones(2, 1), none(4, 0);
  return Pool2DOp::create(builder, op->getLoc(),
                          type.clone(builder.getI32Type()), PoolKind::Average,
                          map, makeZero(op, getType(map)), ones, ones, none,
                          /*count_pad=*/false);
}

/// The product of both less their zero points, which is exact, rounded.
LogicalResult Lowering::lower(MulOp op) {
  Type type = getType(op.getResult());
  if (!getElement(type))
    return success();
  float scale = getScale(getType(op.getLhs())) * getScale(getType(op.getRhs()));
  Value lhs = widen(op, op.getLhs()), rhs = widen(op, op.getRhs());
  auto product = MulOp::create(builder, op->getLoc(), lhs.getType(), lhs, rhs,
                               mobile::Activation::None);
  Value result = requantize(op, Term{product, {scale / getScale(type)}, 0},
                            type, op.getActivation());
  if (!result)
    return failure();
  types[result] = type;
  op.getResult().replaceAllUsesWith(result);
  op.erase();
  return success();
}

LogicalResult Lowering::lower(Pool2DOp op) {
  Type type = getType(op.getResult()), input = getType(op.getInput());
  if (!isQuantizedMap(input))
    return success();
  if (op.getKind() == PoolKind::Max) {
    op.getResult().setType(cast<RankedTensorType>(getStorageType(type)));
    return success();
  }
  op.getZeroMutable().assign(makeZero(op, input));
  op.getResult().setType(
      cast<RankedTensorType>(type).clone(builder.getI32Type()));
  builder.setInsertionPointAfter(op);
  float count = op.getWindow()[0] * op.getWindow()[1];
  Term term{op.getResult(), {getScale(input) / (getScale(type) * count)}, 0};
  Value result = requantize(op, term, type);
  if (!result)
    return failure();
  finish(op, result);
  return success();
}

/// The parameters of an attention in each form, as its description says.
LogicalResult Lowering::lower(AttentionOp op) {
  Type type = getType(op.getResult());
  if (!getElement(type))
    return success();
  double logits = getScales(getType(op.getQuery()))[0] *
                  getScales(getType(op.getKey()))[0] *
                  op.getScale().convertToDouble();
  double values = getScales(getType(op.getValue()))[0] / getScales(type)[0];
  auto create = [&](StringRef suffix, auto numbers) {
    return weights.create(builder, op->getLoc(), nameBeside(op, suffix),
                          ArrayRef(numbers));
  };
  int shift = 0;
  SmallVector<Value, 3> operands;
  if (form == RequantizeForm::Float) {
    operands.push_back(create(
        "scales", SmallVector<float>{float(logits * M_LOG2E), float(values)}));
  } else {
    for (shift = 7; shift >= 0; --shift)
      if (std::ldexp(values, 24 + shift) < 2147483647.0)
        break;
    double index = std::ldexp(logits * 40, 31);
    if (shift < 0 || index >= 2147483647.0)
      return op->emitOpError("the scales of its operands are too large for "
                             "fixed-point arithmetic");
    operands.push_back(
        create("multipliers",
               SmallVector<int32_t>{
                   int32_t(std::llround(index)),
                   int32_t(std::llround(std::ldexp(values, 24 + shift)))}));
  }
  auto [low, high] = getStorageRange(type);
  operands.push_back(
      create("rounding",
             SmallVector<int32_t>{int32_t(getZeroPoint(type)), int32_t(low),
                                  int32_t(high), 0, 0, shift}));
  if (form == RequantizeForm::Fixed) {
    SmallVector<int8_t> table;
    for (int i = 0; i < 256; ++i)
      table.push_back(
          static_cast<int8_t>(std::lround(255 * std::exp(-i / 40.0))));
    operands.push_back(create("exponentials", table));
  }
  op.getParametersMutable().assign(operands);
  op.getResult().setType(cast<RankedTensorType>(getStorageType(type)));
  return success();
}

/// Whether `value` is nothing but results of the network; `indices` says which.
static bool isResult(Value value, SmallVectorImpl<unsigned> &indices) {
  for (OpOperand &use : value.getUses()) {
    if (!isa<func::ReturnOp>(use.getOwner()))
      return false;
    indices.push_back(use.getOperandNumber());
  }
  return !indices.empty();
}

/// The argument that `value` is, moved about by nothing but what is read once;
/// null if it is none.
static BlockArgument getMovedArgument(Value value) {
  while (value.hasOneUse()) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument;
    if (!isa<TransposeOp, ReshapeOp>(value.getDefiningOp()))
      return {};
    value = value.getDefiningOp()->getOperand(0);
  }
  return {};
}

/// Makes an argument be of `type`'s element already, instead of `op` rounding
/// it. What moves it in between moves bytes.
void Lowering::roundArgument(BlockArgument argument, QuantizeOp op) {
  quant::QuantizedType element = getElement(getType(op.getResult()));
  for (Value value = op.getInput();;
       value = value.getDefiningOp()->getOperand(0)) {
    auto type = cast<RankedTensorType>(value.getType()).clone(element);
    types[value] = type;
    value.setType(getStorageType(type));
    if (value == argument)
      break;
  }
  function.setArgAttr(argument.getArgNumber(), kQuantizedAttrName,
                      TypeAttr::get(element));
  op.getResult().replaceAllUsesWith(op.getInput());
  op.erase();
}

/// The error that `op` has floats beside it, which `maker` reads or gives, on a
/// target that computes integers only.
static LogicalResult refuseFloats(Operation *op, Operation *maker) {
  if (isa_and_nonnull<PrimitiveOpInterface>(maker))
    return maker->emitOpError("has no integer form here, and the target "
                              "computes integers only");
  return op->emitOpError("the target computes integers only; what lies beside "
                         "it must have an integer form");
}

LogicalResult Lowering::lower(QuantizeOp op) {
  BlockArgument argument = getMovedArgument(op.getInput());
  if (quantizedEdges && argument) {
    roundArgument(argument, op);
    return success();
  }
  if (form == RequantizeForm::Fixed)
    return refuseFloats(op, op.getInput().getDefiningOp());
  Type type = getType(op.getResult());
  builder.setInsertionPointAfter(op);
  Value result =
      requantize(op, Term{op.getInput(), {1.0f / getScale(type)}, 0}, type);
  finish(op, result);
  op.erase();
  return success();
}

LogicalResult Lowering::lower(DequantizeOp op) {
  Type type = getType(op.getInput());
  SmallVector<unsigned> indices;
  if (quantizedEdges && isQuantizedMap(type) &&
      isResult(op.getResult(), indices)) {
    for (unsigned index : indices)
      function.setResultAttr(index, kQuantizedAttrName,
                             TypeAttr::get(getElement(type)));
    op.getResult().replaceAllUsesWith(op.getInput());
    op.erase();
    return success();
  }
  if (form == RequantizeForm::Fixed)
    return refuseFloats(op, *op->user_begin());
  SmallVector<float> scales;
  for (double scale : getScales(type))
    scales.push_back(scale);
  op.getScaleMutable().assign(weights.create(
      builder, op.getLoc(), nameBeside(op, "scale"), ArrayRef<float>(scales)));
  if (isQuantizedMap(type)) {
    int32_t zero = getZeroPoint(type);
    op.getZeroMutable().assign(weights.create(
        builder, op.getLoc(), nameBeside(op, "zero"), ArrayRef<int32_t>(zero)));
  }
  return success();
}

LogicalResult Lowering::lower(ActivateOp op) {
  Type from = getType(op.getInput()), to = getType(op.getResult());
  if (!getElement(from))
    return success();
  builder.setInsertionPointAfter(op);
  finish(op, lookUp(op, op.getInput(), from, to, op.getActivation()));
  op.erase();
  return success();
}

LogicalResult Lowering::lower(PadOp op) {
  Type type = getType(op.getInput());
  if (!getElement(type))
    return success();
  op.getZeroMutable().assign(makeZero(op, type));
  op.getResult().setType(cast<RankedTensorType>(getStorageType(type)));
  return success();
}

LogicalResult Lowering::lower(Operation *op) {
  builder.setInsertionPoint(op);
  auto product = [&](auto conv) {
    bool isPadded =
        llvm::any_of(conv.getPad(), [](int64_t size) { return size != 0; });
    bool needsZero = isPadded && isQuantizedMap(getType(conv.getInput()));
    return lowerProduct(
        conv, needsZero ? makeZero(conv, getType(conv.getInput())) : Value());
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp>(product)
      .Case([&](LinearOp linear) { return lowerProduct(linear, {}); })
      .Case<AddOp, MulOp, Pool2DOp, AttentionOp, QuantizeOp, DequantizeOp,
            ActivateOp, PadOp>([&](auto each) { return lower(each); })
      .Default([&](Operation *other) {
        for (OpResult result : other->getResults())
          result.setType(getStorageType(result.getType()));
        return success();
      });
}

LogicalResult Lowering::run() {
  inlineBlocks(function);
  Block &body = function.getBody().front();
  auto remember = [&](Value value) {
    if (getElement(value.getType()))
      types[value] = value.getType();
  };
  for (BlockArgument argument : body.getArguments())
    if (getElement(argument.getType())) {
      function.setArgAttr(argument.getArgNumber(), kQuantizedAttrName,
                          TypeAttr::get(getElement(argument.getType())));
      remember(argument);
    }
  for (OpOperand &result : body.getTerminator()->getOpOperands())
    if (auto element = getElement(result.get().getType()))
      function.setResultAttr(result.getOperandNumber(), kQuantizedAttrName,
                             TypeAttr::get(element));
  for (Operation &op : body)
    llvm::for_each(op.getResults(), remember);
  for (BlockArgument argument : body.getArguments())
    argument.setType(getStorageType(argument.getType()));
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
    if (failed(lower(&op)))
      return failure();
  function.setFunctionType(builder.getFunctionType(
      body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  return success();
}

namespace {

struct LowerQuant : minnow::impl::LowerQuantBase<LowerQuant> {
  using LowerQuantBase::LowerQuantBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = createTarget(module);
    if (!target)
      return signalPassFailure();
    IntegerWeights weights(module);
    RequantizeForm form = target->getRequantizeForm();
    bool edges = quantizedEdges || form == RequantizeForm::Fixed;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (!isQuantized(function)) {
        if (form == RequantizeForm::Fixed && hasFloats(function)) {
          function.emitError("the network has numbers in f32: the machine "
                             "computes in integers; compile with --precision "
                             "int8 --calibrate DIR");
          return signalPassFailure();
        }
        continue;
      }
      if (failed(Lowering(function, form, edges, weights).run()))
        return signalPassFailure();
    }
    weights.eraseUnused();
  }

  static bool hasFloats(func::FuncOp function) {
    return llvm::any_of(function.getArgumentTypes(), [](Type type) {
      return cast<ShapedType>(type).getElementType().isF32();
    });
  }

  /// A network in f32 keeps its blocks.
  static bool isQuantized(func::FuncOp function) {
    WalkResult result = function.walk([](Operation *op) {
      bool quantized = llvm::any_of(op->getResultTypes(), [](Type type) {
        return bool(getQuantizedElement(type));
      });
      return quantized ? WalkResult::interrupt() : WalkResult::advance();
    });
    return result.wasInterrupted();
  }
};

} // namespace
