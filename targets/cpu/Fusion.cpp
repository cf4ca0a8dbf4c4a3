//===- Fusion.cpp - which primitives make one kernel ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What emit does well: one chain of computing primitives with the element
// operations that follow each, and no more than one sum at a time in registers.
// Chains may join in one attention, whose keys and values are computed first.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Kernels.h"
#include "targets/cpu/Tiles.h"
#include "targets/halide/ByteChain.h"
#include "targets/halide/View.h"
#include "llvm/ADT/DenseMap.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using mlir::Operation;
using mlir::Value;

namespace {

/// Longer chains gain nothing more and take long to compile: a UIB has four.
/// A Mobile MQA has seven: four projections, two depthwise, the attention.
constexpr int kMostStages = 4, kMostAttentionStages = 7;

/// Walks the primitives; each check returns why not, or null.
class Chain {
public:
  Chain(const Isa &isa, llvm::ArrayRef<Operation *> ops)
      : isa(isa), ops(ops),
        attentions(llvm::count_if(ops, llvm::IsaPred<AttentionOp>)) {}
  const char *check();

private:
  const char *add(Operation *op);
  const char *addComputing(Operation *op);
  const char *checkInput(Operation *op);
  const char *addElementwise(Operation *op);
  /// The stage whose sums `value` is made of; -1 outside of the kernel.
  int stageOf(Value value) const {
    auto found = stages.find(value);
    return found == stages.end() ? -1 : found->second;
  }
  bool isInside(Value value) const {
    return llvm::is_contained(ops, value.getDefiningOp());
  }
  bool isReadByComputing(Value value) const;
  bool repeatsOwnValue(Operation *op) const;

  const Isa &isa;
  llvm::ArrayRef<Operation *> ops;
  llvm::DenseMap<Value, int> stages;
  int count = 0;
  int attentions; // among all ops
};

} // namespace

static bool isPointwise(Operation *op) {
  auto conv = llvm::dyn_cast<Conv2DOp>(op);
  return conv && conv.isPointwise();
}

static bool isGlobalAverage(Operation *op) {
  auto pool = llvm::dyn_cast<Pool2DOp>(op);
  return pool && pool.isGlobalAverage();
}

/// Whether the result has no rows and columns, but for a global pool's.
static bool isOnePosition(Operation *op) {
  return !isGlobalAverage(op) && halide::countPositions(op->getResult(0)) == 1;
}

/// Whether a reshape leaves each element its channel and its position.
static bool keepsSizes(ReshapeOp reshape) {
  Value from = reshape.getInput(), to = reshape.getResult();
  return halide::countChannels(from) == halide::countChannels(to) &&
         halide::countPositions(to) == 1;
}

/// Whether a value is kept in memory because a later stage reads it.
bool Chain::isReadByComputing(Value value) const {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return llvm::is_contained(ops, user) && halide::isComputing(user);
  });
}

/// What `op`, a computing primitive, may read of the same kernel.
const char *Chain::checkInput(Operation *op) {
  Value input = op->getOperand(0);
  if (!isInside(input))
    return count > 0 && !attentions
               ? "two chains that do not depend on each other"
               : nullptr;
  bool isTransposed = llvm::isa<TransposeOp>(input.getDefiningOp());
  if (stageOf(input) < 0 && !isTransposed)
    return "an element operation before the first computing primitive";
  if (!halide::isEvenlyPadded(op))
    return "a window whose rows of padding are unlike at top and bottom";
  if (isGlobalAverage(op)) {
    Operation *before = input.getDefiningOp();
    while (before && !halide::isComputing(before))
      before = before->getOperand(0).getDefiningOp();
    if (count != 1 || !before || !isPointwise(before))
      return "a global pool is fused with one pointwise convolution only";
    if (!llvm::hasSingleElement(input.getUsers()))
      return "a pooled value that is used besides";
    return nullptr;
  }
  // The tasks divide its channels, and the second reads all of the first.
  if (count > 0 && isOnePosition(op))
    return "two products of one position, which tasks cannot divide";
  if (!llvm::isa<Conv2DOp, DepthwiseConv2DOp, LinearOp, AttentionOp>(op))
    return "the primitive reads a value of the same kernel";
  bool isWindow =
      llvm::isa<Conv2DOp, DepthwiseConv2DOp>(op) && !isPointwise(op);
  for (Operation *other : ops)
    if (isWindow && stages.count(other->getResult(0)) &&
        prefersWinograd(isa, other))
      return "a window behind a full convolution, which needs all its products "
             "then";
  return nullptr;
}

