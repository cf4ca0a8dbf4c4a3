//===- BlockForms.cpp - blocks recognised in the dataflow -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One matcher a block. Each walks back from the block's last value; what all of
// them have at their end (projection, layer scale, residual) is taken off once.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Blocks.h"

using namespace mlir;
using namespace minnow::mobile;

namespace {

/// Walks a chain of primitives backwards and remembers the first reason why it
/// is not the form looked for.
class Matcher {
public:
  explicit Matcher(std::string *why) : why(why) {}

  bool fail(const Twine &reason) {
    if (why && why->empty())
      *why = reason.str();
    return false;
  }

  /// The producer of `value` as an `OpTy` that nobody else uses; null if it is
  /// something else.
  template <typename OpTy> OpTy producer(Value value) {
    auto op = value.getDefiningOp<OpTy>();
    return op && value.hasOneUse() ? op : OpTy();
  }

  /// Takes a residual add off the end: `block` is the branch that was computed,
  /// `skip` the other operand. Without an add `skip` is null.
  AddOp takeResidual(Value result, Value &block, Value &skip) {
    auto add = result.getDefiningOp<AddOp>();
    if (!add || add.getActivation() != Activation::None ||
        getShape(add.getLhs()) != getShape(add.getRhs()))
      return {};
    block = add.getLhs(), skip = add.getRhs();
    if (!isBranch(block))
      std::swap(block, skip);
    return add;
  }

  /// Whether `value` ends in a projection of its own, so that it can be the
  /// computed branch of a residual.
  bool isBranch(Value value) {
    if (auto scale = producer<MulOp>(value))
      value = scale.getLhs();
    auto projection = producer<Conv2DOp>(value);
    return projection && projection.isPointwise();
  }

  /// Whether `value` is `result`, which may have any users, or has one user.
  bool isPrivate(Value value, Value result) {
    return value == result || value.hasOneUse() ||
           fail("a value inside the block has users outside of it");
  }

private:
  /// The scales of the two sides of a quantized residual differ.
  static ArrayRef<int64_t> getShape(Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  }

  std::string *why;
};

} // namespace

/// Whether `op` has fewer, or more, channels after it than before it.
static bool narrows(Conv2DOp op) {
  auto filter = op.getFilter().getType().getShape();
  return filter[3] < filter[2];
}
static bool widens(Conv2DOp op) {
  auto filter = op.getFilter().getType().getShape();
  return filter[3] > filter[2];
}

static bool isExpansion(Conv2DOp op) {
  return op.isPointwise() && op.getActivation() != Activation::None &&
         !narrows(op);
}

/// Steps over the stages before the projection: middle depthwise, expansion,
/// start depthwise; what is left is the input.
static void matchStages(Matcher &matcher, UibForm &form) {
  Value value = form.projection.getInput();
  form.middleDepthwise = matcher.producer<DepthwiseConv2DOp>(value);
  if (form.middleDepthwise &&
      form.middleDepthwise.getActivation() == Activation::None)
    form.middleDepthwise = {};
  if (form.middleDepthwise)
    value = form.middleDepthwise.getInput();

  form.expansion = matcher.producer<Conv2DOp>(value);
  if (form.expansion && !isExpansion(form.expansion))
    form.expansion = {};
  if (form.expansion) {
    value = form.expansion.getInput();
    form.startDepthwise = matcher.producer<DepthwiseConv2DOp>(value);
    if (form.startDepthwise &&
        form.startDepthwise.getActivation() != Activation::None)
      form.startDepthwise = {};
    if (form.startDepthwise)
      value = form.startDepthwise.getInput();
  }
  form.input = value;
}

/// Takes the layer scale, if there is one, and the projection off the end of
/// `block`, the branch of a block that ends in `result`.
template <typename Form>
static bool takeProjection(Matcher &matcher, Value result, Value block,
                           Form &form) {
  form.layerScale = block.getDefiningOp<MulOp>();
  if (form.layerScale) {
    auto scale = cast<RankedTensorType>(form.layerScale.getRhs().getType());
    if (scale.getRank() != 1 ||
        form.layerScale.getActivation() != Activation::None)
      return matcher.fail("layer scale must have one factor a channel and no "
                          "activation");
    if (!matcher.isPrivate(block, result))
      return false;
    block = form.layerScale.getLhs();
  }
  form.projection = block.getDefiningOp<Conv2DOp>();
  if (!form.projection || !form.projection.isPointwise() ||
      form.projection.getActivation() != Activation::None)
    return matcher.fail("must end in a pointwise convolution without "
                        "activation, the projection");
  return matcher.isPrivate(block, result);
}

std::optional<UibForm> minnow::mobile::matchUib(Value result,
                                                std::string *why) {
  Matcher matcher(why);
  UibForm form;
  Value block = result, skip;
  form.residual = matcher.takeResidual(result, block, skip);

  if (!takeProjection(matcher, result, block, form))
    return std::nullopt;
  matchStages(matcher, form);
  if (!form.expansion && !form.middleDepthwise)
    return matcher.fail("expected an expansion or a depthwise convolution "
                        "with activation before the projection"),
           std::nullopt;
  if (form.residual && skip != form.input)
    return matcher.fail("the residual must add the block's input"),
           std::nullopt;
  if (!form.residual && !form.startDepthwise && !form.middleDepthwise)
    return matcher.fail("without a depthwise convolution it must have a "
                        "residual"),
           std::nullopt;
  return form;
}

