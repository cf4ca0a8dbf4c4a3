//===- Windows.cpp - ONNX operators that move a window --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions, pooling and padding: paddings become explicit, in the order
// top, bottom, left, right.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Converters.h"

using namespace llvm;
using namespace minnow::importer;
using minnow::mobile::PoolKind;
using mlir::failed, mlir::FailureOr;

/// Larger than any window, stride or padding that means something, and small
/// enough that sums of a few never overflow.
static constexpr int64_t maxExtent = int64_t(1) << 20;

/// The attribute, `count` numbers from `low` to maxExtent.
static FailureOr<Shape> getExtents(const Node &node, StringRef name,
                                   ArrayRef<int64_t> missing, size_t count,
                                   int64_t low) {
  FailureOr<Shape> values = node.getInts(name, missing);
  if (failed(values))
    return failure();
  if (values->size() == count && all_of(*values, [&](int64_t value) {
        return value >= low && value <= maxExtent;
      }))
    return values;
  return node.fail(name + " " + shapeText(*values) + " must be " +
                   Twine(count) + " numbers, each from " + Twine(low) + " to " +
                   Twine(maxExtent) + " (only 2-D windows are supported)");
}

/// The padding of one axis before and after the input for `auto_pad`.
static std::pair<int64_t, int64_t> samePadding(int64_t size, int64_t window,
                                               int64_t stride, bool upper) {
  int64_t steps = (size + stride - 1) / stride;
  int64_t total = std::max<int64_t>((steps - 1) * stride + window - size, 0);
  int64_t less = total / 2, more = total - less;
  return upper ? std::pair(less, more) : std::pair(more, less);
}

static LogicalResult readPadding(const Node &node, ArrayRef<int64_t> input,
                                 Window &window) {
  FailureOr<std::string> mode = node.getString("auto_pad", "NOTSET");
  FailureOr<Shape> pads = getExtents(node, "pads", {0, 0, 0, 0}, 4, 0);
  if (failed(mode) || failed(pads))
    return failure();
  if (*mode == "SAME_UPPER" || *mode == "SAME_LOWER") {
    for (int i : {0, 1})
      std::tie(window.pad[2 * i], window.pad[2 * i + 1]) =
          samePadding(input[2 + i], window.size[i], window.strides[i],
                      *mode == "SAME_UPPER");
    return success();
  }
  if (*mode == "VALID")
    return success();
  if (*mode != "NOTSET")
    return node.fail("auto_pad " + quote(*mode) + " is unknown");
  // ONNX: top, left, bottom, right.
  window.pad = {(*pads)[0], (*pads)[2], (*pads)[1], (*pads)[3]};
  return success();
}

/// The window of a node whose input is a map of shape `input`. `kernel` is the
/// window's size if the node need not say it.
static FailureOr<Window> readWindow(const Node &node, ArrayRef<int64_t> input,
                                    ArrayRef<int64_t> kernel) {
  if (input.size() != 4)
    return node.fail("the input has the shape " + shapeText(input) +
                     ", expected [batch, channels, height, width]");
  FailureOr<Shape> size = getExtents(node, "kernel_shape", kernel, 2, 1);
  FailureOr<Shape> strides = getExtents(node, "strides", {1, 1}, 2, 1);
  FailureOr<Shape> dilations = getExtents(node, "dilations", {1, 1}, 2, 1);
  if (failed(size) || failed(strides) || failed(dilations))
    return failure();
  if (*dilations != Shape{1, 1})
    return node.fail("dilations " + shapeText(*dilations) +
                     " are not supported, only [1, 1]");
  Window window{{(*size)[0], (*size)[1]}, {(*strides)[0], (*strides)[1]}};
  if (failed(readPadding(node, input, window)))
    return failure();
  return window;
}

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

/// Whether the convolution is depthwise; a failure if it has other groups.
static FailureOr<bool> isDepthwise(const Node &node, ArrayRef<int64_t> input,
                                   ArrayRef<int64_t> filter) {
  FailureOr<int64_t> group = node.getInt("group", 1);
  if (failed(group))
    return failure();
  if (*group == 1)
    return false;
  if (*group == input[1] && filter[0] == input[1] && filter[1] == 1)
    return true;
  return node.fail("group " + Twine(*group) + " with filter " +
                   shapeText(filter) + " on " + Twine(input[1]) +
                   " channels is not supported; group must be 1, or the "
                   "number of channels with as many filters");
}

