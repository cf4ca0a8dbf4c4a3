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

/// A store of bytes, and what they are of `value`. Numbers are of all lanes,
/// i32.
struct Narrowing {
  StoreInst *store;
  Value *value;
  enum { Rectified, Full, Any } range;
  bool isUnsigned; // the bytes are larger by 128
  // Full: clamp(rne(value) + zero, -128, 127); rectified: the same with -128.
  Value *zero = nullptr;
  // Any: clamp(rne(value) + zero, low, high). The bound is low - zero +
  // kRoundingBits, the shift zero less these.
  Value *bound = nullptr, *shift = nullptr, *high = nullptr;
};

/// What holds the bytes of a group, in all lanes; bytes are larger by 128 where
/// the group's are.
struct Bounds {
  Value *most;                           // high - zero, f32
  Value *zero;                           // i16
  Value *low = nullptr, *high = nullptr; // i8; null where they are the type's
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
  std::optional<Narrowing> matchRange(StoreInst *store, Value *held,
                                      bool isUnsigned) const;
  bool canFollow(Instruction &instruction) const;
  bool isBehind(size_t index) const;
  Bounds makeBounds(IRBuilder<> &builder) const;
  SmallVector<Value *, kGroup> round(IRBuilder<> &builder, Value *most) const;
  Value *packRectified(IRBuilder<> &builder) const;
  Value *packRange(IRBuilder<> &builder) const;
  void finishGroup();

  AAResults &aliases;
  const DominatorTree &tree;
  const DataLayout &layout;
  SmallVector<Narrowing, kGroup> group;
  SmallVector<WeakTrackingVH> dead;
};

} // namespace

static bool isOfLanes(Value *value) {
  return value->getType() ==
         FixedVectorType::get(Type::getInt32Ty(value->getContext()), kLanes);
}

/// Where `held` is rne(value) + kRoundingBits + `shift` held between the
/// `least` and the `most` of these bits, the value.
template <typename Shifted>
static Value *matchHeld(Value *held, int least, int most, Shifted shift) {
  using namespace PatternMatch;
  Value *value, *sum;
  const APInt lower(32, kRoundingBits + least), upper(32, kRoundingBits + most);
  auto low = m_SpecificInt(lower), high = m_SpecificInt(upper);
  auto atLeast = m_SMax(m_Value(sum), low);
  bool isHeld = match(
      held,
      m_CombineOr(m_CombineOr(m_SMin(atLeast, high), m_UMin(atLeast, high)),
                  m_SMax(m_SMin(m_Value(sum), high), low)));
  auto rounded =
      m_BitCast(m_FAdd(m_Value(value), m_SpecificFP(kRoundingNumber)));
  return isHeld && isOfLanes(held) && match(sum, shift(rounded)) ? value
                                                                 : nullptr;
}

std::optional<Narrowing> Packer::match(Instruction &instruction) const {
  using namespace PatternMatch;
  auto *store = dyn_cast<StoreInst>(&instruction);
  if (!store || !store->isSimple())
    return {};
  // Unsigned bytes are the others with their first bit flipped, or rectified
  // ones as they are held.
  Value *held, *zero, *bytes = store->getValueOperand(), *flipped;
  bool isFlipped =
      PatternMatch::match(bytes, m_c_Xor(m_Value(flipped), m_SignMask()));
  if (!PatternMatch::match(isFlipped ? flipped : bytes, m_Trunc(m_Value(held))))
    return {};
  if (Value *value = matchHeld(held, 0, 255, [](auto sum) { return sum; }))
    return Narrowing{store, value, Narrowing::Rectified, !isFlipped};
  if (Value *value = matchHeld(held, -128, 127, [&](auto sum) {
        return m_c_Add(sum, m_Value(zero));
      }))
    if (Value *scalar = getSplatValue(zero))
      return Narrowing{store, value, Narrowing::Full, isFlipped, scalar};
  return matchRange(store, held, isFlipped);
}

