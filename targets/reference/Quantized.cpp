//===- Quantized.cpp - rounding to i8 to linalg ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two forms of mobile.requantize, written here once: what every target's
// kernels are compared with, bit by bit.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "targets/reference/Patterns.h"

using namespace mlir;
using namespace minnow;
using mobile::RequantizeOp;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static Value toByte(Arithmetic math, Value x) {
  return math.make<arith::TruncIOp>(Type(math.builder.getI8Type()), x);
}

/// In f64, where products of f32 are exact: the sum is rounded to odd, so that
/// the second rounding does not see the first (Boldo and Melquiond, 2008). The
/// machine's own instruction would be a call where it has none.
Value Arithmetic::fma(Value a, Value b, Value c) {
  Type f64 = builder.getF64Type(), i64 = builder.getI64Type();
  auto wide = [&](Value x) { return make<arith::ExtFOp>(f64, x); };
  auto whole = [&](int64_t number) {
    return make<arith::ConstantOp>(builder.getI64IntegerAttr(number));
  };
  auto compare = [&](arith::CmpFPredicate predicate, Value x) {
    Value zero = make<arith::ConstantOp>(builder.getF64FloatAttr(0));
    return make<arith::CmpFOp>(predicate, x, zero);
  };
  Value product = mul(wide(a), wide(b)), addend = wide(c);
  Value sum = add(product, addend), part = sub(sum, product);
  Value error = add(sub(product, sub(sum, part)), sub(addend, part));
  Value bits = make<arith::BitcastOp>(i64, sum);
  Value isUp = make<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                   compare(arith::CmpFPredicate::OGT, error),
                                   compare(arith::CmpFPredicate::OGT, sum));
  Value step = make<arith::SelectOp>(isUp, whole(1), whole(-1));
  Value isOdd = make<arith::TruncIOp>(Type(builder.getI1Type()), bits);
  Value isExact = compare(arith::CmpFPredicate::OEQ, error);
  Value stays = make<arith::OrIOp>(isOdd, isExact);
  Value odd =
      make<arith::SelectOp>(stays, bits, make<arith::AddIOp>(bits, step));
  return make<arith::TruncFOp>(Type(builder.getF32Type()),
                               make<arith::BitcastOp>(f64, odd));
}

Value minnow::roundFloat(Arithmetic math, Value x, ValueRange parameters) {
  Value zero = parameters[0];
  auto bound = [&](Value limit) {
    return math.make<arith::SIToFPOp>(Type(math.builder.getF32Type()),
                                      math.make<arith::SubIOp>(limit, zero));
  };
  x = math.make<math::RoundEvenOp>(x);
  x = math.make<arith::MaximumFOp>(x, bound(parameters[1]));
  x = math.make<arith::MinimumFOp>(x, bound(parameters[2]));
  Value integer =
      math.make<arith::FPToSIOp>(Type(math.builder.getI32Type()), x);
  return toByte(math, math.make<arith::AddIOp>(integer, zero));
}

Value minnow::multiplyHigh(Arithmetic math, Value a, Value b, int bits) {
  Type wide = math.builder.getI64Type();
  auto number = [&](int64_t value) {
    return math.make<arith::ConstantOp>(math.builder.getI64IntegerAttr(value));
  };
  Value product = math.make<arith::MulIOp>(math.make<arith::ExtSIOp>(wide, a),
                                           math.make<arith::ExtSIOp>(wide, b));
  Value sum =
      math.make<arith::AddIOp>(product, number(int64_t(1) << (bits - 1)));
  return math.make<arith::TruncIOp>(
      Type(math.builder.getI32Type()),
      math.make<arith::ShRSIOp>(sum, number(bits)));
}

