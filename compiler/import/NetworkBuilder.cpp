//===- NetworkBuilder.cpp - the function and its weights ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all primitives share: arguments, weights, the order of values, and the
// end of the function. Primitives.cpp has the primitives themselves.
//===----------------------------------------------------------------------===//
#include "compiler/import/NetworkBuilder.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace minnow::importer;
using namespace minnow::mobile;
using mlir::failed, mlir::FailureOr, mlir::RankedTensorType, mlir::Value;

/// What wide vector loads want; the same for every weight.
static constexpr size_t blobAlignment = 64;

Shape Tensor::shape() const {
  auto held = cast<RankedTensorType>(value.getType()).getShape();
  Shape shape(held.size());
  for (auto [i, dimension] : enumerate(order))
    shape[dimension] = held[i];
  return shape;
}

NetworkBuilder::NetworkBuilder(mlir::MLIRContext &context, StringRef name)
    : builder(&context), location(builder.getUnknownLoc()) {
  module = mlir::ModuleOp::create(location);
  builder.setInsertionPointToEnd(module->getBody());
  function = mlir::func::FuncOp::create(builder, location, name,
                                        builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(function.addEntryBlock());
  symbols.insert(name);
}

void NetworkBuilder::setLayer(StringRef name) {
  location = name.empty() ? mlir::Location(builder.getUnknownLoc())
                          : mlir::NameLoc::get(builder.getStringAttr(name));
}

LogicalResult NetworkBuilder::refuse(const Twine &message) {
  return mlir::emitError(location, message);
}

LogicalResult NetworkBuilder::checkSize(mlir::Type type) {
  auto shape = cast<RankedTensorType>(type).getShape();
  std::optional<int64_t> count = countElements(shape);
  if (count && *count > 0)
    return success();
  return refuse("a tensor of shape " + shapeText(shape) +
                " is empty or larger than any that a network computes");
}

Tensor NetworkBuilder::input(StringRef name, ArrayRef<int64_t> shape) {
  setLayer(name);
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  Value value = function.front().addArgument(type, location);
  function.setType(
      builder.getFunctionType(function.front().getArgumentTypes(), {}));
  function.setArgAttr(function.getNumArguments() - 1, "mobile.name",
                      builder.getStringAttr(name));
  return {value, identityOrder(shape.size())};
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// The numbers `source` of a tensor of shape `shape`, its dimensions permuted,
/// as `Stored`s in a blob.
template <typename Stored, typename Number>
static mlir::AsmResourceBlob makeBlob(ArrayRef<Number> source,
                                      ArrayRef<int64_t> shape,
                                      ArrayRef<int64_t> order) {
  auto blob = mlir::HeapAsmResourceBlob::allocate(
      source.size() * sizeof(Stored), blobAlignment);
  auto *target = reinterpret_cast<Stored *>(blob.getMutableData().data());
  if (is_sorted(order)) {
    copy(source, target);
    return blob;
  }
  for (int64_t position : permutedPositions(shape, order))
    *target++ = source[position];
  return blob;
}

/// The numbers of `weight` that it holds as a file does: integers if quantized.
static mlir::AsmResourceBlob makeBlob(const Weight &weight,
                                      ArrayRef<int64_t> order) {
  const QuantizedNumbers *quantized = weight.quantized();
  if (!quantized)
    return makeBlob<float, float>(weight.tensor->floats(), weight.shape(),
                                  order);
  ArrayRef<int32_t> numbers = quantized->numbers;
  return quantized->bits == 8
             ? makeBlob<int8_t>(numbers, weight.shape(), order)
             : makeBlob<int32_t>(numbers, weight.shape(), order);
}

WeightOp NetworkBuilder::addWeight(const Weight &weight,
                                   ArrayRef<int64_t> order,
                                   ArrayRef<int64_t> shape) {
  const QuantizedNumbers *quantized = weight.quantized();
  const std::string &key = quantized ? quantized->name : weight.key;
  std::string name = key;
  for (unsigned i = 1; !symbols.insert(name).second; ++i)
    name = (key + "." + Twine(i)).str();
  mlir::Type element = quantized ? builder.getIntegerType(quantized->bits)
                                 : mlir::Type(builder.getF32Type());
  auto type = RankedTensorType::get(shape, element);
  auto value =
      mlir::DenseResourceElementsAttr::get(type, name, makeBlob(weight, order));
  mlir::OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(function);
  return WeightOp::create(builder, builder.getUnknownLoc(), name, value);
}

/// The element type of a quantized weight in that order and shape. Dimensions
/// that the shape leaves out are of size 1 and not the last.
mlir::Type NetworkBuilder::quantizedElement(const Weight &weight,
                                            ArrayRef<int64_t> order,
                                            ArrayRef<int64_t> shape) {
  const QuantizedNumbers &numbers = *weight.quantized();
  auto storage = builder.getIntegerType(numbers.bits);
  auto expressed = builder.getF32Type();
  auto low = mlir::quant::QuantizedType::getDefaultMinimumForInteger(
      true, numbers.bits);
  auto high = mlir::quant::QuantizedType::getDefaultMaximumForInteger(
      true, numbers.bits);
  // Symmetric weights mostly leave the lowest number out.
  if (numbers.bits == 8 && !is_contained(numbers.numbers, -128))
    low = -127;
  unsigned flags = mlir::quant::QuantizationFlags::Signed;
  if (numbers.scales.size() == 1)
    return mlir::quant::UniformQuantizedType::get(flags, storage, expressed,
                                                  numbers.scales[0],
                                                  numbers.zeros[0], low, high);
  int64_t fromEnd = order.end() - find(order, numbers.axis);
  SmallVector<double> scales(numbers.scales.begin(), numbers.scales.end());
  return mlir::quant::UniformQuantizedPerAxisType::get(
      flags, storage, expressed, scales, numbers.zeros,
      std::max<int64_t>(shape.size() - fromEnd, 0), low, high);
}

/// A use of `weight` with its dimensions in the order `order`, seen as `shape`.
Value NetworkBuilder::weightValue(const Weight &weight, ArrayRef<int64_t> order,
                                  ArrayRef<int64_t> shape) {
  WeightOp &op = weights[{weight.tensor, order.vec(), shape.vec()}];
  if (!op)
    op = addWeight(weight, order, shape);
  if (!weight.quantized())
    return GetWeightOp::create(builder, location, op.getType(),
                               op.getSymName());
  auto type =
      RankedTensorType::get(shape, quantizedElement(weight, order, shape));
  Value numbers = GetWeightOp::create(builder, location, type, op.getSymName());
  return DequantizeOp::create(builder, location,
                              type.clone(builder.getF32Type()), numbers,
                              Value(), Value());
}

FailureOr<Value> NetworkBuilder::vectorValue(const Weight &weight) {
  if (weight.shape().size() != 1)
    return refuse(quote(weight.key) + " has the shape " +
                  shapeText(weight.shape()) + ", expected one dimension");
  return weightValue(weight, {0}, weight.shape());
}

//===----------------------------------------------------------------------===//
// Order of dimensions
//===----------------------------------------------------------------------===//

FailureOr<Value> NetworkBuilder::reshaped(Value value,
                                          ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType()).clone(shape);
  if (failed(checkSize(type)))
    return failure();
  while (auto producer = value.getDefiningOp<ReshapeOp>())
    value = producer.getInput();
  if (value.getType() == type)
    return value;
  return Value(ReshapeOp::create(builder, location, type, value));
}

/// `x` held in the order `order`. Where only dimensions of size 1 move, the
/// elements stay where they are.
FailureOr<Value> NetworkBuilder::arranged(const Tensor &x,
                                          ArrayRef<int64_t> order) {
  if (ArrayRef<int64_t>(x.order) == order)
    return x.value;
  Value &known = arrangements[{x.value.getAsOpaquePointer(), order.vec()}];
  if (known)
    return known;
  Shape shape = x.shape(), permutation;
  for (int64_t dimension : order)
    permutation.push_back(find(x.order, dimension) - x.order.begin());
  Shape moving = permutation;
  erase_if(moving, [&](int64_t i) { return shape[x.order[i]] == 1; });
  FailureOr<Value> result =
      is_sorted(moving)
          ? reshaped(x.value, permuted(shape, order))
          : create<TransposeOp>(x.value,
                                {builder.getDenseI64ArrayAttr(permutation)});
  if (succeeded(result))
    known = *result;
  return result;
}

FailureOr<Value> NetworkBuilder::channelsLast(const Tensor &x) {
  if (x.rank() != 4)
    return refuse("the input has the shape " + shapeText(x.shape()) +
                  ", expected [batch, channels, height, width]");
  return arranged(x, channelsLastOrder);
}

/// `x` in the order in which elementwise operators leave it: maps that come
/// straight from an input or a reshape get channels last.
FailureOr<Tensor> NetworkBuilder::elementwiseForm(const Tensor &x) {
  if (x.rank() != 4 || !is_sorted(x.order))
    return x;
  FailureOr<Value> value = channelsLast(x);
  if (failed(value))
    return failure();
  return Tensor{*value, Shape(ArrayRef(channelsLastOrder))};
}

Tensor NetworkBuilder::transpose(const Tensor &x,
                                 ArrayRef<int64_t> permutation) {
  // Dimension i of the result is dimension permutation[i] of x.
  Shape order;
  for (int64_t dimension : x.order)
    order.push_back(find(permutation, dimension) - permutation.begin());
  return {x.value, order};
}

FailureOr<Tensor> NetworkBuilder::reshape(const Tensor &x,
                                          ArrayRef<int64_t> shape) {
  if (ArrayRef<int64_t>(x.shape()) == shape)
    return x;
  FailureOr<Value> plain = arranged(x, identityOrder(x.rank()));
  if (failed(plain))
    return failure();
  FailureOr<Value> value = reshaped(*plain, shape);
  if (failed(value))
    return failure();
  return Tensor{*value, identityOrder(shape.size())};
}

//===----------------------------------------------------------------------===//
// End
//===----------------------------------------------------------------------===//

void NetworkBuilder::eraseUnused() {
  for (mlir::Operation &op : make_early_inc_range(reverse(function.front())))
    if (mlir::isOpTriviallyDead(&op))
      op.erase();
  StringSet<> used;
  function.walk([&](GetWeightOp get) { used.insert(get.getWeight()); });
  for (auto op : make_early_inc_range(module->getOps<WeightOp>()))
    if (!used.contains(op.getSymName()))
      op.erase();
}

FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
NetworkBuilder::finish(ArrayRef<std::pair<std::string, Tensor>> results) {
  SmallVector<Value> values;
  for (const auto &[name, tensor] : results) {
    setLayer(name);
    FailureOr<Value> value = arranged(tensor, identityOrder(tensor.rank()));
    if (failed(value))
      return failure();
    values.push_back(*value);
  }
  mlir::func::ReturnOp::create(builder, builder.getUnknownLoc(), values);
  function.setType(
      builder.getFunctionType(function.front().getArgumentTypes(),
                              mlir::ValueRange(values).getTypes()));
  for (auto [i, result] : enumerate(results))
    function.setResultAttr(i, "mobile.name",
                           builder.getStringAttr(result.first));
  eraseUnused();
  if (failed(mlir::verify(*module)))
    return failure();
  return std::move(module);
}
