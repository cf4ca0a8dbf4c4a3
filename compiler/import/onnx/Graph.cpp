//===- Graph.cpp - walks an ONNX graph ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX requires that nodes come in an order in which each reads only what was
// written before, and that each name is written once; both are checked here.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Graph.h"
#include "compiler/import/onnx/Operators.h"

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

Graph::Graph(Model &model, NetworkBuilder &builder, Faults &faults)
    : model(model), builder(builder), faults(faults),
      foldBudget(int64_t(1 << 20) + int64_t(model.fileSize())) {}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

void Graph::declareInitializers() {
  for (const onnx::TensorProto &tensor : model.graph().initializer()) {
    if (tensor.name().empty())
      (void)faults.add("an initializer has no name");
    else if (meanings.contains(tensor.name()))
      (void)faults.add("the name " + quote(tensor.name()) +
                       " is given to two inputs or initializers");
    else
      meanings[tensor.name()].initializer = &tensor;
  }
}

void Graph::declareOutputs() {
  for (auto [i, node] : enumerate(model.graph().node()))
    for (const std::string &output : node.output())
      if (!output.empty() && !producers.try_emplace(output, i).second)
        (void)faults.add("two nodes write " + quote(output) +
                         "; each name may be written once");
}

void Graph::countUses() {
  for (const onnx::NodeProto &node : model.graph().node())
    for (const std::string &input : node.input())
      ++uses[input];
  for (const onnx::ValueInfoProto &output : model.graph().output())
    ++uses[output.name()];
}

/// Whether all inputs are known names; failure, reported, if one is not.
LogicalResult Graph::checkInputs(const Node &node) {
  for (size_t i = 0; i < node.inputs(); ++i) {
    StringRef name = node.input(i);
    if (name.empty() || meanings.contains(name))
      continue;
    if (producers.contains(name))
      return node.fail("reads " + quote(name) +
                       " before it is written; the nodes form a cycle or are "
                       "not in order of dataflow");
    return node.fail(
        "reads " + quote(name) +
        ", which is no input, no initializer and no node's output");
  }
  return success();
}

