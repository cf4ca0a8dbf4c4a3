//===- PlanScratch.cpp - allocations to one scratch buffer ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels must not allocate, so the temporaries of a reference kernel lie side
// by side in memory that its caller owns. Nothing shares a place: the slow way
// may take memory.
//===----------------------------------------------------------------------===//
#include "targets/reference/Passes.h"
#include "llvm/Support/MathExtras.h"

namespace minnow {
#define GEN_PASS_DEF_PLANSCRATCH
#include "targets/reference/Passes.h.inc"
} // namespace minnow

using namespace mlir;
using namespace minnow;

static int64_t getBytes(MemRefType type) {
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

namespace {
struct PlanScratch : minnow::impl::PlanScratchBase<PlanScratch> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto allocs = llvm::to_vector(function.getOps<memref::AllocOp>());
    if (allocs.empty())
      return;
    constexpr int64_t alignment = 128;
    SmallVector<int64_t> offsets;
    int64_t end = 0;
    for (memref::AllocOp alloc : allocs) {
      offsets.push_back(llvm::alignTo(end, alignment));
      end = offsets.back() + getBytes(alloc.getType());
    }

    OpBuilder builder(&getContext());
    auto type = MemRefType::get({end}, builder.getI8Type());
    function->setAttr(kScratchBytesName, builder.getI64IntegerAttr(end));
    unsigned last = function.getNumArguments();
    if (failed(function.insertArgument(last, type, {}, function.getLoc())))
      return signalPassFailure();
    for (auto [alloc, offset] : llvm::zip(allocs, offsets)) {
      builder.setInsertionPoint(alloc);
      Value place =
          arith::ConstantIndexOp::create(builder, alloc.getLoc(), offset);
      Value view = memref::ViewOp::create(
          builder, alloc.getLoc(), alloc.getType(), function.getArgument(last),
          place, ValueRange{});
      alloc.replaceAllUsesWith(view);
      alloc.erase();
    }
  }
};
} // namespace
