//===- Quantization.cpp - ONNX's QuantizeLinear and DequantizeLinear ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each becomes a primitive of its own; a constant is remembered with the
// integers that it stands for. The pass fuse-quantize then computes in integers
// what stands between them. UINT8 becomes signed: the same number less 128.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"
#include <cmath>

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;
using onnx::TensorProto;

namespace {

/// How a node maps floats to integers, in the compiler's signed form.
struct Mapping {
  SmallVector<float> scales;
  SmallVector<int64_t> zeros; // as many
  /// The dimension that has as many indices as there are scales.
  int64_t axis = 0;
  /// As ONNX stores the integers.
  IntegerType stored;

  int64_t offset() const { return stored.isSigned ? 0 : 128; }
};

/// Reads the mapping of a node whose input 0 has the shape `shape`.
class MappingReader {
public:
  MappingReader(const Node &node, ArrayRef<int64_t> shape)
      : node(node), shape(shape) {}
  FailureOr<Mapping> read(HostTensorPtr scale, HostTensorPtr zero);

private:
  LogicalResult readScales(const HostTensor &scale);
  LogicalResult readZeros(const HostTensor &zero);
  LogicalResult readAxis();
  FailureOr<IntegerType> getDefaultType();
  std::string at(size_t channel) const {
    return mapping.scales.size() == 1 ? std::string()
                                      : (" of channel " + Twine(channel)).str();
  }

  const Node &node;
  ArrayRef<int64_t> shape;
  Mapping mapping;
};

} // namespace

LogicalResult MappingReader::readScales(const HostTensor &scale) {
  if (!scale.isFloat() || scale.size() == 0 || scale.shape.size() > 1)
    return node.fail("the scale has the shape " + shapeText(scale.shape) +
                     ", expected one float or a vector of floats; blocks are "
                     "not supported");
  mapping.scales.assign(scale.floats().begin(), scale.floats().end());
  for (auto [channel, value] : enumerate(mapping.scales))
    if (!std::isnormal(value) || value < 0)
      return node.fail("the scale" + at(channel) + " is " +
                       std::to_string(value) +
                       "; it must be a positive finite number");
  return success();
}

LogicalResult MappingReader::readZeros(const HostTensor &zero) {
  if (zero.isFloat() || zero.stored.bits > 32 || zero.stored.bits == 16)
    return node.fail("the zero point is of " +
                     (zero.isFloat()
                          ? std::string("floats")
                          : std::to_string(zero.stored.bits) + " bits") +
                     "; only INT8 and UINT8 are supported, and INT32 of "
                     "constants");
  if (zero.size() != mapping.scales.size())
    return node.fail("has " + Twine(mapping.scales.size()) + " scales and " +
                     Twine(zero.size()) + " zero points");
  mapping.stored = zero.stored;
  mapping.zeros.assign(zero.ints().begin(), zero.ints().end());
  return success();
}

/// What the axis must be if there are several scales.
LogicalResult MappingReader::readAxis() {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  FailureOr<int64_t> block = node.getInt("block_size", 0);
  if (failed(axis) || failed(block))
    return failure();
  if (*block != 0)
    return node.fail("quantizes in blocks of " + Twine(*block) +
                     "; use one scale, or one a channel");
  if (mapping.scales.size() == 1)
    return success();
  FailureOr<int64_t> normal = node.normalizeAxis(*axis, shape.size());
  if (failed(normal))
    return failure();
  mapping.axis = *normal;
  if (shape[*normal] != int64_t(mapping.scales.size()))
    return node.fail("has " + Twine(mapping.scales.size()) +
                     " scales for dimension " + Twine(*normal) +
                     " of the shape " + shapeText(shape));
  return success();
}

/// The type where no zero point says it.
FailureOr<IntegerType> MappingReader::getDefaultType() {
  FailureOr<int64_t> type = node.getInt("output_dtype", TensorProto::UINT8);
  if (failed(type))
    return failure();
  if (*type != 0 && *type != TensorProto::UINT8 && *type != TensorProto::INT8)
    return node.fail("output_dtype is " + elementTypeName(*type) +
                     "; only INT8 and UINT8 are supported");
  return IntegerType{8, *type == TensorProto::INT8};
}

FailureOr<Mapping> MappingReader::read(HostTensorPtr scale,
                                       HostTensorPtr zero) {
  if (failed(readScales(*scale)) || failed(readAxis()))
    return failure();
  if (zero) {
    if (failed(readZeros(*zero)))
      return failure();
  } else {
    FailureOr<IntegerType> type = getDefaultType();
    if (failed(type))
      return failure();
    mapping.stored = *type;
    mapping.zeros.assign(mapping.scales.size(), 0);
  }
  if (mapping.stored.bits == 8)
    for (int64_t &value : mapping.zeros)
      value -= mapping.offset();
  return mapping;
}

/// As above of a node whose x is computed at run time.
static FailureOr<mlir::quant::QuantizedType>
readElement(Graph &graph, const Node &node, const Tensor &x) {
  FailureOr<HostTensorPtr> scale = graph.constant(node, 1);
  FailureOr<HostTensorPtr> zero = HostTensorPtr();
  if (node.hasInput(2))
    zero = graph.constant(node, 2);
  if (failed(scale) || failed(zero))
    return failure();
  FailureOr<Mapping> mapping =
      MappingReader(node, x.shape()).read(*scale, *zero);
  if (failed(mapping))
    return failure();
  if (mapping->scales.size() != 1)
    return node.fail("has " + Twine(mapping->scales.size()) +
                     " scales; a value computed at run time can have one only");
  if (mapping->stored.bits != 8)
    return node.fail("is of 32 bits; a value computed at run time can be INT8 "
                     "or UINT8 only");
  return minnow::mobile::getMapElement(x.value.getContext(), mapping->scales[0],
                                       mapping->zeros[0],
                                       mapping->stored.isSigned);
}

