//===- Attention.cpp - matrix products and attention to linalg ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// matmul and attention as sums over one shared dimension, written as
// linalg.generic: the operands' index maps say which dimensions they share.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "targets/reference/Patterns.h"
#include <limits>

using namespace mlir;
using namespace minnow;

/// `element` folded over the last loop: `result[maps.back()] =
/// element(inputs.., result)` from `initial` on. All loops but the last are
/// those of the result.
static Value reduce(OpBuilder &builder, Location location,
                    RankedTensorType type, ValueRange inputs, double initial,
                    ArrayRef<AffineMap> maps, ElementFn element) {
  SmallVector<utils::IteratorType> loops(maps[0].getNumDims(),
                                         utils::IteratorType::parallel);
  loops.back() = utils::IteratorType::reduction;
  auto body = [&](OpBuilder &inner, Location, ValueRange values) {
    linalg::YieldOp::create(inner, location, element(inner, values));
  };
  return linalg::GenericOp::create(
             builder, location, type, inputs,
             ValueRange{makeFilled(builder, location, type, initial)}, maps,
             loops, body)
      .getResult(0);
}

/// `x` as an i32.
static Value widen(Arithmetic math, Value x) {
  Type i32 = math.builder.getI32Type();
  return x.getType() == i32 ? x : math.make<arith::ExtSIOp>(i32, x);
}

/// `result[maps[2]] += lhs[maps[0]] * rhs[maps[1]]` from zero, in f32 or i32.
/// The last loop is the one that is summed over.
static Value contract(OpBuilder &builder, Location location,
                      RankedTensorType type, Value lhs, Value rhs,
                      ArrayRef<AffineMap> maps) {
  auto element = [&](OpBuilder &inner, ValueRange values) -> Value {
    Arithmetic math{inner, location};
    if (type.getElementType().isF32())
      return math.add(values[2], math.mul(values[0], values[1]));
    Value product = math.make<arith::MulIOp>(widen(math, values[0]),
                                             widen(math, values[1]));
    return math.make<arith::AddIOp>(values[2], product);
  };
  return reduce(builder, location, type, ValueRange{lhs, rhs}, 0, maps,
                element);
}

static Value reshape(OpBuilder &builder, Location location, Value value,
                     ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  return mobile::ReshapeOp::create(
      builder, location, RankedTensorType::get(shape, type.getElementType()),
      value);
}

//===----------------------------------------------------------------------===//
// Softmax in integers: the formulas are in mobile.attention's description
//===----------------------------------------------------------------------===//

/// Of a tensor [batch, queries, groups, members, keys], the shape without keys.
static RankedTensorType withoutKeys(Value logits) {
  auto type = cast<RankedTensorType>(logits.getType());
  return type.clone(type.getShape().drop_back());
}

/// The maps of a tensor and of what it is without its last loop.
static std::array<AffineMap, 2> getKeyMaps(Builder &builder) {
  AffineMap all = builder.getMultiDimIdentityMap(5);
  return {all, all.dropResult(4)};
}

static Value sumKeys(OpBuilder &builder, Location location, Value weights) {
  return reduce(
      builder, location, withoutKeys(weights), weights, 0, getKeyMaps(builder),
      [&](OpBuilder &inner, ValueRange values) -> Value {
        return arith::AddIOp::create(inner, location, values[0], values[1]);
      });
}

/// 2^t of t in [-31, 0], times 2^14, as an integer.
static Value exponential(Arithmetic math, Value t) {
  Type i32 = math.builder.getI32Type();
  Value n = math.make<math::RoundEvenOp>(t);
  Value r = math.sub(t, n);
  constexpr uint32_t coefficients[] = {0x3C1D0166, 0x3D64FE23, 0x3E7601BC,
                                       0x3F317096, 0x3F800000};
  auto coefficient = [&](uint32_t bits) {
    return math.number(llvm::bit_cast<float>(bits));
  };
  Value e = coefficient(coefficients[0]);
  for (uint32_t bits : ArrayRef(coefficients).drop_front())
    e = math.fma(e, r, coefficient(bits));
  // The exponent of e is at bit 23.
  Value power = math.make<arith::ShLIOp>(
      math.make<arith::AddIOp>(math.make<arith::FPToSIOp>(i32, n),
                               math.integer(14)),
      math.integer(23));
  Value bits =
      math.make<arith::AddIOp>(math.make<arith::BitcastOp>(i32, e), power);
  Value scaled =
      math.make<arith::BitcastOp>(Type(math.builder.getF32Type()), bits);
  return math.make<arith::FPToSIOp>(i32, math.make<math::RoundEvenOp>(scaled));
}

