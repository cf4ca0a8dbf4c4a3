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
#include <cmath>

// Its messages then say where in the file.
#define JSON_DIAGNOSTICS 1
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
    if (layer.kind == Layer::Kind::SqueezeExcite) {
      addLayers(tensors, layer.excite);
      continue;
    }
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

/// A whole number from 1 to `most`; the library would cut off a fraction.
static int64_t readSize(const json &value, const char *what, int64_t most) {
  int64_t size = value.is_number_integer() ? value.get<int64_t>() : 0;
  if (size < 1 || size > most)
    throw SchemaError(std::string(what) + " is " + value.dump().substr(0, 40) +
                      ", expected a whole number from 1 to " +
                      std::to_string(most));
  return size;
}

/// A size or count: positive, and small enough that products of four fit.
static int64_t getSize(const json &object, const char *key) {
  return readSize(object.at(key), key, 1 << 15);
}

/// Reads the elements of the list `key`; what is wrong with one says which.
template <typename Reader>
static void readList(const json &object, const char *key, Reader read) {
  size_t index = 0;
  for (const json &element : object.at(key)) {
    try {
      read(element);
    } catch (const SchemaError &error) {
      throw SchemaError(std::string(key) + " " + std::to_string(index) + ": " +
                        error.what());
    }
    ++index;
  }
  if (index == 0)
    throw SchemaError("the list " + std::string(key) + " is empty");
}

static mobile::Activation getActivation(const json &object) {
  auto name = object.at("activation").get<std::string>();
  if (auto activation = mobile::symbolizeActivation(name))
    return *activation;
  throw SchemaError("the activation '" + name + "' is unknown");
}

static std::vector<Layer> readLayers(const json &object, const char *key);

/// The layers between the average and the factors of a squeeze-excite.
static std::vector<Layer> readExcite(const json &object) {
  std::vector<Layer> layers = readLayers(object, "layers");
  for (const Layer &layer : layers)
    if (layer.kind != Layer::Kind::Convolution)
      throw SchemaError("squeeze_excite holds something else than conv2d");
  return layers;
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
  if (op == "squeeze_excite") {
    layer.kind = Layer::Kind::SqueezeExcite;
    layer.excite = readExcite(object);
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
  layer.bias = object.value("bias", "");
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
  readList(object, key,
           [&](const json &layer) { layers.push_back(readLayer(layer)); });
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

/// Three numbers, of R, G and B, each above `low`.
static std::vector<double> readColours(const json &object, const char *key,
                                       double low) {
  auto values = object.at(key).get<std::vector<double>>();
  if (values.size() != 3 || !all_of(values, [&](double value) {
        return float(value) > low && std::isfinite(float(value));
      }))
    throw SchemaError("preprocessing's " + std::string(key) + " is " +
                      object.at(key).dump().substr(0, 80) +
                      ", expected three numbers" +
                      (low == 0 ? " above 0" : ""));
  return values;
}

static Preprocessing readPreprocessing(const json &object) {
  Preprocessing result;
  result.resize = getSize(object, "resize");
  result.interpolation = object.at("interpolation").get<std::string>();
  if (result.interpolation != "bilinear" && result.interpolation != "bicubic")
    throw SchemaError("preprocessing's interpolation is '" +
                      result.interpolation + "', expected bilinear or bicubic");
  result.mean =
      readColours(object, "mean", -std::numeric_limits<double>::infinity());
  result.std = readColours(object, "std", 0);
  return result;
}

static Shape readInput(const json &object) {
  Shape shape;
  readList(object, "input", [&](const json &size) {
    shape.push_back(readSize(size, "size", maxElements));
  });
  if (shape.size() != 4 || !countElements(shape))
    throw SchemaError("the input is " + shapeText(shape) +
                      ", expected a shape of 4 dimensions");
  if (shape.front() != 1)
    throw SchemaError("the input is " + shapeText(shape) +
                      "; only batch 1 is compiled");
  return shape;
}

static Description readDescription(const json &object) {
  if (!object.is_object())
    throw SchemaError("it holds no JSON object");
  Description result;
  result.name = object.at("name").get<std::string>();
  result.input = readInput(object);
  result.epsilon = object.at("batch_norm_epsilon").get<double>();
  if (!(result.epsilon >= 0))
    throw SchemaError("batch_norm_epsilon is " +
                      std::to_string(result.epsilon) + ", expected 0 or more");
  auto padding = object.at("padding").get<std::string>();
  if (padding != "same" && padding != "symmetric")
    throw SchemaError("the padding '" + padding + "' is unknown");
  result.samePadding = padding == "same";
  if (object.contains("preprocessing"))
    result.preprocessing = readPreprocessing(object["preprocessing"]);
  readList(object, "blocks", [&](const json &block) {
    result.blocks.push_back(readBlock(block));
  });
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
    StringRef what = exception.what();
    // The library's messages begin with a number in brackets.
    if (what.starts_with("[json.exception"))
      what = what.split("] ").second;
    return faults.add(quote(path) +
                      " is not a description of a network: " + what);
  }
}
