//===- Blocks.cpp - forms, accessors, syntax and checks of blocks ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block's verifier accepts just what its matcher accepts.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Blocks.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace minnow::mobile;

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

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
        add.getLhs().getType() != add.getRhs().getType())
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

std::optional<UibForm> minnow::mobile::matchUib(Value result,
                                                std::string *why) {
  Matcher matcher(why);
  UibForm form;
  Value block = result, skip;
  form.residual = matcher.takeResidual(result, block, skip);

  form.layerScale = block.getDefiningOp<MulOp>();
  if (form.layerScale) {
    auto scale = cast<RankedTensorType>(form.layerScale.getRhs().getType());
    if (scale.getRank() != 1 ||
        form.layerScale.getActivation() != Activation::None)
      return matcher.fail("layer scale must have one factor a channel and no "
                          "activation"),
             std::nullopt;
    if (!matcher.isPrivate(block, result))
      return std::nullopt;
    block = form.layerScale.getLhs();
  }

  form.projection = block.getDefiningOp<Conv2DOp>();
  if (!form.projection || !form.projection.isPointwise() ||
      form.projection.getActivation() != Activation::None)
    return matcher.fail("must end in a pointwise convolution without "
                        "activation, the projection"),
           std::nullopt;
  if (!matcher.isPrivate(block, result))
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

//===----------------------------------------------------------------------===//
// Accessors
//===----------------------------------------------------------------------===//

/// What the only block of `op` yields.
static Value getYielded(Operation *op) {
  return op->getRegion(0).front().getTerminator()->getOperand(0);
}

DepthwiseConv2DOp UibOp::getStartDepthwise() {
  return matchUib(getYielded(*this))->startDepthwise;
}
Conv2DOp UibOp::getExpansion() {
  return matchUib(getYielded(*this))->expansion;
}
DepthwiseConv2DOp UibOp::getMiddleDepthwise() {
  return matchUib(getYielded(*this))->middleDepthwise;
}
Conv2DOp UibOp::getProjection() {
  return matchUib(getYielded(*this))->projection;
}
MulOp UibOp::getLayerScale() { return matchUib(getYielded(*this))->layerScale; }
AddOp UibOp::getResidual() { return matchUib(getYielded(*this))->residual; }

StringRef UibOp::getInstantiation() {
  auto form = *matchUib(getYielded(*this));
  if (form.middleDepthwise)
    return form.startDepthwise ? "ExtraDW" : "IB";
  return form.startDepthwise ? "ConvNext-like" : "FFN";
}

Conv2DOp FusedIbOp::getExpansion() {
  return matchFusedIb(getYielded(*this))->expansion;
}
Conv2DOp FusedIbOp::getProjection() {
  return matchFusedIb(getYielded(*this))->projection;
}
AddOp FusedIbOp::getResidual() {
  return matchFusedIb(getYielded(*this))->residual;
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// Checks what all blocks have in common: one argument of the operand's type,
/// one yielded value of the result's type.
static LogicalResult verifyBlock(Operation *op) {
  Block &body = op->getRegion(0).front();
  Type input = op->getOperand(0).getType(), result = op->getResult(0).getType();
  if (body.getNumArguments() != 1 || body.getArgument(0).getType() != input)
    return op->emitOpError("region must have one argument of type ") << input;
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield || yield.getNumOperands() != 1 ||
      yield.getOperand(0).getType() != result)
    return op->emitOpError("region must yield one value of type ") << result;
  return success();
}

/// Checks that the region is `form` and nothing besides: every primitive of it
/// belongs to the chain, whose input is the region's argument.
template <typename Form>
static LogicalResult verifyForm(Operation *op, std::optional<Form> &form,
                                StringRef why) {
  if (!form)
    return op->emitOpError("region is no such block: ") << why;
  SmallVector<Operation *> parts = form->getParts();
  if (form->input != op->getRegion(0).getArgument(0))
    return op->emitOpError("region is no such block: the chain before ")
           << parts.front()->getName() << " must start at the argument";
  for (Operation &inner : op->getRegion(0).front().without_terminator())
    if (!isa<GetWeightOp>(inner) && !llvm::is_contained(parts, &inner))
      return inner.emitOpError("is no part of the block around it");
  return success();
}

LogicalResult UibOp::verifyRegions() {
  if (failed(verifyBlock(*this)))
    return failure();
  std::string why;
  auto form = matchUib(getYielded(*this), &why);
  return verifyForm(*this, form, why);
}

LogicalResult FusedIbOp::verifyRegions() {
  if (failed(verifyBlock(*this)))
    return failure();
  std::string why;
  auto form = matchFusedIb(getYielded(*this), &why);
  return verifyForm(*this, form, why);
}

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

/// `(%in = %x : type) -> type attr-dict { region }`
static ParseResult parseBlock(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::Argument argument;
  OpAsmParser::UnresolvedOperand operand;
  Type type;
  if (parser.parseLParen() || parser.parseArgument(argument) ||
      parser.parseEqual() || parser.parseOperand(operand) ||
      parser.parseColonType(argument.type) || parser.parseRParen() ||
      parser.parseArrow() || parser.parseType(type) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.resolveOperand(operand, argument.type, result.operands) ||
      parser.parseRegion(*result.addRegion(), argument))
    return failure();
  result.addTypes(type);
  return success();
}

static void printBlock(OpAsmPrinter &printer, Operation *op) {
  Value argument = op->getRegion(0).getArgument(0);
  printer << '(' << argument << " = " << op->getOperand(0) << " : "
          << argument.getType() << ") -> " << op->getResult(0).getType();
  printer.printOptionalAttrDictWithKeyword(op->getAttrs());
  printer << ' ';
  printer.printRegion(op->getRegion(0), /*printEntryBlockArgs=*/false);
}

ParseResult UibOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseBlock(parser, result);
}
void UibOp::print(OpAsmPrinter &printer) { printBlock(printer, *this); }
ParseResult FusedIbOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseBlock(parser, result);
}
void FusedIbOp::print(OpAsmPrinter &printer) { printBlock(printer, *this); }
