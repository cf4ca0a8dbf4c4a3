//===- Plan.cpp - which shader a kernel becomes ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Plan.h"
#include "targets/vulkan/Shader.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::vulkan;
using namespace minnow::mobile;
using llvm::dyn_cast;
using llvm::isa;
using mlir::Operation;
using mlir::Value;

//===----------------------------------------------------------------------===//
// Primitives
//===----------------------------------------------------------------------===//

static llvm::ArrayRef<int64_t> getShape(Value value) {
  return llvm::cast<mlir::ShapedType>(value.getType()).getShape();
}

template <typename Op> static Window getConvolutionWindow(Op op) {
  Window window;
  auto input = getShape(op.getInput()), result = getShape(op.getResult());
  window.kernelHeight = getShape(op.getFilter())[0];
  window.kernelWidth = getShape(op.getFilter())[1];
  window.strideHeight = op.getStrides()[0];
  window.strideWidth = op.getStrides()[1];
  window.padTop = op.getPad()[0];
  window.padLeft = op.getPad()[2];
  window.batch = input[0];
  window.inputHeight = input[1];
  window.inputWidth = input[2];
  window.inputChannels = input[3];
  window.height = result[1];
  window.width = result[2];
  window.channels = result[3];
  return window;
}

Window vulkan::getWindow(Operation *op) {
  if (auto conv = dyn_cast<Conv2DOp>(op))
    return getConvolutionWindow(conv);
  if (auto depthwise = dyn_cast<DepthwiseConv2DOp>(op))
    return getConvolutionWindow(depthwise);
  auto linear = llvm::cast<LinearOp>(op);
  Window window;
  window.width = window.inputWidth = getShape(linear.getInput())[0];
  window.inputChannels = getShape(linear.getInput())[1];
  window.channels = getShape(linear.getResult())[1];
  return window;
}

Value vulkan::getBias(Operation *op) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp>(
          [](auto conv) -> Value { return conv.getBias(); })
      .Default([](Operation *) { return Value(); });
}

Activation vulkan::getActivation(Operation *op) {
  return llvm::TypeSwitch<Operation *, Activation>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp>(
          [](auto conv) { return conv.getActivation(); })
      .Default([](Operation *) { return Activation::None; });
}

Patch vulkan::choosePatch(int64_t mapWidth, int64_t mapHeight, int64_t most) {
  Patch best{1, 1};
  double bestCost = 1e30;
  for (int64_t width = 1; width <= std::min(most, mapWidth); ++width)
    for (int64_t height = 1; height * width <= most && height <= mapHeight;
         ++height) {
      double patches = double(llvm::divideCeil(mapWidth, width)) *
                       llvm::divideCeil(mapHeight, height);
      // A patch costs its weights, its positions, and the columns beside it
      // that its windows read too.
      double cost = patches * (20 + width * height + 2 * height);
      if (cost < bestCost) {
        bestCost = cost;
        best = {width, height};
      }
    }
  return best;
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

static bool isQuads(int64_t channels) { return channels % 4 == 0; }

/// A conv2d or linear whose results are quads.
static const char *checkProduct(Operation *op) {
  if (!isa<Conv2DOp, LinearOp>(op))
    return "no convolution or linear";
  Window window = getWindow(op);
  if (!isQuads(window.channels))
    return "results that are no whole number of quads";
  if (!isQuads(window.inputChannels) && window.inputChannels > 8)
    return "inputs that are no whole number of quads";
  return nullptr;
}

/// The most queries of a workgroup that goes on with a product: a lane then
/// sums up that many positions. It is more than other products have, since the
/// attention is not written to memory and the network has one dispatch less.
static constexpr unsigned kMostQueries = 16;

/// Whether `op` may come before the product `main` in workgroup memory.
static const char *checkProducer(Operation *op, Operation *main) {
  Window window = getWindow(main);
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    // A workgroup has all heads of some queries.
    if (kInvocations % attention.getHeads() ||
        kInvocations / attention.getHeads() > kMostQueries)
      return "a number of heads that does not divide a workgroup";
    if (kInvocations * attention.getValueWidth() * 4 > kSharedBytes)
      return "values of more channels than workgroup memory holds";
    if (window.batch != 1)
      return "attention over several images before a product";
    return window.isPointwise() ? nullptr : "a window over attention";
  }
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    if (transpose.getPermutation() != llvm::ArrayRef<int64_t>{0, 2, 3, 1} ||
        isQuads(window.inputChannels))
      return "a transpose that is not of an image which enters";
    return nullptr;
  }
  if (!isa<DepthwiseConv2DOp>(op) || !isQuads(window.inputChannels))
    return "a value of the same kernel before the product";
  if (!window.isPointwise())
    return "a window over a value of the same kernel";
  return nullptr;
}

