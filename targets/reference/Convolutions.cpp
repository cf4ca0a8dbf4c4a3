//===- Convolutions.cpp - sums and maxima over windows to linalg ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// conv2d, depthwise_conv2d, linear and pool2d. Padding is made explicit first;
// a bias is what the sum starts from; the activation comes after.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "targets/reference/Patterns.h"
#include <limits>

using namespace mlir;
using namespace minnow;

/// What a sum of `type` starts from: `bias` in each position, or zeros.
static Value makeInitial(OpBuilder &builder, Location location,
                         RankedTensorType type, Value bias) {
  if (!bias)
    return makeFilled(builder, location, type, 0);
  auto positions = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank() - 1));
  return linalg::BroadcastOp::create(builder, location, bias,
                                     makeEmpty(builder, location, type),
                                     positions)
      .getResult()[0];
}

namespace {
template <typename Primitive, typename NamedOp>
struct ConvolutionPattern : OpConversionPattern<Primitive> {
  using OpConversionPattern<Primitive>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(Primitive op, typename Primitive::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    RankedTensorType type = op.getResult().getType();
    Value input = padMap(
        rewriter, location, adaptor.getInput(), op.getPad(),
        makePadding(rewriter, location, adaptor.getZero(), adaptor.getInput()));
    Value initial = makeInitial(rewriter, location, type, adaptor.getBias());
    auto sum = NamedOp::create(rewriter, location, TypeRange{type},
                               ValueRange{input, adaptor.getFilter()},
                               ValueRange{initial},
                               rewriter.getI64VectorAttr(op.getStrides()),
                               rewriter.getI64VectorAttr({1, 1}));
    rewriter.replaceOp(
        op, activate(rewriter, location, op.getActivation(), sum.getResult(0)));
    return success();
  }
};

struct LinearPattern : OpConversionPattern<mobile::LinearOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::LinearOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = op.getResult().getType();
    Value initial = makeInitial(rewriter, op.getLoc(), type, adaptor.getBias());
    auto product = linalg::MatmulOp::create(
        rewriter, op.getLoc(), TypeRange{type},
        ValueRange{adaptor.getInput(), adaptor.getFilter()},
        ValueRange{initial});
    rewriter.replaceOp(op, activate(rewriter, op.getLoc(), op.getActivation(),
                                    product.getResult(0)));
    return success();
  }
};

struct Pool2DPattern : OpConversionPattern<mobile::Pool2DOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::Pool2DOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value input = adaptor.getInput();
    bool isFloat = op.getResult().getType().getElementType().isF32();
    if (op.getKind() == mobile::PoolKind::Max) {
      Value least = makeNumber(
          rewriter, op.getLoc(), op.getInput().getType().getElementType(),
          isFloat ? -std::numeric_limits<float>::infinity() : -128);
      rewriter.replaceOp(op, pool<linalg::PoolingNhwcMaxOp>(op, input, rewriter,
                                                            least, least));
      return success();
    }
    Value padding =
        makePadding(rewriter, op.getLoc(), adaptor.getZero(), input);
    Value nothing = makeNumber(rewriter, op.getLoc(),
                               op.getResult().getType().getElementType(), 0);
    Value sums =
        pool<linalg::PoolingNhwcSumOp>(op, input, rewriter, padding, nothing);
    rewriter.replaceOp(op, isFloat ? divide(op, sums, rewriter)
                                   : centre(op, sums, padding, rewriter));
    return success();
  }

