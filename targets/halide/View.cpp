//===- View.cpp - tensors as channels, columns and rows -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernels may forget that their positions form a map.
//===----------------------------------------------------------------------===//
#include "targets/halide/View.h"
#include "targets/halide/Form.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using mlir::Operation;
using mlir::Value;

llvm::ArrayRef<int64_t> halide::getShape(Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

int64_t halide::product(llvm::ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

int64_t halide::countChannels(Value value) {
  auto shape = getShape(value);
  return shape.empty() ? 1 : shape.back();
}

int64_t halide::countPositions(Value value) {
  auto shape = getShape(value);
  return shape.empty() ? 1 : product(shape.drop_back());
}

bool halide::isComputing(Operation *op) {
  return !llvm::isa<AddOp, MulOp, ActivateOp, ReshapeOp, TransposeOp,
                    RequantizeOp, DequantizeOp, LookupOp, YieldOp>(op);
}

bool halide::computesOnce(KernelOp kernel) {
  return llvm::count_if(kernel.getBody().front(),
                        [](Operation &op) { return isComputing(&op); }) == 1;
}

bool halide::isIntegerProduct(Operation *op) {
  return llvm::isa<Conv2DOp, DepthwiseConv2DOp, LinearOp>(op) &&
         llvm::cast<mlir::RankedTensorType>(op->getResult(0).getType())
             .getElementType()
             .isInteger(32);
}

bool halide::copiesInput(Operation *op, const Form &form, bool isUnsigned) {
  if (!isIntegerProduct(op))
    return false;
  if (form.dotOperand == DotOperand::Wide ||
      (form.dotOperand == DotOperand::Unsigned && !isUnsigned))
    return true;
  if (llvm::isa<DepthwiseConv2DOp>(op))
    return true;
  auto conv = llvm::dyn_cast<Conv2DOp>(op);
  bool hasBorder =
      conv && llvm::any_of(conv.getPad(), [](int64_t p) { return p != 0; });
  return hasBorder || getShape(op->getOperand(0)).back() % form.dotWidth != 0;
}

bool halide::readsNumbers(Value value, bool *isMultiplied) {
  if (isMultiplied)
    *isMultiplied = false;
  for (mlir::OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    bool multiplies = isIntegerProduct(user) && use.getOperandNumber() == 0;
    auto requantize = llvm::dyn_cast<RequantizeOp>(user);
    auto pool = llvm::dyn_cast<Pool2DOp>(user);
    bool isTerm = requantize && (value == requantize.getInput() ||
                                 value == requantize.getAddend());
    if (!multiplies && !isTerm && !(pool && pool.isGlobalAverage()))
      return false;
    if (isMultiplied)
      *isMultiplied |= multiplies;
  }
  return true;
}

llvm::SmallVector<Operation *> halide::getElementOps(Operation *op) {
  llvm::SmallVector<Operation *> ops;
  for (Operation *each = op->getNextNode(); each && !isComputing(each);
       each = each->getNextNode())
    ops.push_back(each);
  return ops;
}

StageAttr halide::getStageAttr(KernelOp kernel, Operation *op) {
  auto stages = kernel.getScheduleAttr().getStages();
  size_t index = 0;
  for (Operation &each : kernel.getBody().front()) {
    if (&each == op && index < stages.size())
      return stages[index];
    index += isComputing(&each);
  }
  return {};
}

/// Whether the tiles of the only stage of `kernel` divide each task's part of
/// the result.
static bool isWholeTiles(KernelOp kernel, StageAttr stage, int64_t width) {
  ScheduleAttr schedule = kernel.getScheduleAttr();
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  int64_t channels = countChannels(result), pixels = countPositions(result);
  int64_t tasks = schedule.getTasks();
  if (schedule.getSplit() == SplitAxis::Channels)
    return channels % (width * tasks) == 0 && pixels % stage.getPixels() == 0;
  if (schedule.getSplit() == SplitAxis::Rows)
    pixels = pixels % tasks ? 1 : pixels / tasks;
  return channels % width == 0 && pixels % stage.getPixels() == 0;
}

int64_t halide::getTermsAtOnce(KernelOp kernel, Operation *op,
                               const Form &form) {
  int64_t all = product(getShape(op->getOperand(1)).drop_back());
  StageAttr stage = getStageAttr(kernel, op);
  if (!stage || stage.getOrder() != LoopOrder::TermsOuter ||
      form.multipliesByLane || getView(kernel) != View::Pixels)
    return all;
  // The weights of a part, and of the next one, take little of the second level
  // of the cache.
  constexpr int64_t kPartBytes = 128 * 1024, kLine = 16;
  int64_t width = stage.getVectors() * form.vectorFloats;
  int64_t most = kPartBytes / (width * sizeof(float));
  if (!computesOnce(kernel) || !isWholeTiles(kernel, stage, width))
    return all;
  for (int64_t parts = llvm::divideCeil(all, most); parts * kLine <= all;
       ++parts)
    if (all % (parts * kLine) == 0)
      return all / parts;
  return all;
}

void halide::padVectors(KernelOp kernel, Operation *op, int64_t lanes) {
  int64_t channels = getShape(op->getResult(0)).back();
  int64_t panel = getStageAttr(kernel, op).getVectors() * lanes;
  if (channels % panel == 0)
    return;
  auto layout =
      LayoutAttr::get(kernel.getContext(), LayoutKind::Panels, {panel});
  auto set = [&](Operation *reader) {
    for (Value operand : reader->getOperands())
      if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(operand))
        if (getShape(operand) == llvm::ArrayRef<int64_t>(channels) &&
            !kernel.getLayout(argument.getArgNumber()))
          kernel.setLayout(argument.getArgNumber(), layout);
  };
  set(op);
  llvm::for_each(getElementOps(op), set);
}

bool halide::endsInPanel(KernelOp kernel, Operation *op, const Form &form) {
  if (!form.joinsPixels || !op || !isIntegerProduct(op))
    return false;
  int64_t channels = getShape(op->getResult(0)).back();
  int64_t width = getStageAttr(kernel, op).getVectors() * form.vectorFloats;
  // Those of a depthwise convolution may overlap.
  if (llvm::isa<DepthwiseConv2DOp>(op))
    return width > channels || channels % form.vectorFloats != 0;
  return channels % width != 0;
}

bool halide::isEvenlyPadded(Operation *op) {
  auto check = [](auto conv) {
    int64_t more = conv.getPad()[1] - conv.getPad()[0];
    return more == 0 || more == 1;
  };
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp>(check)
      .Default(true);
}

llvm::DenseSet<Value> halide::findWholeValues(KernelOp kernel) {
  llvm::DenseSet<Value> whole;
  for (Operation &op : llvm::reverse(kernel.getBody().front())) {
    if (auto attention = llvm::dyn_cast<AttentionOp>(op))
      for (Value read : {attention.getKey(), attention.getValue()})
        whole.insert(read);
    if (op.getNumResults() == 1 && whole.contains(op.getResult(0)))
      whole.insert(op.operand_begin(), op.operand_end());
  }
  return whole;
}

/// Whether `rhs` is repeated along positions other than all of them.
static bool isBroadcastOverSome(Value lhs, Value rhs) {
  auto shape = getShape(rhs);
  return shape != getShape(lhs) && shape.size() != 1 &&
         countPositions(rhs) != 1;
}

static bool isPixelwise(Operation &op) {
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case([](Conv2DOp conv) { return conv.isPointwise(); })
      .Case([](Pool2DOp pool) { return pool.isGlobalAverage(); })
      .Case<AddOp, MulOp>([](auto binary) {
        return !isBroadcastOverSome(binary.getLhs(), binary.getRhs());
      })
      .Case<LinearOp, ActivateOp, RequantizeOp, DequantizeOp, LookupOp,
            YieldOp>([](auto) { return true; })
      .Case([](ReshapeOp reshape) {
        return countChannels(reshape.getInput()) ==
               countChannels(reshape.getResult());
      })
      .Case([](SoftmaxOp) { return true; })
      // Its keys are all positions of one image.
      .Case([](AttentionOp op) { return getShape(op.getKey())[0] == 1; })
      .Default(false);
}

bool halide::hasWinogradShape(Operation *op) {
  auto conv = llvm::dyn_cast<Conv2DOp>(op);
  if (!conv || isIntegerProduct(op))
    return false;
  auto result = getShape(conv.getResult());
  return getShape(conv.getFilter()).take_front(2) ==
             llvm::ArrayRef<int64_t>{3, 3} &&
         conv.getStrides() == llvm::ArrayRef<int64_t>{2, 2} &&
         result[1] % 2 == 0 && result[2] % 2 == 0;
}

bool halide::suitsWinograd(KernelOp kernel, Operation *op) {
  int64_t leastRows = llvm::isa<mlir::BlockArgument>(op->getOperand(0)) ? 2 : 4;
  if (!hasWinogradShape(op) || getView(kernel) != View::Maps ||
      getShape(op->getResult(0))[1] < leastRows)
    return false;
  for (Operation *after = op->getNextNode(); after;
       after = after->getNextNode())
    if (!isPixelwise(*after))
      return false;
  return true;
}

/// Whether the factors of a change of scale are the same for all channels.
static bool hasOneScale(Operation &op) {
  auto isOne = [](Value scale) { return !scale || getShape(scale)[0] == 1; };
  if (auto requantize = llvm::dyn_cast<RequantizeOp>(op))
    return isOne(requantize.getScale()) && isOne(requantize.getAddendScale());
  return isOne(llvm::cast<DequantizeOp>(op).getScale());
}

static bool isElementwise(Operation &op) {
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case<AddOp, MulOp>([](auto binary) {
        return getShape(binary.getLhs()) == getShape(binary.getRhs());
      })
      .Case<RequantizeOp, DequantizeOp>(
          [](Operation *op) { return hasOneScale(*op); })
      .Case<ActivateOp, ReshapeOp, LookupOp, YieldOp>([](auto) { return true; })
      .Default(false);
}

View halide::getView(KernelOp kernel) {
  mlir::Block &block = kernel.getBody().front();
  if (llvm::all_of(block, isElementwise))
    return View::Elements;
  // What lies between products of bytes stays near a row at a time.
  bool isChain = llvm::count_if(block, [](Operation &op) {
                   return isIntegerProduct(&op);
                 }) > 1;
  return !isChain && llvm::all_of(block, isPixelwise) ? View::Pixels
                                                      : View::Maps;
}

std::optional<Sizes> halide::getSizes(Value value, View view) {
  auto shape = getShape(value);
  if (view == View::Elements)
    return Sizes{product(shape), 1, 1};
  if (shape.size() != 4 || view == View::Pixels)
    return Sizes{countChannels(value), countPositions(value), 1};
  if (shape[0] != 1)
    return std::nullopt;
  return Sizes{countChannels(value), shape[2], shape[1]};
}

int64_t halide::getBlockBytes(DepthwiseConv2DOp op, int64_t rows,
                              int64_t channels) {
  auto filter = getShape(op.getFilter());
  auto extent = [&](int axis, int64_t size) {
    return (size - 1) * op.getStrides()[axis] + filter[axis];
  };
  return extent(0, rows) * extent(1, getShape(op.getResult())[2]) * channels *
         int64_t(sizeof(float));
}
