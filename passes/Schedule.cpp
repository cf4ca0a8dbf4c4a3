//===- Schedule.cpp - schedules and layouts from the target ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels are scheduled each by itself, in the order of the module; then what
// concerns several.
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "targets/Target.h"

using namespace mlir;

namespace minnow {
#define GEN_PASS_DEF_SCHEDULE
#include "passes/Passes.h.inc"
} // namespace minnow

namespace {

struct Schedule : minnow::impl::ScheduleBase<Schedule> {
  using ScheduleBase::ScheduleBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = minnow::createTarget(minnow::TargetSpec::of(module));
    if (!target) {
      module.emitError(llvm::toString(target.takeError()));
      return signalPassFailure();
    }
    auto kernels = llvm::to_vector(module.getOps<minnow::mobile::KernelOp>());
    if (!tune.empty()) {
      if (llvm::Error error = (*target)->tune(kernels, tune)) {
        module.emitError(llvm::toString(std::move(error)));
        return signalPassFailure();
      }
    } else {
      for (auto kernel : kernels)
        (*target)->schedule(kernel);
    }
    (*target)->connect(module);
  }
};

} // namespace
