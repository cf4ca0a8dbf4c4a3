//===- EvaluateNetwork.cpp - networks run primitive by primitive ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interprets a network before any of the passes that make kernels: each
// primitive is wrapped into a kernel of its own. So import can be checked by
// itself, and each pass by the network before and after it.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Blocks.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/reference/Evaluate.h"
#include <list>

using namespace mlir;
using namespace minnow;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

/// The location's own words for messages, and the operation's name.
static std::string describe(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << op->getName() << " at " << op->getLoc();
  return text;
}

/// A module with one kernel that computes `primitive` from its operands.
static OwningOpRef<ModuleOp> wrap(Operation *primitive) {
  Location location = primitive->getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(location);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto type = builder.getFunctionType(primitive->getOperandTypes(),
                                      primitive->getResultTypes());
  auto kernel = mobile::KernelOp::create(
      builder, location, builder.getStringAttr("kernel"), TypeAttr::get(type),
      /*schedule=*/nullptr, /*arg_attrs=*/nullptr, /*res_attrs=*/nullptr);
  Block &block = kernel.getBody().emplaceBlock();
  for (Type input : type.getInputs())
    block.addArgument(input, location);
  builder.setInsertionPointToEnd(&block);
  Operation *copy = builder.clone(*primitive);
  copy->setOperands(block.getArguments());
  mobile::YieldOp::create(builder, location, copy->getResults());
  return module;
}

namespace {
/// The values of one execution. Weights are read where they lie.
class Execution {
public:
  Execution(Evaluator &evaluator, ModuleOp module)
      : evaluator(evaluator), symbols(module) {}

  void set(Value value, const Elements &elements) {
    Elements &storage = owned.emplace_back(elements);
    pointers[value] = storage.data();
  }

  Elements get(Value value) {
    auto *data = static_cast<const float *>(pointers.lookup(value));
    auto count = cast<RankedTensorType>(value.getType()).getNumElements();
    return Elements(data, data + count);
  }

  /// Executes all of `block` but its terminator.
  Error run(Block &block) {
    for (Operation &op : block.without_terminator())
      if (Error error = run(&op))
        return error;
    return Error::success();
  }

private:
  Error run(Operation *op) {
    if (auto weight = dyn_cast<mobile::GetWeightOp>(op))
      return readWeight(weight);
    if (isa<mobile::PrimitiveOpInterface>(op))
      return runPrimitive(op);
    if (mobile::isBlock(op))
      return runBlock(op);
    return createStringError("the reference cannot execute " + describe(op));
  }

  Error readWeight(mobile::GetWeightOp op) {
    auto weight =
        symbols.lookup<mobile::WeightOp>(op.getWeightAttr().getValue());
    if (!weight || weight.getBytes().empty())
      return createStringError("weight @" + op.getWeight() +
                               " has no numbers; a printed module elides them, "
                               "take the bytecode");
    // The kernels only read their arguments.
    pointers[op.getResult()] = const_cast<char *>(weight.getBytes().data());
    return Error::success();
  }

  Error runPrimitive(Operation *op) {
    SmallVector<void *> buffers;
    for (Value operand : op->getOperands())
      buffers.push_back(pointers.lookup(operand));
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    set(op->getResult(0), Elements(type.getNumElements()));
    buffers.push_back(pointers.lookup(op->getResult(0)));
    OwningOpRef<ModuleOp> module = wrap(op);
    return evaluator.run(*module->getOps<mobile::KernelOp>().begin(), buffers);
  }

  Error runBlock(Operation *op) {
    Block &body = op->getRegion(0).front();
    for (auto [inner, outer] :
         llvm::zip(body.getArguments(), op->getOperands()))
      pointers[inner] = pointers.lookup(outer);
    if (Error error = run(body))
      return error;
    for (auto [inner, outer] :
         llvm::zip(body.getTerminator()->getOperands(), op->getResults()))
      pointers[outer] = pointers.lookup(inner);
    return Error::success();
  }

  Evaluator &evaluator;
  SymbolTable symbols;
  std::list<Elements> owned;
  DenseMap<Value, void *> pointers;
};
} // namespace

/// The one network of `module`, or an error.
static Expected<func::FuncOp> getNetwork(ModuleOp module) {
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  if (functions.size() == 1 && !functions[0].isExternal())
    return functions[0];
  return createStringError("expected one network in the module, found " +
                           llvm::Twine(functions.size()));
}

static Error checkInputs(func::FuncOp network, ArrayRef<Elements> inputs) {
  if (inputs.size() != network.getNumArguments())
    return createStringError("network @" + network.getSymName() + " takes " +
                             llvm::Twine(network.getNumArguments()) +
                             " inputs, found " + llvm::Twine(inputs.size()));
  for (auto [i, input] : llvm::enumerate(inputs)) {
    auto type = dyn_cast<RankedTensorType>(network.getArgumentTypes()[i]);
    size_t expected = type && type.hasStaticShape() ? type.getNumElements() : 0;
    if (input.size() != expected)
      return createStringError("input " + llvm::Twine(i) + " of @" +
                               network.getSymName() + " takes " +
                               llvm::Twine(expected) + " elements, found " +
                               llvm::Twine(input.size()));
  }
  return Error::success();
}

Expected<std::vector<Elements>>
minnow::evaluateNetwork(ModuleOp module, ArrayRef<Elements> inputs) {
  Expected<func::FuncOp> network = getNetwork(module);
  if (!network)
    return network.takeError();
  if (Error error = checkInputs(*network, inputs))
    return error;
  Expected<std::unique_ptr<Evaluator>> evaluator = Evaluator::create();
  if (!evaluator)
    return evaluator.takeError();

  Execution execution(**evaluator, module);
  for (auto [argument, input] : llvm::zip(network->getArguments(), inputs))
    execution.set(argument, input);
  Block &body = network->getBody().front();
  if (Error error = execution.run(body))
    return error;
  std::vector<Elements> outputs;
  for (Value result : body.getTerminator()->getOperands())
    outputs.push_back(execution.get(result));
  return outputs;
}