std::optional<Narrowing> Packer::matchRange(StoreInst *store, Value *held,
                                            bool isUnsigned) const {
  using namespace PatternMatch;
  Value *whole, *high, *value, *bound, *shift;
  const APInt least(32, -128, /*isSigned=*/true); // the matcher refers to it
  auto lowest = m_SpecificInt(least);
  auto range =
      m_CombineOr(m_SMax(m_SMin(m_Value(whole), m_Value(high)), lowest),
                  m_SMin(m_SMax(m_Value(whole), lowest), m_Value(high)));
  if (!PatternMatch::match(held, range) || !isOfLanes(whole))
    return {};
  // Either side of the minimum may be the byte.
  for (auto [vector, other] :
       {std::pair(high, whole), std::pair(whole, high)}) {
    auto rounded =
        m_BitCast(m_FAdd(m_Value(value), m_SpecificFP(kRoundingNumber)));
    if (!PatternMatch::match(
            other, m_c_Add(m_c_SMax(rounded, m_Value(bound)), m_Value(shift))))
      continue;
    Narrowing found{store,
                    value,
                    Narrowing::Any,
                    isUnsigned,
                    nullptr,
                    getSplatValue(bound),
                    getSplatValue(shift),
                    getSplatValue(vector)};
    if (found.bound && found.shift && found.high &&
        ComputeNumSignBits(found.high, layout) > 32 - 8)
      return found;
  }
  return {};
}

static bool haveSameBounds(const Narrowing &a, const Narrowing &b) {
  return a.range == b.range && a.zero == b.zero && a.bound == b.bound &&
         a.shift == b.shift && a.high == b.high && a.isUnsigned == b.isUnsigned;
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
  for (Value *scalar : {first.zero, first.bound, first.shift, first.high})
    if (auto *made = dyn_cast_or_null<Instruction>(scalar))
      if (!last || tree.dominates(last, made))
        last = made;
  if (last)
    builder.SetInsertPoint(
        *const_cast<Instruction *>(last)->getInsertionPointAfterDef());
  auto splat = [&](Value *number, int lanes, Type *type) {
    if (first.isUnsigned)
      number = builder.CreateAdd(number, builder.getInt32(128));
    return builder.CreateVectorSplat(lanes, builder.CreateTrunc(number, type));
  };
  bool isFull = first.range == Narrowing::Full;
  Value *high = isFull ? builder.getInt32(127) : first.high;
  Value *zero =
      isFull ? first.zero
             : builder.CreateAdd(first.shift, builder.getInt32(kRoundingBits));
  Value *most =
      builder.CreateSIToFP(builder.CreateSub(high, zero), builder.getFloatTy());
  Bounds bounds{builder.CreateVectorSplat(kLanes, most),
                splat(zero, kLanes * 2, builder.getInt16Ty())};
  if (isFull)
    return bounds;
  Value *low = builder.CreateAdd(first.bound, first.shift);
  bounds.low = splat(low, kLanes * 4, builder.getInt8Ty());
  bounds.high = splat(high, kLanes * 4, builder.getInt8Ty());
  return bounds;
}

/// Whether `value` is a scaled sum or the sum of two, which mobile.requantize
/// says are no larger than an i32.
static bool isOfIntegers(Value *value) {
  using namespace PatternMatch;
  auto addsScaled = [](Value *sum, auto number, Value *&addend) {
    return PatternMatch::match(
        sum,
        m_CombineOr(
            m_Intrinsic<Intrinsic::fma>(number, m_Value(), m_Value(addend)),
            m_Intrinsic<Intrinsic::fma>(m_Value(), number, m_Value(addend))));
  };
  Value *addend = nullptr, *offset = nullptr;
  auto integer = m_SIToFP(m_Value());
  if (PatternMatch::match(value, m_c_FMul(integer, m_Value())) ||
      (addsScaled(value, integer, addend) &&
       addsScaled(addend, integer, offset)))
    return true;
  // A sum that begins with kSumBits.
  return addsScaled(value, m_BitCast(m_Value()), offset) &&
         PatternMatch::match(offset,
                             m_c_FMul(m_Value(), m_SpecificFP(-kSumNumber)));
}

