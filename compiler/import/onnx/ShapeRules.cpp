//===- ShapeRules.cpp - shapes that ONNX operators give -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Targets and axes come from the file, so every case that ONNX forbids is
// refused here.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/ShapeRules.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

FailureOr<Shape> minnow::importer::reshapedShape(const Node &node,
                                                 ArrayRef<int64_t> input,
                                                 ArrayRef<int64_t> target) {
  FailureOr<int64_t> allowZero = node.getInt("allowzero", 0);
  if (failed(allowZero))
    return failure();
  auto refuse = [&] {
    return node.fail("cannot reshape " + shapeText(input) + " to " +
                     shapeText(target));
  };
  Shape shape(target);
  for (auto [i, size] : enumerate(shape))
    if (size == 0 && !*allowZero) {
      if (i >= input.size())
        return refuse();
      size = input[i];
    }
  std::optional<int64_t> count = countElements(input);
  auto rest = find(shape, -1);
  if (rest != shape.end()) {
    *rest = 1;
    std::optional<int64_t> others = countElements(shape);
    if (!count || !others || *others == 0 || *count % *others != 0)
      return refuse();
    *rest = *count / *others;
  }
  if (!count || countElements(shape) != count)
    return refuse();
  return shape;
}

FailureOr<Shape> minnow::importer::flattenedShape(const Node &node,
                                                  ArrayRef<int64_t> input) {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis))
    return failure();
  // Unlike other operators' axes this one may be the rank itself.
  if (*axis != int64_t(input.size()))
    axis = node.normalizeAxis(*axis, input.size());
  if (failed(axis))
    return failure();
  return Shape{countElements(input.take_front(*axis)).value_or(0),
               countElements(input.drop_front(*axis)).value_or(0)};
}

FailureOr<Shape> minnow::importer::squeezedShape(const Node &node,
                                                 ArrayRef<int64_t> input,
                                                 ArrayRef<int64_t> axes) {
  FailureOr<Shape> normal = node.normalizeAxes(axes, input.size());
  if (failed(normal))
    return failure();
  Shape shape;
  for (auto [i, size] : enumerate(input)) {
    bool named = is_contained(*normal, int64_t(i));
    if (named && size != 1)
      return node.fail("cannot squeeze dimension " + Twine(i) + " of " +
                       shapeText(input) + ", which is not 1");
    if (!named && !(axes.empty() && size == 1))
      shape.push_back(size);
  }
  return shape;
}

FailureOr<Shape> minnow::importer::unsqueezedShape(const Node &node,
                                                   ArrayRef<int64_t> input,
                                                   ArrayRef<int64_t> axes) {
  size_t rank = input.size() + axes.size();
  if (rank > maxRank)
    return node.fail("gives " + Twine(rank) + " dimensions; at most " +
                     Twine(maxRank) + " are supported");
  FailureOr<Shape> normal = node.normalizeAxes(axes, rank);
  if (failed(normal))
    return failure();
  Shape shape(input);
  for (int64_t axis : *normal)
    shape.insert(shape.begin() + axis, 1);
  return shape;
}

FailureOr<Shape> minnow::importer::transposeOrder(const Node &node,
                                                  size_t rank) {
  Shape reversed = identityOrder(rank);
  std::reverse(reversed.begin(), reversed.end());
  FailureOr<Shape> order = node.getInts("perm", reversed);
  if (failed(order))
    return failure();
  Shape sorted = *order;
  sort(sorted);
  if (sorted != identityOrder(rank))
    return node.fail("perm " + shapeText(*order) +
                     " is no permutation of the input's " + Twine(rank) +
                     " dimensions");
  return order;
}
