//===- Connect.cpp - what several kernels agree on ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel fetches the weights of those behind it.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Kernels.h"
#include "targets/cpu/Tiles.h"
#include "targets/halide/View.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using mlir::Operation;
using mlir::Value;

/// Whether each panel of some weights of `kernel` serves many positions.
static bool reusesWeights(KernelOp kernel) {
  constexpr int64_t kManyPositions = 16;
  return llvm::any_of(kernel.getBody().front(), [](Operation &op) {
    return isMatrix(&op) &&
           halide::countPositions(op.getResult(0)) >= kManyPositions;
  });
}

/// What comes after the last map reads each weight once, at the speed of
/// memory: as much of it as the core's own cache holds comes while the last
/// product of many positions is computed.
static void fetchBehind(ProgramOp program, mlir::SymbolTable &symbols) {
  constexpr int64_t kMostBytes = 1024 * 1024;
  int64_t behind = 0;
  for (auto call : llvm::reverse(llvm::to_vector(program.getOps<CallOp>()))) {
    auto kernel = symbols.lookup<KernelOp>(call.getKernel());
    if (reusesWeights(kernel)) {
      bool isOnce = llvm::count_if(program.getOps<CallOp>(), [&](CallOp other) {
                      return other.getKernel() == call.getKernel();
                    }) == 1;
      auto schedule = kernel.getScheduleAttr();
      if (isOnce && schedule)
        kernel.setScheduleAttr(ScheduleAttr::get(
            kernel.getContext(), schedule.getSplit(), schedule.getTasks(),
            schedule.getStrip(), schedule.getStages(),
            std::min(behind, kMostBytes)));
      return;
    }
    for (Value operand : call.getOperands())
      if (operand.getDefiningOp<GetWeightOp>()) {
        auto type = llvm::cast<mlir::ShapedType>(operand.getType());
        behind += type.getNumElements() * type.getElementTypeBitWidth() / 8;
      }
  }
}

void cpu::connect(const Isa &isa, mlir::ModuleOp module) {
  mlir::SymbolTable symbols(module);
  if (isa.prefetches)
    for (auto program : module.getOps<ProgramOp>())
      fetchBehind(program, symbols);
}
