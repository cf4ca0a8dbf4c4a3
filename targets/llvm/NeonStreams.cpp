//===- NeonStreams.cpp - loads of several registers -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sums of a tile wait for no load: what counts is how many instructions
// there are beside the multiply-adds. LLVM joins two loads at most, and moves
// them all to where a loop begins.
//===----------------------------------------------------------------------===//
#include "targets/llvm/Neon.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolutionExpressions.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/IntrinsicsAArch64.h"
#include "llvm/Transforms/Utils/Local.h"
#include "llvm/Transforms/Utils/ScalarEvolutionExpander.h"

using namespace llvm;
using namespace minnow;

namespace {

constexpr unsigned kRegisterBytes = 16, kRegisters = kNeonRegisters,
                   kGroup = kNeonGroup;

/// A load of one register, and how far it is behind another.
struct Place {
  LoadInst *load;
  int64_t offset;
};

/// Groups of loads of neighbours at even distances, over which a pointer moves
/// in one iteration.
struct Stream {
  SmallVector<LoadInst *> loads;
  const SCEV *start; // in the first iteration
  unsigned group;    // loads at once
  int64_t step;      // from group to group, in bytes
};

/// Rewrites the loads of a loop of one block.
class Streamer {
public:
  Streamer(Loop &loop, ScalarEvolution &evolution)
      : loop(loop), evolution(evolution) {}
  bool run();

private:
  const SCEVAddRecExpr *getMove(LoadInst *load) const;
  SmallVector<SmallVector<Place>> findBases() const;
  bool addStream(ArrayRef<Place> places, unsigned group);
  void addStreams(SmallVectorImpl<Place> &places);
  bool hasRoom() const;
  Value *makeStart(const Stream &stream);
  void load(const Stream &stream);

  Loop &loop;
  ScalarEvolution &evolution;
  SmallVector<Stream> streams;
  SmallVector<WeakTrackingVH> dead;
};

} // namespace

/// How the pointer of a register's load moves on, by a constant; or null.
const SCEVAddRecExpr *Streamer::getMove(LoadInst *load) const {
  auto *type = dyn_cast<FixedVectorType>(load->getType());
  if (!load->isSimple() || !type ||
      type->getPrimitiveSizeInBits() != 8 * kRegisterBytes)
    return nullptr;
  auto *move =
      dyn_cast<SCEVAddRecExpr>(evolution.getSCEV(load->getPointerOperand()));
  bool isLinear = move && move->getLoop() == &loop && move->isAffine() &&
                  isa<SCEVConstant>(move->getOperand(1));
  return isLinear ? move : nullptr;
}

/// The loads that are at constant distances from each other, base by base.
SmallVector<SmallVector<Place>> Streamer::findBases() const {
  SmallVector<SmallVector<Place>> bases;
  for (Instruction &instruction : *loop.getHeader()) {
    auto *load = dyn_cast<LoadInst>(&instruction);
    auto *move = load ? getMove(load) : nullptr;
    if (!move)
      continue;
    auto isNear = [&](SmallVector<Place> &places) {
      auto offset =
          evolution.computeConstantDifference(move, getMove(places[0].load));
      if (offset)
        places.push_back({load, offset->getSExtValue()});
      return offset.has_value();
    };
    if (!any_of(bases, isNear))
      bases.push_back({{load, 0}});
  }
  return bases;
}

/// Adds the stream of `places`, in order, if these are groups at even distances
/// that lead to the next iteration.
bool Streamer::addStream(ArrayRef<Place> places, unsigned group) {
  auto *move = getMove(places[0].load);
  int64_t all =
      cast<SCEVConstant>(move->getOperand(1))->getAPInt().getSExtValue();
  if (places.size() % group || all % int64_t(places.size() / group))
    return false;
  int64_t step = all / int64_t(places.size() / group);
  Stream stream{{}, move->getStart(), group, step};
  for (auto [i, place] : enumerate(places)) {
    int64_t offset = i / group * step + i % group * kRegisterBytes;
    if (place.offset - places[0].offset != offset ||
        place.load->getType() != places[0].load->getType())
      return false;
    // Its groups come in order; of several, one after the other.
    if (i >= group && !places[i - group].load->comesBefore(place.load))
      return false;
    stream.loads.push_back(place.load);
  }
  streams.push_back(stream);
  return true;
}

