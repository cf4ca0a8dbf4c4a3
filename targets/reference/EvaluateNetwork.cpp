//===- EvaluateNetwork.cpp - networks run primitive by primitive ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interprets a network before any of the passes that make kernels: each
// primitive is wrapped into a kernel of its own. So import can be checked by
// itself, and each pass by the network before and after it.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Blocks.h"
#include "targets/reference/Evaluate.h"
#include <cstring>

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

/// The one network of `module`, or an error.
static Expected<func::FuncOp> getNetwork(ModuleOp module) {
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  if (functions.size() == 1 && !functions[0].isExternal())
    return functions[0];
  return createStringError("expected one network in the module, found " +
                           llvm::Twine(functions.size()));
}

/// The bytes of a static tensor of bytes, words or floats.
static size_t getBytes(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8;
}

//===----------------------------------------------------------------------===//
// Preparation
//===----------------------------------------------------------------------===//

NetworkEvaluator::NetworkEvaluator(func::FuncOp network, ModuleOp module,
                                   std::unique_ptr<Evaluator> evaluator)
    : network(network), symbols(module), evaluator(std::move(evaluator)) {}
NetworkEvaluator::~NetworkEvaluator() = default;

Expected<std::unique_ptr<NetworkEvaluator>>
NetworkEvaluator::create(ModuleOp module) {
  Expected<func::FuncOp> network = ::getNetwork(module);
  if (!network)
    return network.takeError();
  Expected<std::unique_ptr<Evaluator>> evaluator = Evaluator::create();
  if (!evaluator)
    return evaluator.takeError();
  std::unique_ptr<NetworkEvaluator> result(
      new NetworkEvaluator(*network, module, std::move(*evaluator)));
  for (BlockArgument argument : network->getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape())
      return createStringError("input " + llvm::Twine(argument.getArgNumber()) +
                               " of @" + network->getSymName() +
                               " is not a tensor of static shape");
    result->allocate(argument);
  }
  if (Error error = result->prepare(network->getBody().front()))
    return error;
  return result;
}

void *NetworkEvaluator::allocate(Value value) {
  owned.push_back(std::make_unique<char[]>(getBytes(value.getType())));
  return buffers[value] = owned.back().get();
}

/// All of `block` but its terminator.
Error NetworkEvaluator::prepare(Block &block) {
  for (Operation &op : block.without_terminator())
    if (Error error = prepare(&op))
      return error;
  return Error::success();
}

Error NetworkEvaluator::prepare(Operation *op) {
  if (auto weight = dyn_cast<mobile::GetWeightOp>(op))
    return prepareWeight(weight);
  if (isa<mobile::PrimitiveOpInterface>(op))
    return preparePrimitive(op);
  if (mobile::isBlock(op))
    return prepareBlock(op);
  return createStringError("the reference cannot execute " + describe(op));
}

Error NetworkEvaluator::prepareWeight(mobile::GetWeightOp op) {
  auto weight = symbols.lookup<mobile::WeightOp>(op.getWeightAttr().getValue());
  if (!weight || weight.getBytes().empty())
    return createStringError("weight @" + op.getWeight() +
                             " has no numbers; a printed module elides them, "
                             "take the bytecode");
  // The kernels only read their arguments.
  buffers[op.getResult()] = const_cast<char *>(weight.getBytes().data());
  return Error::success();
}

Error NetworkEvaluator::preparePrimitive(Operation *op) {
  OwningOpRef<ModuleOp> module = wrap(op);
  auto function =
      evaluator->compile(*module->getOps<mobile::KernelOp>().begin());
  if (!function)
    return function.takeError();
  Step step{op->getResult(0), *function, {}};
  for (Value operand : op->getOperands())
    step.buffers.push_back(buffers.lookup(operand));
  step.buffers.push_back(allocate(op->getResult(0)));
  steps.push_back(std::move(step));
  return Error::success();
}

Error NetworkEvaluator::prepareBlock(Operation *op) {
  Block &body = op->getRegion(0).front();
  for (auto [inner, outer] : llvm::zip(body.getArguments(), op->getOperands()))
    buffers[inner] = buffers.lookup(outer);
  if (Error error = prepare(body))
    return error;
  for (auto [inner, outer] :
       llvm::zip(body.getTerminator()->getOperands(), op->getResults()))
    buffers[outer] = buffers.lookup(inner);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Execution
//===----------------------------------------------------------------------===//

Error NetworkEvaluator::run(ArrayRef<const void *> inputs, Observer observe) {
  assert(inputs.size() == network.getNumArguments());
  for (auto [argument, input] : llvm::zip(network.getArguments(), inputs)) {
    void *buffer = buffers.lookup(argument);
    std::memcpy(buffer, input, getBytes(argument.getType()));
    if (Error error = observe(argument, buffer))
      return error;
  }
  for (const Step &step : steps) {
    if (int32_t status = step.function(nullptr, 0, step.buffers.data()))
      return createStringError(describe(step.result.getDefiningOp()) +
                               " returned " + llvm::Twine(status));
    if (Error error = observe(step.result, step.buffers.back()))
      return error;
  }
  return Error::success();
}

static Error checkInputs(func::FuncOp network, ArrayRef<Elements> inputs) {
  if (inputs.size() != network.getNumArguments())
    return createStringError("network @" + network.getSymName() + " takes " +
                             llvm::Twine(network.getNumArguments()) +
                             " inputs, found " + llvm::Twine(inputs.size()));
  for (auto [i, input] : llvm::enumerate(inputs)) {
    size_t expected =
        cast<RankedTensorType>(network.getArgumentTypes()[i]).getNumElements();
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
  auto evaluator = NetworkEvaluator::create(module);
  if (!evaluator)
    return evaluator.takeError();
  func::FuncOp network = (*evaluator)->getNetwork();
  if (Error error = checkInputs(network, inputs))
    return error;
  SmallVector<const void *> data;
  for (const Elements &input : inputs)
    data.push_back(input.data());
  Operation *terminator = network.getBody().front().getTerminator();
  std::vector<Elements> outputs(terminator->getNumOperands());
  if (Error error = (*evaluator)->run(data, [](Value, const void *) -> Error {
        return Error::success();
      }))
    return error;
  for (auto [value, output] : llvm::zip(terminator->getOperands(), outputs)) {
    auto *elements = static_cast<const float *>((*evaluator)->get(value));
    output.assign(elements,
                  elements +
                      cast<RankedTensorType>(value.getType()).getNumElements());
  }
  return outputs;
}
