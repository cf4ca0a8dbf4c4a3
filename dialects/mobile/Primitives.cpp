//===- Primitives.cpp - result types, costs and checks of primitives ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A primitive's result type is inferred here, once; the verifier of the printed
// type and every builder use it.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Mobile.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace minnow::mobile;

using Location_ = std::optional<Location>;

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// The output size of a window of `window` that moves by `strides` over the two
/// spatial dimensions of `input` with `pad` around it, or a diagnostic.
static FailureOr<std::array<int64_t, 2>> inferWindow(Location_ location,
                                                     RankedTensorType input,
                                                     ArrayRef<int64_t> window,
                                                     ArrayRef<int64_t> strides,
                                                     ArrayRef<int64_t> pad) {
  if (window.size() != 2 || strides.size() != 2 || pad.size() != 4)
    return emitOptionalError(location, "expects 2 window sizes, 2 strides and "
                                       "4 paddings [top, bottom, left, right]");
  auto positive = [](int64_t size) { return size > 0; };
  if (!llvm::all_of(strides, positive) || !llvm::all_of(window, positive))
    return emitOptionalError(location, "window and strides must be positive");
  if (llvm::any_of(pad, [](int64_t size) { return size < 0; }))
    return emitOptionalError(location, "padding must not be negative");

  std::array<int64_t, 2> size;
  for (int i : {0, 1}) {
    int64_t padded = input.getDimSize(1 + i) + pad[2 * i] + pad[2 * i + 1];
    if (padded < window[i])
      return emitOptionalError(location, "the window of ", window[i],
                               " exceeds the padded input of ", padded,
                               i == 0 ? " rows" : " columns");
    size[i] = (padded - window[i]) / strides[i] + 1;
  }
  return size;
}

static LogicalResult verifyBias(Location_ location, Value bias,
                                int64_t channels) {
  if (!bias)
    return success();
  int64_t found = cast<RankedTensorType>(bias.getType()).getDimSize(0);
  if (found == channels)
    return success();
  return emitOptionalError(location, "bias has ", found, " values, expected ",
                           channels, ", one an output channel");
}

/// Infers the result of a convolution whose filter takes `inChannels` and gives
/// `outChannels`.
template <typename Adaptor>
static LogicalResult inferConvolution(Location_ location, Adaptor op,
                                      int64_t inChannels, int64_t outChannels,
                                      SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto filter = cast<RankedTensorType>(op.getFilter().getType());
  if (input.getDimSize(3) != inChannels)
    return emitOptionalError(location, "filter takes ", inChannels,
                             " channels, input has ", input.getDimSize(3));
  if (failed(verifyBias(location, op.getBias(), outChannels)))
    return failure();
  auto size = inferWindow(location, input, filter.getShape().take_front(2),
                          op.getStrides(), op.getPad());
  if (failed(size))
    return failure();
  types.push_back(RankedTensorType::get(
      {input.getDimSize(0), (*size)[0], (*size)[1], outChannels},
      input.getElementType()));
  return success();
}

LogicalResult Conv2DOp::inferReturnTypes(MLIRContext *, Location_ location,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  auto filter = cast<RankedTensorType>(op.getFilter().getType());
  return inferConvolution(location, op, filter.getDimSize(2),
                          filter.getDimSize(3), types);
}

LogicalResult
DepthwiseConv2DOp::inferReturnTypes(MLIRContext *, Location_ location,
                                    Adaptor op, SmallVectorImpl<Type> &types) {
  auto filter = cast<RankedTensorType>(op.getFilter().getType());
  return inferConvolution(location, op, filter.getDimSize(2),
                          filter.getDimSize(2), types);
}

uint64_t Conv2DOp::getMacs() {
  auto filter = getFilter().getType().getShape();
  return getResult().getType().getNumElements() * filter[0] * filter[1] *
         filter[2];
}

uint64_t DepthwiseConv2DOp::getMacs() {
  auto filter = getFilter().getType().getShape();
  return getResult().getType().getNumElements() * filter[0] * filter[1];
}