/// The streams of loads from one base: one of all, or of each run of
/// neighbours.
void Streamer::addStreams(SmallVectorImpl<Place> &places) {
  stable_sort(places, [](const Place &a, const Place &b) {
    return a.offset < b.offset;
  });
  if (addStream(places, kGroup))
    return;
  for (size_t i = 0, end; i < places.size(); i = end) {
    end = i + 1;
    while (end < places.size() &&
           places[end].offset == places[end - 1].offset + kRegisterBytes)
      ++end;
    auto run = ArrayRef(places).slice(i, end - i);
    if (!addStream(run, kGroup))
      addStream(run, 2);
  }
}

/// Whether there are registers for one group of each stream, beside the sums,
/// which last from one iteration to the next.
bool Streamer::hasRoom() const {
  unsigned used = 0;
  for (PHINode &phi : loop.getHeader()->phis())
    used += isa<FixedVectorType>(phi.getType());
  for (const Stream &stream : streams)
    used += stream.group;
  return used <= kRegisters;
}

/// `from` as a value, or several in a struct, of which LLVM knows nothing: by
/// code of no instructions.
static CallInst *hide(IRBuilder<> &builder, Type *type, ArrayRef<Value *> from,
                      const Twine &constraints) {
  SmallVector<Type *> types;
  for (Value *value : from)
    types.push_back(value->getType());
  auto *function = FunctionType::get(type, types, /*isVarArg=*/false);
  return builder.CreateCall(InlineAsm::get(function, "", constraints.str(),
                                           /*hasSideEffects=*/false),
                            from);
}

/// The pointer with which a stream begins. LLVM must not find it in that of
/// another stream: one pointer for both is an addition at each load.
Value *Streamer::makeStart(const Stream &stream) {
  Instruction *before = loop.getLoopPreheader()->getTerminator();
  SCEVExpander expander(evolution, "stream");
  Type *type = stream.loads[0]->getPointerOperandType();
  Value *start = expander.expandCodeFor(stream.start, type, before);
  IRBuilder<> builder(before);
  return hide(builder, type, {start}, "=r,0");
}

/// The sums to which `parts` are added, the last of each register; none if a
/// part is used otherwise than in `body`.
static SmallVector<Instruction *> findSums(ArrayRef<Value *> parts,
                                           BasicBlock *body) {
  SmallSetVector<Instruction *, kRegisters> sums;
  for (Value *part : parts)
    for (User *user : part->users()) {
      auto *sum = cast<Instruction>(user);
      // Halide multiplies, then adds; LLVM makes one of the two.
      if (sum->getOpcode() == Instruction::FMul && sum->hasOneUse())
        sum = cast<Instruction>(*sum->user_begin());
      if (sum->getParent() != body || isa<PHINode>(sum) ||
          !isa<FixedVectorType>(sum->getType()))
        return {};
      sums.insert(sum);
    }
  return to_vector(make_filter_range(sums, [&](Instruction *sum) {
    return none_of(sum->users(), [&](User *user) {
      return sums.contains(cast<Instruction>(user));
    });
  }));
}

/// Whether `sum` is known before `next`, and used behind it.
static bool isBetween(Instruction *sum, Instruction *next) {
  return sum->comesBefore(next) && none_of(sum->users(), [&](User *user) {
           auto *use = cast<Instruction>(user);
           return use->getParent() == next->getParent() && !isa<PHINode>(use) &&
                  use->comesBefore(next);
         });
}

