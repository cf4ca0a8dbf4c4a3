//===- Text.h - kernels as text ---------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes mobile.kernel's for tests: one line a primitive, types inferred.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_CPU_TEXT_H
#define MINNOW_TEST_TARGETS_CPU_TEXT_H

#include <string>
#include <vector>

namespace minnow::test {

using Shape = std::vector<int64_t>;

/// A map or a matrix in the kernel under construction.
struct Node {
  std::string name;
  Shape shape;
  std::string element = "f32"; // i8: products of it give i32, and take a zero
};

/// A convolution's attributes.
struct Conv {
  int64_t outputs;
  int64_t kernel = 1, stride = 1;
  Shape pad = {}; // empty: (kernel - 1) / 2 on all sides
  std::string act = "none";
  bool bias = true;
};

class KernelText {
public:
  /// With `isFixed` all rounding is of the fixed form.
  explicit KernelText(bool isFixed = false) : isFixed(isFixed) {}
  const bool isFixed;

  Node argument(const Shape &shape, const std::string &element = "f32");
  Node conv(const Node &input, const Conv &form);
  /// `form.outputs` is not read.
  Node depthwise(const Node &input, const Conv &form);
  Node linear(const Node &input, int64_t outputs, const std::string &act);
  Node add(const Node &lhs, const Node &rhs, const std::string &act = "none");
  Node mul(const Node &lhs, const Node &rhs, const std::string &act = "none");
  Node activate(const Node &input, const std::string &act);
  /// From i8, i32 or f32 to i8, with an addend if it has a name.
  /// `attribute` is one that it may have.
  Node requantize(const Node &input, const Node &addend = {},
                  const std::string &attribute = "");
  Node dequantize(const Node &input);
  Node lookUp(const Node &input);
  Node globalPool(const Node &input);
  Node pool(const Node &input, const std::string &kind, const Shape &window,
            int64_t stride, int64_t pad, bool countPad = false);
  Node transpose(const Node &input, const Shape &permutation);
  Node reshape(const Node &input, const Shape &shape);
  Node pad(const Node &input, const Shape &pad);
  Node softmax(const Node &input);
  Node attention(const Node &query, const Node &key, const Node &value,
                 int64_t heads, double scale);
  /// The module that gives `result`.
  std::string finish(const Node &result, const std::string &attributes = "");

private:
  Node window(const std::string &op, const Node &input, const Node &filter,
              const Conv &form, int64_t outputs);
  Node append(const std::string &op, const std::vector<Node> &operands,
              const std::string &attributes, const Shape &shape,
              bool oneType = false, const std::string &element = "f32");
  /// One factor for each channel of a sum, else one.
  Node scaleOf(const Node &input);
  std::string arguments, body;
  int count = 0;
};

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_CPU_TEXT_H