bool Conv2DOp::isPointwise() {
  auto filter = getFilter().getType().getShape();
  auto all = [](ArrayRef<int64_t> values, int64_t value) {
    return llvm::all_of(values, [=](int64_t v) { return v == value; });
  };
  return all(filter.take_front(2), 1) && all(getStrides(), 1) &&
         all(getPad(), 0);
}

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, Location_ location,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto filter = cast<RankedTensorType>(op.getFilter().getType());
  if (input.getDimSize(1) != filter.getDimSize(0))
    return emitOptionalError(location, "filter takes ", filter.getDimSize(0),
                             " channels, input has ", input.getDimSize(1));
  if (failed(verifyBias(location, op.getBias(), filter.getDimSize(1))))
    return failure();
  types.push_back(RankedTensorType::get(
      {input.getDimSize(0), filter.getDimSize(1)}, input.getElementType()));
  return success();
}

uint64_t LinearOp::getMacs() {
  return getResult().getType().getNumElements() *
         getInput().getType().getDimSize(1);
}

//===----------------------------------------------------------------------===//
// Products of computed matrices
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, Location_ location,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  auto rhs = cast<RankedTensorType>(op.getRhs().getType());
  int64_t rank = lhs.getRank();
  if (rank < 2 || rhs.getRank() != rank)
    return emitOptionalError(location, "expects two operands of the same rank, "
                                       "at least 2");
  if (lhs.getElementType() != rhs.getElementType())
    return emitOptionalError(location, "operands have different element types ",
                             lhs, " and ", rhs);
  for (int64_t i = 0; i < rank - 2; ++i)
    if (rhs.getDimSize(i) != lhs.getDimSize(i) && rhs.getDimSize(i) != 1)
      return emitOptionalError(location, "dimension ", i, " of rhs is ",
                               rhs.getDimSize(i), ", expected 1 or lhs's ",
                               lhs.getDimSize(i));
  if (lhs.getDimSize(rank - 1) != rhs.getDimSize(rank - 2))
    return emitOptionalError(location, "lhs has ", lhs.getDimSize(rank - 1),
                             " columns, rhs has ", rhs.getDimSize(rank - 2),
                             " rows");
  SmallVector<int64_t> shape(lhs.getShape());
  shape.back() = rhs.getShape().back();
  types.push_back(RankedTensorType::get(shape, lhs.getElementType()));
  return success();
}

uint64_t MatmulOp::getMacs() {
  return cast<RankedTensorType>(getResult().getType()).getNumElements() *
         cast<RankedTensorType>(getLhs().getType()).getShape().back();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, Location_ location,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  auto query = cast<RankedTensorType>(op.getQuery().getType()).getShape();
  auto key = cast<RankedTensorType>(op.getKey().getType()).getShape();
  auto value = cast<RankedTensorType>(op.getValue().getType()).getShape();
  int64_t heads = op.getHeads();
  if (heads < 1 || query[3] < 1 || query[3] % heads != 0)
    return emitOptionalError(location, "the query's ", query[3],
                             " channels are not divisible by ", heads,
                             " heads");
  if (key.drop_back() != value.drop_back() || key[0] != query[0])
    return emitOptionalError(location, "keys and values must have the same "
                                       "positions, all three one batch");
  int64_t width = query[3] / heads, keyHeads = key[3] / width;
  if (keyHeads < 1 || key[3] % width != 0 || heads % keyHeads != 0)
    return emitOptionalError(
        location, "the key's ", key[3], " channels must be ", width,
        ", one head's, times a divisor of the ", heads, " heads");
  if (value[3] % keyHeads != 0)
    return emitOptionalError(location, "the value's ", value[3],
                             " channels are not divisible by the ", keyHeads,
                             " heads of the key");
  types.push_back(RankedTensorType::get(
      {query[0], query[1], query[2], value[3] / keyHeads * heads},
      cast<RankedTensorType>(op.getQuery().getType()).getElementType()));
  return success();
}

uint64_t AttentionOp::getMacs() {
  return getQuery().getType().getDimSize(0) * getNumQueries() * getNumKeys() *
         getHeads() * (getKeyWidth() + getValueWidth());
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

template <typename Adaptor>
static LogicalResult inferBinary(Location_ location, Adaptor op,
                                 SmallVectorImpl<Type> &types) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  auto rhs = cast<RankedTensorType>(op.getRhs().getType());
  bool isQuantized = getQuantizedElement(lhs) && getQuantizedElement(rhs);
  if (lhs.getElementType() != rhs.getElementType() && !isQuantized)
    return emitOptionalError(location, "operands have different element types ",
                             lhs, " and ", rhs);
  bool matches = rhs.getRank() == 1 && lhs.getRank() > 0
                     ? rhs.getDimSize(0) == lhs.getShape().back()
                     : rhs.getRank() == lhs.getRank() &&
                           llvm::all_of_zip(lhs.getShape(), rhs.getShape(),
                                            [](int64_t l, int64_t r) {
                                              return r == l || r == 1;
                                            });
  if (!matches)
    return emitOptionalError(location, "rhs ", rhs,
                             " cannot be repeated to the shape of lhs ", lhs);
  types.push_back(lhs);
  return success();
}

