//===- Bytes.cpp - sums to bytes by packs of AVX-512 ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halide rounds by adding 1.5 * 2^23, in i32; the conversion of a machine with
// these packs rounds too, and bytes are held in bounds four vectors at once.
// Packs work within quarters of their vectors, so one permutation of dwords
// puts the bytes of four vectors in order.
//===----------------------------------------------------------------------===//
#include "targets/llvm/Bytes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Analysis/AliasAnalysis.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Analysis/VectorUtils.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;
using namespace minnow;

namespace {

constexpr int kLanes = 16, kGroup = 4;

/// A store of bytes, and what they are: clamp(rne(value) + zero, low, high).
struct Narrowing {
  StoreInst *store;
  Value *value;
  // Of all lanes, i32. The bound is low - zero + kRoundingBits, the shift zero
  // less these.
  Value *bound, *shift, *high;
};

/// What holds the bytes of a group, in all lanes.
struct Bounds {
  Value *most;       // high - zero, f32
  Value *zero;       // i16
  Value *low, *high; // i8
};

/// Packs the stores of a basic block.
class Packer {
public:
  Packer(AAResults &aliases, const DominatorTree &tree,
         const DataLayout &layout)
      : aliases(aliases), tree(tree), layout(layout) {}
  bool run(BasicBlock &block);

private:
  std::optional<Narrowing> match(Instruction &instruction) const;
  bool canFollow(Instruction &instruction) const;
  bool isBehind(size_t index) const;
  Bounds makeBounds(IRBuilder<> &builder) const;
  Value *pack(IRBuilder<> &builder) const;
  void finishGroup();

