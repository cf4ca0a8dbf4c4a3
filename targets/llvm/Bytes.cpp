//===- Bytes.cpp - sums to bytes by packs of AVX-512 ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packs work within quarters of their vectors, so one permutation of dwords
// puts the bytes of four vectors in order.
//===----------------------------------------------------------------------===//
#include "targets/llvm/Bytes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Analysis/AliasAnalysis.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Analysis/VectorUtils.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;
using namespace minnow;

namespace {

constexpr int kLanes = 16, kGroup = 4;

/// A store of bytes, and what they are: min(sums, high), but not below -128.
struct Narrowing {
  StoreInst *store;
  Value *sums;
  Value *high; // of all lanes, an i32
};

/// Packs the stores of a basic block.
class Packer {
public:
  Packer(AAResults &aliases, const DataLayout &layout)
      : aliases(aliases), layout(layout) {}
  bool run(BasicBlock &block);

private:
  std::optional<Narrowing> match(Instruction &instruction) const;
  bool canFollow(Instruction &instruction) const;
  bool isBehind(size_t index) const;
  Value *getHigh(IRBuilder<> &builder) const;
  Value *pack(IRBuilder<> &builder) const;
  void finishGroup();

  AAResults &aliases;
  const DataLayout &layout;
  SmallVector<Narrowing, kGroup> group;
  SmallVector<WeakTrackingVH> dead;
};

} // namespace

std::optional<Narrowing> Packer::match(Instruction &instruction) const {
  using namespace PatternMatch;
  auto *store = dyn_cast<StoreInst>(&instruction);
  if (!store || !store->isSimple())
    return {};
  Value *sums, *high;
  const APInt least(32, -128, /*isSigned=*/true); // the matcher refers to it
  auto lowest = m_SpecificInt(least);
  auto held = m_CombineOr(m_SMax(m_SMin(m_Value(sums), m_Value(high)), lowest),
                          m_SMin(m_SMax(m_Value(sums), lowest), m_Value(high)));
  if (!PatternMatch::match(store->getValueOperand(), m_Trunc(held)))
    return {};
  auto *type =
      FixedVectorType::get(Type::getInt32Ty(store->getContext()), kLanes);
  if (sums->getType() != type)
    return {};
  // Either side of the minimum may be the byte.
  for (auto [vector, other] : {std::pair(high, sums), std::pair(sums, high)})
    if (Value *scalar = getSplatValue(vector);
        scalar && ComputeNumSignBits(scalar, layout) > 32 - 8)
      return Narrowing{store, other, scalar};
  return {};
}

/// Whether the stores of the group may move behind `instruction`.
bool Packer::canFollow(Instruction &instruction) const {
  if (!instruction.mayReadOrWriteMemory())
    return true;
  return all_of(group, [&](const Narrowing &each) {
    return isNoModRef(
        aliases.getModRefInfo(&instruction, MemoryLocation::get(each.store)));
  });
}

/// Whether the bytes of `index` lie behind those before it.
bool Packer::isBehind(size_t index) const {
  int64_t offset = 0, before = 0;
  auto *base = GetPointerBaseWithConstantOffset(
      group[index].store->getPointerOperand(), offset, layout);
  return base ==
             GetPointerBaseWithConstantOffset(
                 group[index - 1].store->getPointerOperand(), before, layout) &&
         offset == before + kLanes;
}

/// The highest byte, as a vector that is made before the loops.
Value *Packer::getHigh(IRBuilder<> &builder) const {
  IRBuilder<>::InsertPointGuard guard(builder);
  if (auto *made = dyn_cast<Instruction>(group[0].high))
    builder.SetInsertPoint(*made->getInsertionPointAfterDef());
  return builder.CreateVectorSplat(
      kLanes * kGroup, builder.CreateTrunc(group[0].high, builder.getInt8Ty()));
}

/// The bytes of the group's vectors in order; the last one is repeated where
/// there are fewer than four.
Value *Packer::pack(IRBuilder<> &builder) const {
  auto sums = [&](size_t i) {
    return group[std::min(i, group.size() - 1)].sums;
  };
  auto call = [&](Intrinsic::ID id, Value *a, Value *b) -> Value * {
    return builder.CreateIntrinsic(id, {}, {a, b});
  };
  Value *bytes =
      call(Intrinsic::x86_avx512_packsswb_512,
           call(Intrinsic::x86_avx512_packssdw_512, sums(0), sums(1)),
           call(Intrinsic::x86_avx512_packssdw_512, sums(2), sums(3)));
  Type *type = bytes->getType();
  SmallVector<int> order;
  for (int vector : seq(kGroup))
    for (int quarter : seq(kGroup))
      order.push_back(quarter * kGroup + vector);
  bytes = builder.CreateBitCast(bytes, group[0].sums->getType());
  bytes = builder.CreateShuffleVector(bytes, order);
  bytes = builder.CreateBitCast(bytes, type);
  return builder.CreateBinaryIntrinsic(Intrinsic::smin, bytes,
                                       getHigh(builder));
}

/// Stores the group at its last store.
void Packer::finishGroup() {
  if (group.size() < 2) {
    group.clear();
    return;
  }
  IRBuilder<> builder(group.back().store);
  Value *bytes = pack(builder);
  for (size_t i = 0; i < group.size();) {
    size_t count = 1;
    while (count < 4 && i + 2 * count <= group.size() &&
           all_of(
               seq(i + count, i + 2 * count),
               [&](size_t next) { return isBehind(next); }))
      count *= 2;
    auto part = to_vector(seq<int>(i * kLanes, (i + count) * kLanes));
    StoreInst *store = group[i].store;
    auto *joined = builder.CreateAlignedStore(
        builder.CreateShuffleVector(bytes, part), store->getPointerOperand(),
        store->getAlign());
    joined->setAAMetadata(store->getAAMetadata());
    i += count;
  }
  for (const Narrowing &each : group) {
    dead.push_back(each.store->getValueOperand());
    each.store->eraseFromParent();
  }
  group.clear();
}

bool Packer::run(BasicBlock &block) {
  for (Instruction &instruction : make_early_inc_range(block)) {
    auto found = match(instruction);
    if (found && !group.empty() && found->high != group[0].high)
      finishGroup();
    if (!canFollow(instruction))
      finishGroup();
    if (found)
      group.push_back(*found);
    if (group.size() == kGroup)
      finishGroup();
  }
  finishGroup();
  bool changed = !dead.empty();
  for (WeakTrackingVH &value : dead)
    if (value)
      RecursivelyDeleteTriviallyDeadInstructions(value);
  return changed;
}

PreservedAnalyses PackBytesPass::run(Function &function,
                                     FunctionAnalysisManager &analyses) {
  bool changed = false;
  for (BasicBlock &block : function)
    changed |= Packer(analyses.getResult<AAManager>(function),
                      function.getDataLayout())
                   .run(block);
  return changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
}