LogicalResult Graph::checkOutputs(const Node &node) {
  if (node.outputs() == 0 || node.output(0).empty())
    return node.fail("has no output");
  for (size_t i = 0; i < node.outputs(); ++i) {
    StringRef name = node.output(i);
    if (meanings.contains(name))
      return node.fail("writes " + quote(name) +
                       ", which is an input or was written before");
    if (i > 0 && uses.lookup(name) > 0)
      return node.fail("its output " + Twine(i) + ", " + quote(name) +
                       ", is used; only the first is supported");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

LogicalResult Graph::convert(ArrayRef<std::pair<std::string, Tensor>> inputs) {
  for (const auto &[name, tensor] : inputs)
    meanings[name].tensor = tensor;
  declareInitializers();
  declareOutputs();
  countUses();
  // Of ambiguous names the nodes' own faults would only be consequences.
  if (faults.any())
    return failure();
  for (const onnx::NodeProto &proto : model.graph().node())
    convertNode(Node(proto, model.opset(), faults));
  reportUnsupported();
  return failure(faults.any());
}

void Graph::convertNode(const Node &node) {
  Meaning meaning;
  if (succeeded(checkInputs(node)) && succeeded(checkOutputs(node)))
    if (FailureOr<Meaning> found = meaningOf(node); succeeded(found))
      meaning = *found;
  for (size_t i = 0; i < node.outputs(); ++i)
    if (!node.output(i).empty())
      meanings.try_emplace(node.output(i), i == 0 ? meaning : Meaning());
}

/// What ONNX itself demands of a node of `op`.
static LogicalResult checkForm(const Node &node, const Operator &op) {
  if (node.opset() < op.since)
    return node.fail("exists from operator set " + Twine(op.since) +
                     " on; the model uses " + Twine(node.opset()));
  if (node.inputs() >= op.minInputs() && node.inputs() <= op.maxInputs())
    return success();
  return node.fail("has " + Twine(node.inputs()) + " inputs, expected at " +
                   (node.inputs() < op.minInputs()
                        ? "least " + std::to_string(op.minInputs())
                        : "most " + std::to_string(op.maxInputs())));
}

FailureOr<Graph::Meaning> Graph::meaningOf(const Node &node) {
  const Operator *op = findOperator(node.type());
  if (!op) {
    addUnsupported(node, "");
    return failure();
  }
  for (size_t i = 0; i < node.inputs(); ++i)
    if (node.hasInput(i) && meanings[node.input(i)].isUnknown())
      return failure();
  if (failed(checkForm(node, *op)))
    return failure();
  if (op->fold && (op->readsShapeOnly() || allConstant(node)))
    return fold(node, op->fold);
  if (!op->convert) {
    addUnsupported(node, " of values computed at run time");
    return failure();
  }
  builder.setLayer(node.name());
  FailureOr<Tensor> tensor = op->convert(*this, node);
  if (failed(tensor))
    return failure();
  return Meaning{*tensor, nullptr, nullptr};
}

bool Graph::allConstant(const Node &node) const {
  for (size_t i = 0; i < node.inputs(); ++i)
    if (node.hasInput(i) && !isConstant(node, i))
      return false;
  return true;
}

FailureOr<Graph::Meaning> Graph::fold(const Node &node, FoldRule rule) {
  std::vector<HostTensorPtr> inputs(node.inputs());
  Shape shape;
  for (size_t i = 0; i < node.inputs(); ++i) {
    if (!node.hasInput(i))
      continue;
    if (const Meaning &meaning = meanings[node.input(i)]; meaning.tensor) {
      shape = meaning.tensor->shape();
      continue;
    }
    auto value = constant(node, i);
    if (failed(value))
      return failure();
    inputs[i] = *value;
    if (i == 0)
      shape = (*value)->shape;
  }
  FailureOr<HostTensor> result = rule({node, inputs, shape, model, foldBudget});
  if (failed(result))
    return failure();
  return Meaning{std::nullopt,
                 std::make_shared<const HostTensor>(std::move(*result)),
                 nullptr};
}

void Graph::addUnsupported(const Node &node, StringRef why) {
  std::string type = node.type().empty() ? "''" : node.type();
  unsupported[type + why.str()].push_back(node.name());
}

void Graph::reportUnsupported() {
  if (unsupported.empty())
    return;
  constexpr size_t maxListed = 20;
  std::string text;
  for (auto &[type, nodes] : unsupported) {
    size_t more = nodes.size() > maxListed ? nodes.size() - maxListed : 0;
    nodes.resize(nodes.size() - more);
    text += (text.empty() ? "" : ", ") + type +
            (nodes.size() == 1 ? " (node " : " (nodes ") + quoteList(nodes) +
            (more ? " and " + std::to_string(more) + " more" : "") + ")";
  }
  (void)faults.add("these operators are not supported: " + text +
                   "; `minnow compile --list-ops` prints those that are");
}

//===----------------------------------------------------------------------===//
// What converters ask
//===----------------------------------------------------------------------===//

bool Graph::isConstant(const Node &node, size_t i) const {
  auto found = meanings.find(node.input(i));
  return found != meanings.end() && !found->second.tensor;
}

FailureOr<Tensor> Graph::tensor(const Node &node, size_t i) {
  if (!node.hasInput(i))
    return node.fail("input " + Twine(i) + " is missing");
  const Meaning &meaning = meanings[node.input(i)];
  if (meaning.tensor)
    return *meaning.tensor;
  return node.fail(
      "input " + Twine(i) + ", " + quote(node.input(i)) +
      ", is a constant; it must depend on an input of the network");
}

FailureOr<HostTensorPtr> Graph::constant(const Node &node, size_t i) {
  if (!node.hasInput(i))
    return node.fail("input " + Twine(i) + " is missing");
  Meaning &meaning = meanings[node.input(i)];
  if (meaning.tensor)
    return node.fail("input " + Twine(i) + ", " + quote(node.input(i)) +
                     ", is computed at run time; it must be a constant");
  if (meaning.isUnknown())
    return failure();
  if (!meaning.constant) {
    FailureOr<HostTensor> read = model.tensor(
        *meaning.initializer, "initializer " + quote(node.input(i)));
    if (failed(read)) {
      meaning.initializer = nullptr;
      return failure();
    }
    meaning.constant = std::make_shared<const HostTensor>(std::move(*read));
  }
  return meaning.constant;
}

FailureOr<Weight> Graph::weight(const Node &node, size_t i) {
  auto value = constant(node, i);
  if (failed(value))
    return failure();
  if (!(*value)->isFloat())
    return node.fail("input " + Twine(i) + ", " + quote(node.input(i)) +
                     ", holds integers, expected floats");
  if ((*value)->size() == 0)
    return node.fail("input " + Twine(i) + ", " + quote(node.input(i)) +
                     ", is empty");
  return Weight{node.input(i).str(), *value};
}

FailureOr<Shape> Graph::integers(const Node &node, size_t i) {
  auto value = constant(node, i);
  if (failed(value))
    return failure();
  if ((*value)->isFloat() || (*value)->shape.size() > 1 ||
      (*value)->size() > 2 * maxRank)
    return node.fail("input " + Twine(i) + ", " + quote(node.input(i)) +
                     ", must be a short vector of integers");
  return Shape(ArrayRef((*value)->ints()));
}

FailureOr<Shape> Graph::axes(const Node &node, size_t i) {
  return node.hasInput(i) ? integers(node, i) : node.getInts("axes", {});
}

FailureOr<float> Graph::scalar(const Node &node, size_t i, float missing) {
  if (!node.hasInput(i))
    return missing;
  FailureOr<Weight> value = weight(node, i);
  if (failed(value))
    return failure();
  if (value->tensor->size() != 1)
    return node.fail("input " + Twine(i) + ", " + quote(node.input(i)) +
                     ", must be one number");
  return value->tensor->floats().front();
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

static bool isQuantized(const Tensor &tensor) {
  return minnow::mobile::getQuantizedElement(tensor.value.getType()) != nullptr;
}

FailureOr<std::vector<std::pair<std::string, Tensor>>> Graph::outputs() {
  std::vector<std::pair<std::string, Tensor>> result;
  for (const onnx::ValueInfoProto &output : model.graph().output()) {
    auto found = meanings.find(output.name());
    if (found == meanings.end())
      (void)faults.add("output " + quote(output.name()) +
                       " is written by no node");
    else if (found->second.tensor) {
      if (isQuantized(*found->second.tensor))
        (void)faults.add("output " + quote(output.name()) +
                         " is quantized; end the network with a "
                         "DequantizeLinear");
      result.emplace_back(output.name(), *found->second.tensor);
    } else if (found->second.constant || found->second.initializer)
      (void)faults.add("output " + quote(output.name()) +
                       " does not depend on any input");
  }
  if (model.graph().output_size() == 0)
    (void)faults.add("the graph has no output");
  if (faults.any())
    return failure();
  return result;
}
