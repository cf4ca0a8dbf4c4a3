//===- DepthwiseEmitter.h - depthwise of bytes as LLVM's IR -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each block of 64 channels, the rows that a row of the result reads are
// kept as groups of four columns side by side, one group every two columns:
//
//   pair  = unpack bytes of columns 2k, 2k + 1         2 vectors
//   group = unpack words of pairs k, k + 1             4 vectors of 16 channels
//
// Within its quarters a vector of a group has channels 4 apart; packs of the
// sums to words and bytes bring them back. Two neighbours of the result read
// the same groups, each by its own taps.
//
// Where the last channels fill a half or a quarter of a block, the vectors hold
// as many parts of the row side by side.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_DEPTHWISEEMITTER_H
#define MINNOW_TARGETS_CPU_DEPTHWISEEMITTER_H

#include "dialects/mobile/Layout.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MathExtras.h"

namespace minnow::cpu {

constexpr int64_t kBlock = mobile::TapBlocks::kChannels,
                  kDot = mobile::TapBlocks::kDot;
constexpr int kVectors = 4, kQuarters = 4, kQuarterBytes = 16;

/// The number 128 is added to bytes that vpdpbusd takes.
constexpr uint8_t kOffset = 0x80;

struct Sizes {
  int64_t rows, columns, channels, resultRows, resultColumns;
  int64_t height, width, rowStride, columnStride, top, left;
  int64_t places, terms; // as in TapBlocks
};

/// Some channels of a block and the parts of a row that a vector holds of them.
struct Part {
  int64_t channels = kBlock, folds = 1;

  int64_t bytes() const { return kBlock / folds; }
  /// The channel behind the first of the block at `lane` of a vector of sums.
  int64_t getChannel(int64_t vector, int64_t lane) const {
    int64_t quarter = lane / kVectors % (kQuarters / folds);
    return quarter * kQuarterBytes + vector * kVectors + lane % kVectors;
  }
};

using Vectors = llvm::SmallVector<llvm::Value *, kVectors>;

/// Writes one kernel.
class DepthwiseEmitter {
public:
  DepthwiseEmitter(mobile::KernelOp kernel, mobile::DepthwiseConv2DOp op,
                   llvm::Module &module);
  void emit(llvm::StringRef symbol);
  /// Of the rows that are kept.
  uint64_t getRingBytes() const { return ringBytes; }

private:
  // Building blocks.
  llvm::Value *number(int64_t value) { return b.getInt64(value); }
  llvm::Value *at(llvm::Value *base, llvm::Value *bytes) {
    return b.CreateGEP(b.getInt8Ty(), base, bytes);
  }
  llvm::Value *at(llvm::Value *base, int64_t bytes) {
    return at(base, number(bytes));
  }
  llvm::Value *load(llvm::Type *type, llvm::Value *from) {
    return b.CreateAlignedLoad(type, from, llvm::Align(1));
  }
  void store(llvm::Value *value, llvm::Value *to) {
    b.CreateAlignedStore(value, to, llvm::Align(1));
  }
  llvm::Value *call(llvm::Intrinsic::ID id,
                    llvm::ArrayRef<llvm::Value *> operands) {
    return b.CreateIntrinsic(id, {}, operands);
  }
  llvm::Type *vector(llvm::Type *element, int64_t lanes) {
    return llvm::FixedVectorType::get(element, lanes);
  }
  using Body = llvm::function_ref<llvm::SmallVector<llvm::Value *>(
      llvm::Value *i, llvm::ArrayRef<llvm::Value *> kept)>;
  llvm::SmallVector<llvm::Value *> loop(llvm::Value *begin, llvm::Value *end,
                                        int64_t step,
                                        llvm::ArrayRef<llvm::Value *> kept,
                                        Body body);
  void loop(llvm::Value *begin, llvm::Value *end, int64_t step,
            llvm::function_ref<void(llvm::Value *)> body);

  // The kernel.
  bool isUnsigned(mlir::Value value) { return kernel.isUnsigned(value); }
  llvm::Value *getBuffer(mlir::Value value);
  void readParameters(mobile::RequantizeOp requantize);
  void emitBlocks(llvm::Value *first, llvm::Value *last, llvm::Value *firstRow,
                  llvm::Value *lastRow);
  void emitBlock(llvm::Value *block, Part part, llvm::Value *firstRow,
                 llvm::Value *lastRow);
  llvm::Value *readChannels(mlir::Value operand, llvm::Type *element,
                            llvm::Value *block, int vector);
  void startSums(llvm::Value *block);
  llvm::Value *loadTaps(int64_t y, int64_t place, int64_t term, int64_t index);
  llvm::Constant *getMask() const;

  // A row of groups.
  /// The columns of the result in one part of the row.
  int64_t countColumns() const { return sizes.resultColumns / part.folds; }
  int64_t countUnits() const {
    return llvm::divideCeil(countColumns(), sizes.places);
  }
  int64_t getTileUnits() const {
    return std::max(tilePixels / sizes.places, int64_t(1));
  }
  int64_t getMostUnits() const;
  int64_t countGroups(int64_t ofUnits) const {
    return ofUnits + 2 * (sizes.terms - 1);
  }
  int64_t rowBytes() const {
    return countGroups(getMostUnits()) * kVectors * kBlock;
  }
  llvm::Value *getSlot(llvm::Value *row);
  void copyRow(llvm::Value *row);
  void fillRow(llvm::Value *slot, llvm::Value *groups);
  void interleaveRow(llvm::Value *slot, llvm::Value *row);
  llvm::Value *loadColumn(llvm::Value *row, llvm::Value *column);
  Vectors loadPair(llvm::Value *row, llvm::Value *index);
  void storeGroup(llvm::Value *slot, llvm::Value *index,
                  llvm::ArrayRef<llvm::Value *> before,
                  llvm::ArrayRef<llvm::Value *> behind);

  // Rows of the result.
  void emitRows(llvm::Value *first, llvm::Value *last);
  void emitRow(llvm::Value *row);
  void emitTile(llvm::ArrayRef<llvm::Value *> slots, llvm::Value *row,
                llvm::Value *unit, int64_t count);
  llvm::Value *roundSums(llvm::ArrayRef<llvm::Value *> sums);
  void storePosition(llvm::ArrayRef<llvm::Value *> sums, llvm::Value *row,
                     llvm::Value *column);

  mobile::KernelOp kernel;
  mobile::DepthwiseConv2DOp op;
  mobile::RequantizeOp requantize;
  Sizes sizes;
  int64_t tilePixels;
  uint64_t ringBytes = 0;
  llvm::Module &module;
  llvm::IRBuilder<> b;
  llvm::Function *function = nullptr;
  llvm::Value *buffers = nullptr, *ring = nullptr, *border = nullptr;
  llvm::Value *zero = nullptr, *low = nullptr, *high = nullptr;
  // Of the block that is emitted.
  Part part;
  int64_t firstUnit = 0, units = 0; // of the columns whose rows are kept
  llvm::Value *input = nullptr, *taps = nullptr, *result = nullptr;
  Vectors starts, scales, offsets; // the last where sums are floats
};

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_DEPTHWISEEMITTER_H
