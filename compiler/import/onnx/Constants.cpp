//===- Constants.cpp - folds what does not depend on an input -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of the operators that make and move constants; Arithmetic.cpp has
// those that compute.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Constants.h"
#include "compiler/import/onnx/ShapeRules.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

FailureOr<HostTensorPtr> Folding::get(size_t i) const {
  if (!has(i))
    return node.fail("input " + Twine(i) + " is missing");
  return inputs[i];
}

FailureOr<Shape> Folding::integers(size_t i) const {
  auto value = get(i);
  if (failed(value))
    return failure();
  if ((*value)->isFloat() || (*value)->shape.size() > 1 ||
      (*value)->size() > maxRank)
    return node.fail("input " + Twine(i) +
                     " must be a short vector of integers");
  return Shape(ArrayRef((*value)->ints()));
}

FailureOr<Shape> Folding::axes(size_t i, ArrayRef<int64_t> missing) const {
  return has(i) ? integers(i) : node.getInts("axes", missing);
}

LogicalResult Folding::reserve(ArrayRef<int64_t> shape) const {
  if (any_of(shape, [](int64_t size) { return size < 0; }))
    return node.fail("gives a constant of the negative shape " +
                     shapeText(shape));
  // Rules loop over the other dimensions even where one is 0.
  Shape atLeastOne(map_range(
      shape, [](int64_t size) { return size == 0 ? int64_t(1) : size; }));
  std::optional<int64_t> count = countElements(atLeastOne);
  if (!count || *count > budget)
    return node.fail("gives a constant of shape " + shapeText(shape) +
                     ", which is too large to compute at compile time");
  budget -= *count;
  return success();
}

HostTensor minnow::importer::gatherElements(const HostTensor &source,
                                            Shape shape,
                                            ArrayRef<int64_t> positions) {
  return std::visit(
      [&](const auto &elements) {
        std::decay_t<decltype(elements)> result;
        result.reserve(positions.size());
        for (int64_t position : positions)
          result.push_back(elements[position]);
        return HostTensor{std::move(shape), std::move(result)};
      },
      source.data);
}

//===----------------------------------------------------------------------===//
// Making constants
//===----------------------------------------------------------------------===//

FailureOr<HostTensor> minnow::importer::foldConstant(const Folding &f) {
  if (const auto *value = f.node.find("value"))
    return f.model.tensor(value->t(), f.node.what());
  if (const auto *value = f.node.find("value_float"))
    return HostTensor{{}, std::vector<float>{value->f()}};
  if (const auto *value = f.node.find("value_int"))
    return HostTensor{{}, std::vector<int64_t>{value->i()}};
  if (const auto *value = f.node.find("value_floats"))
    return HostTensor{
        {value->floats_size()},
        std::vector<float>(value->floats().begin(), value->floats().end())};
  if (const auto *value = f.node.find("value_ints"))
    return HostTensor{
        {value->ints_size()},
        std::vector<int64_t>(value->ints().begin(), value->ints().end())};
  return f.node.fail("holds neither a dense tensor nor numbers");
}

FailureOr<HostTensor> minnow::importer::foldConstantOfShape(const Folding &f) {
  FailureOr<Shape> shape = f.integers(0);
  if (failed(shape) || failed(f.reserve(*shape)))
    return failure();
  HostTensor value{{1}, std::vector<float>{0}};
  if (const auto *attribute = f.node.find("value")) {
    FailureOr<HostTensor> given = f.model.tensor(attribute->t(), f.node.what());
    if (failed(given))
      return failure();
    value = std::move(*given);
  }
  if (value.size() != 1)
    return f.node.fail("attribute 'value' must hold one number");
  std::vector<int64_t> positions(*countElements(*shape), 0);
  return gatherElements(value, *shape, positions);
}