namespace {

/// Sorts primitives into the parts of a shader.
class Planner {
public:
  Planner(llvm::ArrayRef<Operation *> ops, const Gpu &gpu)
      : ops(ops), gpu(gpu) {}
  ShaderPlan run();

private:
  /// Why `op` does not fit after the ones before; null if it does.
  const char *add(Operation *op);
  const char *addMain(Operation *op, ShaderKind kind);
  const char *addProducer(Operation *op, ShaderKind alone);
  const char *addElements(Operation *op);
  bool isInner(Value value) const {
    return llvm::is_contained(ops, value.getDefiningOp());
  }

  llvm::ArrayRef<Operation *> ops;
  const Gpu &gpu;
  ShaderPlan plan;
  std::string reason;
  Operation *waiting = nullptr; // a producer whose product has not come yet
};

} // namespace

const char *Planner::addMain(Operation *op, ShaderKind kind) {
  if (plan.main)
    return "two sums that are computed at once";
  for (Value operand : op->getOperands())
    if (isInner(operand) && (!waiting || operand != waiting->getResult(0) ||
                             operand != op->getOperand(0)))
      return "an operand of the same kernel";
  if (waiting) {
    if (kind != ShaderKind::Product)
      return "a producer before other than a product";
    if (op->getOperand(0) != waiting->getResult(0) ||
        !waiting->getResult(0).hasOneUse())
      return "a producer with another reader";
    if (const char *why = checkProducer(waiting, op))
      return why;
    plan.producer = waiting;
    waiting = nullptr;
  }
  plan.main = op;
  plan.kind = kind;
  return nullptr;
}

/// What is a producer if a product of the same kernel reads it.
const char *Planner::addProducer(Operation *op, ShaderKind alone) {
  if (plan.main || waiting || !llvm::hasSingleElement(op->getUsers()) ||
      !isa<Conv2DOp>(*op->user_begin()) ||
      !llvm::is_contained(ops, *op->user_begin()))
    return addMain(op, alone);
  for (Value operand : op->getOperands())
    if (isInner(operand))
      return "a producer of a value of the same kernel";
  waiting = op;
  return nullptr;
}

const char *Planner::addElements(Operation *op) {
  if (waiting)
    return "an element operation before the product";
  if (!isElementwise(op, &reason))
    return reason.c_str();
  // All happens at one place of the result, so shapes agree but for reshapes.
  if (plan.main) {
    auto rows = [](Value value) {
      return mlir::ShapedType::getNumElements(getShape(value).drop_back());
    };
    Value main = plan.main->getResult(0);
    if (getShape(main).back() != getShape(op->getResult(0)).back() ||
        rows(main) != rows(op->getResult(0)))
      return "an element operation on other positions";
  } else {
    plan.kind = ShaderKind::Elements;
  }
  return nullptr;
}

const char *Planner::add(Operation *op) {
  bool isLast = op == ops.back();
  if (plan.kind == ShaderKind::Elements && !isElementwise(op))
    return "a sum after element operations";
  if (isa<Conv2DOp, LinearOp>(op)) {
    if (const char *why = checkProduct(op))
      return why;
    return addMain(op, ShaderKind::Product);
  }
  if (auto depthwise = dyn_cast<DepthwiseConv2DOp>(op)) {
    if (!isQuads(getWindow(op).channels))
      return "channels that are no whole number of quads";
    return addProducer(op, ShaderKind::Depthwise);
  }
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    if (const char *why = checkAttention(attention, gpu))
      return why;
    return addProducer(op, ShaderKind::Attention);
  }
  if (isa<TransposeOp>(op) && !isLast && !plan.main && !waiting) {
    waiting = op;
    return nullptr;
  }
  return addElements(op);
}

ShaderPlan Planner::run() {
  for (Operation *op : ops)
    if (const char *why = add(op)) {
      ShaderPlan generic;
      generic.main = ops.back();
      generic.why = why;
      return generic;
    }
  return plan;
}

ShaderPlan vulkan::makePlan(const Gpu &gpu, llvm::ArrayRef<Operation *> ops) {
  return Planner(ops, gpu).run();
}

ShaderPlan vulkan::makePlan(const Gpu &gpu, KernelOp kernel) {
  llvm::SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBody().front().without_terminator())
    ops.push_back(&op);
  return makePlan(gpu, ops);
}
