//===- Quantization.cpp - quantized types of tensors ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules for the element types of each primitive stand here together, so
// that one glance says what int8 networks are made of.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Quantization.h"
#include "dialects/mobile/Mobile.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace minnow::mobile;
using quant::QuantizedType;
using quant::UniformQuantizedPerAxisType;
using quant::UniformQuantizedType;

QuantizedType minnow::mobile::getQuantizedElement(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast<QuantizedType>(tensor.getElementType())
                : QuantizedType();
}

bool minnow::mobile::isQuantizedMap(Type type) {
  auto element = getQuantizedElement(type);
  return isa_and_nonnull<UniformQuantizedType>(element) &&
         element.getStorageTypeIntegralWidth() == 8;
}

bool minnow::mobile::isQuantizedSum(Type type) {
  auto element = getQuantizedElement(type);
  return element && element.getStorageTypeIntegralWidth() == 32;
}

Type minnow::mobile::getStorageType(Type type) {
  auto element = getQuantizedElement(type);
  return element ? cast<RankedTensorType>(type).clone(element.getStorageType())
                 : type;
}

uint64_t minnow::mobile::getByteSize(Type type) {
  auto shaped = cast<ShapedType>(getStorageType(type));
  return shaped.getNumElements() * shaped.getElementTypeBitWidth() / 8;
}

SmallVector<double> minnow::mobile::getScales(Type type) {
  QuantizedType element = getQuantizedElement(type);
  if (auto axis = dyn_cast<UniformQuantizedPerAxisType>(element))
    return SmallVector<double>(axis.getScales());
  return {cast<UniformQuantizedType>(element).getScale()};
}

int64_t minnow::mobile::getStorageOffset(QuantizedType element) {
  return element.isSigned() ? 0 : 128;
}

SmallVector<int64_t> minnow::mobile::getZeroPoints(Type type) {
  QuantizedType element = getQuantizedElement(type);
  if (auto axis = dyn_cast<UniformQuantizedPerAxisType>(element))
    return SmallVector<int64_t>(axis.getZeroPoints());
  return {getZeroPoint(type)};
}

int64_t minnow::mobile::getZeroPoint(Type type) {
  auto element = cast<UniformQuantizedType>(getQuantizedElement(type));
  return element.getZeroPoint() - getStorageOffset(element);
}

std::pair<int64_t, int64_t> minnow::mobile::getStorageRange(Type type) {
  QuantizedType element = getQuantizedElement(type);
  int64_t offset = getStorageOffset(element);
  return {element.getStorageTypeMin() - offset,
          element.getStorageTypeMax() - offset};
}

QuantizedType minnow::mobile::getMapElement(MLIRContext *context, double scale,
                                            int64_t zeroPoint, bool isSigned) {
  int64_t offset = isSigned ? 0 : 128;
  return UniformQuantizedType::get(
      isSigned ? quant::QuantizationFlags::Signed : 0,
      IntegerType::get(context, 8), Float32Type::get(context), scale,
      zeroPoint + offset, offset - 128, offset + 127);
}

QuantizedType minnow::mobile::getSumElement(Type input, Type filter,
                                            unsigned axis) {
  SmallVector<double> scales = getScales(filter);
  for (double &scale : scales)
    scale = float(float(scale) * float(getScales(input)[0]));
  MLIRContext *context = input.getContext();
  auto storage = IntegerType::get(context, 32);
  auto expressed = Float32Type::get(context);
  int64_t low = std::numeric_limits<int32_t>::min(),
          high = std::numeric_limits<int32_t>::max();
  if (scales.size() == 1)
    return UniformQuantizedType::get(quant::QuantizationFlags::Signed, storage,
                                     expressed, scales[0], 0, low, high);
  return UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, storage, expressed, scales,
      SmallVector<int64_t>(scales.size(), 0), axis, low, high);
}

