//===- Blocks.cpp - accessors, syntax and checks of blocks ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block's verifier accepts just what its matcher accepts.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Blocks.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace minnow::mobile;

bool minnow::mobile::isBlock(Operation *op) {
  return isa<UibOp, FusedIbOp, MqaOp>(op);
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

Conv2DOp MqaOp::getQueryProjection() {
  return matchMqa(getYielded(*this))->queryProjection;
}
DepthwiseConv2DOp MqaOp::getKeyDepthwise() {
  return matchMqa(getYielded(*this))->keyDepthwise;
}
Conv2DOp MqaOp::getKeyProjection() {
  return matchMqa(getYielded(*this))->keyProjection;
}
AddOp MqaOp::getKeyOffsets() { return matchMqa(getYielded(*this))->keyOffsets; }
DepthwiseConv2DOp MqaOp::getValueDepthwise() {
  return matchMqa(getYielded(*this))->valueDepthwise;
}
Conv2DOp MqaOp::getValueProjection() {
  return matchMqa(getYielded(*this))->valueProjection;
}
AddOp MqaOp::getValueOffsets() {
  return matchMqa(getYielded(*this))->valueOffsets;
}
AttentionOp MqaOp::getAttention() {
  return matchMqa(getYielded(*this))->attention;
}
Conv2DOp MqaOp::getOutputProjection() {
  return matchMqa(getYielded(*this))->projection;
}
MulOp MqaOp::getLayerScale() { return matchMqa(getYielded(*this))->layerScale; }
AddOp MqaOp::getResidual() { return matchMqa(getYielded(*this))->residual; }

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

LogicalResult MqaOp::verifyRegions() {
  if (failed(verifyBlock(*this)))
    return failure();
  std::string why;
  auto form = matchMqa(getYielded(*this), &why);
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
ParseResult MqaOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseBlock(parser, result);
}
void MqaOp::print(OpAsmPrinter &printer) { printBlock(printer, *this); }
