//===- DepthwiseSums.cpp - sums of groups, and their rounding -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile of positions has its sums in registers; they are packed in the order
// that the unpacks left.
//===----------------------------------------------------------------------===//
#include "targets/cpu/DepthwiseEmitter.h"
#include "llvm/IR/IntrinsicsX86.h"

using namespace minnow;
using namespace minnow::cpu;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Value;

void DepthwiseEmitter::emitRow(Value *row) {
  Value *first = b.CreateMul(row, number(sizes.rowStride));
  SmallVector<Value *> slots;
  for (int64_t i : llvm::seq(sizes.height))
    slots.push_back(getSlot(b.CreateAdd(first, number(i))));
  int64_t each = std::min(getTileUnits(), units);
  // The last unit may have a position behind the row.
  bool isCut =
      countColumns() % sizes.places != 0 && firstUnit + units == countUnits();
  int64_t whole = (units - isCut) / each * each, end = firstUnit + whole;
  loop(number(firstUnit), number(end), each,
       [&](Value *unit) { emitTile(slots, row, unit, each); });
  if (whole < units)
    emitTile(slots, row, number(end), units - whole);
}

/// The sums of some units, which are positions that read the same groups.
void DepthwiseEmitter::emitTile(ArrayRef<Value *> slots, Value *row,
                                Value *unit, int64_t count) {
  int64_t places = sizes.places, terms = sizes.terms;
  SmallVector<Vectors> sums(count * places, starts);
  auto *bytes = vector(b.getInt8Ty(), kBlock);
  Value *offset = b.CreateMul(b.CreateSub(unit, number(firstUnit)),
                              number(kVectors * kBlock));
  for (int64_t y : llvm::seq(sizes.height))
    for (int v : llvm::seq(kVectors)) {
      SmallVector<Value *> groups;
      for (int64_t group : llvm::seq(countGroups(count)))
        groups.push_back(load(
            bytes, at(at(slots[y], offset), (group * kVectors + v) * kBlock)));
      for (int64_t place : llvm::seq(places))
        for (int64_t term : llvm::seq(terms)) {
          Value *tap = loadTaps(y, place, term, v);
          for (int64_t u : llvm::seq(count)) {
            Value *&sum = sums[u * places + place][v];
            sum = call(llvm::Intrinsic::x86_avx512_vpdpbusd_512,
                       {sum, groups[u + 2 * term], tap});
          }
        }
    }
  auto *known = llvm::dyn_cast<llvm::ConstantInt>(unit);
  for (int64_t i : llvm::seq<int64_t>(sums.size()))
    if (!known || known->getSExtValue() * places + i < countColumns())
      storePosition(sums[i], row,
                    b.CreateAdd(b.CreateMul(unit, number(places)), number(i)));
}

/// Four vectors of sums as bytes, by llvm/Bytes.h.
Value *DepthwiseEmitter::roundSums(ArrayRef<Value *> sums) {
  auto *floats = vector(b.getFloatTy(), kBlock / 4);
  auto *words = vector(b.getInt32Ty(), kBlock / 4);
  bool isRectified = requantize.getRectified();
  Vectors whole;
  for (int v : llvm::seq(kVectors)) {
    Value *scaled =
        isRectified ? b.CreateIntrinsic(llvm::Intrinsic::fma, {floats},
                                        {b.CreateBitCast(sums[v], floats),
                                         scales[v], offsets[v]})
                    : b.CreateFMul(b.CreateSIToFP(sums[v], floats), scales[v]);
    constexpr int kAllLanes = -1, kRoundAsSet = 4;
    whole.push_back(call(llvm::Intrinsic::x86_avx512_mask_cvtps2dq_512,
                         {scaled, llvm::PoisonValue::get(words),
                          b.getInt16(kAllLanes), b.getInt32(kRoundAsSet)}));
  }
  Vectors halves;
  for (int i : {0, 2})
    halves.push_back(call(llvm::Intrinsic::x86_avx512_packssdw_512,
                          {whole[i], whole[i + 1]}));
  bool storesUnsigned = isUnsigned(requantize.getResult());
  if (!isRectified)
    for (Value *&half : halves)
      half = b.CreateBinaryIntrinsic(llvm::Intrinsic::sadd_sat, half, zero);
  Value *bytes = call(isRectified || storesUnsigned
                          ? llvm::Intrinsic::x86_avx512_packuswb_512
                          : llvm::Intrinsic::x86_avx512_packsswb_512,
                      {halves[0], halves[1]});
  if (isRectified)
    return storesUnsigned
               ? bytes
               : b.CreateXor(bytes,
                             llvm::ConstantInt::get(bytes->getType(), kOffset));
  if (requantize.getFull())
    return bytes;
  auto [most, least] =
      storesUnsigned ? std::pair(llvm::Intrinsic::umax, llvm::Intrinsic::umin)
                     : std::pair(llvm::Intrinsic::smax, llvm::Intrinsic::smin);
  bytes = b.CreateBinaryIntrinsic(most, bytes, low);
  return b.CreateBinaryIntrinsic(least, bytes, high);
}

/// Rounds the sums of a position and stores them, those of each part of the row
/// to its own.
void DepthwiseEmitter::storePosition(ArrayRef<Value *> sums, Value *row,
                                     Value *column) {
  Value *bytes = roundSums(sums);
  for (int64_t fold : llvm::seq(part.folds)) {
    Value *position =
        b.CreateAdd(b.CreateMul(row, number(sizes.resultColumns)),
                    b.CreateAdd(column, number(fold * countColumns())));
    Value *to = at(result, b.CreateMul(position, number(sizes.channels)));
    auto order = llvm::to_vector(llvm::seq<int>(
        fold * part.bytes(), fold * part.bytes() + part.bytes()));
    Value *piece =
        part.folds == 1 ? bytes : b.CreateShuffleVector(bytes, order);
    if (part.channels == part.bytes()) {
      store(piece, to);
      continue;
    }
    b.CreateMaskedStore(piece, to, llvm::Align(1), getMask());
  }
}