Value minnow::roundFixed(Arithmetic math, Value h, Value shift,
                         ValueRange parameters) {
  // 2^(shift - 1), and 0 for no shift.
  Value half = math.make<arith::ShRSIOp>(
      math.make<arith::ShLIOp>(math.integer(1), shift), math.integer(1));
  Value y = math.make<arith::ShRSIOp>(math.make<arith::AddIOp>(h, half), shift);
  y = math.make<arith::AddIOp>(y, parameters[0]);
  y = math.make<arith::MaxSIOp>(y, parameters[1]);
  return toByte(math, math.make<arith::MinSIOp>(y, parameters[2]));
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// Reads element `index` of a vector at each position of a result of `rank`.
static AffineMap readAt(Builder &builder, int64_t rank, int64_t index) {
  return AffineMap::get(rank, 0, builder.getAffineConstantExpr(index));
}

/// Reads the factor of each channel, or the one of all.
static AffineMap readFactor(Builder &builder, Value factors, int64_t rank) {
  auto type = cast<RankedTensorType>(factors.getType());
  return type.getNumElements() == 1
             ? readAt(builder, rank, 0)
             : AffineMap::get(rank, 0, builder.getAffineDimExpr(rank - 1));
}

namespace {

Value toFloat(Arithmetic math, Value x) {
  return x.getType().isF32()
             ? x
             : math.make<arith::SIToFPOp>(Type(math.builder.getF32Type()), x);
}

/// A byte less `zero` as i32; other terms as they are.
Value subtract(Arithmetic math, Value term, Value zero) {
  if (!term.getType().isInteger(8))
    return term;
  Type i32 = math.builder.getI32Type();
  return math.make<arith::SubIOp>(math.make<arith::ExtSIOp>(i32, term), zero);
}

/// `f32(term - zero) * factor`, or the rounding high product, of one element.
Value scaleFloat(Arithmetic math, Value term, Value factor, Value zero) {
  return math.mul(toFloat(math, subtract(math, term, zero)), factor);
}

Value scaleFixed(Arithmetic math, Value term, Value factor, Value zero,
                 Value left) {
  int bits = term.getType().isInteger(8) ? 15 : 31;
  term = subtract(math, term, zero);
  return multiplyHigh(math, math.make<arith::ShLIOp>(term, left), factor, bits);
}

struct RequantizePattern : OpConversionPattern<RequantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(RequantizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    int64_t rank = type.getRank();
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (int i = 0; i < RequantizeOp::NumParameters; ++i) {
      inputs.push_back(adaptor.getParameters());
      maps.push_back(readAt(rewriter, rank, i));
    }
    auto addTerm = [&](Value term, Value factors) {
      inputs.append({term, factors});
      maps.append({rewriter.getMultiDimIdentityMap(rank),
                   readFactor(rewriter, factors, rank)});
    };
    addTerm(adaptor.getInput(), adaptor.getScale());
    if (op.getAddend())
      addTerm(adaptor.getAddend(), adaptor.getAddendScale());
    bool isFixed = op.getForm() == mobile::RequantizeForm::Fixed;
    auto element = [&](OpBuilder &builder, ValueRange values) {
      Arithmetic math{builder, op.getLoc()};
      ValueRange parameters = values.take_front(RequantizeOp::NumParameters);
      // The last value is the result's, not yet set.
      ValueRange terms =
          values.drop_front(RequantizeOp::NumParameters).drop_back();
      return isFixed ? computeFixed(math, parameters, terms)
                     : computeFloat(math, parameters, terms);
    };
    rewriter.replaceOp(
        op, mapElements(rewriter, op.getLoc(), type, inputs, maps, element));
    return success();
  }

private:
  /// `terms` are an element and its factor, once or twice.
  static Value computeFloat(Arithmetic math, ValueRange parameters,
                            ValueRange terms) {
    if (terms.size() <= 2)
      return roundFloat(math,
                        scaleFloat(math, terms[0], terms[1],
                                   parameters[RequantizeOp::InputZero]),
                        parameters);
    return roundFloat(math, addFloat(math, parameters, terms),
                      {parameters[RequantizeOp::Shift],
                       parameters[RequantizeOp::Low],
                       parameters[RequantizeOp::High]});
  }

  /// The sum of two terms, with the zero point of the result.
  static Value addFloat(Arithmetic math, ValueRange parameters,
                        ValueRange terms) {
    Value shift = parameters[RequantizeOp::Shift];
    auto number = [&](Value term) {
      return toFloat(math, subtract(math, term, shift));
    };
    auto getNumber = [&](RequantizeOp::Parameter zero) {
      return toFloat(math, math.make<arith::SubIOp>(parameters[zero], shift));
    };
    auto zeroOf = [&](Value term, RequantizeOp::Parameter zero) {
      return term.getType().isInteger(8) ? getNumber(zero) : math.number(0);
    };
    Value zeros = math.fma(
        terms[1], zeroOf(terms[0], RequantizeOp::InputZero),
        math.mul(terms[3], zeroOf(terms[2], RequantizeOp::AddendZero)));
    Value offset = math.sub(getNumber(RequantizeOp::Zero), zeros);
    return math.fma(number(terms[0]), terms[1],
                    math.fma(number(terms[2]), terms[3], offset));
  }

  static Value computeFixed(Arithmetic math, ValueRange parameters,
                            ValueRange terms) {
    Value none = math.integer(0), shift = parameters[RequantizeOp::Shift];
    Value left =
        math.make<arith::MaxSIOp>(math.make<arith::SubIOp>(none, shift), none);
    Value right = math.make<arith::MaxSIOp>(shift, none);
    Value sum = scaleFixed(math, terms[0], terms[1],
                           parameters[RequantizeOp::InputZero], left);
    if (terms.size() > 2)
      sum = math.make<arith::AddIOp>(
          sum, scaleFixed(math, terms[2], terms[3],
                          parameters[RequantizeOp::AddendZero], left));
    return roundFixed(math, sum, right, parameters);
  }
};

struct DequantizePattern : OpConversionPattern<mobile::DequantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::DequantizeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    int64_t rank = type.getRank();
    SmallVector<Value> inputs = {adaptor.getInput(), adaptor.getScale()};
    SmallVector<AffineMap> maps = {rewriter.getMultiDimIdentityMap(rank),
                                   readFactor(rewriter, inputs[1], rank)};
    if (op.getZero()) {
      inputs.push_back(adaptor.getZero());
      maps.push_back(readAt(rewriter, rank, 0));
    }
    auto element = [&](OpBuilder &builder, ValueRange values) {
      return scaleFloat({builder, op.getLoc()}, values[0], values[1],
                        op.getZero() ? values[2] : Value());
    };
    rewriter.replaceOp(
        op, mapElements(rewriter, op.getLoc(), type, inputs, maps, element));
    return success();
  }
};

struct LookupPattern : OpConversionPattern<mobile::LookupOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::LookupOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    auto element = [&](OpBuilder &builder, ValueRange values) -> Value {
      Arithmetic math{builder, op.getLoc()};
      Value wide =
          math.make<arith::ExtSIOp>(Type(builder.getI32Type()), values[0]);
      Value index = math.make<arith::IndexCastOp>(
          Type(builder.getIndexType()),
          math.make<arith::AddIOp>(wide, math.integer(128)));
      return tensor::ExtractOp::create(builder, op.getLoc(), adaptor.getTable(),
                                       index);
    };
    rewriter.replaceOp(
        op,
        mapElements(rewriter, op.getLoc(), type, adaptor.getInput(),
                    rewriter.getMultiDimIdentityMap(type.getRank()), element));
    return success();
  }
};

} // namespace

void minnow::populateQuantizedPatterns(RewritePatternSet &patterns) {
  patterns.add<RequantizePattern, DequantizePattern, LookupPattern>(
      patterns.getContext());
}
