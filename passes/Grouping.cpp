//===- Grouping.cpp - what of a network is one kernel ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Brings a network into one sequence of primitives and gives Partition.h the
// numbers of its segments.
//===----------------------------------------------------------------------===//
#include "passes/Grouping.h"
#include "dialects/mobile/Blocks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/InlineBlocks.h"
#include "targets/KernelCost.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"
#include <fmt/format.h>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

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

LogicalResult minnow::prepareNetwork(func::FuncOp network) {
  if (failed(checkNetwork(network)))
    return failure();
  inlineBlocks(network);
  copySharedResults(network);
  orderDepthFirst(network.getBody().front());
  return checkPrimitives(network);
}

//===----------------------------------------------------------------------===//
// The candidates
//===----------------------------------------------------------------------===//

/// More primitives than any kernel has, so that the time for a network of
/// thousands grows with their number and not with its square.
static constexpr unsigned kLongestGroup = 64;

std::optional<GroupingGoal> minnow::parseGroupingGoal(StringRef name) {
  return llvm::StringSwitch<std::optional<GroupingGoal>>(name)
      .Case("time", GroupingGoal::Time)
      .Case("memory", GroupingGoal::Memory)
      .Case("blocks", GroupingGoal::Blocks)
      .Case("separate", GroupingGoal::Separate)
      .Default(std::nullopt);
}

Grouping::Grouping(func::FuncOp network, const Target &target,
                   GroupingGoal goal)
    : target(target), goal(goal), networkBytes(getNetworkBytes(network)) {
  llvm::DenseMap<Operation *, unsigned> indices;
  for (Operation &op : network.getBody().front().without_terminator())
    if (isa<PrimitiveOpInterface>(op)) {
      indices[&op] = ops.size();
      ops.push_back(&op);
    }
  for (Operation *op : ops) {
    unsigned last = 0;
    bool yielded = false;
    for (Operation *user : op->getUsers()) {
      yielded |= user->hasTrait<OpTrait::IsTerminator>();
      last = std::max<unsigned>(last, yielded ? ops.size() : indices[user]);
    }
    lastUse.push_back(last);
    isResult.push_back(yielded);
  }
  findBlocks();
  findCandidates();
  chosen = choosePartition(ops.size(), chooseCandidates(),
                           goal == GroupingGoal::Memory ? PartitionGoal::Memory
                                                        : PartitionGoal::Time);
  for (const Segment &segment : chosen)
    groups.push_back(makeGroup(segment.begin, segment.end));
}

/// By where the primitives were inlined from, perhaps by a pass before: what
/// they were lowered to has their locations.
void Grouping::findBlocks() {
  llvm::DenseMap<Attribute, size_t> known;
  for (auto [i, op] : llvm::enumerate(ops)) {
    auto location = getBlockLocation(op->getLoc());
    if (!location) {
      blockOf.push_back(-1);
      continue;
    }
    auto [place, isNew] = known.try_emplace(*location, blocks.size());
    if (isNew)
      blocks.push_back({unsigned(i), 0, 0, 0});
    blocks[place->second].end = i + 1;
    blockOf.push_back(place->second);
  }
}

Group Grouping::makeGroup(unsigned begin, unsigned end) const {
  Group group{getOps(begin, end), getKernelShape(getOps(begin, end)), {}};
  for (Operation *op : group.ops)
    group.shape.savedMacs += target.getSavedMacs(op);
  group.estimate =
      cost::estimate(target.getMachine(), group.shape, networkBytes);
  return group;
}

/// Whether of [begin, end) only the last result is used outside.
bool Grouping::isClosed(unsigned begin, unsigned end) const {
  for (unsigned i = begin; i + 1 < end; ++i)
    if (lastUse[i] >= end)
      return false;
  return true;
}

