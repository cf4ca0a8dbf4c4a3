//===- Programs.cpp - weights, kernels, programs and calls ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Syntax and checks of what networks become; the op definitions of the whole
// dialect are instantiated here.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Mobile.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace minnow::mobile;

/// The type of the input, and `-> TYPE` where the result has another.
static ParseResult parseSameOrResult(OpAsmParser &parser, Type &input,
                                     Type &result) {
  if (parser.parseType(input))
    return failure();
  result = input;
  return succeeded(parser.parseOptionalArrow()) ? parser.parseType(result)
                                                : ParseResult(success());
}

static void printSameOrResult(OpAsmPrinter &printer, Operation *, Type input,
                              Type result) {
  printer << input;
  if (result != input)
    printer << " -> " << result;
}

#define GET_OP_CLASSES
#include "dialects/mobile/MobileOps.cpp.inc"

/// The bytes of a tensor or memory; nothing if their number overflows, or the
/// elements are no numbers.
static std::optional<int64_t> countBytes(ShapedType type) {
  if (!type.hasStaticShape() || !type.getElementType().isIntOrFloat())
    return std::nullopt;
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return bytes;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

void WeightOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                     DenseResourceElementsAttr value) {
  build(builder, state, builder.getStringAttr(name),
        cast<ElementsAttr>(Attribute(value)));
}

ArrayRef<char> WeightOp::getBytes() {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(getValueAttr()))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      return blob->getData();
  return {};
}

LogicalResult WeightOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getValue().getType());
  std::optional<int64_t> expected = type ? countBytes(type) : std::nullopt;
  if (!expected)
    return emitOpError("value must be a static tensor of numbers");
  if (!isa<DenseResourceElementsAttr>(getValueAttr()))
    return emitOpError("value must be a resource blob");
  if (!getBytes().empty() && getBytes().size() != size_t(*expected))
    return emitOpError("blob has ") << getBytes().size() << " bytes, expected "
                                    << *expected << " for " << type;
  return success();
}

LogicalResult
GetWeightOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto weight =
      symbolTable.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("no mobile.weight is named ") << getWeightAttr();
  if (weight.getType() != getStorageType(getResult().getType()))
    return emitOpError("weight has type ")
           << weight.getType() << ", expected " << getResult().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels and programs
//===----------------------------------------------------------------------===//

template <typename OpTy>
static ParseResult parseFunction(OpAsmParser &parser, OperationState &result) {
  auto type = [](Builder &builder, ArrayRef<Type> inputs,
                 ArrayRef<Type> results, function_interface_impl::VariadicFlag,
                 std::string &) {
    return builder.getFunctionType(inputs, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      OpTy::getFunctionTypeAttrName(result.name), type,
      OpTy::getArgAttrsAttrName(result.name),
      OpTy::getResAttrsAttrName(result.name));
}

template <typename OpTy>
static void printFunction(OpAsmPrinter &printer, OpTy op) {
  function_interface_impl::printFunctionOp(
      printer, op, /*isVariadic=*/false, op.getFunctionTypeAttrName(),
      op.getArgAttrsAttrName(), op.getResAttrsAttrName());
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseFunction<KernelOp>(parser, result);
}
void KernelOp::print(OpAsmPrinter &printer) { printFunction(printer, *this); }
ParseResult ProgramOp::parse(OpAsmParser &parser, OperationState &result) {
  return parseFunction<ProgramOp>(parser, result);
}
void ProgramOp::print(OpAsmPrinter &printer) { printFunction(printer, *this); }

bool KernelOp::isUnsigned(Value value) {
  auto has = [](LayoutAttr layout) {
    return layout && layout.getKind() == LayoutKind::Unsigned;
  };
  if (auto argument = dyn_cast<BlockArgument>(value))
    return has(getLayout(argument.getArgNumber()));
  auto results = getBody().front().getTerminator()->getOperands();
  return llvm::any_of(llvm::enumerate(results), [&](auto result) {
    return result.value() == value && has(getResultLayout(result.index()));
  });
}

LogicalResult KernelOp::verifyRegions() {
  for (Operation &op : getBody().front().without_terminator())
    if (!isa<PrimitiveOpInterface>(op))
      return op.emitOpError("is no primitive; a kernel holds nothing else");
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getOperandTypes() != getResultTypes())
    return emitOpError("must yield values of its result types");
  auto isOther = [&](Value value) {
    return isUnsigned(value) &&
           !cast<ShapedType>(value.getType()).getElementType().isInteger(8);
  };
  for (Value value :
       llvm::concat<Value>(llvm::to_vector_of<Value>(getBody().getArguments()),
                           llvm::to_vector(yield.getOperands())))
    if (isOther(value))
      return emitOpError("layout unsigned is of bytes, not of ")
             << value.getType();
  return success();
}