static mlir::Type elementOf(const Tensor &x) {
  return cast<mlir::RankedTensorType>(x.value.getType()).getElementType();
}

FailureOr<Tensor> minnow::importer::convertQuantizeLinear(Graph &graph,
                                                          const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  if (!elementOf(*x).isF32())
    return node.fail("its input is quantized already");
  auto element = readElement(graph, node, *x);
  if (failed(element))
    return failure();
  return graph.getBuilder().quantize(*x, *element);
}

FailureOr<Tensor> minnow::importer::convertDequantizeLinear(Graph &graph,
                                                            const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  auto element = readElement(graph, node, *x);
  if (failed(element))
    return failure();
  auto own = dyn_cast<mlir::quant::UniformQuantizedType>(elementOf(*x));
  if (!own)
    return node.fail("its input is not quantized");
  auto given = cast<mlir::quant::UniformQuantizedType>(*element);
  if (own != given)
    return node.fail("reads scale " + std::to_string(given.getScale()) +
                     ", zero point " + Twine(given.getZeroPoint()) +
                     ", and its input was quantized with " +
                     std::to_string(own.getScale()) + " and " +
                     Twine(own.getZeroPoint()) + "; they must be equal");
  return graph.getBuilder().dequantize(*x);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static FailureOr<Mapping> readMapping(const Folding &f) {
  auto scale = f.get(1);
  if (failed(scale) || failed(f.reserve(f.shape)))
    return failure();
  return MappingReader(f.node, f.shape)
      .read(*scale, f.has(2) ? f.inputs[2] : HostTensorPtr());
}

/// Calls `fn(i, channel)` for each element.
template <typename Fn>
static void forEach(const Mapping &mapping, ArrayRef<int64_t> shape, Fn fn) {
  int64_t together = 1;
  for (int64_t size : shape.drop_front(shape.empty() ? 0 : mapping.axis + 1))
    together *= size;
  int64_t count = *countElements(shape), channels = mapping.scales.size();
  for (int64_t i = 0; i < count; ++i)
    fn(i, channels == 1 ? 0 : i / together % channels);
}

FailureOr<HostTensor> minnow::importer::foldDequantizeLinear(const Folding &f) {
  FailureOr<Mapping> mapping = readMapping(f);
  if (failed(mapping))
    return failure();
  const HostTensor &source = *f.inputs[0];
  if (source.isFloat() ||
      (f.has(2) && (source.stored.bits != mapping->stored.bits ||
                    source.stored.isSigned != mapping->stored.isSigned)))
    return f.node.fail("mixes precisions: x and its zero point have different "
                       "types");
  if (!f.has(2) && source.stored.isSigned)
    for (int64_t &zero : mapping->zeros)
      zero += mapping->offset();
  mapping->stored = source.stored;
  if (mapping->stored.bits != 8 && mapping->stored.bits != 32)
    return f.node.fail("dequantizes " + Twine(mapping->stored.bits) +
                       " bits; only INT8, UINT8 and INT32 are supported");
  auto quantized = std::make_shared<QuantizedNumbers>();
  StringRef name = f.node.input(0);
  name.consume_back("_quantized");
  quantized->name = name.empty() ? f.node.name() : name.str();
  quantized->shape = source.shape;
  quantized->scales.assign(mapping->scales.begin(), mapping->scales.end());
  quantized->zeros.assign(mapping->zeros.begin(), mapping->zeros.end());
  quantized->axis = mapping->axis;
  quantized->bits = mapping->stored.bits;
  int64_t offset = mapping->stored.bits == 8 ? mapping->offset() : 0;
  std::vector<float> floats;
  forEach(*mapping, source.shape, [&](int64_t i, int64_t channel) {
    int64_t number = source.ints()[i] - offset;
    quantized->numbers.push_back(int32_t(number));
    floats.push_back(float(number - mapping->zeros[channel]) *
                     mapping->scales[channel]);
  });
  HostTensor result{source.shape, std::move(floats)};
  result.quantized = std::move(quantized);
  return result;
}

FailureOr<HostTensor> minnow::importer::foldQuantizeLinear(const Folding &f) {
  FailureOr<Mapping> mapping = readMapping(f);
  if (failed(mapping))
    return failure();
  const HostTensor &source = *f.inputs[0];
  if (!source.isFloat() || mapping->stored.bits != 8)
    return f.node.fail("quantizes floats to INT8 or UINT8 only");
  std::vector<int64_t> numbers;
  bool finite = true;
  forEach(*mapping, source.shape, [&](int64_t i, int64_t channel) {
    float quotient = source.floats()[i] / mapping->scales[channel];
    finite = finite && std::isfinite(source.floats()[i]);
    double number = std::nearbyint(quotient) + double(mapping->zeros[channel]);
    numbers.push_back(finite ? int64_t(std::clamp(number, -128.0, 127.0)) +
                                   mapping->offset()
                             : 0);
  });
  if (!finite)
    return f.node.fail("quantizes NaN or infinity in " +
                       quote(f.node.input(0)));
  HostTensor result{source.shape, std::move(numbers)};
  result.stored = mapping->stored;
  return result;
}
