//===- Attention.cpp - matrix products and attention to linalg ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// matmul and attention as sums over one shared dimension, written as
// linalg.generic: the operands' index maps say which dimensions they share.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "targets/reference/Patterns.h"

using namespace mlir;
using namespace minnow;

/// `result[maps[2]] += lhs[maps[0]] * rhs[maps[1]]` from zero. The last loop is
/// the one that is summed over.
static Value contract(OpBuilder &builder, Location location,
                      RankedTensorType type, Value lhs, Value rhs,
                      ArrayRef<AffineMap> maps) {
  SmallVector<utils::IteratorType> loops(maps[0].getNumDims(),
                                         utils::IteratorType::parallel);
  loops.back() = utils::IteratorType::reduction;
  auto body = [&](OpBuilder &inner, Location, ValueRange values) {
    Arithmetic math{inner, location};
    linalg::YieldOp::create(
        inner, location, math.add(values[2], math.mul(values[0], values[1])));
  };
  return linalg::GenericOp::create(
             builder, location, type, ValueRange{lhs, rhs},
             ValueRange{makeFilled(builder, location, type, 0)}, maps, loops,
             body)
      .getResult(0);
}

static Value reshape(OpBuilder &builder, Location location, Value value,
                     ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  return mobile::ReshapeOp::create(
      builder, location, RankedTensorType::get(shape, type.getElementType()),
      value);
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
    auto typeOf = [&](ArrayRef<int64_t> shape) {
      return RankedTensorType::get(shape, result.getElementType());
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
    Value weights = softmax(rewriter, location,
                            scale(rewriter, location, logits, op.getScale()));
    Value sums = contract(
        rewriter, location,
        typeOf({batch, queries, groups, members, op.getValueWidth()}), weights,
        value, {map({0, 1, 2, 3, 5}), map({0, 5, 2, 4}), map({0, 1, 2, 3, 4})});
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
