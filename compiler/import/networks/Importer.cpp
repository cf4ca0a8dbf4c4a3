//===- Importer.cpp - a named network into the mobile dialect -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a description's blocks as primitives: convolution, batch norm and
// activation apart, as a framework runs them. Folding is the passes' work.
//===----------------------------------------------------------------------===//
#include "compiler/import/networks/Importer.h"
#include "compiler/import/NetworkBuilder.h"
#include "compiler/import/networks/Description.h"
#include "compiler/import/networks/WeightSource.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace llvm;
using namespace minnow;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

namespace {
class NetworkWriter {
public:
  NetworkWriter(const Description &network, WeightSource &source,
                NetworkBuilder &builder)
      : network(network), source(source), builder(builder) {}

  FailureOr<Tensor> writeBlock(Tensor x, const Block &block);

private:
  Weight weight(const std::string &key, ArrayRef<int64_t> shape);
  Window windowOf(const Layer &layer, ArrayRef<int64_t> input);
  FailureOr<Tensor> writeLayer(const Tensor &x, const Layer &layer);
  FailureOr<Tensor> writeConvolution(const Tensor &x, const Layer &layer);
  FailureOr<Tensor> writeLinear(const Tensor &x, const Layer &layer);
  FailureOr<Tensor> writeSqueezeExcite(const Tensor &x, const Layer &layer);
  FailureOr<Tensor> writeLayers(Tensor x, const std::vector<Layer> &layers);
  FailureOr<Tensor> writeNorm(const Tensor &x, const std::string &norm);
  FailureOr<Tensor> writeAttention(const Tensor &x, const Attention &block);
  FailureOr<Tensor> writeLayerScale(const Tensor &x, const Block &block);

  const Description &network;
  WeightSource &source;
  NetworkBuilder &builder;
};
} // namespace

Weight NetworkWriter::weight(const std::string &key, ArrayRef<int64_t> shape) {
  return {key, std::make_shared<const HostTensor>(source.read(key, shape))};
}

Window NetworkWriter::windowOf(const Layer &layer, ArrayRef<int64_t> input) {
  Window window{{layer.kernel, layer.kernel}, {layer.stride, layer.stride}};
  for (int i : {0, 1}) {
    int64_t before = (layer.kernel - 1) / 2, after = before;
    if (network.samePadding) {
      int64_t steps = (input[2 + i] + layer.stride - 1) / layer.stride;
      int64_t total = std::max<int64_t>(
          (steps - 1) * layer.stride + layer.kernel - input[2 + i], 0);
      before = total / 2;
      after = total - before;
    }
    window.pad[2 * i] = before;
    window.pad[2 * i + 1] = after;
  }
  return window;
}

FailureOr<Tensor> NetworkWriter::writeConvolution(const Tensor &x,
                                                  const Layer &layer) {
  builder.setLayer(StringRef(layer.weight).rsplit('.').first);
  Weight bias;
  if (!layer.bias.empty())
    bias = weight(layer.bias, {layer.out});
  FailureOr<Tensor> y =
      builder.convolution(x, weight(layer.weight, layer.weightShape()),
                          layer.bias.empty() ? nullptr : &bias,
                          layer.isDepthwise(), windowOf(layer, x.shape()));
  if (failed(y) || layer.norm.empty())
    return y;
  return writeNorm(*y, layer.norm);
}

FailureOr<Tensor> NetworkWriter::writeNorm(const Tensor &x,
                                           const std::string &norm) {
  builder.setLayer(norm);
  SmallVector<Weight, 4> parameters;
  for (StringRef suffix : normSuffixes)
    parameters.push_back(weight(norm + "." + suffix.str(), {x.shape()[1]}));
  return builder.batchNorm(x, parameters, network.epsilon);
}

FailureOr<Tensor> NetworkWriter::writeLinear(const Tensor &x,
                                             const Layer &layer) {
  builder.setLayer(StringRef(layer.weight).rsplit('.').first);
  Shape shape = x.shape();
  int64_t channels = *countElements(ArrayRef(shape).drop_front());
  FailureOr<Tensor> flat = builder.reshape(x, {shape.front(), channels});
  if (failed(flat))
    return failure();
  Weight bias = weight(layer.bias, {layer.out});
  return builder.linear(*flat, weight(layer.weight, layer.weightShape()),
                        /*outFirst=*/true, &bias);
}

/// x times what the excitation makes of its average, channel by channel.
FailureOr<Tensor> NetworkWriter::writeSqueezeExcite(const Tensor &x,
                                                    const Layer &layer) {
  std::string name =
      StringRef(layer.excite.front().weight).rsplit('.').first.str();
  builder.setLayer(name + ".pool");
  FailureOr<Tensor> factors = builder.globalPool(x, mobile::PoolKind::Average);
  if (failed(factors) || failed(factors = writeLayers(*factors, layer.excite)))
    return failure();
  builder.setLayer(name + ".mul");
  return builder.binary<mobile::MulOp>(x, *factors);
}

FailureOr<Tensor> NetworkWriter::writeLayer(const Tensor &x,
                                            const Layer &layer) {
  FailureOr<Tensor> y = failure();
  switch (layer.kind) {
  case Layer::Kind::Convolution:
    y = writeConvolution(x, layer);
    break;
  case Layer::Kind::Linear:
    y = writeLinear(x, layer);
    break;
  case Layer::Kind::GlobalAveragePool:
    builder.setLayer("global_pool");
    y = builder.globalPool(x, mobile::PoolKind::Average);
    break;
  case Layer::Kind::SqueezeExcite:
    y = writeSqueezeExcite(x, layer);
    break;
  }
  if (failed(y) || layer.activation == mobile::Activation::None)
    return y;
  return builder.activate(*y, layer.activation);
}