/// Bytes of the arena that hold data while [begin, end) runs as one kernel.
/// Inputs and results of the network are the caller's.
uint64_t Grouping::getLiveBytes(unsigned begin, unsigned end) const {
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

void Grouping::findCandidates() {
  for (unsigned end = 1; end <= ops.size(); ++end)
    for (unsigned begin = end - std::min(end, kLongestGroup); begin < end;
         ++begin) {
      if (end - begin > 1 &&
          (!isClosed(begin, end) || !target.canFuse(getOps(begin, end))))
        continue;
      candidates.push_back({begin, end, makeGroup(begin, end).estimate.seconds,
                            getLiveBytes(begin, end)});
    }
}

static bool isComputing(Operation *op) {
  return cast<PrimitiveOpInterface>(op).getMacs() != 0;
}

static unsigned countComputing(ArrayRef<Operation *> ops) {
  return llvm::count_if(ops, isComputing);
}

/// The block whose computing primitives are those of [begin, end); -1: none.
int Grouping::findBlock(unsigned begin, unsigned end) const {
  auto inside = llvm::make_filter_range(
      llvm::seq(begin, end), [&](unsigned i) { return isComputing(ops[i]); });
  if (inside.empty())
    return -1;
  int number = blockOf[*inside.begin()];
  bool isSame =
      llvm::all_of(inside, [&](unsigned i) { return blockOf[i] == number; });
  if (number < 0 || !isSame)
    return -1;
  const Segment &block = blocks[number];
  return countComputing(getOps(begin, end)) ==
                 countComputing(getOps(block.begin, block.end))
             ? number
             : -1;
}

/// The candidates that the goal allows.
std::vector<Segment> Grouping::chooseCandidates() const {
  if (goal == GroupingGoal::Time || goal == GroupingGoal::Memory)
    return candidates;
  llvm::SmallVector<bool> isWhole(blocks.size(), false);
  if (goal == GroupingGoal::Blocks)
    for (const Segment &segment : candidates)
      if (int block = findBlock(segment.begin, segment.end); block >= 0)
        isWhole[block] = true;
  auto isLeftWhole = [&](unsigned i) {
    return blockOf[i] >= 0 && isWhole[blockOf[i]] && isComputing(ops[i]);
  };
  std::vector<Segment> allowed;
  for (const Segment &segment : candidates) {
    int block = findBlock(segment.begin, segment.end);
    bool takesBlock = block >= 0 && isWhole[block];
    bool isSmall = countComputing(getOps(segment.begin, segment.end)) <= 1;
    if (takesBlock ||
        (isSmall &&
         llvm::none_of(llvm::seq(segment.begin, segment.end), isLeftWhole)))
      allowed.push_back(segment);
  }
  return allowed;
}

//===----------------------------------------------------------------------===//
// The reasons
//===----------------------------------------------------------------------===//

/// What one kernel costs and saves against `apart`.
static std::string compare(const Group &together, ArrayRef<Group> apart) {
  double arithmetic = together.estimate.macSeconds,
         memory = -together.estimate.memorySeconds;
  for (const Group &group : apart) {
    arithmetic -= group.estimate.macSeconds;
    memory += group.estimate.memorySeconds;
  }
  return fmt::format("{:.1f} us of arithmetic more, {:.1f} us of memory and {} "
                     "call{} less",
                     arithmetic * 1e6, memory * 1e6, apart.size() - 1,
                     apart.size() == 2 ? "" : "s");
}

FusionDecision Grouping::decide(bool fused, const Segment &whole,
                                ArrayRef<Segment> parts) const {
  FusionDecision decision{
      getOps(whole.begin, whole.end), fused, false, 0, 0, ""};
  std::vector<Group> apart;
  for (const Segment &part : parts) {
    apart.push_back(makeGroup(part.begin, part.end));
    decision.apart += apart.back().estimate.seconds;
  }
  if (!isClosed(whole.begin, whole.end)) {
    decision.why = "a value in between is read elsewhere too";
  } else if (target.canFuse(decision.ops, &decision.why)) {
    Group together = makeGroup(whole.begin, whole.end);
    decision.allowed = true;
    decision.together = together.estimate.seconds;
    decision.why = compare(together, apart);
  }
  if (decision.allowed && fused != (decision.getGain() > 0))
    decision.why += goal == GroupingGoal::Time
                        ? "; other cuts gain more"
                        : "; chosen for another goal than time";
  return decision;
}

/// The fastest cut of `segment` in which each kernel computes one thing.
std::vector<Segment> Grouping::separate(const Segment &segment) const {
  std::vector<Segment> parts;
  for (Segment part : candidates)
    if (part.begin >= segment.begin && part.end <= segment.end &&
        countComputing(getOps(part.begin, part.end)) <= 1) {
      part.begin -= segment.begin;
      part.end -= segment.begin;
      parts.push_back(part);
    }
  parts =
      choosePartition(segment.end - segment.begin, parts, PartitionGoal::Time);
  for (Segment &part : parts) {
    part.begin += segment.begin;
    part.end += segment.begin;
  }
  return parts;
}

/// Whether `second` follows `first`, reads its result, and is of another block.
bool Grouping::areNeighbours(const Segment &first,
                             const Segment &second) const {
  int block = blockOf[first.end - 1];
  if (block >= 0 && block == blockOf[second.begin])
    return false;
  Value result = ops[first.end - 1]->getResult(0);
  return llvm::any_of(getOps(second.begin, second.end), [&](Operation *op) {
    return llvm::is_contained(op->getOperands(), result);
  });
}

std::vector<FusionDecision> Grouping::explain() const {
  std::vector<FusionDecision> decisions;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Segment &segment = chosen[i];
    if (i > 0 && areNeighbours(chosen[i - 1], segment)) {
      Segment whole{chosen[i - 1].begin, segment.end, 0, 0};
      decisions.push_back(decide(false, whole, {chosen[i - 1], segment}));
    }
    if (countComputing(getOps(segment.begin, segment.end)) > 1)
      decisions.push_back(decide(true, segment, separate(segment)));
    // A block that begins here and is several kernels.
    int block = blockOf[segment.begin];
    if (block < 0 || blocks[block].begin < segment.begin)
      continue;
    size_t last = i;
    while (chosen[last].end < blocks[block].end)
      ++last;
    if (last > i)
      decisions.push_back(decide(false, {segment.begin, chosen[last].end, 0, 0},
                                 ArrayRef(chosen).slice(i, last - i + 1)));
  }
  return decisions;
}
