//===- Description.cpp - a network as data --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the JSON. The JSON library throws where a field is missing or of
// another type; readDescription is the border that turns it into a fault.
//===----------------------------------------------------------------------===//
#include "compiler/import/networks/Description.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using namespace llvm;
using namespace minnow;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;
using nlohmann::json;

Shape Layer::weightShape() const {
  if (kind == Kind::Linear)
    return {out, in};
  return {out, in / groups, kernel, kernel};
}

using Tensors = std::vector<std::pair<std::string, Shape>>;

static void addNorm(Tensors &tensors, const std::string &norm, int64_t width) {
  if (norm.empty())
    return;
  for (StringRef suffix : normSuffixes)
    tensors.emplace_back(norm + "." + suffix.str(), Shape{width});
}

static void addLayers(Tensors &tensors, const std::vector<Layer> &layers) {
  for (const Layer &layer : layers) {
    if (layer.kind == Layer::Kind::GlobalAveragePool)
      continue;
    tensors.emplace_back(layer.weight, layer.weightShape());
    if (!layer.bias.empty())
      tensors.emplace_back(layer.bias, Shape{layer.out});
    addNorm(tensors, layer.norm, layer.out);
  }
}

Tensors Description::tensors() const {
  Tensors result;
  for (const Block &block : blocks) {
    addLayers(result, block.layers);
    if (const auto &attention = block.attention) {
      addNorm(result, attention->norm, attention->in);
      for (const auto *branch : {&attention->query, &attention->key,
                                 &attention->value, &attention->output})
        addLayers(result, *branch);
    }
    if (!block.layerScale.empty())
      result.emplace_back(block.layerScale, Shape{block.out});
  }
  return result;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

namespace {
/// What a description says that its schema does not allow.
struct SchemaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
} // namespace

/// A size or count: positive, and small enough that products of four fit.
static int64_t getSize(const json &object, const char *key) {
  int64_t value = object.at(key).get<int64_t>();
  if (value < 1 || value > (1 << 15))
    throw SchemaError(std::string(key) + " is " + std::to_string(value));
  return value;
}

static mobile::Activation getActivation(const json &object) {
  auto name = object.at("activation").get<std::string>();
  if (auto activation = mobile::symbolizeActivation(name))
    return *activation;
  throw SchemaError("the activation '" + name + "' is unknown");
}

static Layer readLayer(const json &object) {
  Layer layer;
  auto op = object.at("op").get<std::string>();
  layer.in = getSize(object, "in");
  layer.out = getSize(object, "out");
  if (op == "global_average_pool") {
    layer.kind = Layer::Kind::GlobalAveragePool;
    return layer;
  }
  layer.weight = object.at("weight").get<std::string>();
  layer.activation = getActivation(object);
  if (op == "linear") {
    layer.kind = Layer::Kind::Linear;
    layer.bias = object.at("bias").get<std::string>();
    return layer;
  }
  if (op != "conv2d")
    throw SchemaError("the op '" + op + "' is unknown");
  layer.kind = Layer::Kind::Convolution;
  layer.norm = object.value("norm", "");
  layer.kernel = getSize(object, "kernel");
  layer.stride = getSize(object, "stride");
  layer.groups = getSize(object, "groups");
  if (layer.groups != 1 &&
      (layer.groups != layer.in || layer.groups != layer.out))
    throw SchemaError(layer.weight + " has " + std::to_string(layer.groups) +
                      " groups");
  return layer;
}

static std::vector<Layer> readLayers(const json &object, const char *key) {
  std::vector<Layer> layers;
  for (const json &layer : object.at(key))
    layers.push_back(readLayer(layer));
  if (layers.empty())
    throw SchemaError("a block has no " + std::string(key));
  return layers;
}

static Attention readAttention(const json &object) {
  Attention attention;
  attention.in = getSize(object, "in");
  attention.heads = getSize(object, "heads");
  attention.norm = object.value("norm", "");
  attention.query = readLayers(object, "query");
  attention.key = readLayers(object, "key");
  attention.value = readLayers(object, "value");
  attention.output = readLayers(object, "output");
  return attention;
}

static Block readBlock(const json &object) {
  Block block;
  block.kind = object.at("kind").get<std::string>();
  block.out = getSize(object, "out");
  block.residual = object.at("residual").get<bool>();
  block.layerScale = object.value("layer_scale", "");
  if (block.kind == "mqa")
    block.attention = readAttention(object);
  else
    block.layers = readLayers(object, "layers");
  return block;
}

static Preprocessing readPreprocessing(const json &object) {
  Preprocessing result;
  result.resize = getSize(object, "resize");
  result.interpolation = object.at("interpolation").get<std::string>();
  result.mean = object.at("mean").get<std::vector<double>>();
  result.std = object.at("std").get<std::vector<double>>();
  return result;
}

static Description readDescription(const json &object) {
  Description result;
  result.name = object.at("name").get<std::string>();
  for (int64_t size : object.at("input").get<std::vector<int64_t>>())
    result.input.push_back(size);
  if (result.input.size() != 4 || countElements(result.input).value_or(0) == 0)
    throw SchemaError("the input is not a shape of 4 dimensions");
  result.epsilon = object.at("batch_norm_epsilon").get<double>();
  auto padding = object.at("padding").get<std::string>();
  if (padding != "same" && padding != "symmetric")
    throw SchemaError("the padding '" + padding + "' is unknown");
  result.samePadding = padding == "same";
  if (object.contains("preprocessing"))
    result.preprocessing = readPreprocessing(object["preprocessing"]);
  for (const json &block : object.at("blocks"))
    result.blocks.push_back(readBlock(block));
  StringSet<> keys;
  for (const auto &[key, shape] : result.tensors())
    if (!keys.insert(key).second)
      throw SchemaError("the key '" + key + "' is used twice");
  return result;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static LogicalResult addUnknown(StringRef directory, Faults &faults) {
  std::vector<std::string> names;
  std::error_code error;
  for (sys::fs::directory_iterator file(directory, error), end;
       file != end && !error; file.increment(error))
    if (sys::path::extension(file->path()) == ".json")
      names.push_back(sys::path::stem(file->path()).str());
  sort(names);
  if (names.empty())
    return faults.add("is no .onnx file, and no networks are described in " +
                      quote(directory));
  return faults.add(
      "is neither an .onnx file nor a known network; the networks "
      "are " +
      quoteList(names));
}

FailureOr<Description> minnow::importer::readDescription(StringRef directory,
                                                         StringRef name,
                                                         Faults &faults) {
  SmallString<128> path(name);
  if (!name.ends_with(".json")) {
    path = directory;
    sys::path::append(path, name + ".json");
    // A name with folders in it is a path, to something else.
    if (sys::path::filename(name) != name || !sys::fs::exists(path))
      return addUnknown(directory, faults);
  }
  auto file = MemoryBuffer::getFile(path);
  if (!file)
    return faults.add("the description " + quote(path) +
                      " cannot be read: " + file.getError().message());
  try {
    StringRef text = (*file)->getBuffer();
    return ::readDescription(json::parse(text.begin(), text.end()));
  } catch (const std::exception &exception) {
    return faults.add(quote(path) + " is not a description of a network: " +
                      exception.what());
  }
}
