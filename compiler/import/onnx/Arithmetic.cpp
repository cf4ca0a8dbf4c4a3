//===- Arithmetic.cpp - folds arithmetic on constants ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integers wrap as two's complement and floats are IEEE single, as in ONNX;
// what has no value (division by zero, casts out of range) is refused.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Constants.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

/// NumPy's broadcasting of two shapes, or nothing if they do not match.
static std::optional<Shape> broadcast(ArrayRef<int64_t> a,
                                      ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Shape shape(a);
  for (auto [size, other] : zip(reverse(shape), reverse(b))) {
    if (size != other && size != 1 && other != 1)
      return std::nullopt;
    size = size == 1 ? other : size;
  }
  return shape;
}

/// `value` repeated to `shape`.
static HostTensor repeated(const HostTensor &value, const Shape &shape) {
  std::vector<int64_t> positions = {0};
  size_t missing = shape.size() - value.shape.size();
  for (auto [i, size] : enumerate(shape)) {
    int64_t own = i < missing ? 1 : value.shape[i - missing];
    std::vector<int64_t> next;
    for (int64_t position : positions)
      for (int64_t j = 0; j < size; ++j)
        next.push_back(position * own + (own == 1 ? 0 : j));
    positions = std::move(next);
  }
  return gatherElements(value, shape, positions);
}

/// The operands of a binary operator, both of the shape of the result.
static FailureOr<std::pair<HostTensor, HostTensor>>
operands(const Folding &f, const HostTensorPtr &a, const HostTensorPtr &b) {
  if (a->isFloat() != b->isFloat())
    return f.node.fail("one input holds floats, the other integers");
  std::optional<Shape> shape = broadcast(a->shape, b->shape);
  if (!shape)
    return f.node.fail("shapes " + shapeText(a->shape) + " and " +
                       shapeText(b->shape) + " do not match");
  if (failed(f.reserve(*shape)) || failed(f.reserve(*shape)))
    return failure();
  return std::pair{repeated(*a, *shape), repeated(*b, *shape)};
}

/// Applies `op` to all pairs of elements; floats and integers each have theirs.
template <typename OnFloats, typename OnInts>
static FailureOr<HostTensor> fold2(const Folding &f, const HostTensorPtr &a,
                                   const HostTensorPtr &b, OnFloats onFloats,
                                   OnInts onInts) {
  auto pair = operands(f, a, b);
  if (failed(pair))
    return failure();
  HostTensor &result = pair->first;
  if (result.isFloat())
    for (auto [x, y] : zip(std::get<0>(result.data), pair->second.floats()))
      x = onFloats(x, y);
  else
    for (auto [x, y] : zip(std::get<1>(result.data), pair->second.ints()))
      x = onInts(x, y);
  return std::move(result);
}

/// A rule for an operator of two inputs whose result on integers is that on
/// unsigned ones.
template <typename Op>
static FailureOr<HostTensor> foldBinary(const Folding &f) {
  auto a = f.get(0), b = f.get(1);
  if (failed(a) || failed(b))
    return failure();
  return fold2(
      f, *a, *b, [](float x, float y) { return Op()(x, y); },
      [](int64_t x, int64_t y) {
        return int64_t(Op()(uint64_t(x), uint64_t(y)));
      });
}

FailureOr<HostTensor> minnow::importer::foldAdd(const Folding &f) {
  return foldBinary<std::plus<>>(f);
}

FailureOr<HostTensor> minnow::importer::foldSub(const Folding &f) {
  return foldBinary<std::minus<>>(f);
}

FailureOr<HostTensor> minnow::importer::foldMul(const Folding &f) {
  return foldBinary<std::multiplies<>>(f);
}

FailureOr<HostTensor> minnow::importer::foldDiv(const Folding &f) {
  auto a = f.get(0), b = f.get(1);
  if (failed(a) || failed(b))
    return failure();
  if (!(*b)->isFloat() && is_contained((*b)->ints(), 0))
    return f.node.fail("divides by zero");
  return fold2(
      f, *a, *b, [](float x, float y) { return x / y; },
      [](int64_t x, int64_t y) {
        // The quotient by -1 may lie out of range; the negation wraps.
        return y == -1 ? int64_t(-uint64_t(x)) : x / y;
      });
}