LogicalResult AddOp::inferReturnTypes(MLIRContext *, Location_ location,
                                      Adaptor op,
                                      SmallVectorImpl<Type> &types) {
  return inferBinary(location, op, types);
}

LogicalResult MulOp::inferReturnTypes(MLIRContext *, Location_ location,
                                      Adaptor op,
                                      SmallVectorImpl<Type> &types) {
  return inferBinary(location, op, types);
}

LogicalResult SoftmaxOp::verify() {
  if (getInput().getType().getRank() == 0)
    return emitOpError("input must have a dimension to sum over");
  return success();
}

LogicalResult BatchNormOp::verify() {
  int64_t found = getScale().getType().getDimSize(0);
  int64_t channels = getInput().getType().getDimSize(3);
  if (found != channels)
    return emitOpError("scale has ")
           << found << " values, expected " << channels << ", one a channel";
  if (getEpsilon().convertToDouble() < 0)
    return emitOpError("epsilon must not be negative");
  return success();
}

//===----------------------------------------------------------------------===//
// Pooling and shapes
//===----------------------------------------------------------------------===//

LogicalResult Pool2DOp::inferReturnTypes(MLIRContext *, Location_ location,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto size = inferWindow(location, input, op.getWindow(), op.getStrides(),
                          op.getPad());
  if (failed(size))
    return failure();
  // A window wholly in the padding would average nothing.
  for (int i : {0, 1, 2, 3})
    if (op.getPad()[i] >= op.getWindow()[i / 2])
      return emitOptionalError(location, "padding ", op.getPad()[i],
                               " must be less than the window of ",
                               op.getWindow()[i / 2]);
  types.push_back(RankedTensorType::get(
      {input.getDimSize(0), (*size)[0], (*size)[1], input.getDimSize(3)},
      input.getElementType()));
  return success();
}

bool Pool2DOp::isGlobalAverage() {
  auto shape = getResult().getType().getShape();
  return getKind() == PoolKind::Average && shape[1] == 1 && shape[2] == 1 &&
         getWindow() == getInput().getType().getShape().slice(1, 2);
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, Location_ location,
                                      Adaptor op,
                                      SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto size = inferWindow(location, input, {1, 1}, {1, 1}, op.getPad());
  if (failed(size))
    return failure();
  types.push_back(RankedTensorType::get(
      {input.getDimSize(0), (*size)[0], (*size)[1], input.getDimSize(3)},
      input.getElementType()));
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, Location_ location,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  SmallVector<bool> seen(input.getRank(), false);
  SmallVector<int64_t> shape;
  for (int64_t dim : op.getPermutation()) {
    if (dim < 0 || dim >= input.getRank() || seen[dim])
      break;
    seen[dim] = true;
    shape.push_back(input.getDimSize(dim));
  }
  if (shape.size() != seen.size() || op.getPermutation().size() != seen.size())
    return emitOptionalError(location, "expects a permutation of the ",
                             input.getRank(), " dimensions of the input");
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (llvm::is_sorted(getPermutation()))
    return getInput();
  auto producer = getInput().getDefiningOp<TransposeOp>();
  if (!producer)
    return {};
  for (auto [i, dim] : llvm::enumerate(getPermutation()))
    if (producer.getPermutation()[dim] != static_cast<int64_t>(i))
      return {};
  return producer.getInput();
}

LogicalResult ReshapeOp::verify() {
  auto input = getInput().getType(), result = getResult().getType();
  if (input.getNumElements() != result.getNumElements() ||
      input.getElementType() != result.getElementType())
    return emitOpError("input ") << input << " and result " << result
                                 << " must hold the same elements";
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  if (auto producer = getInput().getDefiningOp<ReshapeOp>()) {
    getInputMutable().assign(producer.getInput());
    return getResult();
  }
  return {};
}