std::optional<FusedIbForm> minnow::mobile::matchFusedIb(Value result,
                                                        std::string *why) {
  Matcher matcher(why);
  FusedIbForm form;
  Value block = result, skip;
  form.residual = matcher.takeResidual(result, block, skip);
  form.projection = block.getDefiningOp<Conv2DOp>();
  if (!form.projection || !form.projection.isPointwise())
    return matcher.fail("must end in a pointwise convolution, the projection"),
           std::nullopt;
  if (!matcher.isPrivate(block, result))
    return std::nullopt;
  form.expansion = matcher.producer<Conv2DOp>(form.projection.getInput());
  if (!form.expansion || form.expansion.isPointwise() ||
      form.expansion.getActivation() == Activation::None)
    return matcher.fail("expected a full convolution with activation before "
                        "the projection, the expansion"),
           std::nullopt;
  if (narrows(form.expansion) || widens(form.projection))
    return matcher.fail("expected an expansion with no fewer outputs than "
                        "inputs, a projection with no more"),
           std::nullopt;
  form.input = form.expansion.getInput();
  if (form.residual && skip != form.input)
    return matcher.fail("the residual must add the block's input"),
           std::nullopt;
  return form;
}

/// Matches the pointwise projection without activation that gives `value`; null
/// if there is none.
static Conv2DOp matchHeads(Matcher &matcher, Value value) {
  auto projection = matcher.producer<Conv2DOp>(value);
  if (projection && projection.isPointwise() &&
      projection.getActivation() == Activation::None)
    return projection;
  return {};
}

/// As matchHeads, with the weight added after the projection and the depthwise
/// convolution before it, where there are such. Gives what they all read.
static Value matchKeys(Matcher &matcher, Value value,
                       DepthwiseConv2DOp &depthwise, Conv2DOp &projection,
                       AddOp &offsets) {
  offsets = matcher.producer<AddOp>(value);
  if (offsets) {
    if (offsets.getActivation() != Activation::None ||
        !offsets.getRhs().getDefiningOp<GetWeightOp>())
      return {};
    value = offsets.getLhs();
  }
  projection = matchHeads(matcher, value);
  if (!projection)
    return {};
  depthwise = matcher.producer<DepthwiseConv2DOp>(projection.getInput());
  if (depthwise && depthwise.getActivation() != Activation::None)
    depthwise = {};
  return depthwise ? depthwise.getInput() : projection.getInput();
}

/// Matches what the attention reads, down to the block's input.
static bool matchProjections(Matcher &matcher, MqaForm &form) {
  form.queryProjection = matchHeads(matcher, form.attention.getQuery());
  Value key = matchKeys(matcher, form.attention.getKey(), form.keyDepthwise,
                        form.keyProjection, form.keyOffsets);
  Value value =
      matchKeys(matcher, form.attention.getValue(), form.valueDepthwise,
                form.valueProjection, form.valueOffsets);
  if (!form.queryProjection || !key || !value)
    return matcher.fail("queries, keys and values must each come from a "
                        "pointwise convolution without activation");
  form.input = form.queryProjection.getInput();
  return (key == form.input && value == form.input) ||
         matcher.fail("queries, keys and values must be projected from one "
                      "input");
}

std::optional<MqaForm> minnow::mobile::matchMqa(Value result,
                                                std::string *why) {
  Matcher matcher(why);
  MqaForm form;
  Value block = result, skip;
  form.residual = matcher.takeResidual(result, block, skip);
  if (!takeProjection(matcher, result, block, form))
    return std::nullopt;
  form.attention = matcher.producer<AttentionOp>(form.projection.getInput());
  if (!form.attention)
    return matcher.fail("expected an attention before the projection"),
           std::nullopt;
  if (form.attention.getKeyHeads() != 1)
    return matcher.fail("the attention must share its keys and values among "
                        "all heads"),
           std::nullopt;
  if (!matchProjections(matcher, form))
    return std::nullopt;
  if (form.residual && skip != form.input)
    return matcher.fail("the residual must add the block's input"),
           std::nullopt;
  return form;
}

static SmallVector<Operation *> withoutNull(ArrayRef<Operation *> ops) {
  auto present = llvm::make_filter_range(ops, [](auto *op) { return op; });
  return llvm::to_vector(present);
}

SmallVector<Operation *> UibForm::getParts() {
  return withoutNull({startDepthwise, expansion, middleDepthwise, projection,
                      layerScale, residual});
}

SmallVector<Operation *> FusedIbForm::getParts() {
  return withoutNull({expansion, projection, residual});
}

SmallVector<Operation *> MqaForm::getParts() {
  return withoutNull({queryProjection, keyDepthwise, keyProjection, keyOffsets,
                      valueDepthwise, valueProjection, valueOffsets, attention,
                      projection, layerScale, residual});
}