/// The weights p of each query, i32.
static Value integerWeights(OpBuilder &builder, Location location, Value logits,
                            ValueRange parameters) {
  auto maps = getKeyMaps(builder);
  Value largest = reduce(builder, location, withoutKeys(logits), logits,
                         std::numeric_limits<int32_t>::min(), maps,
                         [&](OpBuilder &inner, ValueRange values) -> Value {
                           return arith::MaxSIOp::create(inner, location,
                                                         values[0], values[1]);
                         });
  auto element = [&](OpBuilder &inner, ValueRange values) -> Value {
    Arithmetic math{inner, location};
    Value d = math.make<arith::SubIOp>(values[1], values[0]);
    if (parameters.size() == 2) {
      Type f32 = inner.getF32Type();
      Value t =
          math.mul(math.make<arith::NegFOp>(math.make<arith::SIToFPOp>(f32, d)),
                   values[2]);
      return exponential(math,
                         math.make<arith::MaximumFOp>(t, math.number(-31)));
    }
    Value i = math.make<arith::MinSIOp>(multiplyHigh(math, d, values[2], 31),
                                        math.integer(255));
    Value index = math.make<arith::IndexCastOp>(Type(inner.getIndexType()), i);
    Value byte =
        tensor::ExtractOp::create(inner, location, parameters[2], index);
    return math.make<arith::ExtUIOp>(Type(inner.getI32Type()), byte);
  };
  AffineMap first = AffineMap::get(5, 0, builder.getAffineConstantExpr(0));
  return mapElements(builder, location,
                     cast<RankedTensorType>(logits.getType()),
                     ValueRange{logits, largest, parameters[0]},
                     {maps[0], maps[1], first}, element);
}

/// The sums of values A over those of weights S, rounded to i8.
static Value average(OpBuilder &builder, Location location, Value sums,
                     Value weights, ValueRange parameters) {
  SmallVector<Value> inputs = {sums, weights, parameters[0]};
  auto at = [&](int64_t index) {
    return AffineMap::get(5, 0, builder.getAffineConstantExpr(index));
  };
  auto both = getKeyMaps(builder);
  SmallVector<AffineMap> maps = {both[0], both[1], at(1)};
  constexpr int kinds[] = {
      mobile::RequantizeOp::Zero, mobile::RequantizeOp::Low,
      mobile::RequantizeOp::High, mobile::RequantizeOp::Shift};
  for (int kind : kinds) {
    inputs.push_back(parameters[1]);
    maps.push_back(at(kind));
  }
  auto element = [&](OpBuilder &inner, ValueRange values) -> Value {
    Arithmetic math{inner, location};
    ValueRange rounding = values.drop_front(3);
    if (parameters.size() == 2) {
      auto real = [&](Value x) {
        return math.make<arith::SIToFPOp>(Type(inner.getF32Type()), x);
      };
      return roundFloat(
          math, math.mul(real(values[0]), math.div(values[2], real(values[1]))),
          rounding);
    }
    // -1 is 2^32 - 1 of unsigned 32 bits.
    Value reciprocal = math.make<arith::DivUIOp>(math.integer(-1), values[1]);
    Value factor = multiplyHigh(math, reciprocal, values[2], 31);
    Value shifted = math.make<arith::ShLIOp>(values[0], math.integer(6));
    return roundFixed(math, multiplyHigh(math, shifted, factor, 31),
                      rounding[3], rounding);
  };
  auto type = cast<RankedTensorType>(sums.getType());
  return mapElements(builder, location, type.clone(builder.getI8Type()), inputs,
                     maps, element);
}