/// The group's vectors as i32; the last one is repeated where there are fewer
/// than four. What is too large for an i32 would be converted to the least one,
/// as what is too small is; all steps after that saturate.
SmallVector<Value *, kGroup> Packer::round(IRBuilder<> &builder,
                                           Value *most) const {
  SmallVector<Value *, kGroup> whole;
  for (const Narrowing &each : group) {
    Value *held = each.value;
    if (!isOfIntegers(held))
      held =
          builder.CreateSelect(builder.CreateFCmpOLT(held, most), held, most);
    constexpr int kAllLanes = -1, kRoundAsSet = 4;
    whole.push_back(builder.CreateIntrinsic(
        Intrinsic::x86_avx512_mask_cvtps2dq_512, {},
        {held,
         PoisonValue::get(FixedVectorType::get(builder.getInt32Ty(), kLanes)),
         builder.getInt16(kAllLanes), builder.getInt32(kRoundAsSet)}));
  }
  while (whole.size() < kGroup)
    whole.push_back(whole.back());
  return whole;
}

/// The bytes of four vectors, which packs have left in quarters, in order.
static Value *orderBytes(IRBuilder<> &builder, Value *bytes) {
  Type *type = bytes->getType();
  SmallVector<int> order;
  for (int vector : seq(kGroup))
    for (int quarter : seq(kGroup))
      order.push_back(quarter * kGroup + vector);
  bytes = builder.CreateBitCast(
      bytes, FixedVectorType::get(builder.getInt32Ty(), kLanes));
  bytes = builder.CreateShuffleVector(bytes, order);
  return builder.CreateBitCast(bytes, type);
}

static Value *call(IRBuilder<> &builder, Intrinsic::ID id, Value *a, Value *b) {
  return builder.CreateIntrinsic(id, {}, {a, b});
}

/// The pack to unsigned bytes holds them in their range.
Value *Packer::packRectified(IRBuilder<> &builder) const {
  Value *most = ConstantFP::get(
      FixedVectorType::get(builder.getFloatTy(), kLanes), 255.0);
  auto whole = round(builder, most);
  auto words = Intrinsic::x86_avx512_packssdw_512;
  Value *bytes = call(builder, Intrinsic::x86_avx512_packuswb_512,
                      call(builder, words, whole[0], whole[1]),
                      call(builder, words, whole[2], whole[3]));
  bytes = orderBytes(builder, bytes);
  return group[0].isUnsigned
             ? bytes
             : builder.CreateXor(bytes,
                                 ConstantInt::get(bytes->getType(), 0x80));
}

Value *Packer::packRange(IRBuilder<> &builder) const {
  Bounds bounds = makeBounds(builder);
  auto whole = round(builder, bounds.most);
  auto shift = [&](Value *a, Value *b) {
    return builder.CreateBinaryIntrinsic(
        Intrinsic::sadd_sat,
        call(builder, Intrinsic::x86_avx512_packssdw_512, a, b), bounds.zero);
  };
  bool isUnsigned = group[0].isUnsigned;
  Value *bytes = call(builder,
                      isUnsigned ? Intrinsic::x86_avx512_packuswb_512
                                 : Intrinsic::x86_avx512_packsswb_512,
                      shift(whole[0], whole[1]), shift(whole[2], whole[3]));
  bytes = orderBytes(builder, bytes);
  if (!bounds.low)
    return bytes;
  bytes = builder.CreateBinaryIntrinsic(
      isUnsigned ? Intrinsic::umax : Intrinsic::smax, bytes, bounds.low);
  return builder.CreateBinaryIntrinsic(
      isUnsigned ? Intrinsic::umin : Intrinsic::smin, bytes, bounds.high);
}

/// Stores the group at its last store.
void Packer::finishGroup() {
  if (group.size() < 2) {
    group.clear();
    return;
  }
  IRBuilder<> builder(group.back().store);
  Value *bytes = group[0].range == Narrowing::Rectified ? packRectified(builder)
                                                        : packRange(builder);
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