/// `pointer` as a value that is known only behind the last use of `before`, by
/// code of no instructions: LLVM would load `next` as soon as it can, for which
/// there are no registers. The core does not wait.
static Value *moveBehind(ArrayRef<Value *> before, Instruction *next,
                         Value *pointer) {
  auto sums = findSums(before, next->getParent());
  if (sums.empty() || sums.size() + kGroup > kRegisters ||
      !all_of(sums, [&](Instruction *sum) { return isBetween(sum, next); }))
    return pointer;
  SmallVector<Value *> values = {pointer};
  SmallVector<Type *> types = {pointer->getType()};
  std::string results = "=r", operands = ",0";
  for (Instruction *sum : sums) {
    results += ",=w";
    operands += "," + std::to_string(values.size());
    values.push_back(sum);
    types.push_back(sum->getType());
  }
  IRBuilder<> builder(next);
  CallInst *all = hide(builder, StructType::get(next->getContext(), types),
                       values, results + operands);
  for (auto [index, sum] : enumerate(sums)) {
    Value *hidden = builder.CreateExtractValue(all, index + 1);
    sum->replaceUsesWithIf(hidden,
                           [&](Use &use) { return use.getUser() != all; });
  }
  return builder.CreateExtractValue(all, 0);
}

/// Loads `stream` by groups of registers, each at the first of its loads.
void Streamer::load(const Stream &stream) {
  unsigned group = stream.group;
  BasicBlock *body = loop.getHeader();
  Value *start = makeStart(stream);
  IRBuilder<> builder(
      &*body->getParent()->getEntryBlock().getFirstInsertionPt());
  // LLVM would add up the steps of several groups, and then each pointer is an
  // instruction.
  Value *step = hide(builder, builder.getInt64Ty(),
                     {builder.getInt64(stream.step)}, "=r,0");
  builder.SetInsertPoint(&body->front());
  PHINode *first = builder.CreatePHI(start->getType(), 2);
  Value *pointer = first;
  SmallVector<Value *> parts; // of the group before
  for (size_t i = 0; i < stream.loads.size(); i += group) {
    auto loads = ArrayRef(stream.loads).slice(i, group);
    LoadInst *next = *min_element(
        loads, [](LoadInst *a, LoadInst *b) { return a->comesBefore(b); });
    pointer = moveBehind(parts, next, pointer);
    builder.SetInsertPoint(next);
    Value *all = builder.CreateIntrinsic(
        group == kGroup ? Intrinsic::aarch64_neon_ld1x4
                        : Intrinsic::aarch64_neon_ld1x2,
        {next->getType(), pointer->getType()}, {pointer});
    pointer = builder.CreatePtrAdd(pointer, step);
    parts.clear();
    for (unsigned index : seq(group))
      parts.push_back(builder.CreateExtractValue(all, index));
    for (auto [load, part] : zip(loads, parts)) {
      load->replaceAllUsesWith(part);
      dead.push_back(load);
    }
  }
  first->addIncoming(start, loop.getLoopPreheader());
  first->addIncoming(pointer, body);
}

bool Streamer::run() {
  BasicBlock *body = loop.getHeader();
  if (loop.getNumBlocks() != 1 || !loop.getLoopPreheader() ||
      any_of(*body, [](Instruction &each) { return each.mayWriteToMemory(); }))
    return false;
  for (auto &places : findBases())
    addStreams(places);
  // The groups of a stream follow each other, but LLVM loads what is alone
  // where the loop begins.
  bool takesAll = hasRoom();
  for (const Stream &stream : streams)
    if (takesAll || stream.loads.size() > stream.group)
      load(stream);
  bool changed = !dead.empty();
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(dead);
  return changed;
}

PreservedAnalyses LoadStreamsPass::run(Function &function,
                                       FunctionAnalysisManager &analyses) {
  auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
  auto &loops = analyses.getResult<LoopAnalysis>(function);
  bool changed = false;
  for (Loop *loop : loops.getLoopsInPreorder())
    if (loop->isInnermost())
      changed |= Streamer(*loop, evolution).run();
  return changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
}