  AAResults &aliases;
  const DominatorTree &tree;
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
  Value *whole, *high, *value, *bound, *shift;
  const APInt least(32, -128, /*isSigned=*/true); // the matcher refers to it
  auto lowest = m_SpecificInt(least);
  auto held =
      m_CombineOr(m_SMax(m_SMin(m_Value(whole), m_Value(high)), lowest),
                  m_SMin(m_SMax(m_Value(whole), lowest), m_Value(high)));
  if (!PatternMatch::match(store->getValueOperand(), m_Trunc(held)))
    return {};
  auto *type =
      FixedVectorType::get(Type::getInt32Ty(store->getContext()), kLanes);
  if (whole->getType() != type)
    return {};
  // Either side of the minimum may be the byte.
  for (auto [vector, other] :
       {std::pair(high, whole), std::pair(whole, high)}) {
    auto rounded =
        m_BitCast(m_FAdd(m_Value(value), m_SpecificFP(kRoundingNumber)));
    if (!PatternMatch::match(
            other, m_c_Add(m_c_SMax(rounded, m_Value(bound)), m_Value(shift))))
      continue;
    Narrowing found = {store, value, getSplatValue(bound), getSplatValue(shift),
                       getSplatValue(vector)};
    if (found.bound && found.shift && found.high &&
        ComputeNumSignBits(found.high, layout) > 32 - 8)
      return found;
  }
  return {};
}

static bool haveSameBounds(const Narrowing &a, const Narrowing &b) {
  return a.bound == b.bound && a.shift == b.shift && a.high == b.high;
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

/// The bounds of the group in all lanes, made before the loops around.
Bounds Packer::makeBounds(IRBuilder<> &builder) const {
  IRBuilder<>::InsertPointGuard guard(builder);
  const Narrowing &first = group[0];
  const Instruction *last = nullptr;
  for (Value *scalar : {first.bound, first.shift, first.high})
    if (auto *made = dyn_cast<Instruction>(scalar))
      if (!last || tree.dominates(last, made))
        last = made;
  if (last)
    builder.SetInsertPoint(
        *const_cast<Instruction *>(last)->getInsertionPointAfterDef());
  Value *zero = builder.CreateAdd(first.shift, builder.getInt32(kRoundingBits));
  Value *low = builder.CreateAdd(first.bound, first.shift);
  Value *most = builder.CreateSIToFP(builder.CreateSub(first.high, zero),
                                     builder.getFloatTy());
  return {
      builder.CreateVectorSplat(kLanes, most),
      builder.CreateVectorSplat(
          kLanes * 2, builder.CreateTrunc(zero, builder.getInt16Ty())),
      builder.CreateVectorSplat(kLanes * 4,
                                builder.CreateTrunc(low, builder.getInt8Ty())),
      builder.CreateVectorSplat(
          kLanes * 4, builder.CreateTrunc(first.high, builder.getInt8Ty()))};
}

/// Whether `value` is a scaled integer or the sum of two, which
/// mobile.requantize says are no larger than an i32.
static bool isOfIntegers(Value *value) {
  using namespace PatternMatch;
  auto addsScaled = [](Value *sum, Value *&addend) {
    auto integer = m_SIToFP(m_Value());
    return PatternMatch::match(
        sum,
        m_CombineOr(
            m_Intrinsic<Intrinsic::fma>(integer, m_Value(), m_Value(addend)),
            m_Intrinsic<Intrinsic::fma>(m_Value(), integer, m_Value(addend))));
  };
  Value *addend = nullptr, *offset = nullptr;
  return PatternMatch::match(value, m_c_FMul(m_SIToFP(m_Value()), m_Value())) ||
         (addsScaled(value, addend) && addsScaled(addend, offset));
}

/// The bytes of the group's vectors in order; the last one is repeated where
/// there are fewer than four. What is too large for an i32 would be converted
/// to the least one, as what is too small is; all steps after that saturate.
Value *Packer::pack(IRBuilder<> &builder) const {
  Bounds bounds = makeBounds(builder);
  SmallVector<Value *, kGroup> whole;
  for (const Narrowing &each : group) {
    Value *held = each.value;
    if (!isOfIntegers(held))
      held = builder.CreateSelect(builder.CreateFCmpOLT(held, bounds.most),
                                  held, bounds.most);
    constexpr int kAllLanes = -1, kRoundAsSet = 4;
    whole.push_back(builder.CreateIntrinsic(
        Intrinsic::x86_avx512_mask_cvtps2dq_512, {},
        {held,
         PoisonValue::get(FixedVectorType::get(builder.getInt32Ty(), kLanes)),
         builder.getInt16(kAllLanes), builder.getInt32(kRoundAsSet)}));
  }
  while (whole.size() < kGroup)
    whole.push_back(whole.back());
  auto call = [&](Intrinsic::ID id, Value *a, Value *b) -> Value * {
    return builder.CreateIntrinsic(id, {}, {a, b});
  };
  auto shift = [&](Value *a, Value *b) {
    return builder.CreateBinaryIntrinsic(
        Intrinsic::sadd_sat, call(Intrinsic::x86_avx512_packssdw_512, a, b),
        bounds.zero);
  };
  Value *bytes = call(Intrinsic::x86_avx512_packsswb_512,
                      shift(whole[0], whole[1]), shift(whole[2], whole[3]));
  Type *type = bytes->getType();
  SmallVector<int> order;
  for (int vector : seq(kGroup))
    for (int quarter : seq(kGroup))
      order.push_back(quarter * kGroup + vector);
  bytes = builder.CreateBitCast(bytes, whole[0]->getType());
  bytes = builder.CreateShuffleVector(bytes, order);
  bytes = builder.CreateBitCast(bytes, type);
  bytes = builder.CreateBinaryIntrinsic(Intrinsic::smax, bytes, bounds.low);
  return builder.CreateBinaryIntrinsic(Intrinsic::smin, bytes, bounds.high);
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
    if (found && !group.empty() && !haveSameBounds(*found, group[0]))
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
                      analyses.getResult<DominatorTreeAnalysis>(function),
                      function.getDataLayout())
                   .run(block);
  return changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
}