namespace {
struct MatmulPattern : OpConversionPattern<mobile::MatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::MatmulOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto rhs = cast<RankedTensorType>(op.getRhs().getType());
    auto type = cast<RankedTensorType>(op.getResult().getType());
    unsigned rank = type.getRank(), row = rank - 2, column = rank - 1,
             summed = rank;
    SmallVector<AffineExpr> left, right, result;
    for (unsigned i = 0; i < row; ++i) {
      AffineExpr loop = rewriter.getAffineDimExpr(i);
      left.push_back(loop), result.push_back(loop);
      right.push_back(rhs.getDimSize(i) == 1 ? rewriter.getAffineConstantExpr(0)
                                             : loop);
    }
    auto append = [&](SmallVector<AffineExpr> &map, unsigned a, unsigned b) {
      map.push_back(rewriter.getAffineDimExpr(a));
      map.push_back(rewriter.getAffineDimExpr(b));
    };
    append(left, row, summed);
    append(right, summed, column);
    append(result, row, column);
    auto map = [&](ArrayRef<AffineExpr> positions) {
      return AffineMap::get(rank + 1, 0, positions, rewriter.getContext());
    };
    rewriter.replaceOp(op, contract(rewriter, op.getLoc(), type,
                                    adaptor.getLhs(), adaptor.getRhs(),
                                    {map(left), map(right), map(result)}));
    return success();
  }
};

/// Loops over batch, queries n, heads of keys g, query heads of one such r,
/// then keys m and the width d (or e), the summed one last.
struct AttentionPattern : OpConversionPattern<mobile::AttentionOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::AttentionOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    RankedTensorType result = op.getResult().getType();
    int64_t batch = result.getDimSize(0), groups = op.getKeyHeads();
    int64_t members = op.getHeads() / groups;
    int64_t queries = op.getNumQueries(), keys = op.getNumKeys();
    auto split = [&](Value value, ArrayRef<int64_t> shape) {
      return reshape(rewriter, location, value, shape);
    };
    Type element = result.getElementType().isF32()
                       ? rewriter.getF32Type()
                       : Type(rewriter.getI32Type());
    auto typeOf = [&](ArrayRef<int64_t> shape) {
      return RankedTensorType::get(shape, element);
    };
    Value query = split(adaptor.getQuery(),
                        {batch, queries, groups, members, op.getKeyWidth()});
    Value key =
        split(adaptor.getKey(), {batch, keys, groups, op.getKeyWidth()});
    Value value =
        split(adaptor.getValue(), {batch, keys, groups, op.getValueWidth()});

    auto map = [&](ArrayRef<unsigned> loops) {
      return AffineMap::getMultiDimMapWithTargets(6, loops,
                                                  rewriter.getContext());
    };
    Value logits = contract(
        rewriter, location, typeOf({batch, queries, groups, members, keys}),
        query, key,
        {map({0, 1, 2, 3, 5}), map({0, 4, 2, 5}), map({0, 1, 2, 3, 4})});
    ValueRange parameters = adaptor.getParameters();
    bool isFloat = parameters.empty();
    Value weights =
        isFloat ? softmax(rewriter, location,
                          scale(rewriter, location, logits, op.getScale()))
                : integerWeights(rewriter, location, logits, parameters);
    Value sums = contract(
        rewriter, location,
        typeOf({batch, queries, groups, members, op.getValueWidth()}), weights,
        value, {map({0, 1, 2, 3, 5}), map({0, 5, 2, 4}), map({0, 1, 2, 3, 4})});
    if (!isFloat)
      sums = average(rewriter, location, sums,
                     sumKeys(rewriter, location, weights), parameters);
    rewriter.replaceOp(op, split(sums, result.getShape()));
    return success();
  }

private:
  static Value scale(OpBuilder &builder, Location location, Value logits,
                     const APFloat &factor) {
    auto type = cast<RankedTensorType>(logits.getType());
    return mapElements(builder, location, type, logits,
                       builder.getMultiDimIdentityMap(type.getRank()),
                       [&](OpBuilder &inner, ValueRange elements) {
                         Arithmetic math{inner, location};
                         return math.mul(elements[0],
                                         math.number(factor.convertToDouble()));
                       });
  }
};
} // namespace

void minnow::populateAttentionPatterns(RewritePatternSet &patterns) {
  patterns.add<MatmulPattern, AttentionPattern>(patterns.getContext());
}
