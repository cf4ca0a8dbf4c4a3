//===- RaiseAttention.cpp - attention recognised among products -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces what AttentionMatcher.h recognises, then shortens the chains of
// reshapes and transposes that are left around it; mostly nothing remains.
//===----------------------------------------------------------------------===//
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/AttentionMatcher.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_RAISEATTENTION
#include "passes/Passes.h.inc"
} // namespace minnow

namespace {

struct ReplaceProducts : OpRewritePattern<MatmulOp> {
  ReplaceProducts(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern(context), weights(weights) {}

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    AttentionMatcher matcher(op, weights);
    if (!matcher.match())
      return rewriter.notifyMatchFailure(op, matcher.getReason());
    rewriter.replaceOp(op, matcher.write(rewriter));
    return success();
  }

  FoldWeights &weights;
};

struct RaiseAttention : minnow::impl::RaiseAttentionBase<RaiseAttention> {
  using RaiseAttentionBase::RaiseAttentionBase;

  void runOnOperation() override {
    FoldWeights weights(getOperation());
    RewritePatternSet patterns(&getContext());
    patterns.add<ReplaceProducts>(&getContext(), weights);
    populateSimplifyViews(patterns);
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns),
                                     config)) ||
        weights.hasErrors())
      return signalPassFailure();
    weights.finish();
    if (explain)
      getOperation().walk([&](MatmulOp op) { remark(op, weights); });
  }

  static void remark(MatmulOp op, FoldWeights &weights) {
    AttentionMatcher matcher(op, weights);
    if (!matcher.match() && !matcher.getReason().empty())
      op.emitRemark("ends no mobile.attention: ") << matcher.getReason();
  }
};

} // namespace
