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
  FailureOr<Shape> fixedShape(StringRef name, const TensorShapeProto &declared);
  FailureOr<Shape> givenShape(StringRef name, const TensorShapeProto &declared,
                              ArrayRef<int64_t> given);
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

/// The size of a dimension; none if the file leaves it free. Some exporters
/// write -1 for that.
static std::optional<int64_t>
fixedSize(const TensorShapeProto::Dimension &dim) {
  if (!dim.has_dim_value() || dim.dim_value() == -1)
    return std::nullopt;
  return dim.dim_value();
}

/// "1,3,?,?" with `separator` for the comma.
static std::string declaredText(const TensorShapeProto &declared,
                                StringRef separator = ",") {
  return join(map_range(declared.dim(),
                        [](const auto &dim) {
                          auto size = fixedSize(dim);
                          return size ? std::to_string(*size) : "?";
                        }),
              separator);
}

/// The declared shape with 1 for a free batch, the first dimension.
FailureOr<Shape> InputReader::fixedShape(StringRef name,
                                         const TensorShapeProto &declared) {
  Shape shape;
  std::vector<std::string> open;
  for (auto [i, dim] : enumerate(declared.dim())) {
    shape.push_back(fixedSize(dim).value_or(1));
    if (i > 0 && !fixedSize(dim))
      open.push_back(std::to_string(i) + (dim.dim_param().empty()
                                              ? ""
                                              : " " + quote(dim.dim_param())));
  }
  if (open.empty())
    return shape;
  std::string text = declaredText(declared);
  if (text.front() == '?')
    text.front() = '1';
  return faults.add("input " + quote(name) + " leaves the size of dimension " +
                    join(open, " and ") + " open; give it with --input-shape " +
                    name.str() + ":" + text + " (a number for each ?)");
}

FailureOr<Shape> InputReader::givenShape(StringRef name,
                                         const TensorShapeProto &declared,
                                         ArrayRef<int64_t> given) {
  bool fits = declared.dim_size() == int(given.size());
  if (fits)
    for (auto [dim, size] : zip(declared.dim(), given))
      fits &= fixedSize(dim).value_or(size) == size;
  if (fits)
    return Shape(given);
  return faults.add("--input-shape gives input " + quote(name) + " the shape " +
                    shapeText(given) + ", the model says [" +
                    declaredText(declared, ", ") + "]");
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
    return faults.add(
        "input " + quote(name) +
        " is not a tensor of FLOAT, the only type that is supported, but " +
        (input.type().has_tensor_type()
             ? "of " + elementTypeName(input.type().tensor_type().elem_type())
             : "no tensor"));
  auto given = find_if(options.inputShapes,
                       [&](const auto &entry) { return entry.first == name; });
  bool isGiven = given != options.inputShapes.end();
  const auto &type = input.type().tensor_type();
  FailureOr<Shape> shape;
  if (isGiven)
    shape = type.has_shape() ? givenShape(name, type.shape(), given->second)
                             : Shape(ArrayRef(given->second));
  else if (type.has_shape())
    shape = fixedShape(name, type.shape());
  else
    return faults.add("input " + quote(name) +
                      " has no shape; give it with --input-shape " + name +
                      ":1,3,224,224 (with the network's own numbers)");
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
