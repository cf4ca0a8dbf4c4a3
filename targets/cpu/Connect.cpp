//===- Connect.cpp - what several kernels agree on ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equal kernels are one, so that maps between kernels make classes: all that
// one kernel reads as its first argument lie in memory alike.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Kernels.h"
#include "targets/cpu/Tiles.h"
#include "targets/halide/View.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using llvm::DenseSet;
using mlir::Operation;
using mlir::OpOperand;
using mlir::Value;

bool cpu::canBeUnsigned(const Isa &isa, KernelOp kernel, Value value,
                        bool *prefers) {
  bool isMultiplied = false;
  auto type = llvm::cast<mlir::RankedTensorType>(value.getType());
  if (isa.dotOperand != halide::DotOperand::Unsigned ||
      !isa.getForm().packsInLlvm() || !type.getElementType().isInteger(8) ||
      !isFast(isa, kernel, /*why=*/nullptr))
    return false;
  bool can = !llvm::isa<mlir::BlockArgument>(value) ||
             (type.getRank() > 1 && halide::readsNumbers(value, &isMultiplied));
  if (prefers)
    *prefers = isMultiplied;
  return can;
}

namespace {

/// An argument or, behind the last, a result of a kernel.
using Place = std::pair<Operation *, unsigned>;

/// Finds the maps that are stored unsigned: those that some product multiplies,
/// if all kernels that write or read them can.
class Maps {
public:
  Maps(const Isa &isa, mlir::SymbolTable &symbols)
      : isa(isa), symbols(symbols) {}
  void add(ProgramOp program);
  void setLayouts();

private:
  Place getPlace(CallOp call, unsigned index);
  Value getValue(Place place);
  void addResult(CallOp call, mlir::OpResult result);

  const Isa &isa;
  mlir::SymbolTable &symbols;
  llvm::EquivalenceClasses<Place> classes;
  DenseSet<Place> fixed; // lie as the program's user says
};

} // namespace

Place Maps::getPlace(CallOp call, unsigned index) {
  return {symbols.lookup<KernelOp>(call.getKernel()), index};
}

Value Maps::getValue(Place place) {
  auto kernel = llvm::cast<KernelOp>(place.first);
  unsigned arguments = kernel.getNumArguments();
  return place.second < arguments
             ? Value(kernel.getBody().getArgument(place.second))
             : kernel.getBody().front().getTerminator()->getOperand(
                   place.second - arguments);
}

void Maps::addResult(CallOp call, mlir::OpResult result) {
  Place place =
      getPlace(call, call.getNumOperands() + result.getResultNumber());
  classes.insert(place);
  for (OpOperand &use : result.getUses())
    if (auto reader = llvm::dyn_cast<CallOp>(use.getOwner()))
      classes.unionSets(place, getPlace(reader, use.getOperandNumber()));
    else
      fixed.insert(place);
}

void Maps::add(ProgramOp program) {
  for (auto call : program.getOps<CallOp>()) {
    for (OpOperand &operand : call->getOpOperands())
      if (!operand.get().getDefiningOp<CallOp>())
        fixed.insert(getPlace(call, operand.getOperandNumber()));
    for (mlir::OpResult result : call->getResults())
      addResult(call, result);
  }
}

void Maps::setLayouts() {
  for (const auto *leader : classes) {
    if (!leader->isLeader())
      continue;
    bool isPreferred = false;
    auto can = [&](Place place) {
      bool prefers;
      if (fixed.contains(place) ||
          !canBeUnsigned(isa, llvm::cast<KernelOp>(place.first),
                         getValue(place), &prefers))
        return false;
      isPreferred |= prefers;
      return true;
    };
    auto members = classes.members(*leader);
    if (!llvm::all_of(members, can) || !isPreferred)
      continue;
    for (Place place : members)
      setUnsigned(llvm::cast<KernelOp>(place.first), getValue(place));
  }
}

void cpu::setUnsigned(KernelOp kernel, Value value) {
  auto layout = LayoutAttr::get(kernel.getContext(), LayoutKind::Unsigned, {});
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
    kernel.setLayout(argument.getArgNumber(), layout);
  else
    kernel.setResultLayout(0, layout);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

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
  auto calls = llvm::to_vector(program.getOps<CallOp>());
  for (CallOp call : llvm::reverse(calls)) {
    auto kernel = symbols.lookup<KernelOp>(call.getKernel());
    if (reusesWeights(kernel)) {
      bool isOnce = llvm::count_if(calls, [&](CallOp other) {
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
      if (operand.getDefiningOp<GetWeightOp>())
        behind += getByteSize(operand.getType());
  }
}

void cpu::connect(const Isa &isa, mlir::ModuleOp module) {
  mlir::SymbolTable symbols(module);
  Maps maps(isa, symbols);
  for (auto program : module.getOps<ProgramOp>())
    maps.add(program);
  maps.setLayouts();
  if (isa.prefetches)
    for (auto program : module.getOps<ProgramOp>())
      fetchBehind(program, symbols);
}