bool minnow::mobile::isCompatibleResult(Type inferred, Type actual) {
  auto from = dyn_cast<RankedTensorType>(inferred);
  auto to = dyn_cast<RankedTensorType>(actual);
  if (!from || !to || from.getShape() != to.getShape())
    return false;
  Type a = from.getElementType(), b = to.getElementType();
  return a == b || (isa<QuantizedType>(a) && isa<QuantizedType>(b)) ||
         (a.isInteger(8) && b.isInteger(32));
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

namespace {

/// The element types of one primitive. Each check reports what it misses.
class Checker {
public:
  explicit Checker(Operation *op) : op(op), result(op->getResult(0).getType()) {
    types.assign(op->operand_type_begin(), op->operand_type_end());
  }
  LogicalResult check();

private:
  template <typename Product>
  LogicalResult product(Product op, unsigned axis, Value zero, bool isPadded);
  template <typename Product>
  LogicalResult quantizedProduct(Product op, unsigned axis, Value zero);
  LogicalResult add(AddOp op);
  LogicalResult mul(MulOp op);
  LogicalResult pool(Pool2DOp op);
  LogicalResult attention(AttentionOp op);
  LogicalResult requantize(RequantizeOp op);
  LogicalResult dequantize(DequantizeOp op);
  LogicalResult moved(Value zero, bool isPad);
  LogicalResult unquantized();

  InFlightDiagnostic fail(const Twine &message) {
    return op->emitOpError(message);
  }
  LogicalResult require(bool holds, const Twine &message) {
    return holds ? success() : LogicalResult(fail(message));
  }
  bool isStored(Type type, unsigned bits) {
    return cast<RankedTensorType>(type).getElementType().isSignlessInteger(
        bits);
  }
  bool isFloat(Type type) {
    return cast<RankedTensorType>(type).getElementType().isF32();
  }
  bool isVector(Value value, int64_t size, unsigned bits) {
    auto type = cast<RankedTensorType>(value.getType());
    return type.getNumElements() == size && isStored(type, bits);
  }
  LogicalResult factors(Value scale, bool isFixed);
  LogicalResult parameters(Value value) {
    return require(isVector(value, RequantizeOp::NumParameters, 32),
                   "expects parameters of 6 elements of i32");
  }

  Operation *op;
  Type result;
  SmallVector<Type> types;
};

} // namespace

/// An op without an integer form: all of it is floats.
LogicalResult Checker::unquantized() {
  for (Type type : llvm::concat<const Type>(ArrayRef(types), ArrayRef(result)))
    if (!isa<FloatType>(cast<RankedTensorType>(type).getElementType()))
      return fail("has no integer form; it takes floats only, found ") << type;
  return success();
}

/// The filter and bias of a quantized product, and what may become of its sum.
template <typename Product>
LogicalResult Checker::quantizedProduct(Product product, unsigned axis,
                                        Value zero) {
  Type filter = product.getFilter().getType();
  QuantizedType element = getQuantizedElement(filter);
  auto perAxis = dyn_cast_or_null<UniformQuantizedPerAxisType>(element);
  if (!element || element.getStorageTypeIntegralWidth() != 8)
    return fail("mixes precisions: input ")
           << types[0] << ", filter " << filter;
  unsigned last = cast<RankedTensorType>(filter).getRank() - 1;
  if (perAxis && unsigned(perAxis.getQuantizedDimension()) != last)
    return fail("filter has its scales along dimension ")
           << perAxis.getQuantizedDimension() << ", expected " << last
           << ", the output channels";
  if (llvm::any_of(getZeroPoints(filter), [](int64_t zero) { return zero; }))
    return fail("filter must have the zero point 0");
  if (product.getBias() && !isStored(product.getBias().getType(), 32))
    return fail("bias must be i32, of the scale input * filter, found ")
           << product.getBias().getType();
  if (zero)
    return fail("zero goes with storage types; the zero point of ")
           << types[0] << " is in its type";
  bool hasTable = product.getActivation() > Activation::Relu6;
  auto via = product.getPreactivation();
  if (hasTable != bool(via) ||
      (via && !isQuantizedMap(RankedTensorType::get({1}, *via))))
    return fail("an activation that is a table needs `via` an i8 type of one "
                "scale, any other none");
  if (isQuantizedSum(result))
    return require(product.getActivation() == Activation::None &&
                       getQuantizedElement(result) ==
                           getSumElement(types[0], filter, axis),
                   "an unrounded result has the scales input * filter and no "
                   "activation");
  return require(isQuantizedMap(result),
                 "result must be i8 of one scale or an unrounded sum");
}

template <typename Product>
LogicalResult Checker::product(Product product, unsigned axis, Value zero,
                               bool isPadded) {
  if (isQuantizedMap(types[0]))
    return quantizedProduct(product, axis, zero);
  if (isStored(types[0], 8)) {
    bool stored =
        isStored(product.getFilter().getType(), 8) && isStored(result, 32) &&
        (!product.getBias() || isStored(product.getBias().getType(), 32));
    if (!stored || product.getActivation() != Activation::None)
      return fail("a product of i8 takes a filter of i8, a bias of i32, and "
                  "gives i32 without activation");
    return require(isPadded == bool(zero) && (!zero || isVector(zero, 1, 8)),
                   "a padded product of i8 takes `zero`, one i8, another none");
  }
  if (product.getPreactivation() || zero)
    return fail("zero and via go with integers");
  for (Type type : types)
    if (getQuantizedElement(type))
      return fail("mixes precisions: input ") << types[0] << ", and " << type;
  return unquantized();
}

LogicalResult Checker::add(AddOp add) {
  Type lhs = types[0], rhs = types[1];
  if (isStored(lhs, 32))
    return require(isStored(rhs, 32) && isStored(result, 32) &&
                       add.getActivation() == Activation::None,
                   "a sum of integers is i32 throughout, without activation");
  if (!getQuantizedElement(lhs) && !getQuantizedElement(rhs))
    return unquantized();
  auto isTerm = [](Type type) {
    return isQuantizedMap(type) || isQuantizedSum(type);
  };
  if (!isTerm(lhs) || !isTerm(rhs) ||
      cast<RankedTensorType>(lhs).getShape() !=
          cast<RankedTensorType>(rhs).getShape())
    return fail("a quantized sum takes two maps of one shape, found ")
           << lhs << " and " << rhs;
  if (isQuantizedSum(result))
    return require(lhs == result && rhs == result &&
                       add.getActivation() == Activation::None,
                   "an unrounded result takes operands of its own type and no "
                   "activation");
  return require(isQuantizedMap(result) &&
                     add.getActivation() <= Activation::Relu6,
                 "result must be i8 of one scale, with relu, relu6 or no "
                 "activation");
}

LogicalResult Checker::mul(MulOp mul) {
  if (isStored(types[0], 32))
    return require(isStored(types[1], 32) && isStored(result, 32) &&
                       mul.getActivation() == Activation::None,
                   "a product of integers is i32 throughout, without "
                   "activation");
  if (!getQuantizedElement(types[0]) && !getQuantizedElement(types[1]))
    return unquantized();
  return require(llvm::all_of(types, isQuantizedMap) &&
                     isQuantizedMap(result) &&
                     mul.getActivation() <= Activation::Relu6,
                 "a quantized product takes and gives i8 of one scale, with "
                 "relu, relu6 or no activation");
}

LogicalResult Checker::pool(Pool2DOp pool) {
  bool isMax = pool.getKind() == PoolKind::Max;
  bool isPadded =
      llvm::any_of(pool.getPad(), [](int64_t size) { return size != 0; });
  if (isQuantizedMap(types[0])) {
    if (pool.getZero() || !isQuantizedMap(result) ||
        (isMax && types[0] != result))
      return fail("a quantized pool takes no zero and gives i8 of one scale, a "
                  "maximum that of its input");
    return require(isMax || !isPadded || pool.getCountPad(),
                   "a quantized average divides all its windows by the same "
                   "number; it takes padding with count_pad only");
  }
  if (isStored(types[0], 8))
    return require(isStored(result, isMax ? 8 : 32) &&
                       isMax != bool(pool.getZero()) &&
                       (isMax || isVector(pool.getZero(), 1, 8)),
                   "an average of i8 takes `zero`, one i8, and gives i32; a "
                   "maximum gives i8");
  return unquantized();
}

LogicalResult Checker::attention(AttentionOp attention) {
  ValueRange parameters = attention.getParameters();
  if (isQuantizedMap(types[0])) {
    bool quantized = llvm::all_of(types, isQuantizedMap);
    for (unsigned i = 0; quantized && i < 3; ++i)
      quantized = getZeroPoint(types[i]) == 0;
    return require(quantized && isQuantizedMap(result) && parameters.empty(),
                   "a quantized attention takes queries, keys and values of "
                   "i8 with zero point 0, and gives i8");
  }
  if (!isStored(types[0], 8))
    return unquantized();
  if (attention.getNumKeys() > 1023)
    return fail("an attention of integers has at most 1023 keys, found ")
           << attention.getNumKeys();
  bool isFixed = parameters.size() == 3;
  if (parameters.size() < 2 || parameters.size() > 3 ||
      !(isFixed ? isVector(parameters[0], 2, 32)
                : isFloat(parameters[0].getType())) ||
      (isFixed && !isVector(parameters[2], 256, 8)))
    return fail("takes `by` 2 scales of f32 and parameters, or 2 multipliers "
                "of i32, parameters and a table of 256 i8");
  return this->parameters(parameters[1]);
}

/// One factor or one a channel, f32 or i32.
LogicalResult Checker::factors(Value scale, bool isFixed) {
  int64_t channels = cast<RankedTensorType>(result).getShape().back();
  auto type = cast<RankedTensorType>(scale.getType());
  bool element = isFixed ? isStored(type, 32) : isFloat(type);
  return require(
      element &&
          (type.getNumElements() == 1 || type.getNumElements() == channels),
      "takes factors all of f32 or all of i32, one or one a channel");
}

LogicalResult Checker::requantize(RequantizeOp requantize) {
  bool isFixed = requantize.getForm() == RequantizeForm::Fixed;
  if (failed(factors(requantize.getScale(), isFixed)) ||
      failed(parameters(requantize.getParameters())))
    return failure();
  Type input = requantize.getInput().getType();
  auto isTerm = [&](Type type) {
    return isStored(type, 8) || isStored(type, 32);
  };
  if (!isStored(result, 8) ||
      !(isTerm(input) || (!isFixed && isFloat(input))) ||
      cast<RankedTensorType>(input).getShape() !=
          cast<RankedTensorType>(result).getShape())
    return fail("takes i32, i8 or, with factors of f32, f32, and gives i8 of "
                "the same shape");
  Value addend = requantize.getAddend();
  if (!addend)
    return success();
  if (!isTerm(addend.getType()) ||
      cast<RankedTensorType>(addend.getType()).getShape() !=
          cast<RankedTensorType>(result).getShape())
    return fail("addend must be i32 or i8 of the result's shape, found ")
           << addend.getType();
  return factors(requantize.getAddendScale(), isFixed);
}

LogicalResult Checker::dequantize(DequantizeOp dequantize) {
  Type input = types[0];
  Value scale = dequantize.getScale(), zero = dequantize.getZero();
  if (!isFloat(result) || cast<RankedTensorType>(input).getShape() !=
                              cast<RankedTensorType>(result).getShape())
    return fail("result must be f32 of the input's shape, found ") << result;
  if (getQuantizedElement(input))
    return require(!scale && !zero,
                   "a quantized input has its scales in its type");
  bool isByte = isStored(input, 8);
  if (!scale || !(isByte || isStored(input, 32)) || isByte != bool(zero) ||
      (zero && !isVector(zero, 1, 32)))
    return fail("takes i8 with `scale` and `zero`, one i32, or i32 with "
                "`scale`");
  return factors(scale, /*isFixed=*/false);
}

/// What only moves elements keeps their type.
LogicalResult Checker::moved(Value zero, bool isPad) {
  if (cast<RankedTensorType>(types[0]).getElementType() !=
      cast<RankedTensorType>(result).getElementType())
    return fail("must keep the element type of ") << types[0];
  if (getQuantizedElement(types[0]) && !isQuantizedMap(types[0]))
    return fail("moves i8 of one scale only, found ") << types[0];
  bool needsZero = isPad && isStored(types[0], 8);
  return require(needsZero == bool(zero) && (!zero || isVector(zero, 1, 8)),
                 "takes `zero`, one i8, with an input of i8 and else none");
}

LogicalResult Checker::check() {
  auto isPadded = [](auto conv) {
    return llvm::any_of(conv.getPad(), [](int64_t size) { return size != 0; });
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp>([&](auto conv) {
        return product(conv, 3, conv.getZero(), isPadded(conv));
      })
      .Case([&](LinearOp linear) { return product(linear, 1, {}, false); })
      .Case([&](AddOp op) { return add(op); })
      .Case([&](MulOp op) { return mul(op); })
      .Case([&](Pool2DOp op) { return pool(op); })
      .Case([&](AttentionOp op) { return attention(op); })
      .Case([&](RequantizeOp op) { return requantize(op); })
      .Case([&](DequantizeOp op) { return dequantize(op); })
      .Case([&](QuantizeOp) {
        return require(isFloat(types[0]) && isQuantizedMap(result),
                       "takes f32 and gives i8 of one scale");
      })
      .Case([&](LookupOp lookup) {
        return require(isStored(types[0], 8) &&
                           isVector(lookup.getTable(), 256, 8),
                       "takes i8 and a table of 256 i8");
      })
      .Case([&](ActivateOp) {
        if (getQuantizedElement(types[0]))
          return require(isQuantizedMap(types[0]) && isQuantizedMap(result),
                         "a quantized activation takes and gives i8 of one "
                         "scale");
        return types[0] == result
                   ? unquantized()
                   : LogicalResult(fail("takes and gives the same type"));
      })
      .Case([&](PadOp pad) { return moved(pad.getZero(), true); })
      .Case<TransposeOp, ReshapeOp>(
          [&](Operation *) { return moved({}, false); })
      .Default([&](Operation *) { return unquantized(); });
}

LogicalResult minnow::mobile::verifyQuantization(Operation *op) {
  return Checker(op).check();
}
