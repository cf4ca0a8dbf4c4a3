//===- Fold.cpp - what needs no op of its own -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the families of patterns of Fold.h to a fixed point and tidies the
// weights.
//===----------------------------------------------------------------------===//
#include "passes/Fold.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"

using namespace mlir;

namespace minnow {
#define GEN_PASS_DEF_FOLD
#include "passes/Passes.h.inc"
} // namespace minnow

namespace {

struct Fold : minnow::impl::FoldBase<Fold> {
  using FoldBase::FoldBase;

  void runOnOperation() override {
    minnow::FoldWeights weights(getOperation());
    if (failed(nameActivations(weights)))
      return signalPassFailure();
    // A batch norm is split only after all that could bring it beside a
    // convolution has happened.
    if (failed(fold(weights, /*splitBatchNorms=*/false)) ||
        failed(fold(weights, /*splitBatchNorms=*/true)) || weights.hasErrors())
      return signalPassFailure();
    weights.finish();
  }

  LogicalResult nameActivations(minnow::FoldWeights &weights) {
    RewritePatternSet patterns(&getContext());
    minnow::populateNameActivations(patterns, weights);
    return apply(std::move(patterns));
  }

  LogicalResult fold(minnow::FoldWeights &weights, bool splitBatchNorms) {
    RewritePatternSet patterns(&getContext());
    minnow::populateFoldAffine(patterns, weights);
    minnow::populateFoldActivations(patterns);
    minnow::populateFoldShapes(patterns, weights);
    if (splitBatchNorms)
      minnow::populateSplitBatchNorm(patterns, weights);
    return apply(std::move(patterns));
  }

  LogicalResult apply(RewritePatternSet patterns) {
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    return applyPatternsGreedily(getOperation(), std::move(patterns), config);
  }
};

} // namespace
