//===- Outline.cpp - from primitives to kernels and calls -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel carries no locations and no names of layers: what it came from is
// said by its calls. So equal kernels print alike, and the text is the key by
// which they are shared.
//===----------------------------------------------------------------------===//
#include "passes/Outline.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "passes/KernelNames.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

/// The values that `ops` take from outside, in the order of a kernel's
/// arguments.
static SmallVector<Value> collectOperands(ArrayRef<Operation *> ops) {
  llvm::SmallSetVector<Value, 8> activations, weights;
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      if (llvm::is_contained(ops, operand.getDefiningOp()))
        continue;
      bool isWeight = operand.getDefiningOp<GetWeightOp>() != nullptr;
      (isWeight ? weights : activations).insert(operand);
    }
  SmallVector<Value> operands(activations.getArrayRef());
  llvm::append_range(operands, weights);
  return operands;
}

/// A kernel of `ops` with the arguments `operands`, in no module and unnamed.
static OwningOpRef<KernelOp> buildKernel(ArrayRef<Operation *> ops,
                                         ValueRange operands) {
  OpBuilder builder(ops.front()->getContext());
  Location unknown = builder.getUnknownLoc();
  Type result = ops.back()->getResult(0).getType();
  auto kernel =
      KernelOp::create(builder, unknown, "",
                       builder.getFunctionType(operands.getTypes(), result),
                       ScheduleAttr(), ArrayAttr(), ArrayAttr());
  Block &body = kernel.getBody().emplaceBlock();
  IRMapping mapping;
  for (Value operand : operands)
    mapping.map(operand, body.addArgument(operand.getType(), unknown));
  builder.setInsertionPointToStart(&body);
  for (Operation *op : ops)
    builder.clone(*op, mapping)->setLoc(unknown);
  YieldOp::create(builder, unknown, mapping.lookup(ops.back()->getResult(0)));
  return kernel;
}

namespace {

/// The kernels of a module.
class KernelSet {
public:
  explicit KernelSet(ModuleOp module) : module(module), symbols(module) {
    for (auto kernel : module.getOps<KernelOp>()) {
      OwningOpRef<KernelOp> copy(kernel.clone());
      copy->setSymName("");
      known[print(*copy)] = kernel;
    }
  }

  /// The module's kernel that equals the one of `ops`; adds it before `anchor`
  /// where there is none.
  KernelOp getOrCreate(ArrayRef<Operation *> ops, ValueRange operands,
                       Operation *anchor) {
    OwningOpRef<KernelOp> kernel = buildKernel(ops, operands);
    KernelOp &entry = known[print(*kernel)];
    if (entry)
      return entry;
    kernel->setSymName(makeUnique(describeKernel(ops)));
    entry = kernel.release();
    symbols.insert(entry, anchor->getIterator());
    return entry;
  }

private:
  static std::string print(KernelOp kernel) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    kernel->print(stream, OpPrintingFlags().useLocalScope());
    return text;
  }

  std::string makeUnique(const std::string &name) {
    std::string unique = name;
    for (unsigned i = 2; symbols.lookup(unique); ++i)
      unique = name + "_v" + std::to_string(i);
    return unique;
  }

  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<KernelOp> known;
};

} // namespace

/// An empty program with the signature and attributes of `function`.
static ProgramOp buildProgram(func::FuncOp function) {
  OpBuilder builder(function);
  auto program = ProgramOp::create(
      builder, function.getLoc(), function.getSymName(),
      function.getFunctionType(), IntegerAttr(), IntegerAttr(),
      function.getArgAttrsAttr(), function.getResAttrsAttr());
  program->setDiscardableAttrs(function->getDiscardableAttrDictionary());
  Block &body = program.getBody().emplaceBlock();
  for (BlockArgument argument : function.getArguments())
    body.addArgument(argument.getType(), argument.getLoc());
  return program;
}

void minnow::outlineKernels(func::FuncOp function,
                            ArrayRef<ArrayRef<Operation *>> groups) {
  KernelSet kernels(function->getParentOfType<ModuleOp>());
  ProgramOp program = buildProgram(function);
  auto builder = OpBuilder::atBlockEnd(&program.getBody().front());
  IRMapping mapping;
  mapping.map(function.getArguments(), program.getBody().getArguments());

  for (ArrayRef<Operation *> ops : groups) {
    SmallVector<Value> operands = collectOperands(ops);
    KernelOp kernel = kernels.getOrCreate(ops, operands, program);
    SmallVector<Value> mapped;
    for (Value operand : operands) {
      if (!mapping.contains(operand))
        builder.clone(*operand.getDefiningOp(), mapping);
      mapped.push_back(mapping.lookup(operand));
    }
    auto call =
        CallOp::create(builder, getCallLocation(ops), kernel.getResultTypes(),
                       kernel.getSymName(), mapped);
    mapping.map(ops.back()->getResult(0), call.getResult(0));
  }

  Operation *terminator = function.getBody().front().getTerminator();
  SmallVector<Value> results;
  for (Value result : terminator->getOperands())
    results.push_back(mapping.lookup(result));
  YieldOp::create(builder, terminator->getLoc(), results);
  function.erase();
}
