//===- Primitives.cpp - the primitives of a network -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each method of NetworkBuilder that writes primitives: brings operands into
// channels-last order and lets the op infer its result, which also checks it.
//===----------------------------------------------------------------------===//
#include "compiler/import/NetworkBuilder.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace minnow::importer;
using namespace minnow::mobile;
using mlir::failed, mlir::FailureOr, mlir::Value;

/// A primitive's result that is held channels last.
static FailureOr<Tensor> asMap(FailureOr<Value> value) {
  if (failed(value))
    return failure();
  return Tensor{*value, Shape(ArrayRef(channelsLastOrder))};
}

static FailureOr<Tensor> inOrder(FailureOr<Value> value, Shape order) {
  if (failed(value))
    return failure();
  return Tensor{*value, std::move(order)};
}

//===----------------------------------------------------------------------===//
// Convolutions and matrix products
//===----------------------------------------------------------------------===//

FailureOr<Tensor> NetworkBuilder::convolution(const Tensor &x,
                                              const Weight &filter,
                                              const Weight *bias,
                                              bool depthwise,
                                              const Window &window) {
  FailureOr<Value> input = channelsLast(x);
  if (failed(input))
    return failure();
  Shape shape = permuted(filter.shape(), {2, 3, 1, 0});
  if (depthwise)
    shape.erase(shape.begin() + 2);
  SmallVector<Value, 3> operands = {*input,
                                    weightValue(filter, {2, 3, 1, 0}, shape)};
  if (bias) {
    FailureOr<Value> value = vectorValue(*bias);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  auto write = [&](auto op) {
    typename decltype(op)::Properties properties;
    properties.strides = builder.getDenseI64ArrayAttr(window.strides);
    properties.pad = builder.getDenseI64ArrayAttr(window.pad);
    properties.operandSegmentSizes = {1, 1, bias ? 1 : 0, 0};
    return asMap(create<decltype(op)>(operands, properties));
  };
  return depthwise ? write(DepthwiseConv2DOp()) : write(Conv2DOp());
}

FailureOr<Tensor> NetworkBuilder::linear(const Tensor &x, const Weight &filter,
                                         bool outFirst, const Weight *bias) {
  if (x.rank() != 2)
    return refuse("the input has the shape " + shapeText(x.shape()) +
                  ", expected [rows, channels]");
  FailureOr<Value> input = arranged(x, {0, 1});
  if (failed(input))
    return failure();
  Shape order = outFirst ? Shape{1, 0} : Shape{0, 1};
  SmallVector<Value, 3> operands = {
      *input, weightValue(filter, order, permuted(filter.shape(), order))};
  if (bias) {
    FailureOr<Value> value = vectorValue(*bias);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  return inOrder(create<LinearOp>(operands, {}), {0, 1});
}

/// `shape` with ones before it until it has the rank `rank`.
static Shape withRank(ArrayRef<int64_t> shape, size_t rank) {
  Shape result(rank - shape.size(), 1);
  result.append(shape.begin(), shape.end());
  return result;
}

/// `x` with its last two dimensions exchanged; writes nothing.
static Tensor transposeMatrices(NetworkBuilder &builder, const Tensor &x) {
  Shape order = identityOrder(x.rank());
  std::swap(order[x.rank() - 1], order[x.rank() - 2]);
  return builder.transpose(x, order);
}

FailureOr<Tensor> NetworkBuilder::matmul(const Tensor &lhs, const Tensor &rhs) {
  size_t rank = std::max(lhs.rank(), rhs.rank());
  if (std::min(lhs.rank(), rhs.rank()) < 2)
    return refuse("shapes " + shapeText(lhs.shape()) + " and " +
                  shapeText(rhs.shape()) + " are not both of matrices");
  FailureOr<Tensor> left = reshape(lhs, withRank(lhs.shape(), rank));
  FailureOr<Tensor> right = reshape(rhs, withRank(rhs.shape(), rank));
  if (failed(left) || failed(right))
    return failure();
  // The op repeats only its right side: (A B)' = B' A' exchanges them.
  Shape sizes = left->shape(), others = right->shape();
  for (size_t i = 0; i + 2 < rank; ++i)
    if (sizes[i] == 1 && others[i] != 1) {
      FailureOr<Tensor> swapped = multiply(transposeMatrices(*this, *right),
                                           transposeMatrices(*this, *left));
      if (failed(swapped))
        return failure();
      return transposeMatrices(*this, *swapped);
    }
  return multiply(*left, *right);
}

FailureOr<Tensor> NetworkBuilder::multiply(const Tensor &lhs,
                                           const Tensor &rhs) {
  Shape order = identityOrder(lhs.rank());
  FailureOr<Value> left = arranged(lhs, order), right = arranged(rhs, order);
  if (failed(left) || failed(right))
    return failure();
  return inOrder(create<MatmulOp>({*left, *right}, {}), order);
}

FailureOr<Tensor> NetworkBuilder::attention(const Tensor &query,
                                            const Tensor &key,
                                            const Tensor &value, int64_t heads,
                                            double scale) {
  SmallVector<Value, 3> maps;
  for (const Tensor *map : {&query, &key, &value}) {
    FailureOr<Value> held = channelsLast(*map);
    if (failed(held))
      return failure();
    maps.push_back(*held);
  }
  AttentionOp::Properties properties;
  properties.heads = builder.getI64IntegerAttr(heads);
  properties.scale = builder.getF64FloatAttr(scale);
  return asMap(create<AttentionOp>(maps, properties));
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

FailureOr<Tensor> NetworkBuilder::batchNorm(const Tensor &x,
                                            ArrayRef<Weight> parameters,
                                            double epsilon) {
  FailureOr<Value> input = channelsLast(x);
  if (failed(input))
    return failure();
  SmallVector<Value, 5> operands = {*input};
  for (const Weight &parameter : parameters) {
    FailureOr<Value> value = vectorValue(parameter);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  return asMap(
      create<BatchNormOp>(operands, {builder.getF64FloatAttr(epsilon)}));
}

FailureOr<Tensor> NetworkBuilder::activate(const Tensor &x,
                                           Activation activation) {
  FailureOr<Tensor> form = elementwiseForm(x);
  if (failed(form))
    return failure();
  auto attribute = ActivationAttr::get(builder.getContext(), activation);
  Value result = ActivateOp::create(builder, location, form->value.getType(),
                                    form->value, attribute);
  return inOrder(result, form->order);
}

FailureOr<Tensor> NetworkBuilder::quantize(const Tensor &x,
                                           mlir::quant::QuantizedType element) {
  auto type = cast<mlir::RankedTensorType>(x.value.getType()).clone(element);
  Value result = QuantizeOp::create(builder, location, type, x.value);
  return inOrder(result, x.order);
}

FailureOr<Tensor> NetworkBuilder::dequantize(const Tensor &x) {
  auto type = cast<mlir::RankedTensorType>(x.value.getType())
                  .clone(builder.getF32Type());
  Value result =
      DequantizeOp::create(builder, location, type, x.value, Value(), Value());
  return inOrder(result, x.order);
}

/// The order of the last `rank` dimensions among themselves in `order`.
static Shape lastDimensions(ArrayRef<int64_t> order, size_t rank) {
  int64_t first = order.size() - rank;
  Shape result;
  for (int64_t dimension : order)
    if (dimension >= first)
      result.push_back(dimension - first);
  return result;
}

/// Whether a tensor of shape `small` is repeated to `large`, and nothing more.
static bool repeatsTo(ArrayRef<int64_t> small, ArrayRef<int64_t> large) {
  return small.size() <= large.size() &&
         all_of_zip(withRank(small, large.size()), large,
                    [](int64_t s, int64_t l) { return s == l || s == 1; });
}

/// Whether one number is repeated to a vector, which the ops take for a vector
/// of another length.
static bool fillsVector(ArrayRef<int64_t> small, ArrayRef<int64_t> large) {
  return large.size() == 1 && (small.empty() || small != large);
}

/// The sum or product of the vector `lhs` and one number, as those of a matrix
/// of one row.
template <typename OpTy, typename Rhs>
static FailureOr<Tensor> binaryOfRow(NetworkBuilder &builder, const Tensor &lhs,
                                     const Rhs &rhs) {
  Shape shape = lhs.shape();
  FailureOr<Tensor> row = builder.reshape(lhs, {1, shape.front()});
  if (failed(row) || failed(row = builder.binary<OpTy>(*row, rhs)))
    return failure();
  return builder.reshape(*row, shape);
}

template <typename OpTy>
FailureOr<Tensor> NetworkBuilder::binary(const Tensor &lhs, const Tensor &rhs) {
  // Both operators commute, and their ops repeat only the right side.
  if (!repeatsTo(rhs.shape(), lhs.shape())) {
    if (!repeatsTo(lhs.shape(), rhs.shape()))
      return refuse("shapes " + shapeText(lhs.shape()) + " and " +
                    shapeText(rhs.shape()) +
                    " do not match; one must repeat to the other");
    return binary<OpTy>(rhs, lhs);
  }
  if (fillsVector(rhs.shape(), lhs.shape()))
    return binaryOfRow<OpTy>(*this, lhs, rhs);
  FailureOr<Tensor> left = elementwiseForm(lhs);
  if (failed(left))
    return failure();
  FailureOr<Tensor> right = reshape(rhs, withRank(rhs.shape(), lhs.rank()));
  if (failed(right))
    return failure();
  FailureOr<Value> value = arranged(*right, left->order);
  if (failed(value))
    return failure();
  return inOrder(create<OpTy>({left->value, *value}, {}), left->order);
}

template <typename OpTy>
FailureOr<Tensor> NetworkBuilder::binary(const Tensor &lhs, const Weight &rhs) {
  if (!repeatsTo(rhs.shape(), lhs.shape()))
    return refuse("constant " + quote(rhs.key) + " of shape " +
                  shapeText(rhs.shape()) + " does not repeat to the shape " +
                  shapeText(lhs.shape()));
  if (fillsVector(rhs.shape(), lhs.shape()))
    return binaryOfRow<OpTy>(*this, lhs, rhs);
  FailureOr<Tensor> left = elementwiseForm(lhs);
  if (failed(left))
    return failure();
  Shape shape = permuted(withRank(rhs.shape(), lhs.rank()), left->order);
  // One value a channel is a vector, the form that fold knows.
  if (all_of(drop_end(shape), [](int64_t size) { return size == 1; }) &&
      shape.back() ==
          cast<mlir::RankedTensorType>(left->value.getType()).getShape().back())
    shape = {shape.back()};
  Value value =
      weightValue(rhs, lastDimensions(left->order, rhs.shape().size()), shape);
  return inOrder(create<OpTy>({left->value, value}, {}), left->order);
}

template FailureOr<Tensor> NetworkBuilder::binary<AddOp>(const Tensor &,
                                                         const Tensor &);
template FailureOr<Tensor> NetworkBuilder::binary<AddOp>(const Tensor &,
                                                         const Weight &);
template FailureOr<Tensor> NetworkBuilder::binary<MulOp>(const Tensor &,
                                                         const Tensor &);
template FailureOr<Tensor> NetworkBuilder::binary<MulOp>(const Tensor &,
                                                         const Weight &);

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

FailureOr<Tensor> NetworkBuilder::pool(const Tensor &x, PoolKind kind,
                                       const Window &window, bool countPad) {
  FailureOr<Value> input = channelsLast(x);
  if (failed(input))
    return failure();
  Pool2DOp::Properties properties;
  properties.kind = PoolKindAttr::get(builder.getContext(), kind);
  properties.window = builder.getDenseI64ArrayAttr(window.size);
  properties.strides = builder.getDenseI64ArrayAttr(window.strides);
  properties.pad = builder.getDenseI64ArrayAttr(window.pad);
  if (countPad)
    properties.count_pad = builder.getUnitAttr();
  return asMap(create<Pool2DOp>(*input, properties));
}

FailureOr<Tensor> NetworkBuilder::globalPool(const Tensor &x, PoolKind kind) {
  FailureOr<Value> input = channelsLast(x);
  if (failed(input))
    return failure();
  return reduce(x, kind, {2, 3});
}

FailureOr<Tensor> NetworkBuilder::reduce(const Tensor &x, PoolKind kind,
                                         ArrayRef<int64_t> axes) {
  auto isReduced = [&](int64_t axis) { return is_contained(axes, axis); };
  Shape shape = x.shape(), result = shape, order(axes);
  for (int64_t axis = 0; axis < int64_t(shape.size()); ++axis)
    if (isReduced(axis))
      result[axis] = 1;
    else
      order.push_back(axis);
  if (x.rank() == 4 && axes.front() >= 2)
    return pool(x, kind,
                {{isReduced(2) ? shape[2] : 1, isReduced(3) ? shape[3] : 1}},
                false);
  // Of other axes, what is reduced becomes the rows of a map, and what stays
  // its channels.
  int64_t kept = *countElements(result), rows = *countElements(shape) / kept;
  FailureOr<Value> value = arranged(x, order);
  if (failed(value) || failed(value = reshaped(*value, {1, rows, 1, kept})))
    return failure();
  FailureOr<Tensor> pooled = pool({*value, Shape(ArrayRef(channelsLastOrder))},
                                  kind, {{rows, 1}}, false);
  if (failed(pooled))
    return failure();
  return reshape(*pooled, result);
}

FailureOr<Tensor> NetworkBuilder::pad(const Tensor &x, ArrayRef<int64_t> pad) {
  FailureOr<Value> input = channelsLast(x);
  if (failed(input))
    return failure();
  return asMap(create<PadOp>(*input, {builder.getDenseI64ArrayAttr(pad)}));
}

FailureOr<Tensor> NetworkBuilder::softmax(const Tensor &x, int64_t axis) {
  FailureOr<Tensor> form = elementwiseForm(x);
  if (failed(form))
    return failure();
  Shape order = form->order;
  order.erase(find(order, axis));
  order.push_back(axis);
  FailureOr<Value> input = arranged(*form, order);
  if (failed(input))
    return failure();
  return inOrder(create<SoftmaxOp>(*input, {}), order);
}
