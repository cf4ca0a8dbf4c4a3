//===- FormGroups.cpp - partition the network into kernels ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Brings a network into one sequence of primitives, asks the target and the
// cost model about its segments, and outlines those that Partition.h chooses.
//===----------------------------------------------------------------------===//
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/InlineBlocks.h"
#include "passes/Outline.h"
#include "passes/Partition.h"
#include "passes/Passes.h"
#include "targets/KernelCost.h"
#include "targets/Target.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_FORMGROUPS
#include "passes/Passes.h.inc"
} // namespace minnow

//===----------------------------------------------------------------------===//
// The sequence
//===----------------------------------------------------------------------===//

/// Fails with a diagnostic where `function` holds what no kernel can.
static LogicalResult checkPrimitives(func::FuncOp function) {
  for (Operation &op : function.getBody().front().without_terminator())
    if (!isa<PrimitiveOpInterface, GetWeightOp>(op))
      return op.emitOpError("is no primitive; a network that becomes kernels "
                            "holds nothing else");
  return success();
}

/// Gives every result of the network a primitive of its own: memory that is an
/// input, a weight or another result too gets a copy.
static void copySharedResults(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder builder(terminator);
  llvm::SmallPtrSet<Value, 4> seen;
  for (OpOperand &result : terminator->getOpOperands()) {
    Operation *source = result.get().getDefiningOp();
    if (source && !isa<GetWeightOp>(source) && seen.insert(result.get()).second)
      continue;
    result.set(ReshapeOp::create(builder, terminator->getLoc(),
                                 result.get().getType(), result.get()));
  }
}

/// Moves the ops of `block` into the order of a depth-first walk from its
/// results, so that a chain is not torn apart by what runs beside it, and
/// erases what no result needs.
static void orderDepthFirst(Block &block) {
  Operation *terminator = block.getTerminator();
  llvm::SmallSetVector<Operation *, 32> ordered;
  SmallVector<std::pair<Operation *, unsigned>> stack{{terminator, 0}};
  while (!stack.empty()) {
    auto &[op, operand] = stack.back();
    if (operand == op->getNumOperands()) {
      ordered.insert(op);
      stack.pop_back();
      continue;
    }
    Operation *source = op->getOperand(operand++).getDefiningOp();
    if (source && !ordered.contains(source))
      stack.push_back({source, 0});
  }
  for (Operation *op : ordered)
    if (op != terminator)
      op->moveBefore(terminator);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (!ordered.contains(&op) && isOpTriviallyDead(&op))
      op.erase();
}

//===----------------------------------------------------------------------===//
// The candidates
//===----------------------------------------------------------------------===//

namespace {

/// More primitives than any kernel has, so that the time for a network of
/// thousands grows with their number and not with its square.
constexpr unsigned kLongestGroup = 64;

/// A sequence of primitives with what the candidates need to know of it.
class Sequence {
public:
  Sequence(func::FuncOp function, const Target &target);

  ArrayRef<Operation *> getOps(const Segment &segment) const {
    return ArrayRef(ops).slice(segment.begin, segment.end - segment.begin);
  }
  unsigned size() const { return ops.size(); }

  /// The segments that can be a kernel, each with its predicted time.
  std::vector<Segment> getCandidates() const;

private:
  bool isClosed(unsigned begin, unsigned end) const;
  uint64_t getLiveBytes(unsigned begin, unsigned end) const;

  const Target &target;
  double networkBytes;
  SmallVector<Operation *> ops;
  // The last reader of each primitive's result, by index.
  SmallVector<unsigned> lastUse;
  SmallVector<bool> isResult;
};

} // namespace

Sequence::Sequence(func::FuncOp function, const Target &target)
    : target(target), networkBytes(getNetworkBytes(function)) {
  llvm::DenseMap<Operation *, unsigned> indices;
  for (Operation &op : function.getBody().front().without_terminator())
    if (isa<PrimitiveOpInterface>(op)) {
      indices[&op] = ops.size();
      ops.push_back(&op);
    }
  for (Operation *op : ops) {
    unsigned last = 0;
    bool yielded = false;
    for (Operation *user : op->getUsers()) {
      yielded |= user->hasTrait<OpTrait::IsTerminator>();
      last = std::max(last, yielded ? size() : indices[user]);
    }
    lastUse.push_back(last);
    isResult.push_back(yielded);
  }
}

/// Whether of [begin, end) only the last result is used outside.
bool Sequence::isClosed(unsigned begin, unsigned end) const {
  for (unsigned i = begin; i + 1 < end; ++i)
    if (lastUse[i] >= end)
      return false;
  return true;
}

/// Bytes of the arena that hold data while [begin, end) runs as one kernel.
/// Inputs and results of the network are the caller's.
uint64_t Sequence::getLiveBytes(unsigned begin, unsigned end) const {
  uint64_t bytes = 0;
  auto add = [&](unsigned i) {
    if (!isResult[i])
      bytes += getByteSize(ops[i]->getResult(0).getType());
  };
  for (unsigned i = 0; i < begin; ++i)
    if (lastUse[i] >= begin)
      add(i);
  add(end - 1);
  return bytes;
}

std::vector<Segment> Sequence::getCandidates() const {
  std::vector<Segment> candidates;
  for (unsigned end = 1; end <= size(); ++end)
    for (unsigned begin = end - std::min(end, kLongestGroup); begin < end;
         ++begin) {
      Segment segment{begin, end, 0, 0};
      ArrayRef<Operation *> group = getOps(segment);
      if (group.size() > 1 && (!isClosed(begin, end) || !target.canFuse(group)))
        continue;
      segment.liveBytes = getLiveBytes(begin, end);
      segment.seconds = cost::estimate(target.getMachine(),
                                       getKernelShape(group), networkBytes)
                            .seconds;
      candidates.push_back(segment);
    }
  return candidates;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// A program has memory for tensors of known size, and for nothing else.
static LogicalResult checkNetwork(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("a network must have a body of one block");
  FunctionType type = function.getFunctionType();
  for (Type part :
       llvm::concat<const Type>(type.getInputs(), type.getResults())) {
    auto tensor = dyn_cast<RankedTensorType>(part);
    if (!tensor || !tensor.hasStaticShape() ||
        !tensor.getElementType().isIntOrFloat())
      return function.emitError("a network's inputs and outputs must be static "
                                "tensors of numbers; one is ")
             << part;
  }
  if (type.getInputs().empty() || type.getResults().empty())
    return function.emitError("a network must have an input and an output");
  return success();
}

namespace {

struct FormGroups : minnow::impl::FormGroupsBase<FormGroups> {
  using FormGroupsBase::FormGroupsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = createTarget(TargetSpec::of(module));
    if (!target) {
      module.emitError(llvm::toString(target.takeError()));
      return signalPassFailure();
    }
    auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (failed(formGroups(function, **target)))
        return signalPassFailure();
  }

  LogicalResult formGroups(func::FuncOp function, const Target &target) {
    if (failed(checkNetwork(function)))
      return failure();
    copySharedResults(function);
    orderDepthFirst(function.getBody().front());
    inlineBlocks(function);
    if (failed(checkPrimitives(function)))
      return failure();

    Sequence sequence(function, target);
    auto segments = choosePartition(sequence.size(), sequence.getCandidates(),
                                    optimizeMemory ? PartitionGoal::Memory
                                                   : PartitionGoal::Time);
    auto groups = llvm::map_to_vector(segments, [&](const Segment &segment) {
      return sequence.getOps(segment);
    });
    outlineKernels(function, groups);
    return success();
  }
};

} // namespace
