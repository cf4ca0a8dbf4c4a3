//===- FormGroups.cpp - partition the network into kernels ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %0 = mobile.conv2d %x, %w0        mobile.call @pointwise_..(%x, %w0)
//   %1 = mobile.depthwise_conv2d %0   mobile.call @depthwise3x3_..(..)
//
// Grouping.h decides what is one kernel, Outline.h makes the kernels.
//===----------------------------------------------------------------------===//
#include "passes/Grouping.h"
#include "passes/InlineBlocks.h"
#include "passes/KernelNames.h"
#include "passes/Outline.h"
#include "passes/Passes.h"
#include <fmt/format.h>

using namespace mlir;
using namespace minnow;

namespace minnow {
#define GEN_PASS_DEF_FORMGROUPS
#include "passes/Passes.h.inc"
} // namespace minnow

/// Remarks a decision at the last of its primitives.
static void remarkDecision(const FusionDecision &decision) {
  std::string text =
      !decision.allowed
          ? std::string("apart")
          : fmt::format("{}, one kernel {} {:.1f} us ({:.1f} against {:.1f})",
                        decision.fused ? "fused" : "apart",
                        decision.getGain() < 0 ? "loses" : "gains",
                        std::abs(decision.getGain()) * 1e6,
                        decision.together * 1e6, decision.apart * 1e6);
  decision.ops.back()->emitRemark(text)
      << ": " << getLayers(decision.ops) << ": " << decision.why;
}

namespace {

struct FormGroups : minnow::impl::FormGroupsBase<FormGroups> {
  using FormGroupsBase::FormGroupsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = createTarget(module);
    if (!target)
      return signalPassFailure();
    auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (failed(formGroups(function, *target)))
        return signalPassFailure();
  }

  LogicalResult formGroups(func::FuncOp function, const Target &target) {
    auto parsed = parseGroupingGoal(goal);
    if (!parsed)
      return function.emitError("unknown goal '")
             << goal << "'; there is time, memory, blocks, separate";
    if (failed(prepareNetwork(function)))
      return failure();
    Grouping grouping(function, target, *parsed);
    if (explain)
      llvm::for_each(grouping.explain(), remarkDecision);
    auto groups = llvm::map_to_vector(
        grouping.getGroups(), [](const Group &group) { return group.ops; });
    outlineKernels(function, groups);
    return success();
  }
};

} // namespace
