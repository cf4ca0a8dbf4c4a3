//===- Shapes.cpp - pads, permutations and layouts to linalg --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// pad, transpose and reshape, and the way from packed operands to tensors.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Layout.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "targets/reference/Patterns.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace minnow;

Value minnow::padMap(OpBuilder &builder, Location location, Value map,
                     ArrayRef<int64_t> pad, Value filling) {
  if (llvm::all_of(pad, [](int64_t size) { return size == 0; }))
    return map;
  auto indices = [&](ArrayRef<int64_t> sizes) {
    return getAsIndexOpFoldResult(builder.getContext(), sizes);
  };
  return tensor::PadOp::create(builder, location, /*result=*/Type(), map,
                               indices({0, pad[0], pad[2], 0}),
                               indices({0, pad[1], pad[3], 0}), filling);
}

Value minnow::makePadding(OpBuilder &builder, Location location, Value zero,
                          Value like) {
  Type element = cast<RankedTensorType>(like.getType()).getElementType();
  if (!zero)
    return makeNumber(builder, location, element, 0);
  Value first = arith::ConstantIndexOp::create(builder, location, 0);
  return tensor::ExtractOp::create(builder, location, zero, first);
}

/// The `bytes` less `offset`, read through `map`.
static Value shiftBytes(OpBuilder &builder, Location location, Value bytes,
                        int64_t offset, AffineMap map, RankedTensorType type) {
  auto element = [&](OpBuilder &inner, ValueRange elements) -> Value {
    if (!offset)
      return elements[0];
    Value more = arith::ConstantOp::create(
        inner, location, inner.getI8IntegerAttr(static_cast<int8_t>(offset)));
    return arith::SubIOp::create(inner, location, elements[0], more);
  };
  return mapElements(builder, location, type, bytes, map, element);
}

Value minnow::unpack(OpBuilder &builder, Location location, Value packed,
                     mobile::LayoutAttr layout, RankedTensorType type) {
  if (layout.getKind() == mobile::LayoutKind::Plain)
    return packed;
  if (layout.getKind() == mobile::LayoutKind::Unsigned)
    return shiftBytes(builder, location, packed, 128,
                      builder.getMultiDimIdentityMap(type.getRank()), type);
  int64_t panel = layout.getSizes()[0], rank = type.getRank();
  AffineExpr zero = builder.getAffineConstantExpr(0), row = zero;
  // Of taps that are sums of others nothing is read.
  bool isWinograd = layout.getKind() == mobile::LayoutKind::Winograd;
  for (int64_t i = 0; i + 1 < rank; ++i)
    row = row * (isWinograd && i == 1 ? mobile::kWinogradTaps
                                      : type.getDimSize(i)) +
          builder.getAffineDimExpr(i);
  AffineExpr column = builder.getAffineDimExpr(rank - 1);
  // Element [k.., n] lies in panel n / P, row k, column n % P.
  SmallVector<AffineExpr> place = {column.floorDiv(panel), row, column % panel};
  int64_t offset = 0;
  // Of bytes, the first of each number is read, and the first place of taps.
  if (auto dots = mobile::Dots::find(layout)) {
    AffineExpr term = row % dots->run;
    place[1] = row.floorDiv(dots->run) *
                   int64_t(llvm::divideCeil(dots->run, dots->dot)) +
               term.floorDiv(dots->dot);
    place.append({term % dots->dot, zero});
    offset = dots->offset;
  } else if (auto taps = mobile::Taps::find(layout)) {
    AffineExpr tap = builder.getAffineDimExpr(1);
    place = {builder.getAffineDimExpr(0),
             zero,
             tap.floorDiv(taps->dot),
             column,
             tap % taps->dot,
             zero};
  } else if (mobile::TapBlocks::find(layout)) {
    constexpr int64_t kDot = mobile::TapBlocks::kDot;
    AffineExpr tap = builder.getAffineDimExpr(1), inside = column % panel;
    AffineExpr lane = inside.floorDiv(16) * kDot + inside % kDot;
    place = {column.floorDiv(panel),
             builder.getAffineDimExpr(0),
             zero,
             tap.floorDiv(kDot),
             (inside % 16).floorDiv(kDot),
             lane * kDot + tap % kDot};
  }
  AffineMap map = AffineMap::get(rank, 0, place, builder.getContext());
  return shiftBytes(builder, location, packed, offset, map, type);
}

namespace {
struct PadPattern : OpConversionPattern<mobile::PadOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::PadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value filling = makePadding(rewriter, op.getLoc(), adaptor.getZero(),
                                adaptor.getInput());
    rewriter.replaceOp(op, padMap(rewriter, op.getLoc(), adaptor.getInput(),
                                  op.getPad(), filling));
    return success();
  }
};

struct TransposePattern : OpConversionPattern<mobile::TransposeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::TransposeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    rewriter.replaceOpWithNewOp<linalg::TransposeOp>(
        op, adaptor.getInput(), makeEmpty(rewriter, op.getLoc(), type),
        op.getPermutation());
    return success();
  }
};

struct ReshapePattern : OpConversionPattern<mobile::ReshapeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(mobile::ReshapeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    Value flat = flatten(rewriter, op.getLoc(), adaptor.getInput());
    rewriter.replaceOp(op, unflatten(rewriter, op.getLoc(), flat, type));
    return success();
  }

private:
  // A single element without dimensions has none to collapse: it is expanded to
  // become flat, and collapsed to get there.
  static Value flatten(OpBuilder &builder, Location location, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    auto flat = type.clone({type.getNumElements()});
    if (type.getRank() == 1)
      return value;
    if (type.getRank() == 0)
      return tensor::ExpandShapeOp::create(builder, location, flat, value,
                                           ArrayRef<ReassociationIndices>{});
    return tensor::CollapseShapeOp::create(builder, location, flat, value,
                                           getAllDims(type));
  }

  static Value unflatten(OpBuilder &builder, Location location, Value flat,
                         RankedTensorType type) {
    if (type.getRank() == 1)
      return flat;
    if (type.getRank() == 0)
      return tensor::CollapseShapeOp::create(builder, location, type, flat,
                                             ArrayRef<ReassociationIndices>{});
    return tensor::ExpandShapeOp::create(builder, location, type, flat,
                                         getAllDims(type));
  }

  /// One group of all dimensions.
  static SmallVector<ReassociationIndices> getAllDims(RankedTensorType type) {
    return {llvm::to_vector<2>(llvm::seq<int64_t>(0, type.getRank()))};
  }
};
} // namespace

void minnow::populateShapePatterns(RewritePatternSet &patterns) {
  patterns.add<PadPattern, TransposePattern, ReshapePattern>(
      patterns.getContext());
}