const char *Chain::addComputing(Operation *op) {
  for (Value weight : op->getOperands().drop_front())
    if (isInside(weight) && !llvm::isa<AttentionOp>(op))
      return "weights are computed in the same kernel";
  if (const char *why = checkInput(op))
    return why;
  if (attentions > 1)
    return "more than one attention";
  for (Operation *other : ops)
    if (other != op && stages.count(other->getResult(0)) &&
        isGlobalAverage(other))
      return "a computing primitive after a global pool";
  if (++count > (attentions ? kMostAttentionStages : kMostStages))
    return attentions ? "more than seven computing primitives"
                      : "more than four computing primitives";
  stages[op->getResult(0)] = count - 1;
  return nullptr;
}

/// Whether `op` repeats a value of the kernel over positions, as the gate of
/// squeeze-and-excitation is.
bool Chain::repeatsOwnValue(Operation *op) const {
  if (op->getNumOperands() != 2 || !isInside(op->getOperand(1)))
    return false;
  return halide::countPositions(op->getOperand(1)) <
         halide::countPositions(op->getOperand(0));
}

const char *Chain::addElementwise(Operation *op) {
  if (auto transpose = llvm::dyn_cast<TransposeOp>(op)) {
    auto permutation = transpose.getPermutation();
    bool first = !isInside(transpose.getInput());
    bool last = op == ops.back();
    if (!first || last || permutation.size() != 4 || permutation[0] != 0)
      return "a transpose that is not of the map which enters";
    for (Operation *user : op->getUsers())
      if (!llvm::isa<Conv2DOp>(user))
        return "a transpose before other than a convolution";
    return nullptr;
  }
  if (auto reshape = llvm::dyn_cast<ReshapeOp>(op))
    if (!keepsSizes(reshape))
      return "a reshape that moves elements to other channels";
  if (repeatsOwnValue(op))
    return "a gate that each strip and each task would compute anew";
  int stage = -1;
  for (Value operand : op->getOperands()) {
    if (!isInside(operand) || isReadByComputing(operand))
      continue;
    if (stageOf(operand) >= 0 && stage >= 0 && stageOf(operand) != stage)
      return "two sums that are computed at once";
    stage = std::max(stage, stageOf(operand));
  }
  if (count > 0 && stage < 0)
    return "an element operation that reads no sum of the kernel";
  if (stage >= 0)
    stages[op->getResult(0)] = stage;
  return nullptr;
}

const char *Chain::add(Operation *op) {
  return halide::isComputing(op) ? addComputing(op) : addElementwise(op);
}

const char *Chain::check() {
  for (Operation *op : ops)
    if (const char *why = add(op))
      return why;
  return nullptr;
}

static bool isInteger(Operation *op) {
  auto isIntegerType = [](mlir::Type type) {
    return !llvm::cast<mlir::ShapedType>(type).getElementType().isF32();
  };
  return llvm::any_of(op->getOperandTypes(), isIntegerType) ||
         llvm::any_of(op->getResultTypes(), isIntegerType);
}

/// Whether `before` is the edge of a network, which comes as planes of floats
/// or is rounded, and `op` copies what it reads anyway.
static bool isEdge(const Isa &isa, Operation *before, Operation *op) {
  auto type = llvm::cast<mlir::ShapedType>(before->getOperand(0).getType());
  auto transpose = llvm::dyn_cast<TransposeOp>(before);
  bool isMap = transpose && transpose.getPermutation().size() == 4 &&
               transpose.getPermutation()[0] == 0;
  return type.getElementType().isF32() &&
         (isMap || llvm::isa<RequantizeOp>(before)) &&
         halide::copiesInput(op, isa.getForm());
}

bool cpu::canFuse(const Isa &isa, llvm::ArrayRef<Operation *> ops,
                  std::string *why) {
  if (ops.size() <= 1)
    return true;
  auto isFirst = [&](Operation *before, Operation *op) {
    return isEdge(isa, before, op);
  };
  const char *reason = llvm::any_of(ops, isInteger)
                           ? halide::checkByteChain(ops, isFirst)
                           : Chain(isa, ops).check();
  if (reason && why)
    *why = reason;
  return !reason;
}
