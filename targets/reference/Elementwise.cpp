//===- Elementwise.cpp - computations of single elements to linalg --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// add, mul, activate, batch_norm and softmax, and what builds the loops of
// others.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "targets/reference/Patterns.h"

using namespace mlir;
using namespace minnow;

Value minnow::makeEmpty(OpBuilder &builder, Location location,
                        RankedTensorType type) {
  return tensor::EmptyOp::create(builder, location, type, ValueRange{});
}

Value minnow::makeFloat(OpBuilder &builder, Location location, double value) {
  return arith::ConstantOp::create(builder, location,
                                   builder.getF32FloatAttr(value));
}

Value minnow::makeNumber(OpBuilder &builder, Location location, Type element,
                         double value) {
  if (element.isF32())
    return makeFloat(builder, location, value);
  return arith::ConstantOp::create(
      builder, location, builder.getIntegerAttr(element, int64_t(value)));
}

Value minnow::makeFilled(OpBuilder &builder, Location location,
                         RankedTensorType type, double value) {
  return linalg::FillOp::create(
             builder, location,
             makeNumber(builder, location, type.getElementType(), value),
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

Value minnow::softmax(RewriterBase &rewriter, Location location, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  auto softmax = linalg::SoftmaxOp::create(
      rewriter, location, TypeRange{type}, tensor,
      makeEmpty(rewriter, location, type), type.getRank() - 1);
  // It decomposes for every static type.
  SmallVector<Value> parts = *softmax.decomposeOperation(rewriter);
  rewriter.eraseOp(softmax);
  return parts.front();
}

namespace {
template <typename Primitive, typename ScalarOp, typename IntegerOp>
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
                          if (type.getElementType().isInteger())
                            return math.make<IntegerOp>(elements[0],
                                                        elements[1]);
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
    rewriter.replaceOp(op, softmax(rewriter, op.getLoc(), adaptor.getInput()));
    return success();
  }
};
} // namespace

void minnow::populateElementwisePatterns(RewritePatternSet &patterns) {
  patterns.add<BinaryPattern<mobile::AddOp, arith::AddFOp, arith::AddIOp>,
               BinaryPattern<mobile::MulOp, arith::MulFOp, arith::MulIOp>,
               ActivatePattern, BatchNormPattern, SoftmaxPattern>(
      patterns.getContext());
}