unsigned ProgramOp::getNumInputs() {
  unsigned inputs = 0;
  while (inputs < getNumArguments() && !getArgAttr(inputs, "mobile.output"))
    ++inputs;
  return inputs;
}

/// Whether `buffer` lies inside its memory space, where its address can be
/// aligned for any vector.
static LogicalResult verifyBuffer(ProgramOp program, BufferOp buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.hasStaticShape() || !type.getLayout().isIdentity())
    return buffer.emitOpError("must have a static shape in row-major order");
  int64_t space = buffer.getSpace() == MemorySpace::Arena
                      ? program.getArenaBytes().value_or(0)
                      : program.getWeightsBytes().value_or(0);
  int64_t offset = buffer.getOffset(), end = 0;
  std::optional<int64_t> bytes = countBytes(type);
  if (!bytes || llvm::AddOverflow(offset, *bytes, end))
    return buffer.emitOpError("has more bytes than can be counted");
  if (offset < 0 || end > space)
    return buffer.emitOpError("bytes ")
           << offset << " to " << end << " are outside of the "
           << stringifyMemorySpace(buffer.getSpace()) << " of " << space
           << " bytes";
  if (offset % 64 != 0)
    return buffer.emitOpError("offset ")
           << offset << " is no multiple of 64, the alignment of buffers";
  return success();
}

LogicalResult ProgramOp::verifyRegions() {
  for (Operation &op : getBody().front()) {
    if (!isa<CallOp, GetWeightOp, BufferOp, YieldOp>(op))
      return op.emitOpError("is no call, weight or buffer; a program holds "
                            "nothing else");
    if (auto buffer = dyn_cast<BufferOp>(op))
      if (failed(verifyBuffer(*this, buffer)))
        return failure();
  }
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getOperandTypes() != getResultTypes())
    return emitOpError("must yield values of its result types");
  return success();
}

/// Whether `actual` may stand for `expected`: the same tensor, or memory for at
/// least as many elements (a layout may pad).
static bool fits(Type actual, Type expected) {
  if (actual == expected)
    return true;
  auto memory = dyn_cast<MemRefType>(actual);
  auto tensor = cast<RankedTensorType>(expected);
  return memory && memory.getElementType() == tensor.getElementType() &&
         memory.getNumElements() >= tensor.getNumElements();
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto kernel =
      symbolTable.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("no mobile.kernel is named ") << getKernelAttr();
  SmallVector<Type> expected(kernel.getArgumentTypes());
  llvm::append_range(expected, kernel.getResultTypes());
  SmallVector<Type> actual(getOperandTypes());
  llvm::append_range(actual, getResultTypes());
  if (actual.size() != expected.size())
    return emitOpError("kernel takes and gives ")
           << expected.size() << " tensors, found " << actual.size();
  for (auto [i, types] : llvm::enumerate(llvm::zip(actual, expected)))
    if (!fits(std::get<0>(types), std::get<1>(types)))
      return emitOpError("operand or result ")
             << i << " is " << std::get<0>(types) << ", expected "
             << std::get<1>(types);
  return success();
}
