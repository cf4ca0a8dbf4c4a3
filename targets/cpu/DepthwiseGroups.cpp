//===- DepthwiseGroups.cpp - rows as groups of columns --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unpacks a row of the input once for all windows that read it.
//===----------------------------------------------------------------------===//
#include "targets/cpu/DepthwiseEmitter.h"

using namespace minnow;
using namespace minnow::cpu;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Value;

/// The halves of two vectors of bytes or words, unpacked within quarters.
static Value *unpack(llvm::IRBuilder<> &b, Value *first, Value *second,
                     bool isHigh, int64_t elementBytes) {
  int64_t lanes = kBlock / elementBytes, each = lanes / kQuarters;
  SmallVector<int> order;
  for (int64_t quarter : llvm::seq<int64_t>(kQuarters))
    for (int64_t i : llvm::seq(each / 2))
      for (int64_t from : {int64_t(0), lanes})
        order.push_back(from + quarter * each + i + (isHigh ? each / 2 : 0));
  auto *type = llvm::FixedVectorType::get(b.getIntNTy(8 * elementBytes), lanes);
  return b.CreateShuffleVector(b.CreateBitCast(first, type),
                               b.CreateBitCast(second, type), order);
}

/// The units for which a window's rows stay in the first level of the cache,
/// with the input that comes by.
int64_t DepthwiseEmitter::getMostUnits() const {
  constexpr int64_t kNearBytes = 24 * 1024;
  int64_t all = countUnits();
  int64_t bytes = sizes.height * all * kVectors * kBlock;
  int64_t each =
      llvm::divideCeil(all, int64_t(llvm::divideCeil(bytes, kNearBytes)));
  return std::min<int64_t>(all, llvm::alignTo(each, getTileUnits()));
}

/// Where the row is kept that is `row`th from the first with the border.
Value *DepthwiseEmitter::getSlot(Value *row) {
  Value *slot = b.CreateURem(row, number(sizes.height));
  return at(ring, b.CreateMul(slot, number(rowBytes())));
}

/// The bytes of a column of the part that begins there in each part of the row,
/// by the number + 128. `column` is within the map if it is no constant.
Value *DepthwiseEmitter::loadColumn(Value *row, Value *column) {
  int64_t length = countColumns() * sizes.columnStride;
  auto *type = vector(b.getInt8Ty(), part.bytes());
  SmallVector<Value *> pieces;
  Value *stored =
      isUnsigned(op.getInput()) ? b.CreateXor(border, kOffset) : border;
  bool isBorder = true;
  for (int64_t fold : llvm::seq(part.folds)) {
    Value *place = b.CreateAdd(column, number(fold * length));
    auto *known = llvm::dyn_cast<llvm::ConstantInt>(place);
    if (known &&
        (known->getSExtValue() < 0 || known->getSExtValue() >= sizes.columns)) {
      pieces.push_back(b.CreateVectorSplat(part.bytes(), stored));
      continue;
    }
    isBorder = false;
    Value *from = at(row, b.CreateMul(place, number(sizes.channels)));
    if (part.channels == part.bytes()) {
      pieces.push_back(load(type, from));
    } else {
      pieces.push_back(
          b.CreateMaskedLoad(type, from, llvm::Align(1), getMask()));
    }
    // The rows lie far apart, so that no machine sees the next one coming.
    b.CreateIntrinsic(llvm::Intrinsic::prefetch, {from->getType()},
                      {at(from, sizes.columns * sizes.channels), b.getInt32(0),
                       b.getInt32(3), b.getInt32(1)});
  }
  while (pieces.size() > 1) {
    SmallVector<Value *> joined;
    for (size_t i = 0; i < pieces.size(); i += 2) {
      int lanes = llvm::cast<llvm::FixedVectorType>(pieces[i]->getType())
                      ->getNumElements();
      auto order = llvm::to_vector(llvm::seq(2 * lanes));
      joined.push_back(b.CreateShuffleVector(pieces[i], pieces[i + 1], order));
    }
    pieces = joined;
  }
  if (isBorder)
    return b.CreateVectorSplat(kBlock, b.CreateXor(border, kOffset));
  return isUnsigned(op.getInput())
             ? pieces[0]
             : b.CreateXor(pieces[0], llvm::ConstantInt::get(
                                          pieces[0]->getType(), kOffset));
}