FailureOr<Tensor> minnow::importer::convertConv(Graph &graph,
                                                const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<Weight> filter = graph.weight(node, 1);
  if (failed(x) || failed(filter))
    return failure();
  if (filter->shape().size() != 4)
    return node.fail("the filter has the shape " + shapeText(filter->shape()) +
                     ", expected [out, in, height, width]");
  Shape kernel(filter->shape().drop_front(2));
  FailureOr<Window> window = readWindow(node, x->shape(), kernel);
  if (failed(window))
    return failure();
  if (ArrayRef<int64_t>(window->size) != ArrayRef<int64_t>(kernel))
    return node.fail("kernel_shape " + shapeText(window->size) +
                     " is not that of the filter " +
                     shapeText(filter->shape()));
  FailureOr<bool> depthwise = isDepthwise(node, x->shape(), filter->shape());
  if (failed(depthwise))
    return failure();
  if (!node.hasInput(2))
    return graph.getBuilder().convolution(*x, *filter, nullptr, *depthwise,
                                          *window);
  FailureOr<Weight> bias = graph.weight(node, 2);
  if (failed(bias))
    return failure();
  return graph.getBuilder().convolution(*x, *filter, &*bias, *depthwise,
                                        *window);
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

/// Applies ceil_mode: the last, partial window becomes a whole one by padding,
/// unless it would begin beyond the input. Returns whether it padded.
static bool padToCeiling(Window &window, ArrayRef<int64_t> input) {
  bool padded = false;
  for (int i : {0, 1}) {
    int64_t size = input[2 + i] + window.pad[2 * i] + window.pad[2 * i + 1];
    int64_t stride = window.strides[i];
    int64_t rest = (size - window.size[i]) % stride;
    int64_t lastStart = size - window.size[i] + stride - rest;
    if (rest <= 0 || lastStart >= input[2 + i] + window.pad[2 * i])
      continue;
    window.pad[2 * i + 1] += stride - rest;
    padded = true;
  }
  return padded;
}

static FailureOr<Tensor> convertPool(Graph &graph, const Node &node,
                                     PoolKind kind) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<int64_t> ceiling = node.getInt("ceil_mode", 0);
  FailureOr<int64_t> countPad = node.getInt("count_include_pad", 0);
  if (failed(x) || failed(ceiling) || failed(countPad))
    return failure();
  FailureOr<Window> window = readWindow(node, x->shape(), {});
  if (failed(window))
    return failure();
  if (*ceiling && padToCeiling(*window, x->shape()) && *countPad)
    return node.fail("ceil_mode together with count_include_pad is not "
                     "supported where a window is partial");
  return graph.getBuilder().pool(*x, kind, *window, *countPad != 0);
}

FailureOr<Tensor> minnow::importer::convertAveragePool(Graph &graph,
                                                       const Node &node) {
  return convertPool(graph, node, PoolKind::Average);
}

FailureOr<Tensor> minnow::importer::convertMaxPool(Graph &graph,
                                                   const Node &node) {
  return convertPool(graph, node, PoolKind::Max);
}

FailureOr<Tensor> minnow::importer::convertGlobalAveragePool(Graph &graph,
                                                             const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  return graph.getBuilder().globalPool(*x, PoolKind::Average);
}

FailureOr<Tensor> minnow::importer::convertGlobalMaxPool(Graph &graph,
                                                         const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  if (failed(x))
    return failure();
  return graph.getBuilder().globalPool(*x, PoolKind::Max);
}

//===----------------------------------------------------------------------===//
// Padding
//===----------------------------------------------------------------------===//

/// Spreads paddings of `axes`, all befores then all afters, over `rank` axes.
static FailureOr<Shape> spreadPadding(const Node &node, ArrayRef<int64_t> pads,
                                      ArrayRef<int64_t> axes, size_t rank) {
  if (pads.size() != 2 * axes.size())
    return node.fail("has " + Twine(pads.size()) + " paddings, expected " +
                     Twine(2 * axes.size()));
  Shape all(2 * rank, 0);
  for (auto [i, axis] : enumerate(axes)) {
    FailureOr<int64_t> normal = node.normalizeAxis(axis, rank);
    if (failed(normal))
      return failure();
    all[*normal] = pads[i];
    all[rank + *normal] = pads[axes.size() + i];
  }
  return all;
}

FailureOr<Tensor> minnow::importer::convertPad(Graph &graph, const Node &node) {
  FailureOr<Tensor> x = graph.tensor(node, 0);
  FailureOr<std::string> mode = node.getString("mode", "constant");
  FailureOr<Shape> pads = graph.integers(node, 1);
  FailureOr<float> value = graph.scalar(node, 2, 0);
  if (failed(x) || failed(mode) || failed(pads) || failed(value))
    return failure();
  FailureOr<Shape> axes = node.hasInput(3)
                              ? graph.integers(node, 3)
                              : FailureOr<Shape>(identityOrder(x->rank()));
  if (failed(axes) ||
      failed(pads = spreadPadding(node, *pads, *axes, x->rank())))
    return failure();
  if (*mode != "constant" || *value != 0)
    return node.fail("pads by mode " + quote(*mode) + " with " +
                     std::to_string(*value) +
                     "; only constant zeros are supported");
  auto isSize = [](int64_t size) { return size >= 0 && size <= maxExtent; };
  if (x->rank() != 4 || !all_of(*pads, isSize) || (*pads)[0] || (*pads)[1] ||
      (*pads)[4] || (*pads)[5])
    return node.fail("pads " + shapeText(*pads) + " on " +
                     shapeText(x->shape()) +
                     " are not supported; only height and width can be "
                     "padded, by 0 or more");
  return graph.getBuilder().pad(
      *x, {(*pads)[2], (*pads)[6], (*pads)[3], (*pads)[7]});
}
