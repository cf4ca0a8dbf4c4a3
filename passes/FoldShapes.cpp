//===- FoldShapes.cpp - pads, transposes and reshapes ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data movement that a primitive can do by the way, or nobody has to do. The
// folders of transpose and reshape in the dialect take the plain cancellations.
//===----------------------------------------------------------------------===//
#include "passes/Fold.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

static SmallVector<int64_t> sumPads(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]};
}

namespace {

/// op(pad(x)) -> op(x) with the pad as its attribute, for what treats its
/// padding as zeros: convolutions and another pad.
template <typename OpTy> struct FoldPad : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().template getDefiningOp<PadOp>();
    if (!pad)
      return rewriter.notifyMatchFailure(op, "the input is no pad");
    rewriter.modifyOpInPlace(op, [&] {
      op.setPad(sumPads(op.getPad(), pad.getPad()));
      op.getInputMutable().assign(pad.getInput());
    });
    return success();
  }
};

/// average(pad(x)) -> average with count_pad, as the zeros were counted.
struct FoldPadIntoPool : OpRewritePattern<Pool2DOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(Pool2DOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<PadOp>();
    if (!pad || op.getKind() != PoolKind::Average)
      return rewriter.notifyMatchFailure(op, "is no average of a pad");
    bool ownPad = llvm::any_of(op.getPad(), [](int64_t p) { return p != 0; });
    if (ownPad && !op.getCountPad())
      return rewriter.notifyMatchFailure(
          op, "counts the pad before it, but not its own padding");
    SmallVector<int64_t> sum = sumPads(op.getPad(), pad.getPad());
    for (int i : {0, 1, 2, 3})
      if (sum[i] >= op.getWindow()[i / 2])
        return rewriter.notifyMatchFailure(op, "the pad exceeds the window");
    rewriter.modifyOpInPlace(op, [&] {
      op.setPad(sum);
      op.setCountPad(true);
      op.getInputMutable().assign(pad.getInput());
    });
    return success();
  }
};

/// A pad by nothing.
struct ErasePad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getInput().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "pads");
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

/// transpose(transpose(x)) -> transpose(x), where the two do not cancel.
struct ComposeTransposes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto first = op.getInput().getDefiningOp<TransposeOp>();
    if (!first)
      return rewriter.notifyMatchFailure(op, "the input is no transpose");
    SmallVector<int64_t> permutation;
    for (int64_t dim : op.getPermutation())
      permutation.push_back(first.getPermutation()[dim]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getType(), first.getInput(),
                                             permutation);
    return success();
  }
};

/// A transpose that only moves dimensions of size 1 moves no data.
struct TransposeToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<int64_t> moved;
    for (int64_t dim : op.getPermutation())
      if (op.getInput().getType().getDimSize(dim) != 1)
        moved.push_back(dim);
    if (!llvm::is_sorted(moved))
      return rewriter.notifyMatchFailure(op, "moves data");
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput());
    return success();
  }
};

/// transpose(weight) -> the weight with its numbers in that order.
struct TransposeWeight : OpRewritePattern<TransposeOp> {
  TransposeWeight(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern(context), weights(weights) {}

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto numbers = weights.read(op.getInput());
    if (failed(numbers))
      return rewriter.notifyMatchFailure(op, "the input is no f32 weight");
    rewriter.replaceOp(
        op, weights.create(rewriter, op.getLoc(),
                           weights.lookup(op.getInput()).getSymName(),
                           op.getType().getShape(), permute(op, *numbers)));
    return success();
  }

private:
  static std::vector<float> permute(TransposeOp op, ArrayRef<float> source) {
    ArrayRef<int64_t> from = op.getInput().getType().getShape();
    ArrayRef<int64_t> to = op.getType().getShape();
    SmallVector<int64_t> strides(from.size(), 1);
    for (size_t dim = from.size(); dim-- > 1;)
      strides[dim - 1] = strides[dim] * from[dim];
    std::vector<float> result;
    result.reserve(source.size());
    SmallVector<int64_t> index(to.size(), 0);
    while (result.size() < source.size()) {
      int64_t offset = 0;
      for (auto [i, dim] : llvm::zip(index, op.getPermutation()))
        offset += i * strides[dim];
      result.push_back(source[offset]);
      for (size_t dim = to.size(); dim-- > 0 && ++index[dim] == to[dim];)
        index[dim] = 0;
    }
    return result;
  }

  FoldWeights &weights;
};

/// reshape(weight) -> the weight under that shape.
struct ReshapeWeight : OpRewritePattern<ReshapeOp> {
  ReshapeWeight(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern(context), weights(weights) {}

  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    WeightOp weight = weights.lookup(op.getInput());
    if (!weight)
      return rewriter.notifyMatchFailure(op, "the input is no weight");
    rewriter.replaceOp(op, weights.createReshaped(rewriter, op.getLoc(), weight,
                                                  op.getType().getShape()));
    return success();
  }

  FoldWeights &weights;
};

} // namespace

void minnow::populateFoldShapes(RewritePatternSet &patterns,
                                FoldWeights &weights) {
  patterns
      .add<FoldPad<Conv2DOp>, FoldPad<DepthwiseConv2DOp>, FoldPad<PadOp>,
           FoldPadIntoPool, ErasePad, ComposeTransposes, TransposeToReshape>(
          patterns.getContext());
  patterns.add<TransposeWeight, ReshapeWeight>(patterns.getContext(), weights);
}