FailureOr<Tensor> NetworkWriter::writeLayers(Tensor x,
                                             const std::vector<Layer> &layers) {
  FailureOr<Tensor> y = x;
  for (const Layer &layer : layers)
    if (failed(y = writeLayer(*y, layer)))
      return failure();
  return y;
}

FailureOr<Tensor> NetworkWriter::writeAttention(const Tensor &x,
                                                const Attention &block) {
  FailureOr<Tensor> z = block.norm.empty() ? x : writeNorm(x, block.norm);
  if (failed(z))
    return failure();
  FailureOr<Tensor> query = writeLayers(*z, block.query);
  FailureOr<Tensor> key = writeLayers(*z, block.key);
  FailureOr<Tensor> value = writeLayers(*z, block.value);
  if (failed(query) || failed(key) || failed(value))
    return failure();
  builder.setLayer(block.norm);
  double width = double(query->shape()[1]) / double(block.heads);
  FailureOr<Tensor> result = builder.attention(
      *query, *key, *value, block.heads, 1 / std::sqrt(width));
  if (failed(result))
    return failure();
  return writeLayers(*result, block.output);
}

FailureOr<Tensor> NetworkWriter::writeLayerScale(const Tensor &x,
                                                 const Block &block) {
  builder.setLayer(StringRef(block.layerScale).rsplit('.').first);
  Weight gamma = weight(block.layerScale, {block.out});
  // Per channel, which is dimension 1 of 4.
  auto column = std::make_shared<HostTensor>(*gamma.tensor);
  column->shape = {block.out, 1, 1};
  gamma.tensor = column;
  return builder.binary<mobile::MulOp>(x, gamma);
}

FailureOr<Tensor> NetworkWriter::writeBlock(Tensor x, const Block &block) {
  FailureOr<Tensor> y = block.attention ? writeAttention(x, *block.attention)
                                        : writeLayers(x, block.layers);
  if (succeeded(y) && !block.layerScale.empty())
    y = writeLayerScale(*y, block);
  if (failed(y) || !block.residual)
    return y;
  return builder.binary<mobile::AddOp>(*y, x);
}

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

/// The input's shape: the description's, or another of its batch and channels.
static FailureOr<Shape> inputShape(const Description &network,
                                   const ImportOptions &options,
                                   Faults &faults) {
  Shape shape = network.input;
  for (const auto &[name, given] : options.inputShapes) {
    if (name != "input")
      return faults.add("--input-shape names " + quote(name) +
                        "; the only input is 'input'");
    bool fits = given.size() == 4 && given[0] == shape[0] &&
                given[1] == shape[1] && countElements(given).value_or(0) > 0;
    if (!fits)
      return faults.add("--input-shape gives the input the shape " +
                        shapeText(given) + ", expected [" + Twine(shape[0]) +
                        ", " + Twine(shape[1]) + ", height, width]");
    shape.assign(given.begin(), given.end());
  }
  return shape;
}

/// Fits preprocessing to the input's `shape`: of a photo, another size of input
/// shows the same part as the description's own, `from`.
static LogicalResult fitPreprocessing(Preprocessing &preprocessing,
                                      ArrayRef<int64_t> from,
                                      ArrayRef<int64_t> shape, Faults &faults) {
  constexpr int64_t mostPixels = 16384; // that the runtime resizes to
  int64_t side = std::max(shape[2], shape[3]);
  preprocessing.resize =
      divideCeil(preprocessing.resize * side, std::max(from[2], from[3]));
  if (shape[1] == 3 && preprocessing.resize >= side &&
      preprocessing.resize <= mostPixels)
    return success();
  return faults.add("preprocessing resizes photos to " +
                    Twine(preprocessing.resize) + " pixels, for an input of " +
                    shapeText(shape) +
                    "; expected at least its size, at most " +
                    Twine(mostPixels) + ", and 3 channels");
}

static void setPreprocessing(mlir::func::FuncOp function,
                             const Preprocessing &preprocessing) {
  mlir::Builder builder(function.getContext());
  auto entry = [&](StringRef name, mlir::Attribute value) {
    return builder.getNamedAttr(name, value);
  };
  function->setAttr(
      "mobile.preprocessing",
      builder.getDictionaryAttr(
          {entry("resize", builder.getI64IntegerAttr(preprocessing.resize)),
           entry("interpolation",
                 builder.getStringAttr(preprocessing.interpolation)),
           entry("mean", builder.getF64ArrayAttr(preprocessing.mean)),
           entry("std", builder.getF64ArrayAttr(preprocessing.std))}));
}

FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
minnow::importer::importNetwork(mlir::MLIRContext &context, StringRef name,
                                const ImportOptions &options, Faults &faults) {
  FailureOr<Description> network =
      readDescription(options.modelsDirectory, name, faults);
  if (failed(network))
    return failure();
  FailureOr<Shape> shape = inputShape(*network, options, faults);
  if (failed(shape))
    return failure();
  if (network->preprocessing &&
      failed(fitPreprocessing(*network->preprocessing, network->input, *shape,
                              faults)))
    return failure();
  auto source = openWeights(options.weights, faults);
  if (failed(source) || failed((*source)->check(network->tensors())))
    return failure();

  NetworkBuilder builder(context, network->name);
  NetworkWriter writer(*network, **source, builder);
  FailureOr<Tensor> x = builder.input("input", *shape);
  for (const Block &block : network->blocks)
    if (failed(x = writer.writeBlock(*x, block)))
      return failure();
  if (network->preprocessing)
    setPreprocessing(builder.getFunction(), *network->preprocessing);
  return builder.finish({{"logits", *x}});
}