template <bool isMax>
static FailureOr<HostTensor> foldExtreme(const Folding &f) {
  auto result = f.get(0);
  for (size_t i = 1; succeeded(result) && i < f.inputs.size(); ++i) {
    auto next = f.get(i);
    if (failed(next))
      return failure();
    auto pick = [](auto x, auto y) {
      return isMax ? std::max(x, y) : std::min(x, y);
    };
    FailureOr<HostTensor> folded = fold2(f, *result, *next, pick, pick);
    if (failed(folded))
      return failure();
    result = std::make_shared<const HostTensor>(std::move(*folded));
  }
  if (failed(result))
    return failure();
  return **result;
}

FailureOr<HostTensor> minnow::importer::foldMax(const Folding &f) {
  return foldExtreme<true>(f);
}

FailureOr<HostTensor> minnow::importer::foldMin(const Folding &f) {
  return foldExtreme<false>(f);
}

FailureOr<HostTensor> minnow::importer::foldClip(const Folding &f) {
  auto result = f.get(0);
  if (failed(result))
    return failure();
  HostTensor value = **result;
  for (size_t i : {1, 2}) {
    if (!f.has(i))
      continue;
    auto pick = [&](auto x, auto y) {
      return i == 1 ? std::max(x, y) : std::min(x, y);
    };
    FailureOr<HostTensor> folded =
        fold2(f, std::make_shared<const HostTensor>(std::move(value)),
              f.inputs[i], pick, pick);
    if (failed(folded))
      return failure();
    value = std::move(*folded);
  }
  return value;
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

template <float (*op)(float)>
static FailureOr<HostTensor> foldUnary(const Folding &f) {
  auto value = f.get(0);
  if (failed(value) || failed(f.reserve((*value)->shape)))
    return failure();
  if (!(*value)->isFloat())
    return f.node.fail("the input holds integers, expected floats");
  HostTensor result = **value;
  for (float &x : std::get<0>(result.data))
    x = op(x);
  return result;
}

FailureOr<HostTensor> minnow::importer::foldCeil(const Folding &f) {
  return foldUnary<std::ceil>(f);
}

FailureOr<HostTensor> minnow::importer::foldFloor(const Folding &f) {
  return foldUnary<std::floor>(f);
}

FailureOr<HostTensor> minnow::importer::foldSqrt(const Folding &f) {
  return foldUnary<std::sqrt>(f);
}

FailureOr<HostTensor> minnow::importer::foldNeg(const Folding &f) {
  auto value = f.get(0);
  if (failed(value) || failed(f.reserve((*value)->shape)))
    return failure();
  HostTensor result = **value;
  if (result.isFloat())
    for (float &x : std::get<0>(result.data))
      x = -x;
  else
    for (int64_t &x : std::get<1>(result.data))
      x = int64_t(-uint64_t(x));
  return result;
}

static FailureOr<HostTensor>
castToInteger(const Folding &f, const HostTensor &value, int32_t type) {
  std::vector<int64_t> ints;
  if (!value.isFloat())
    ints = value.ints();
  else
    for (float x : value.floats()) {
      // Also false for NaN.
      if (!(std::fabs(x) < 0x1p62f))
        return f.node.fail("a value is not representable as an integer");
      ints.push_back(type == onnx::TensorProto::BOOL ? x != 0 : int64_t(x));
    }
  for (int64_t &x : ints)
    x = type == onnx::TensorProto::INT32  ? int32_t(x)
        : type == onnx::TensorProto::BOOL ? x != 0
                                          : x;
  return HostTensor{value.shape, std::move(ints)};
}

FailureOr<HostTensor> minnow::importer::foldCast(const Folding &f) {
  auto value = f.get(0);
  FailureOr<int64_t> type = f.node.getInt("to", 0);
  if (failed(value) || failed(type) || failed(f.reserve((*value)->shape)))
    return failure();
  switch (*type) {
  case onnx::TensorProto::FLOAT:
    if ((*value)->isFloat())
      return **value;
    return HostTensor{
        (*value)->shape,
        std::vector<float>((*value)->ints().begin(), (*value)->ints().end())};
  case onnx::TensorProto::INT64:
  case onnx::TensorProto::INT32:
  case onnx::TensorProto::BOOL:
    return castToInteger(f, **value, int32_t(*type));
  default:
    return f.node.fail(
        "casts to " +
        elementTypeName(int32_t(std::clamp<int64_t>(*type, -1, 1000))) +
        "; constants can be FLOAT, INT64, INT32 or BOOL");
  }
}
