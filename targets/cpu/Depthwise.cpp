//===- Depthwise.cpp - depthwise convolutions of bytes by VNNI ------------===//
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
#include "targets/cpu/Depthwise.h"
#include "dialects/mobile/Layout.h"
#include "targets/halide/Kernel.h"
#include "targets/halide/View.h"
#include "targets/llvm/Object.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using halide::getShape;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Value;

namespace {

constexpr int64_t kBlock = TapBlocks::kChannels, kDot = TapBlocks::kDot;
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

using Vectors = SmallVector<Value *, kVectors>;

class Emitter {
public:
  Emitter(KernelOp kernel, DepthwiseConv2DOp op, llvm::Module &module);
  void emit(llvm::StringRef symbol);
  /// Of the rows that are kept.
  uint64_t getRingBytes() const { return ringBytes; }

private:
  // Building blocks.
  Value *number(int64_t value) { return b.getInt64(value); }
  Value *at(Value *base, Value *bytes) {
    return b.CreateGEP(b.getInt8Ty(), base, bytes);
  }
  Value *at(Value *base, int64_t bytes) { return at(base, number(bytes)); }
  Value *load(llvm::Type *type, Value *from) {
    return b.CreateAlignedLoad(type, from, llvm::Align(1));
  }
  void store(Value *value, Value *to) {
    b.CreateAlignedStore(value, to, llvm::Align(1));
  }
  Value *call(llvm::Intrinsic::ID id, ArrayRef<Value *> operands) {
    return b.CreateIntrinsic(id, {}, operands);
  }
  llvm::Type *vector(llvm::Type *element, int64_t lanes) {
    return llvm::FixedVectorType::get(element, lanes);
  }
  using Body = llvm::function_ref<SmallVector<Value *>(Value *i,
                                                       ArrayRef<Value *> kept)>;
  SmallVector<Value *> loop(Value *begin, Value *end, int64_t step,
                            ArrayRef<Value *> kept, Body body);
  void loop(Value *begin, Value *end, int64_t step,
            llvm::function_ref<void(Value *)> body);

  // The kernel.
  Value *getBuffer(mlir::Value value);
  void readParameters(RequantizeOp requantize);
  void emitBlocks(Value *first, Value *last, Value *firstRow, Value *lastRow);
  void emitBlock(Value *block, Part part, Value *firstRow, Value *lastRow);
  Value *readChannels(mlir::Value operand, llvm::Type *element, Value *block,
                      int vector);
  void startSums(Value *block);

