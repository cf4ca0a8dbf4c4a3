//===- Depthwise.cpp - depthwise convolutions of bytes by VNNI ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernels are written so, and what a kernel does around its rows.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Depthwise.h"
#include "targets/cpu/DepthwiseEmitter.h"
#include "targets/halide/Kernel.h"
#include "targets/halide/View.h"
#include "targets/llvm/Bytes.h"
#include "targets/llvm/Object.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/Support/raw_ostream.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using halide::getShape;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Value;

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
  int64_t channels = shape[3];
  constexpr double kMostPadding = 1.35;
  bool isFull = TapBlocks::countFolds(channels) > 1 ||
                llvm::alignTo(channels, kBlock) <= kMostPadding * channels;
  if (!isAlone || shape[0] != 1 || channels % kVectors || !isFull ||
      op.getStrides()[1] > 2 || !llvm::isa<mlir::BlockArgument>(op.getFilter()))
    return {};
  return op;
}

DepthwiseEmitter::DepthwiseEmitter(KernelOp kernel, DepthwiseConv2DOp op,
                                   llvm::Module &module)
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

/// Emits a loop that passes `kept` on from step to step; returns what the last
/// one leaves.
SmallVector<Value *> DepthwiseEmitter::loop(Value *begin, Value *end,
                                            int64_t step,
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

void DepthwiseEmitter::loop(Value *begin, Value *end, int64_t step,
                            llvm::function_ref<void(Value *)> body) {
  loop(begin, end, step, {}, [&](Value *i, ArrayRef<Value *>) {
    body(i);
    return SmallVector<Value *>();
  });
}

Value *DepthwiseEmitter::getBuffer(mlir::Value value) {
  unsigned index = kernel.getNumArguments();
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
    index = argument.getArgNumber();
  return load(b.getPtrTy(), at(buffers, index * sizeof(void *)));
}

void DepthwiseEmitter::readParameters(RequantizeOp requantize) {
  Value *parameters = getBuffer(requantize.getParameters());
  auto read = [&](RequantizeOp::Parameter which, llvm::IntegerType *type,
                  int64_t lanes) {
    Value *word =
        load(b.getInt32Ty(), at(parameters, int64_t(which) * sizeof(int32_t)));
    if (isUnsigned(requantize.getResult()))
      word = b.CreateAdd(word, b.getInt32(kOffset));
    return b.CreateVectorSplat(lanes, b.CreateTrunc(word, type));
  };
  zero = read(RequantizeOp::Zero, b.getInt16Ty(), kBlock / 2);
  low = read(RequantizeOp::Low, b.getInt8Ty(), kBlock);
  high = read(RequantizeOp::High, b.getInt8Ty(), kBlock);
  border = op.getZero() ? load(b.getInt8Ty(), getBuffer(op.getZero()))
                        : static_cast<Value *>(b.getInt8(0));
}

/// The numbers of the channels in a vector of sums, 0 for those that are none.
Value *DepthwiseEmitter::readChannels(mlir::Value operand, llvm::Type *element,
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

/// The taps of a group that a window at `place` touches in its row `y`.
Value *DepthwiseEmitter::loadTaps(int64_t y, int64_t place, int64_t term,
                                  int64_t index) {
  int64_t group = (y * sizes.places + place) * sizes.terms + term;
  return load(vector(b.getInt8Ty(), kBlock),
              at(taps, (group * kVectors + index) * kBlock));
}

/// Which bytes of a part of the row are channels.
llvm::Constant *DepthwiseEmitter::getMask() const {
  SmallVector<llvm::Constant *> mask;
  for (int64_t i : llvm::seq(part.bytes()))
    mask.push_back(
        llvm::ConstantInt::getBool(module.getContext(), i < part.channels));
  return llvm::ConstantVector::get(mask);
}

/// What sums begin with: the bias less what the offset of the bytes adds; with
/// kSumBits where they are floats then (llvm/Bytes.h).
void DepthwiseEmitter::startSums(Value *block) {
  auto *bytes = vector(b.getInt8Ty(), kBlock);
  Value *added = llvm::ConstantInt::get(bytes, kOffset);
  starts.clear();
  scales.clear();
  offsets.clear();
  for (int v : llvm::seq(kVectors)) {
    Value *excess =
        llvm::Constant::getNullValue(vector(b.getInt32Ty(), kBlock / 4));
    Value *bias = op.getBias()
                      ? readChannels(op.getBias(), b.getInt32Ty(), block, v)
                      : excess;
    for (int64_t y : llvm::seq(sizes.height))
      for (int64_t term : llvm::seq(sizes.terms))
        excess = call(llvm::Intrinsic::x86_avx512_vpdpbusd_512,
                      {excess, added, loadTaps(y, 0, term, v)});
    Value *start = b.CreateSub(bias, excess);
    Value *scale =
        readChannels(requantize.getScale(), b.getFloatTy(), block, v);
    if (requantize.getRectified()) {
      start = b.CreateAdd(start,
                          llvm::ConstantInt::get(start->getType(), kSumBits));
      offsets.push_back(b.CreateFMul(
          scale, llvm::ConstantFP::get(scale->getType(), -kSumNumber)));
    }
    starts.push_back(start);
    scales.push_back(scale);
  }
}

void DepthwiseEmitter::emitBlock(Value *block, Part newPart, Value *firstRow,
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
void DepthwiseEmitter::emitRows(Value *firstRow, Value *lastRow) {
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
void DepthwiseEmitter::emitBlocks(Value *first, Value *last, Value *firstRow,
                                  Value *lastRow) {
  int64_t rest = sizes.channels % kBlock;
  Value *whole = number(sizes.channels / kBlock);
  auto least = llvm::Intrinsic::smin, most = llvm::Intrinsic::smax;
  loop(first, b.CreateBinaryIntrinsic(least, last, whole), 1,
       [&](Value *block) { emitBlock(block, {}, firstRow, lastRow); });
  if (!rest)
    return;
  int64_t folds = TapBlocks::countFolds(sizes.channels);
  if (sizes.resultColumns % folds)
    folds = 1;
  loop(b.CreateBinaryIntrinsic(most, first, whole), last, 1, [&](Value *block) {
    emitBlock(block, {rest, folds}, firstRow, lastRow);
  });
}

void DepthwiseEmitter::emit(llvm::StringRef symbol) {
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
  DepthwiseEmitter emitter(kernel, findByteDepthwise(isa, kernel), module);
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
