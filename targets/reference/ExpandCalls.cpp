//===- ExpandCalls.cpp - what would become library calls, as arithmetic ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An emitted object may call mem* and nothing else. LLVM calls libm for exp and
// erf everywhere, for floor and fma on machines that lack the instruction; MLIR
// calls its own runtime for copies between strided buffers.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "targets/reference/Passes.h"

namespace minnow {
#define GEN_PASS_DEF_EXPANDCALLS
#include "targets/reference/Passes.h.inc"
} // namespace minnow

using namespace mlir;
using namespace minnow;

namespace {
struct CopyPattern : OpRewritePattern<memref::CopyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::CopyOp op,
                                PatternRewriter &rewriter) const override {
    linalg::makeMemRefCopyOp(rewriter, op.getLoc(), op.getSource(),
                             op.getTarget());
    rewriter.eraseOp(op);
    return success();
  }
};

/// floor(x) by conversion to an integer and back, which is exact below 2^23;
/// from there on, and for NaN, x is its own floor.
struct FloorPattern : OpRewritePattern<math::FloorOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::FloorOp op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!type.isF32())
      return failure();
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    auto number = [&](float value) -> Value {
      return arith::ConstantOp::create(builder, builder.getF32FloatAttr(value));
    };
    auto isLess = [&](Value a, Value b) -> Value {
      return arith::CmpFOp::create(builder, arith::CmpFPredicate::OLT, a, b);
    };
    Value x = op.getOperand();
    Value integer = arith::FPToSIOp::create(builder, builder.getI32Type(), x);
    Value truncated = arith::SIToFPOp::create(builder, type, integer);
    Value excess = arith::SelectOp::create(builder, isLess(x, truncated),
                                           number(1), number(0));
    Value floor = arith::SubFOp::create(builder, truncated, excess);
    Value isSmall =
        isLess(math::AbsFOp::create(builder, x), number(8388608.0f));
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, isSmall, floor, x);
    return success();
  }
};

struct ExpandCalls : minnow::impl::ExpandCallsBase<ExpandCalls> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<CopyPattern, FloorPattern>(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return name == math::ExpOp::getOperationName() ||
             name == math::ErfOp::getOperationName();
    });
    math::populateExpansionPatterns(patterns, {"fma"});
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
