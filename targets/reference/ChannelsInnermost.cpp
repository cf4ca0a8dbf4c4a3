//===- ChannelsInnermost.cpp - the loop order of sums ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only optimisation of the slow way: with the reduction innermost, as the
// named ops have it, whole networks take minutes. Each sum is still added up in
// the same order, so results do not change.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "targets/reference/Passes.h"

namespace minnow {
#define GEN_PASS_DEF_CHANNELSINNERMOST
#include "targets/reference/Passes.h.inc"
} // namespace minnow

using namespace mlir;
using namespace minnow;

/// The loop over the last dimension of an operand that is read or written
/// through `map`; null where that is no single loop.
static AffineDimExpr getLastLoop(AffineMap map) {
  if (map.getNumResults() == 0)
    return nullptr;
  return dyn_cast<AffineDimExpr>(map.getResults().back());
}

/// The loop that runs over neighbouring elements of the result and of an
/// operand; null where there is none or `op` reduces nothing.
static AffineDimExpr getChannelLoop(linalg::LinalgOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInits() != 1)
    return nullptr;
  AffineDimExpr loop =
      getLastLoop(op.getMatchingIndexingMap(op.getDpsInitOperand(0)));
  bool isShared = llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *input) {
    return loop && getLastLoop(op.getMatchingIndexingMap(input)) == loop;
  });
  return isShared ? loop : nullptr;
}

namespace {
struct ChannelsInnermost
    : minnow::impl::ChannelsInnermostBase<ChannelsInnermost> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](linalg::LinalgOp op) {
      AffineDimExpr channels = getChannelLoop(op);
      if (!channels)
        return;
      SmallVector<unsigned> order;
      for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
        if (loop != channels.getPosition())
          order.push_back(loop);
      order.push_back(channels.getPosition());
      rewriter.setInsertionPoint(op);
      auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
      if (!generic) {
        auto generalized = linalg::generalizeNamedOp(rewriter, op);
        if (failed(generalized))
          return;
        generic = *generalized;
      }
      (void)linalg::interchangeGenericOp(rewriter, generic, order);
    });
  }
};
} // namespace
