//===- Importer.cpp - an ONNX file into the mobile dialect ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inputs of a graph and their shapes, which a file may leave open and the
// user then gives.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/Graph.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace minnow;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;
using onnx::TensorProto;
using onnx::TensorShapeProto;

namespace {
/// Reads the graph's inputs; what initializers give a value is none.
class InputReader {
public:
  InputReader(const onnx::GraphProto &graph, const ImportOptions &options,
              Faults &faults);
  /// Adds an argument for each input.
  std::vector<std::pair<std::string, Tensor>> read(NetworkBuilder &builder);

private:
  void checkNames();
  FailureOr<Shape> shapeOf(const onnx::ValueInfoProto &input);
  FailureOr<Shape> resolve(StringRef name, const TensorShapeProto &declared,
                           const std::vector<int64_t> *given);
  LogicalResult checkShape(StringRef name, ArrayRef<int64_t> shape);

  std::vector<const onnx::ValueInfoProto *> inputs;
  const ImportOptions &options;
  Faults &faults;
};
} // namespace

InputReader::InputReader(const onnx::GraphProto &graph,
                         const ImportOptions &options, Faults &faults)
    : options(options), faults(faults) {
  StringSet<> initialized;
  for (const TensorProto &tensor : graph.initializer())
    initialized.insert(tensor.name());
  for (const onnx::ValueInfoProto &input : graph.input())
    if (!initialized.contains(input.name()))
      inputs.push_back(&input);
}

/// Input names are different, and each --input-shape names one.
void InputReader::checkNames() {
  StringSet<> names;
  std::vector<std::string> list;
  for (const onnx::ValueInfoProto *input : inputs) {
    list.push_back(input->name());
    if (input->name().empty())
      (void)faults.add("an input of the graph has no name");
    else if (!names.insert(input->name()).second)
      (void)faults.add("two inputs are named " + quote(input->name()));
  }
  if (inputs.empty())
    (void)faults.add("the graph has no input");
  for (const auto &[name, shape] : options.inputShapes)
    if (!names.contains(name))
      (void)faults.add("--input-shape names " + quote(name) +
                       "; the inputs are " + quoteList(list));
}

FailureOr<Shape> InputReader::resolve(StringRef name,
                                      const TensorShapeProto &declared,
                                      const std::vector<int64_t> *given) {
  Shape shape;
  std::string text;
  bool open = false, differs = false;
  for (auto [i, dim] : enumerate(declared.dim())) {
    bool fixed = dim.has_dim_value();
    shape.push_back(fixed ? dim.dim_value() : 1);
    text += (i ? ", " : "") + (fixed ? std::to_string(dim.dim_value())
                               : dim.dim_param().empty()
                                   ? "?"
                                   : dim.dim_param().substr(0, 40));
    open |= !fixed && i > 0;
    if (given && i < given->size())
      differs |= fixed && dim.dim_value() != (*given)[i];
  }
  if (given && (differs || given->size() != shape.size()))
    return faults.add("--input-shape gives input " + quote(name) +
                      " the shape " + shapeText(*given) + ", the model says [" +
                      text + "]");
  if (given)
    return Shape(ArrayRef(*given));
  if (open)
    return faults.add("input " + quote(name) + " has the shape [" + text +
                      "]; give its sizes with --input-shape " + name.str() +
                      ":1,3,224,224 (with the network's own numbers)");
  return shape;
}

LogicalResult InputReader::checkShape(StringRef name, ArrayRef<int64_t> shape) {
  if (countElements(shape).value_or(0) == 0)
    return faults.add("input " + quote(name) + " has the absurd shape " +
                      shapeText(shape));
  if (shape.size() == 4 && shape.front() != 1)
    return faults.add("input " + quote(name) + " has the shape " +
                      shapeText(shape) +
                      "; only batch 1 is compiled, export the model with it");
  return success();
}

FailureOr<Shape> InputReader::shapeOf(const onnx::ValueInfoProto &input) {
  const std::string &name = input.name();
  if (!input.type().has_tensor_type() ||
      input.type().tensor_type().elem_type() != TensorProto::FLOAT)
    return faults.add("input " + quote(name) +
                      " is not a tensor of FLOAT, "
                      "the only type of input that is supported");
  auto given = find_if(options.inputShapes,
                       [&](const auto &entry) { return entry.first == name; });
  bool isGiven = given != options.inputShapes.end();
  FailureOr<Shape> shape;
  if (!input.type().tensor_type().has_shape()) {
    if (!isGiven)
      return faults.add("input " + quote(name) +
                        " has no shape; give it with "
                        "--input-shape " +
                        name +
                        ":1,3,224,224 (with the "
                        "network's own numbers)");
    shape = Shape(ArrayRef(given->second));
  } else {
    shape = resolve(name, input.type().tensor_type().shape(),
                    isGiven ? &given->second : nullptr);
  }
  if (failed(shape) || failed(checkShape(name, *shape)))
    return failure();
  return shape;
}

std::vector<std::pair<std::string, Tensor>>
InputReader::read(NetworkBuilder &builder) {
  checkNames();
  std::vector<std::pair<std::string, Tensor>> result;
  if (faults.any())
    return result;
  for (const onnx::ValueInfoProto *input : inputs)
    if (FailureOr<Shape> shape = shapeOf(*input); succeeded(shape))
      result.emplace_back(input->name(), builder.input(input->name(), *shape));
  return result;
}

/// The file's name as an identifier, for the function.
static std::string functionName(StringRef path) {
  std::string name = sys::path::stem(path).str();
  for (char &c : name)
    if (!isAlnum(c))
      c = '_';
  return name.empty() || isDigit(name.front()) ? "network_" + name : name;
}

FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
minnow::importer::importOnnx(mlir::MLIRContext &context, StringRef path,
                             const ImportOptions &options, Faults &faults) {
  if (!options.weights.empty())
    return faults.add("--weights is for networks by name; an ONNX file holds "
                      "its own weights");
  Model model(path.str(), faults);
  if (failed(model.read()))
    return failure();
  NetworkBuilder builder(context, functionName(path));
  auto inputs = InputReader(model.graph(), options, faults).read(builder);
  if (faults.any())
    return failure();
  Graph graph(model, builder, faults);
  if (failed(graph.convert(inputs)))
    return failure();
  auto outputs = graph.outputs();
  if (failed(outputs))
    return failure();
  return builder.finish(*outputs);
}