private:
  /// Combines each window of `input` by `NamedOp`, from `initial` on, where
  /// `padding` surrounds the input.
  template <typename NamedOp>
  static Value pool(mobile::Pool2DOp op, Value input, OpBuilder &builder,
                    Value padding, Value initial) {
    Location location = op.getLoc();
    RankedTensorType type = op.getResult().getType();
    Value padded = padMap(builder, location, input, op.getPad(), padding);
    Value start = linalg::FillOp::create(builder, location, initial,
                                         makeEmpty(builder, location, type))
                      .getResult(0);
    // Linalg reads the window's sizes off the shape of an operand.
    Value window =
        makeEmpty(builder, location,
                  RankedTensorType::get(op.getWindow(), type.getElementType()));
    return NamedOp::create(builder, location, TypeRange{type},
                           ValueRange{padded, window}, start,
                           builder.getI64VectorAttr(op.getStrides()),
                           builder.getI64VectorAttr({1, 1}))
        .getResult(0);
  }

  /// Takes the zero point `zero` of each summed element off the sums.
  static Value centre(mobile::Pool2DOp op, Value sums, Value zero,
                      OpBuilder &builder) {
    RankedTensorType type = op.getResult().getType();
    int64_t count = op.getWindow()[0] * op.getWindow()[1];
    return mapElements(
        builder, op.getLoc(), type, sums,
        builder.getMultiDimIdentityMap(type.getRank()),
        [&](OpBuilder &inner, ValueRange elements) -> Value {
          Arithmetic math{inner, op.getLoc()};
          Value wide =
              math.make<arith::ExtSIOp>(Type(inner.getI32Type()), zero);
          return math.make<arith::SubIOp>(
              elements[0], math.make<arith::MulIOp>(wide, math.integer(count)));
        });
  }

  /// Divides sums over windows by the number of elements they count.
  static Value divide(mobile::Pool2DOp op, Value sums, OpBuilder &builder) {
    RankedTensorType type = op.getResult().getType();
    Location location = op.getLoc();
    return mapElements(
        builder, location, type, sums,
        builder.getMultiDimIdentityMap(type.getRank()),
        [&](OpBuilder &inner, ValueRange elements) -> Value {
          Value rows = countInside(op, 0, inner);
          Value columns = countInside(op, 1, inner);
          Value count = arith::MulIOp::create(inner, location, rows, columns);
          count = arith::IndexCastOp::create(inner, location,
                                             inner.getI32Type(), count);
          count = arith::SIToFPOp::create(inner, location, inner.getF32Type(),
                                          count);
          return arith::DivFOp::create(inner, location, elements[0], count);
        });
  }

  /// How many rows (`axis` 0) or columns (1) of the window at the current
  /// position count: those inside the input, or all with `count_pad`.
  static Value countInside(mobile::Pool2DOp op, int axis, OpBuilder &builder) {
    Location location = op.getLoc();
    int64_t window = op.getWindow()[axis];
    int64_t before = op.getPad()[2 * axis], after = op.getPad()[2 * axis + 1];
    if (op.getCountPad() || before + after == 0)
      return arith::ConstantIndexOp::create(builder, location, window);
    int64_t size = op.getInput().getType().getDimSize(1 + axis);
    AffineExpr first =
        builder.getAffineDimExpr(0) * op.getStrides()[axis] - before;
    Value position = linalg::IndexOp::create(builder, location, 1 + axis);
    auto bounded = [&](AffineExpr expression, bool isEnd) -> Value {
      Value bound =
          arith::ConstantIndexOp::create(builder, location, isEnd ? size : 0);
      Value value = affine::AffineApplyOp::create(
          builder, location, AffineMap::get(1, 0, expression), position);
      if (isEnd)
        return arith::MinSIOp::create(builder, location, value, bound);
      return arith::MaxSIOp::create(builder, location, value, bound);
    };
    Value end = bounded(first + window, /*isEnd=*/true);
    return arith::SubIOp::create(builder, location, end,
                                 bounded(first, /*isEnd=*/false));
  }
};
} // namespace

void minnow::populateConvolutionPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvolutionPattern<mobile::Conv2DOp, linalg::Conv2DNhwcHwcfOp>,
               ConvolutionPattern<mobile::DepthwiseConv2DOp,
                                  linalg::DepthwiseConv2DNhwcHwcOp>,
               LinearPattern, Pool2DPattern>(patterns.getContext());
}
