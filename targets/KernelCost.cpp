//===- KernelCost.cpp - from primitives to the cost model -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MACs and bytes by the paper's convention (each tensor once). A kernel of
// several computing primitives runs in strips of one output row: of a tensor
// that stays inside only the rows under the next window are alive.
//===----------------------------------------------------------------------===//
#include "targets/KernelCost.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

static uint64_t countMacs(Operation *op) {
  return cast<PrimitiveOpInterface>(op).getMacs();
}

/// The MACs of `op` that multiply bytes.
static uint64_t countByteMacs(Operation *op) {
  auto input = cast<ShapedType>(getStorageType(op->getOperand(0).getType()));
  return input.getElementType().isInteger(8) ? countMacs(op) : 0;
}

static uint64_t addUp(KernelOp kernel, uint64_t (*count)(Operation *)) {
  uint64_t macs = 0;
  for (auto op : kernel.getBody().getOps<PrimitiveOpInterface>())
    macs += count(op);
  return macs;
}

uint64_t minnow::getMacs(KernelOp kernel) { return addUp(kernel, countMacs); }

uint64_t minnow::getByteMacs(KernelOp kernel) {
  return addUp(kernel, countByteMacs);
}

/// Element operations of a primitive without MACs. A reshape has none.
static double countElementwise(Operation *op) {
  if (countMacs(op) != 0 || isa<ReshapeOp>(op))
    return 0;
  double elements =
      cast<ShapedType>(op->getResult(0).getType()).getNumElements();
  if (auto pool = dyn_cast<Pool2DOp>(op))
    return elements * pool.getWindow()[0] * pool.getWindow()[1];
  return elements;
}

/// Rows of the input that `consumer` needs for one row of its result.
static int64_t getWindowRows(Operation *consumer) {
  if (auto conv = dyn_cast<Conv2DOp>(consumer))
    return conv.getFilter().getType().getDimSize(0);
  if (auto conv = dyn_cast<DepthwiseConv2DOp>(consumer))
    return conv.getFilter().getType().getDimSize(0);
  auto pool = dyn_cast<Pool2DOp>(consumer);
  // A global pool adds up rows as they come.
  return pool && !pool.isGlobalAverage() ? pool.getWindow()[0] : 1;
}

/// Bytes of an inner tensor that are alive at one time.
static double getStripBytes(Value inner) {
  auto type = cast<RankedTensorType>(inner.getType());
  if (type.getRank() != 4 || type.getDimSize(1) <= 1)
    return getByteSize(type);
  int64_t rows = 1, height = type.getDimSize(1);
  for (Operation *user : inner.getUsers()) {
    rows = std::max(rows, getWindowRows(user));
    // Each query reads all keys and values.
    auto attention = dyn_cast<AttentionOp>(user);
    if (attention && attention.getQuery() != inner)
      rows = height;
  }
  return double(getByteSize(type)) * std::min(rows, height) / height;
}

/// Whether `inner` is sums of integers, which are rounded where they are.
static bool isSum(Value inner) {
  return cast<ShapedType>(inner.getType()).getElementType().isInteger(32);
}

/// The rows that the result of `ops` is computed by, each a strip.
static int64_t countStrips(ArrayRef<Operation *> ops) {
  int64_t strips = 1;
  for (Operation *op : ops)
    if (countMacs(op) != 0)
      if (auto type = cast<RankedTensorType>(op->getResult(0).getType());
          type.getRank() == 4)
        strips = type.getDimSize(1);
  return strips;
}

static bool isPointwise(Operation *op) {
  auto conv = dyn_cast<Conv2DOp>(op);
  return conv && conv.isPointwise();
}

/// What fusing several computing primitives costs: weights pass once a strip,
/// and pointwise and depthwise convolutions lose the free choice of their
/// tiles. Only of floats a full convolution with a pointwise one after it loses
/// nothing (97 % of the peak measured): it goes by rows of its output anyway.
static void addStripCosts(ArrayRef<Operation *> ops, cost::KernelShape &shape) {
  auto stages = llvm::filter_to_vector(
      ops, [](Operation *op) { return countMacs(op) != 0; });
  if (stages.size() < 2)
    return;
  shape.weightPasses = countStrips(ops);
  bool isFusedIb = stages.size() == 2 && isa<Conv2DOp>(stages[0]) &&
                   !isPointwise(stages[0]) && isPointwise(stages[1]);
  if (!isFusedIb || shape.byteMacs)
    shape.stripMacs = shape.macs;
}

cost::KernelShape
minnow::getKernelShape(ArrayRef<Operation *> ops,
                       llvm::function_ref<bool(Value)> isWeight) {
  cost::KernelShape shape;
  llvm::SmallPtrSet<Value, 16> seen;
  for (Operation *op : ops) {
    shape.macs += countMacs(op);
    shape.byteMacs += countByteMacs(op);
    shape.elementwise += countElementwise(op);
    for (Value operand : op->getOperands())
      if (seen.insert(operand).second)
        (isWeight(operand) ? shape.weightBytes : shape.inputBytes) +=
            getByteSize(operand.getType());
    if (countMacs(op) != 0 && getWindowRows(op) > 1)
      shape.mapBytes += getByteSize(op->getOperand(0).getType()); // its copy
    Value result = op->getResult(0);
    seen.insert(result);
    if (op == ops.back())
      shape.outputBytes = getByteSize(result.getType());
    else if (!isSum(result)) {
      shape.innerBytes += getStripBytes(result);
      shape.mapBytes += getByteSize(result.getType());
    }
  }
  addStripCosts(ops, shape);
  return shape;
}

cost::KernelShape minnow::getKernelShape(ArrayRef<Operation *> ops) {
  return getKernelShape(ops, [](Value value) {
    return value.getDefiningOp<GetWeightOp>() != nullptr;
  });
}

cost::KernelShape minnow::getKernelShape(CallOp call) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<KernelOp>(
      call, call.getKernelAttr());
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBody().front().without_terminator())
    ops.push_back(&op);
  return getKernelShape(ops, [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument)
      return false;
    Operation *source =
        call.getOperand(argument.getArgNumber()).getDefiningOp();
    auto buffer = dyn_cast_or_null<BufferOp>(source);
    return isa_and_nonnull<GetWeightOp>(source) ||
           (buffer && buffer.getSpace() == MemorySpace::Weights);
  });
}

double minnow::getNetworkBytes(Operation *network) {
  double weights = 0, widest = 0;
  llvm::StringSet<> seen;
  network->walk([&](Operation *op) {
    if (auto weight = dyn_cast<GetWeightOp>(op)) {
      if (seen.insert(weight.getWeight()).second)
        weights += getByteSize(weight.getType());
    } else if (isa<PrimitiveOpInterface>(op)) {
      cost::KernelShape shape = getKernelShape(op);
      widest = std::max(widest, shape.inputBytes + shape.outputBytes);
    }
  });
  return weights + widest;
}
