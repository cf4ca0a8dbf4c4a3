//===- Raise.cpp - blocks recognised among primitives ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block is found by its projection, of which it has one, and grows over the
// layer scale and the residual behind it as far as the matchers allow. UIBs
// come before fused inverted bottlenecks: the expansion of one may otherwise
// pass for the projection with activation of such a block before it.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Blocks.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/InlineBlocks.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_RAISE
#include "passes/Passes.h.inc"
} // namespace minnow

//===----------------------------------------------------------------------===//
// Finding
//===----------------------------------------------------------------------===//

/// The values that a block with `projection` may give, the most that it can
/// take in first: after a residual, after a layer scale, the projection's.
static SmallVector<Value> getCandidates(Conv2DOp projection) {
  SmallVector<Value> values = {projection.getResult()};
  auto onlyUser = [&]() -> Operation * {
    return values.back().hasOneUse() ? *values.back().user_begin() : nullptr;
  };
  if (auto scale = dyn_cast_or_null<MulOp>(onlyUser()))
    if (scale.getLhs() == values.back())
      values.push_back(scale.getResult());
  if (auto residual = dyn_cast_or_null<AddOp>(onlyUser()))
    values.push_back(residual.getResult());
  std::reverse(values.begin(), values.end());
  return values;
}

/// Whether the chain `parts` can stand by itself: none of it is in a block
/// already, and it reads `input` and weights only.
static bool isSelfContained(ArrayRef<Operation *> parts, Value input,
                            std::string &why) {
  for (Operation *part : parts) {
    if (part->getBlock() != parts.back()->getBlock()) {
      why = "one of its primitives belongs to another block";
      return false;
    }
    for (Value operand : part->getOperands())
      if (operand != input && !operand.getDefiningOp<GetWeightOp>() &&
          !llvm::is_contained(parts, operand.getDefiningOp())) {
        why = "a filter or bias is computed, not a weight";
        return false;
      }
  }
  return true;
}

/// The components, divided by '.' or '/', that `a` and `b` both begin with.
static StringRef getCommonPrefix(StringRef a, StringRef b) {
  auto endsAt = [](StringRef name, size_t i) {
    return i == name.size() || name[i] == '.' || name[i] == '/';
  };
  size_t length = 0, size = std::min(a.size(), b.size());
  for (size_t i = 0; i <= size; ++i) {
    if (endsAt(a, i) && endsAt(b, i))
      length = i;
    if (i == size || a[i] != b[i])
      break;
  }
  return a.take_front(length);
}

/// A block is named by what its layers' names have in common, or like its first
/// layer if that is nothing.
static Location getBlockLocation(ArrayRef<Operation *> parts) {
  StringRef first = minnow::getLayerName(parts.front()->getLoc());
  StringRef common = first;
  for (Operation *part : parts)
    if (isa<Conv2DOp, DepthwiseConv2DOp>(part))
      common = getCommonPrefix(common, minnow::getLayerName(part->getLoc()));
  StringRef name = common.empty() ? first : common;
  MLIRContext *context = parts.front()->getContext();
  return name.empty() ? parts.back()->getLoc()
                      : NameLoc::get(StringAttr::get(context, name));
}

//===----------------------------------------------------------------------===//
// Wrapping
//===----------------------------------------------------------------------===//

/// Moves `part` to the end of `body`, a block whose argument stands for
/// `input`, with copies of its weights before it.
static void movePart(Operation *part, Value input, Block &body) {
  OpBuilder builder = OpBuilder::atBlockEnd(&body);
  for (OpOperand &operand : part->getOpOperands()) {
    Value value = operand.get();
    if (value == input) {
      operand.set(body.getArgument(0));
    } else if (auto weight = value.getDefiningOp<GetWeightOp>()) {
      operand.set(builder.clone(*weight)->getResult(0));
      if (weight->use_empty())
        weight.erase();
    }
  }
  part->moveBefore(&body, body.end());
}

/// Wraps the chain `parts`, which reads `input`, into a `BlockOp` at the place
/// of its last op.
template <typename BlockOp>
static void wrap(ArrayRef<Operation *> parts, Value input) {
  Operation *last = parts.back();
  Value result = last->getResult(0);
  Location location = getBlockLocation(parts);
  OpBuilder builder(last);
  auto block = BlockOp::create(builder, location, result.getType(), input);
  Block &body = block.getBody().emplaceBlock();
  body.addArgument(input.getType(), location);
  result.replaceAllUsesWith(block.getResult());
  for (Operation *part : parts)
    movePart(part, input, body);
  builder.setInsertionPointToEnd(&body);
  YieldOp::create(builder, location, result);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Wraps the largest block that ends in `projection`. If there is none, gives
/// the reason why even the projection alone is no end of one.
template <typename BlockOp, typename Form>
static std::string raiseBlock(Conv2DOp projection,
                              std::optional<Form> (*match)(Value,
                                                           std::string *)) {
  std::string why;
  for (Value result : getCandidates(projection)) {
    why.clear();
    auto form = match(result, &why);
    if (!form || form->projection != projection)
      continue;
    SmallVector<Operation *> parts = form->getParts();
    if (!isSelfContained(parts, form->input, why))
      continue;
    wrap<BlockOp>(parts, form->input);
    return {};
  }
  return why;
}

/// Why a projection ends no block of some kind; empty if it does.
using Reasons = llvm::DenseMap<Operation *, std::string>;

/// Raises what of `projections` no block has taken yet.
template <typename BlockOp, typename Form>
static Reasons raiseAll(func::FuncOp function, ArrayRef<Conv2DOp> projections,
                        std::optional<Form> (*match)(Value, std::string *)) {
  Reasons reasons;
  for (Conv2DOp projection : projections)
    if (projection->getParentOp() == function)
      reasons[projection] = raiseBlock<BlockOp>(projection, match);
  return reasons;
}

namespace {

struct Raise : minnow::impl::RaiseBase<Raise> {
  using RaiseBase::RaiseBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      raise(function);
  }

  void raise(func::FuncOp function) {
    SmallVector<Conv2DOp> pointwise;
    for (auto convolution : function.getOps<Conv2DOp>())
      if (convolution.isPointwise())
        pointwise.push_back(convolution);

    Reasons noMqa = raiseAll<MqaOp>(function, pointwise, matchMqa);
    Reasons noUib = raiseAll<UibOp>(function, pointwise, matchUib);
    Reasons noFusedIb = raiseAll<FusedIbOp>(function, pointwise, matchFusedIb);
    if (!explain)
      return;
    for (Conv2DOp projection : pointwise) {
      if (projection->getParentOp() != function ||
          projection.getActivation() != Activation::None ||
          llvm::any_of(projection->getUsers(), llvm::IsaPred<AttentionOp>))
        continue;
      auto remark = projection.emitRemark("ends no block; ");
      if (projection.getInput().getDefiningOp<AttentionOp>())
        remark << "no mobile.mqa: " << noMqa[projection];
      else
        remark << "no mobile.uib: " << noUib[projection]
               << "; no mobile.fused_ib: " << noFusedIb[projection];
    }
  }
};

} // namespace
