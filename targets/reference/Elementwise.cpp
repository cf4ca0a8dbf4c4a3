//===- Elementwise.cpp - computations of single elements to linalg --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// add, mul, activate, batch_norm and softmax, and the activations that other
// primitives end with.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "targets/reference/Patterns.h"

using namespace mlir;
using namespace minnow;

//===----------------------------------------------------------------------===//
// Shared with the other patterns
//===----------------------------------------------------------------------===//

Value minnow::makeEmpty(OpBuilder &builder, Location location,
                        RankedTensorType type) {
  return tensor::EmptyOp::create(builder, location, type, ValueRange{});
}

Value minnow::makeFloat(OpBuilder &builder, Location location, double value) {
  return arith::ConstantOp::create(builder, location,
                                   builder.getF32FloatAttr(value));
}

Value minnow::makeFilled(OpBuilder &builder, Location location,
                         RankedTensorType type, double value) {
  return linalg::FillOp::create(builder, location,
                                makeFloat(builder, location, value),
                                makeEmpty(builder, location, type))
      .getResult(0);
}

Value minnow::mapElements(OpBuilder &builder, Location location,
                          RankedTensorType type, ValueRange inputs,
                          ArrayRef<AffineMap> maps, ElementFn element) {
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> loops(type.getRank(),
                                         utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, location, type, inputs, makeEmpty(builder, location, type),
      allMaps, loops, [&](OpBuilder &inner, Location, ValueRange elements) {
        linalg::YieldOp::create(inner, location, element(inner, elements));
      });
  return generic.getResult(0);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {
/// Arithmetic on f32 elements, as readable as formulas.
struct Arithmetic {
  OpBuilder &builder;
  Location location;

  Value number(double value) { return makeFloat(builder, location, value); }
  Value add(Value a, Value b) { return make<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return make<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return make<arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return make<arith::DivFOp>(a, b); }
  /// Infinities bound nothing; NaN stays NaN.
  Value clamp(Value x, double low, double high) {
    x = make<arith::MaximumFOp>(x, number(low));
    return make<arith::MinimumFOp>(x, number(high));
  }
  template <typename OpTy, typename... Args> Value make(Args... args) {
    return OpTy::create(builder, location, args...);
  }
  Value sigmoid(Value x) {
    Value power = make<math::ExpOp>(make<arith::NegFOp>(x));
    return div(number(1), add(number(1), power));
  }
  Value hardSigmoid(Value x) {
    return clamp(add(div(x, number(6)), number(0.5)), 0, 1);
  }
  Value gelu(Value x) {
    Value erf = make<math::ErfOp>(mul(x, number(M_SQRT1_2)));
    return mul(mul(x, number(0.5)), add(number(1), erf));
  }
};
} // namespace

/// The activation of one element, by the formulas of `mobile.activate`.
static Value activateElement(Arithmetic math, mobile::Activation activation,
                             Value x) {
  switch (activation) {
  case mobile::Activation::None:
    return x;
  case mobile::Activation::Relu:
    return math.make<arith::MaximumFOp>(x, math.number(0));
  case mobile::Activation::Relu6:
    return math.clamp(x, 0, 6);
  case mobile::Activation::HardSigmoid:
    return math.hardSigmoid(x);
  case mobile::Activation::HardSwish:
    return math.mul(x, math.hardSigmoid(x));
  case mobile::Activation::Sigmoid:
    return math.sigmoid(x);
  case mobile::Activation::Silu:
    return math.mul(x, math.sigmoid(x));
  case mobile::Activation::Gelu:
    return math.gelu(x);
  }
  llvm_unreachable("an activation without a formula");
}

Value minnow::activate(OpBuilder &builder, Location location,
                       mobile::Activation activation, Value tensor) {
  if (activation == mobile::Activation::None)
    return tensor;
  auto type = cast<RankedTensorType>(tensor.getType());
  return mapElements(builder, location, type, tensor,
                     builder.getMultiDimIdentityMap(type.getRank()),
                     [&](OpBuilder &inner, ValueRange elements) {
                       return activateElement({inner, location}, activation,
                                              elements[0]);
                     });
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// From a position of `lhs` to the one of `rhs` that is repeated there.
static AffineMap getRepeatingMap(RankedTensorType lhs, RankedTensorType rhs,
                                 Builder &builder) {
  SmallVector<AffineExpr> positions;
  for (int64_t i = 0; i < rhs.getRank(); ++i)
    positions.push_back(
        rhs.getDimSize(i) == 1
            ? builder.getAffineConstantExpr(0)
            : builder.getAffineDimExpr(lhs.getRank() - rhs.getRank() + i));
  return AffineMap::get(lhs.getRank(), 0, positions, builder.getContext());
}

namespace {
template <typename Primitive, typename ScalarOp>
struct BinaryPattern : OpConversionPattern<Primitive> {
  using OpConversionPattern<Primitive>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(Primitive op, typename Primitive::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = op.getLhs().getType();
    AffineMap maps[] = {rewriter.getMultiDimIdentityMap(type.getRank()),
                        getRepeatingMap(type, op.getRhs().getType(), rewriter)};
    rewriter.replaceOp(
        op, mapElements(rewriter, op.getLoc(), type, adaptor.getOperands(),
                        maps, [&](OpBuilder &builder, ValueRange elements) {
                          Arithmetic math{builder, op.getLoc()};
                          return activateElement(
                              math, op.getActivation(),
                              math.make<ScalarOp>(elements[0], elements[1]));
                        }));
    return success();
  }
};

struct ActivatePattern : OpConversionPattern<mobile::ActivateOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::ActivateOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, activate(rewriter, op.getLoc(), op.getActivation(),
                                    adaptor.getInput()));
    return success();
  }
};

struct BatchNormPattern : OpConversionPattern<mobile::BatchNormOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::BatchNormOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = op.getResult().getType();
    SmallVector<AffineMap> maps(
        5, AffineMap::get(4, 0, rewriter.getAffineDimExpr(3)));
    maps[0] = rewriter.getMultiDimIdentityMap(4);
    auto element = [&](OpBuilder &builder, ValueRange values) {
      Arithmetic math{builder, op.getLoc()};
      Value epsilon = math.number(op.getEpsilon().convertToDouble());
      Value deviation = math.make<math::SqrtOp>(math.add(values[4], epsilon));
      Value centred = math.sub(values[0], values[3]);
      return math.add(math.div(math.mul(values[1], centred), deviation),
                      values[2]);
    };
    rewriter.replaceOp(op, mapElements(rewriter, op.getLoc(), type,
                                       adaptor.getOperands(), maps, element));
    return success();
  }
};

struct SoftmaxPattern : OpConversionPattern<mobile::SoftmaxOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::SoftmaxOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    auto softmax = linalg::SoftmaxOp::create(
        rewriter, op.getLoc(), TypeRange{type}, adaptor.getInput(),
        makeEmpty(rewriter, op.getLoc(), type), type.getRank() - 1);
    FailureOr<SmallVector<Value>> parts = softmax.decomposeOperation(rewriter);
    if (failed(parts))
      return failure();
    rewriter.eraseOp(softmax);
    rewriter.replaceOp(op, *parts);
    return success();
  }
};
} // namespace

void minnow::populateElementwisePatterns(RewritePatternSet &patterns) {
  patterns.add<BinaryPattern<mobile::AddOp, arith::AddFOp>,
               BinaryPattern<mobile::MulOp, arith::MulFOp>, ActivatePattern,
               BatchNormPattern, SoftmaxPattern>(patterns.getContext());
}