/// Columns 2 * index and the next one behind the first with the border.
Vectors DepthwiseEmitter::loadPair(Value *row, Value *index) {
  Value *column =
      b.CreateSub(b.CreateMul(index, number(2)), number(sizes.left));
  Value *first = loadColumn(row, column);
  Value *second = loadColumn(row, b.CreateAdd(column, number(1)));
  return {unpack(b, first, second, false, 1),
          unpack(b, first, second, true, 1)};
}

void DepthwiseEmitter::storeGroup(Value *slot, Value *index,
                                  ArrayRef<Value *> before,
                                  ArrayRef<Value *> behind) {
  slot = at(slot, b.CreateMul(index, number(kVectors * kBlock)));
  for (int vector : llvm::seq(kVectors))
    store(unpack(b, before[vector / 2], behind[vector / 2], vector % 2, 2),
          at(slot, vector * kBlock));
}

/// Copies a row, or fills it where it is outside of the map.
void DepthwiseEmitter::copyRow(Value *row) {
  Value *slot = getSlot(row);
  row = b.CreateSub(row, number(sizes.top));
  Value *isInside = b.CreateICmpULT(row, number(sizes.rows));
  // One of the two loops makes no step.
  fillRow(slot,
          b.CreateSelect(isInside, number(0), number(countGroups(units))));
  loop(number(0), b.CreateZExt(isInside, b.getInt64Ty()), 1, [&](Value *) {
    interleaveRow(slot, at(input, b.CreateMul(row, number(sizes.columns *
                                                          sizes.channels))));
  });
}

void DepthwiseEmitter::fillRow(Value *slot, Value *groups) {
  Value *zeros = b.CreateVectorSplat(kBlock, b.CreateXor(border, kOffset));
  loop(number(0), groups, 1, [&](Value *i) {
    Value *group = at(slot, b.CreateMul(i, number(kVectors * kBlock)));
    for (int vector : llvm::seq(kVectors))
      store(zeros, at(group, vector * kBlock));
  });
}

/// Pairs at the border are emitted one by one, the others in a loop.
void DepthwiseEmitter::interleaveRow(Value *slot, Value *row) {
  // Pairs whose columns are inside in all parts of the row.
  int64_t length = countColumns() * sizes.columnStride;
  int64_t room = sizes.columns - (part.folds - 1) * length + sizes.left;
  int64_t index = firstUnit + 1, end = firstUnit + countGroups(units) + 1;
  int64_t first =
      std::clamp<int64_t>(llvm::divideCeil(sizes.left, 2), index, end);
  constexpr int64_t kStep = 2;
  int64_t steps = (std::min(room / 2, end) - first) / kStep;

  Vectors pair = loadPair(row, number(firstUnit));
  auto next = [&](Value *behind) {
    Vectors loaded = loadPair(row, behind);
    storeGroup(slot, b.CreateSub(behind, number(firstUnit + 1)), pair, loaded);
    pair = loaded;
  };
  for (; index < first; ++index)
    next(number(index));
  if (steps > 1) {
    auto kept = loop(number(index), number(index + steps * kStep), kStep, pair,
                     [&](Value *i, ArrayRef<Value *> values) {
                       pair.assign(values.begin(), values.end());
                       for (int64_t step : llvm::seq(kStep))
                         next(b.CreateAdd(i, number(step)));
                       return SmallVector<Value *>(pair.begin(), pair.end());
                     });
    pair.assign(kept.begin(), kept.end());
    index += steps * kStep;
  }
  for (; index < end; ++index)
    next(number(index));
}