FailureOr<HostTensor> minnow::importer::foldShape(const Folding &f) {
  int64_t rank = f.shape.size();
  FailureOr<int64_t> start = f.node.getInt("start", 0);
  FailureOr<int64_t> end = f.node.getInt("end", rank);
  if (failed(start) || failed(end))
    return failure();
  auto clamp = [&](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  int64_t first = clamp(*start), last = std::max(first, clamp(*end));
  ArrayRef<int64_t> shape = f.shape.slice(first, last - first);
  return HostTensor{{int64_t(shape.size())},
                    std::vector<int64_t>(shape.begin(), shape.end())};
}

//===----------------------------------------------------------------------===//
// Moving constants
//===----------------------------------------------------------------------===//

FailureOr<HostTensor> minnow::importer::foldIdentity(const Folding &f) {
  auto value = f.get(0);
  if (failed(value) || failed(f.reserve((*value)->shape)))
    return failure();
  return **value;
}

/// The same elements under the shape that `rule` gives.
template <typename Rule>
static FailureOr<HostTensor> foldReshaping(const Folding &f, Rule rule) {
  auto value = f.get(0);
  if (failed(value))
    return failure();
  FailureOr<Shape> shape = rule((*value)->shape);
  if (failed(shape) || failed(f.reserve(*shape)))
    return failure();
  return HostTensor{*shape, (*value)->data};
}

FailureOr<HostTensor> minnow::importer::foldReshape(const Folding &f) {
  FailureOr<Shape> target = f.integers(1);
  if (failed(target))
    return failure();
  return foldReshaping(f, [&](ArrayRef<int64_t> shape) {
    return reshapedShape(f.node, shape, *target);
  });
}

FailureOr<HostTensor> minnow::importer::foldFlatten(const Folding &f) {
  return foldReshaping(f, [&](ArrayRef<int64_t> shape) {
    return flattenedShape(f.node, shape);
  });
}

FailureOr<HostTensor> minnow::importer::foldSqueeze(const Folding &f) {
  FailureOr<Shape> axes = f.axes(1, {});
  if (failed(axes))
    return failure();
  return foldReshaping(f, [&](ArrayRef<int64_t> shape) {
    return squeezedShape(f.node, shape, *axes);
  });
}

FailureOr<HostTensor> minnow::importer::foldUnsqueeze(const Folding &f) {
  FailureOr<Shape> axes = f.axes(1, {});
  if (failed(axes))
    return failure();
  return foldReshaping(f, [&](ArrayRef<int64_t> shape) {
    return unsqueezedShape(f.node, shape, *axes);
  });
}

FailureOr<HostTensor> minnow::importer::foldTranspose(const Folding &f) {
  auto value = f.get(0);
  if (failed(value))
    return failure();
  FailureOr<Shape> order = transposeOrder(f.node, (*value)->shape.size());
  if (failed(order) || failed(f.reserve((*value)->shape)))
    return failure();
  return gatherElements(**value, permuted((*value)->shape, *order),
                        permutedPositions((*value)->shape, *order));
}

/// The shape around dimension `axis`: the products of what is before and after.
static std::pair<int64_t, int64_t> around(ArrayRef<int64_t> shape,
                                          int64_t axis) {
  return {*countElements(shape.take_front(axis)),
          *countElements(shape.drop_front(axis + 1))};
}

FailureOr<HostTensor> minnow::importer::foldGather(const Folding &f) {
  auto data = f.get(0), indices = f.get(1);
  FailureOr<int64_t> axis = f.node.getInt("axis", 0);
  if (failed(data) || failed(indices) || failed(axis) ||
      failed(axis = f.node.normalizeAxis(*axis, (*data)->shape.size())))
    return failure();
  if ((*indices)->isFloat())
    return f.node.fail("indices must be integers");
  Shape shape = (*data)->shape;
  int64_t size = shape[*axis];
  auto [outer, inner] = around(shape, *axis);
  shape.erase(shape.begin() + *axis);
  shape.insert(shape.begin() + *axis, (*indices)->shape.begin(),
               (*indices)->shape.end());
  if (failed(f.reserve(shape)))
    return failure();
  std::vector<int64_t> positions;
  for (int64_t o : seq(outer))
    for (int64_t index : (*indices)->ints()) {
      if (index < -size || index >= size)
        return f.node.fail("index " + Twine(index) + " does not exist in " +
                           Twine(size) + " elements");
      for (int64_t i : seq(inner))
        positions.push_back(
            (o * size + (index < 0 ? index + size : index)) * inner + i);
    }
  return gatherElements(**data, shape, positions);
}

/// Appends `part` to `result` along a dimension: rows of `width` elements of
/// `part` come after those that `result` has, `outer` times.
static void interleave(HostTensor &result, const HostTensor &part,
                       int64_t outer) {
  std::visit(
      [&](auto &to) {
        const auto &from = std::get<std::decay_t<decltype(to)>>(part.data);
        int64_t width = outer ? from.size() / outer : 0;
        int64_t before = outer ? to.size() / outer : 0;
        std::decay_t<decltype(to)> joined;
        for (int64_t o : seq(outer)) {
          joined.insert(joined.end(), to.begin() + o * before,
                        to.begin() + (o + 1) * before);
          joined.insert(joined.end(), from.begin() + o * width,
                        from.begin() + (o + 1) * width);
        }
        to = std::move(joined);
      },
      result.data);
}

FailureOr<HostTensor> minnow::importer::foldConcat(const Folding &f) {
  auto first = f.get(0);
  FailureOr<int64_t> axis = f.node.getInt("axis", 0);
  if (failed(first) || failed(axis) ||
      failed(axis = f.node.normalizeAxis(*axis, (*first)->shape.size())))
    return failure();
  HostTensor result = **first;
  for (size_t i = 1; i < f.inputs.size(); ++i) {
    auto part = f.get(i);
    if (failed(part))
      return failure();
    if ((*part)->isFloat() != result.isFloat())
      return f.node.fail("input " + Twine(i) +
                         " and the first are not both floats or integers");
    Shape expected = (*part)->shape;
    if (expected.size() == result.shape.size())
      expected[*axis] = result.shape[*axis];
    if (expected != result.shape)
      return f.node.fail("input " + Twine(i) + " of shape " +
                         shapeText((*part)->shape) + " does not match " +
                         shapeText(result.shape));
    result.shape[*axis] += (*part)->shape[*axis];
    if (failed(f.reserve(result.shape)))
      return failure();
    interleave(result, **part, around(result.shape, *axis).first);
  }
  return result;
}

/// Which indices of a dimension of `size` a slice takes.
static std::vector<int64_t> slicedIndices(int64_t size, int64_t start,
                                          int64_t end, int64_t step) {
  auto clamp = [&](int64_t i, int64_t low, int64_t high) {
    return std::clamp(i < 0 ? i + size : i, low, high);
  };
  std::vector<int64_t> indices;
  // Sizes are below 2^32, so a step beyond them takes one element only.
  step = std::clamp(step, -maxElements - 1, maxElements + 1);
  if (step > 0)
    for (int64_t i = clamp(start, 0, size); i < clamp(end, 0, size); i += step)
      indices.push_back(i);
  else
    for (int64_t i = clamp(start, 0, size - 1); i > clamp(end, -1, size - 1);
         i += step)
      indices.push_back(i);
  return indices;
}

static FailureOr<HostTensor> sliceAxis(const HostTensor &data, int64_t axis,
                                       ArrayRef<int64_t> indices) {
  auto [outer, inner] = around(data.shape, axis);
  int64_t size = data.shape[axis];
  Shape shape = data.shape;
  shape[axis] = indices.size();
  std::vector<int64_t> positions;
  for (int64_t o : seq(outer))
    for (int64_t index : indices)
      for (int64_t i : seq(inner))
        positions.push_back((o * size + index) * inner + i);
  return gatherElements(data, shape, positions);
}

FailureOr<HostTensor> minnow::importer::foldSlice(const Folding &f) {
  auto data = f.get(0);
  FailureOr<Shape> starts = f.integers(1), ends = f.integers(2);
  if (failed(data) || failed(starts) || failed(ends))
    return failure();
  FailureOr<Shape> axes = f.has(3)
                              ? f.integers(3)
                              : FailureOr<Shape>(identityOrder(starts->size()));
  FailureOr<Shape> steps =
      f.has(4) ? f.integers(4) : FailureOr<Shape>(Shape(starts->size(), 1));
  if (failed(axes) || failed(steps))
    return failure();
  if (ends->size() != starts->size() || axes->size() != starts->size() ||
      steps->size() != starts->size())
    return f.node.fail("has " + Twine(starts->size()) + " starts, " +
                       Twine(ends->size()) + " ends, " + Twine(axes->size()) +
                       " axes and " + Twine(steps->size()) +
                       " steps; expected as many of each");
  if (is_contained(*steps, 0))
    return f.node.fail("a step is 0");
  HostTensor result = **data;
  for (size_t i : seq(starts->size())) {
    auto axis = f.node.normalizeAxis((*axes)[i], result.shape.size());
    if (failed(axis) || failed(f.reserve(result.shape)))
      return failure();
    // A dimension without elements has no last index to clamp to.
    if (result.shape[*axis] == 0)
      continue;
    result = *sliceAxis(result, *axis,
                        slicedIndices(result.shape[*axis], (*starts)[i],
                                      (*ends)[i], (*steps)[i]));
  }
  return result;
}