  // A row of groups.
  int64_t countUnits() const {
    return llvm::divideCeil(sizes.resultColumns / part.folds, sizes.places);
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
  Value *getSlot(Value *row);
  void copyRow(Value *row);
  void fillRow(Value *slot, Value *groups);
  void interleaveRow(Value *slot, Value *row);
  Value *loadColumn(Value *row, Value *column);
  Vectors loadPair(Value *row, Value *index);
  void storeGroup(Value *slot, Value *index, ArrayRef<Value *> before,
                  ArrayRef<Value *> behind);

  // Rows of the result.
  void emitRows(Value *first, Value *last);
  void emitRow(Value *row);
  void emitTile(ArrayRef<Value *> slots, Value *row, Value *unit,
                int64_t count);
  void storePosition(ArrayRef<Value *> sums, Value *row, Value *column);

  KernelOp kernel;
  DepthwiseConv2DOp op;
  RequantizeOp requantize;
  Sizes sizes;
  int64_t tilePixels;
  uint64_t ringBytes = 0;
  llvm::Module &module;
  llvm::IRBuilder<> b;
  llvm::Function *function = nullptr;
  Value *buffers = nullptr, *ring = nullptr, *border = nullptr;
  Value *zero = nullptr, *low = nullptr, *high = nullptr;
  // Of the block that is emitted.
  Part part;
  int64_t firstUnit = 0, units = 0; // of the columns whose rows are kept
  Value *input = nullptr, *taps = nullptr, *result = nullptr;
  Vectors starts, scales;
};

} // namespace

DepthwiseConv2DOp cpu::findByteDepthwise(const Isa &isa, KernelOp kernel) {
  auto &body = kernel.getBody().front();
  auto op = llvm::dyn_cast<DepthwiseConv2DOp>(body.front());
  if (!op || isa.dotOperand != halide::DotOperand::Unsigned ||
      !halide::isIntegerProduct(op))
    return {};
  auto requantize = llvm::dyn_cast<RequantizeOp>(op->getNextNode());
  bool isAlone = requantize && requantize.getInput() == op.getResult() &&
                 !requantize.getAddend() && !requantize.getUnbounded() &&
                 requantize->getNextNode() == body.getTerminator();
  auto shape = getShape(op.getResult());
  int64_t channels = shape[3], rest = channels % kBlock;
  bool isFolded = rest * 4 == kBlock || rest * 2 == kBlock;
  constexpr double kMostPadding = 1.35;
  bool isFull =
      isFolded || llvm::alignTo(channels, kBlock) <= kMostPadding * channels;
  if (!isAlone || shape[0] != 1 || channels % kVectors || !isFull ||
      op.getStrides()[1] > 2 || !llvm::isa<mlir::BlockArgument>(op.getFilter()))
    return {};
  return op;
}

Emitter::Emitter(KernelOp kernel, DepthwiseConv2DOp op, llvm::Module &module)
    : kernel(kernel), op(op),
      requantize(llvm::cast<RequantizeOp>(op->getNextNode())), module(module),
      b(module.getContext()) {
  auto from = getShape(op.getInput()), to = getShape(op.getResult());
  auto filter = getShape(op.getFilter());
  TapBlocks blocks = *TapBlocks::find(kernel.getLayout(
      llvm::cast<mlir::BlockArgument>(op.getFilter()).getArgNumber()));
  sizes = {from[1],
           from[2],
           from[3],
           to[1],
           to[2],
           filter[0],
           filter[1],
           op.getStrides()[0],
           op.getStrides()[1],
           op.getPad()[0],
           op.getPad()[2],
           blocks.getPlaces(),
           blocks.countTerms(filter[1])};
  tilePixels = halide::getStageAttr(kernel, op).getPixels();
  for (int64_t folds : {4, 2, 1}) {
    if (sizes.resultColumns % folds)
      continue;
    part.folds = folds;
    ringBytes = std::max<uint64_t>(ringBytes, sizes.height * rowBytes());
  }
}

//===----------------------------------------------------------------------===//
// Building blocks
//===----------------------------------------------------------------------===//

/// Emits a loop that passes `kept` on from step to step; returns what the last
/// one leaves.
SmallVector<Value *> Emitter::loop(Value *begin, Value *end, int64_t step,
                                   ArrayRef<Value *> kept, Body body) {
  auto &context = module.getContext();
  auto *before = b.GetInsertBlock();
  auto *head = llvm::BasicBlock::Create(context, "head", function);
  auto *inside = llvm::BasicBlock::Create(context, "body", function);
  auto *behind = llvm::BasicBlock::Create(context, "end", function);
  b.CreateBr(head);
  b.SetInsertPoint(head);
  auto *i = b.CreatePHI(b.getInt64Ty(), 2);
  i->addIncoming(begin, before);
  SmallVector<llvm::PHINode *> phis;
  for (Value *value : kept) {
    phis.push_back(b.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
  }
  b.CreateCondBr(b.CreateICmpSLT(i, end), inside, behind);
  b.SetInsertPoint(inside);
  SmallVector<Value *> values(phis.begin(), phis.end());
  auto next = body(i, values);
  i->addIncoming(b.CreateAdd(i, number(step)), b.GetInsertBlock());
  for (auto [phi, value] : llvm::zip(phis, next))
    phi->addIncoming(value, b.GetInsertBlock());
  b.CreateBr(head);
  b.SetInsertPoint(behind);
  return values;
}

void Emitter::loop(Value *begin, Value *end, int64_t step,
                   llvm::function_ref<void(Value *)> body) {
  loop(begin, end, step, {}, [&](Value *i, ArrayRef<Value *>) {
    body(i);
    return SmallVector<Value *>();
  });
}

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

//===----------------------------------------------------------------------===//
// A row of groups
//===----------------------------------------------------------------------===//

/// The units for which a window's rows stay in the first level of the cache,
/// with the input that comes by.
int64_t Emitter::getMostUnits() const {
  constexpr int64_t kNearBytes = 24 * 1024;
  int64_t all = countUnits();
  int64_t bytes = sizes.height * all * kVectors * kBlock;
  int64_t each =
      llvm::divideCeil(all, int64_t(llvm::divideCeil(bytes, kNearBytes)));
  return std::min<int64_t>(all, llvm::alignTo(each, getTileUnits()));
}

/// Where the row is kept that is `row`th from the first with the border.
Value *Emitter::getSlot(Value *row) {
  Value *slot = b.CreateURem(row, number(sizes.height));
  return at(ring, b.CreateMul(slot, number(rowBytes())));
}

/// The bytes of a column of the part that begins there in each part of the row,
/// by the number + 128. `column` is within the map if it is no constant.
Value *Emitter::loadColumn(Value *row, Value *column) {
  int64_t length = sizes.resultColumns / part.folds * sizes.columnStride;
  auto *type = vector(b.getInt8Ty(), part.bytes());
  SmallVector<Value *> pieces;
  bool isBorder = true;
  for (int64_t fold : llvm::seq(part.folds)) {
    Value *place = b.CreateAdd(column, number(fold * length));
    auto *known = llvm::dyn_cast<llvm::ConstantInt>(place);
    if (known &&
        (known->getSExtValue() < 0 || known->getSExtValue() >= sizes.columns)) {
      pieces.push_back(b.CreateVectorSplat(part.bytes(), border));
      continue;
    }
    isBorder = false;
    Value *from = at(row, b.CreateMul(place, number(sizes.channels)));
    if (part.channels == part.bytes()) {
      pieces.push_back(load(type, from));
    } else {
      SmallVector<llvm::Constant *> mask;
      for (int64_t i : llvm::seq(part.bytes()))
        mask.push_back(b.getInt1(i < part.channels));
      pieces.push_back(b.CreateMaskedLoad(type, from, llvm::Align(1),
                                          llvm::ConstantVector::get(mask)));
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
  return isBorder ? b.CreateVectorSplat(kBlock, b.CreateXor(border, kOffset))
                  : b.CreateXor(pieces[0], llvm::ConstantInt::get(
                                               pieces[0]->getType(), kOffset));
}

/// Columns 2 * index and the next one behind the first with the border.
Vectors Emitter::loadPair(Value *row, Value *index) {
  Value *column = b.CreateSub(b.CreateMul(index, number(2)), //
                              number(sizes.left));
  Value *first = loadColumn(row, column);
  Value *second = loadColumn(row, b.CreateAdd(column, number(1)));
  return {unpack(b, first, second, false, 1),
          unpack(b, first, second, true, 1)};
}

void Emitter::storeGroup(Value *slot, Value *index, ArrayRef<Value *> before,
                         ArrayRef<Value *> behind) {
  slot = at(slot, b.CreateMul(index, number(kVectors * kBlock)));
  for (int vector : llvm::seq(kVectors))
    store(unpack(b, before[vector / 2], behind[vector / 2], vector % 2, 2),
          at(slot, vector * kBlock));
}

/// Copies a row, or fills it where it is outside of the map.
void Emitter::copyRow(Value *row) {
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

void Emitter::fillRow(Value *slot, Value *groups) {
  Value *zeros = b.CreateVectorSplat(kBlock, b.CreateXor(border, kOffset));
  loop(number(0), groups, 1, [&](Value *i) {
    Value *group = at(slot, b.CreateMul(i, number(kVectors * kBlock)));
    for (int vector : llvm::seq(kVectors))
      store(zeros, at(group, vector * kBlock));
  });
}

/// Pairs at the border are emitted one by one, the others in a loop.
void Emitter::interleaveRow(Value *slot, Value *row) {
  // Pairs whose columns are inside in all parts of the row.
  int64_t length = sizes.resultColumns / part.folds * sizes.columnStride;
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

//===----------------------------------------------------------------------===//
// A row of the result
//===----------------------------------------------------------------------===//

void Emitter::emitRow(Value *row) {
  Value *first = b.CreateMul(row, number(sizes.rowStride));
  SmallVector<Value *> slots;
  for (int64_t i : llvm::seq(sizes.height))
    slots.push_back(getSlot(b.CreateAdd(first, number(i))));
  int64_t each = std::min(getTileUnits(), units);
  // The last unit may have a position behind the row.
  bool isCut = sizes.resultColumns / part.folds % sizes.places != 0 &&
               firstUnit + units == countUnits();
  int64_t whole = (units - isCut) / each * each, end = firstUnit + whole;
  loop(number(firstUnit), number(end), each,
       [&](Value *unit) { emitTile(slots, row, unit, each); });
  if (whole < units)
    emitTile(slots, row, number(end), units - whole);
}

/// The sums of some units, which are positions that read the same groups.
void Emitter::emitTile(ArrayRef<Value *> slots, Value *row, Value *unit,
                       int64_t count) {
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
          int64_t index = (y * places + place) * terms + term;
          Value *tap = load(bytes, at(taps, (index * kVectors + v) * kBlock));
          for (int64_t u : llvm::seq(count)) {
            Value *&sum = sums[u * places + place][v];
            sum = call(llvm::Intrinsic::x86_avx512_vpdpbusd_512,
                       {sum, groups[u + 2 * term], tap});
          }
        }
    }
  auto *known = llvm::dyn_cast<llvm::ConstantInt>(unit);
  for (int64_t i : llvm::seq<int64_t>(sums.size()))
    if (!known ||
        known->getSExtValue() * places + i < sizes.resultColumns / part.folds)
      storePosition(sums[i], row,
                    b.CreateAdd(b.CreateMul(unit, number(places)), number(i)));
}

/// Rounds the sums of a position to bytes (llvm/Bytes.h) and stores them, those
/// of each part of the row to its own.
void Emitter::storePosition(ArrayRef<Value *> sums, Value *row, Value *column) {
  auto *floats = vector(b.getFloatTy(), kBlock / 4);
  auto *words = vector(b.getInt32Ty(), kBlock / 4);
  Vectors whole;
  for (int v : llvm::seq(kVectors)) {
    Value *scaled = b.CreateFMul(b.CreateSIToFP(sums[v], floats), scales[v]);
    constexpr int kAllLanes = -1, kRoundAsSet = 4;
    whole.push_back(call(llvm::Intrinsic::x86_avx512_mask_cvtps2dq_512,
                         {scaled, llvm::PoisonValue::get(words),
                          b.getInt16(kAllLanes), b.getInt32(kRoundAsSet)}));
  }
  Vectors halves;
  for (int i : {0, 2})
    halves.push_back(
        b.CreateBinaryIntrinsic(llvm::Intrinsic::sadd_sat,
                                call(llvm::Intrinsic::x86_avx512_packssdw_512,
                                     {whole[i], whole[i + 1]}),
                                zero));
  Value *bytes =
      call(llvm::Intrinsic::x86_avx512_packsswb_512, {halves[0], halves[1]});
  bytes = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, bytes, low);
  bytes = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, bytes, high);
  int64_t length = sizes.resultColumns / part.folds;
  for (int64_t fold : llvm::seq(part.folds)) {
    Value *position = b.CreateAdd(b.CreateMul(row, number(sizes.resultColumns)),
                                  b.CreateAdd(column, number(fold * length)));
    Value *to = at(result, b.CreateMul(position, number(sizes.channels)));
    auto order = llvm::to_vector(llvm::seq<int>(
        fold * part.bytes(), fold * part.bytes() + part.bytes()));
    Value *piece =
        part.folds == 1 ? bytes : b.CreateShuffleVector(bytes, order);
    if (part.channels == part.bytes()) {
      store(piece, to);
      continue;
    }
    SmallVector<llvm::Constant *> mask;
    for (int64_t i : llvm::seq(part.bytes()))
      mask.push_back(b.getInt1(i < part.channels));
    b.CreateMaskedStore(piece, to, llvm::Align(1),
                        llvm::ConstantVector::get(mask));
  }
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

Value *Emitter::getBuffer(mlir::Value value) {
  unsigned index = kernel.getNumArguments();
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
    index = argument.getArgNumber();
  return load(b.getPtrTy(), at(buffers, index * sizeof(void *)));
}

void Emitter::readParameters(RequantizeOp requantize) {
  Value *parameters = getBuffer(requantize.getParameters());
  auto read = [&](RequantizeOp::Parameter which, llvm::IntegerType *type,
                  int64_t lanes) {
    Value *word =
        load(b.getInt32Ty(), at(parameters, int64_t(which) * sizeof(int32_t)));
    return b.CreateVectorSplat(lanes, b.CreateTrunc(word, type));
  };
  zero = read(RequantizeOp::Zero, b.getInt16Ty(), kBlock / 2);
  low = read(RequantizeOp::Low, b.getInt8Ty(), kBlock);
  high = read(RequantizeOp::High, b.getInt8Ty(), kBlock);
  border = op.getZero() ? load(b.getInt8Ty(), getBuffer(op.getZero()))
                        : static_cast<Value *>(b.getInt8(0));
}

/// The numbers of the channels in a vector of sums, 0 for those that are none.
Value *Emitter::readChannels(mlir::Value operand, llvm::Type *element,
                             Value *block, int index) {
  int64_t lanes = kBlock / 4;
  Value *base = getBuffer(operand);
  if (getShape(operand)[0] == 1 && sizes.channels != 1)
    return b.CreateVectorSplat(lanes, load(element, base));
  base = at(base, b.CreateMul(block, number(kBlock * sizeof(int32_t))));
  Value *all = llvm::Constant::getNullValue(vector(element, lanes));
  for (int64_t lane = 0; lane < lanes; lane += kVectors) {
    int64_t channel = part.getChannel(index, lane);
    if (channel >= part.channels)
      continue;
    Value *some =
        load(vector(element, kVectors), at(base, channel * sizeof(int32_t)));
    all = b.CreateInsertVector(all->getType(), all, some, b.getInt64(lane));
  }
  return all;
}

/// What sums begin with: the bias less what the offset of the bytes adds.
void Emitter::startSums(Value *block) {
  auto *bytes = vector(b.getInt8Ty(), kBlock);
  Value *offsets = llvm::ConstantInt::get(bytes, kOffset);
  starts.clear();
  scales.clear();
  for (int v : llvm::seq(kVectors)) {
    Value *excess =
        llvm::Constant::getNullValue(vector(b.getInt32Ty(), kBlock / 4));
    Value *bias = op.getBias()
                      ? readChannels(op.getBias(), b.getInt32Ty(), block, v)
                      : excess;
    for (int64_t y : llvm::seq(sizes.height))
      for (int64_t term : llvm::seq(sizes.terms)) {
        int64_t index = y * sizes.places * sizes.terms + term;
        excess = call(llvm::Intrinsic::x86_avx512_vpdpbusd_512,
                      {excess, offsets,
                       load(bytes, at(taps, (index * kVectors + v) * kBlock))});
      }
    starts.push_back(b.CreateSub(bias, excess));
    scales.push_back(
        readChannels(requantize.getScale(), b.getFloatTy(), block, v));
  }
}

void Emitter::emitBlock(Value *block, Part newPart, Value *firstRow,
                        Value *lastRow) {
  part = newPart;
  Value *channel = b.CreateMul(block, number(kBlock));
  input = at(getBuffer(op.getInput()), channel);
  result = at(getBuffer(requantize.getResult()), channel);
  int64_t blockBytes =
      sizes.height * sizes.places * sizes.terms * kVectors * kBlock;
  taps = at(getBuffer(op.getFilter()), b.CreateMul(block, number(blockBytes)));
  startSums(block);
  int64_t all = countUnits(), most = getMostUnits();
  for (firstUnit = 0; firstUnit < all; firstUnit += most) {
    units = std::min(most, all - firstUnit);
    emitRows(firstRow, lastRow);
  }
}

/// The rows of the result, each after those of the input that it reads first.
void Emitter::emitRows(Value *firstRow, Value *lastRow) {
  loop(firstRow, lastRow, 1, {number(0)},
       [&](Value *row, ArrayRef<Value *> kept) -> SmallVector<Value *> {
         Value *first = b.CreateMul(row, number(sizes.rowStride));
         Value *last = b.CreateAdd(first, number(sizes.height));
         loop(b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, first, kept[0]),
              last, 1, [&](Value *each) { copyRow(each); });
         emitRow(row);
         return {last};
       });
}

/// The blocks from `first` to `last`: whole ones in a loop, then the rest.
void Emitter::emitBlocks(Value *first, Value *last, Value *firstRow,
                         Value *lastRow) {
  int64_t rest = sizes.channels % kBlock;
  Value *whole = number(sizes.channels / kBlock);
  auto least = llvm::Intrinsic::smin, most = llvm::Intrinsic::smax;
  loop(first, b.CreateBinaryIntrinsic(least, last, whole), 1,
       [&](Value *block) { emitBlock(block, {}, firstRow, lastRow); });
  if (!rest)
    return;
  int64_t folds = 1;
  for (int64_t each : {2, 4})
    if (rest * each == kBlock && sizes.resultColumns % each == 0)
      folds = each;
  loop(b.CreateBinaryIntrinsic(most, first, whole), last, 1, [&](Value *block) {
    emitBlock(block, {rest, folds}, firstRow, lastRow);
  });
}

void Emitter::emit(llvm::StringRef symbol) {
  llvm::Type *pointer = b.getPtrTy();
  auto *type = llvm::FunctionType::get(
      b.getInt32Ty(), {pointer, b.getInt32Ty(), pointer}, false);
  function = llvm::Function::Create(type, llvm::Function::ExternalLinkage,
                                    symbol, module);
  // Else some machines halve the vectors.
  for (llvm::StringRef name : {"prefer-vector-width", "min-legal-vector-width"})
    function->addFnAttr(name, "512");
  b.SetInsertPoint(
      llvm::BasicBlock::Create(module.getContext(), "entry", function));
  buffers = function->getArg(2);
  readParameters(requantize);
  Value *context = function->getArg(0);
  auto allocate = module.getOrInsertFunction("halide_malloc", pointer, pointer,
                                             b.getInt64Ty());
  ring = b.CreateCall(allocate, {context, number(getRingBytes())});

  ScheduleAttr schedule = kernel.getScheduleAttr();
  Value *task = b.CreateZExt(function->getArg(1), b.getInt64Ty());
  int64_t blocks = llvm::divideCeil(sizes.channels, kBlock);
  auto divide = [&](SplitAxis axis,
                    int64_t all) -> std::pair<Value *, Value *> {
    if (schedule.getSplit() != axis)
      return {number(0), number(all)};
    int64_t each = llvm::divideCeil(all, schedule.getTasks());
    Value *first = b.CreateMul(task, number(each));
    Value *last = b.CreateAdd(first, number(each));
    return {first,
            b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, last, number(all))};
  };
  auto [first, last] = divide(SplitAxis::Channels, blocks);
  auto [firstRow, lastRow] = divide(SplitAxis::Rows, sizes.resultRows);
  emitBlocks(first, last, firstRow, lastRow);

  auto free = module.getOrInsertFunction("halide_free", b.getVoidTy(), pointer,
                                         pointer);
  b.CreateCall(free, {context, ring});
  b.CreateRet(b.getInt32(0));
}

llvm::Expected<KernelCode> cpu::emitByteDepthwise(const Isa &isa,
                                                  KernelOp kernel,
                                                  llvm::StringRef symbol) {
  llvm::LLVMContext context;
  llvm::Module module("minnow", context);
  Emitter emitter(kernel, findByteDepthwise(isa, kernel), module);
  emitter.emit(symbol);
  std::string bitcode;
  llvm::raw_string_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
  auto object = compileBitcode(bitcode, symbol, isa.spec);
  if (!object)
    return object.takeError();
  KernelCode code;
  code.object = std::move(*object);
  code.scratchBytes = emitter.getRingBytes() + halide::kBlockBytes;
  ScheduleAttr schedule = kernel.getScheduleAttr();
  if (schedule.getSplit() != SplitAxis::None)
    code.tasks = schedule.getTasks();
  return code;
}
