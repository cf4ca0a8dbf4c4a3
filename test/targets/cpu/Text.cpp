//===- Text.cpp - kernels as text -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The assembly of each primitive.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Text.h"
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace minnow::test;

static std::string type(const Shape &shape,
                        const std::string &element = "f32") {
  return fmt::format("tensor<{}x{}>", fmt::join(shape, "x"), element);
}

/// What sums of products of `element` are.
static std::string sumOf(const std::string &element) {
  return element == "i8" ? "i32" : element;
}

static std::string list(const Shape &values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

static std::string actOf(const std::string &act) {
  return act == "none" ? "" : " act " + act;
}

Node KernelText::argument(const Shape &shape, const std::string &element) {
  Node node{fmt::format("%a{}", count++), shape, element};
  arguments += fmt::format("{}{}: {}", arguments.empty() ? "" : ", ", node.name,
                           type(shape, element));
  return node;
}

Node KernelText::append(const std::string &op,
                        const std::vector<Node> &operands,
                        const std::string &attributes, const Shape &shape,
                        bool oneType, const std::string &element) {
  Node node{fmt::format("%v{}", count++), shape, element};
  std::string types;
  for (const Node &operand : operands)
    types += (types.empty() ? "" : ", ") + type(operand.shape, operand.element);
  body += fmt::format("  {} = mobile.{}{} : {}{}\n", node.name, op, attributes,
                      oneType ? "" : types + " -> ", type(shape, element));
  return node;
}

Node KernelText::window(const std::string &op, const Node &input,
                        const Node &filter, const Conv &form, int64_t outputs) {
  int64_t half = (form.kernel - 1) / 2;
  Shape pad = form.pad.empty() ? Shape(4, half) : form.pad;
  auto size = [&](int dim) {
    int64_t padded = input.shape[1 + dim] + pad[2 * dim] + pad[2 * dim + 1];
    return (padded - form.kernel) / form.stride + 1;
  };
  std::vector<Node> operands = {input, filter};
  std::string text = fmt::format(" {}, {}", input.name, filter.name);
  if (form.bias) {
    operands.push_back(argument({outputs}, sumOf(input.element)));
    text += " bias " + operands.back().name;
  }
  bool isPadded =
      std::any_of(pad.begin(), pad.end(), [](int64_t p) { return p; });
  if (input.element == "i8" && isPadded) {
    operands.push_back(argument({1}, "i8"));
    text += " zero " + operands.back().name;
  }
  text += fmt::format(" stride {} pad {}{}", list({form.stride, form.stride}),
                      list(pad), actOf(form.act));
  return append(op, operands, text, {1, size(0), size(1), outputs}, false,
                sumOf(input.element));
}

Node KernelText::conv(const Node &input, const Conv &form) {
  Node filter = argument(
      {form.kernel, form.kernel, input.shape[3], form.outputs}, input.element);
  return window("conv2d", input, filter, form, form.outputs);
}

Node KernelText::depthwise(const Node &input, const Conv &form) {
  Node filter =
      argument({form.kernel, form.kernel, input.shape[3]}, input.element);
  return window("depthwise_conv2d", input, filter, form, input.shape[3]);
}

Node KernelText::linear(const Node &input, int64_t outputs,
                        const std::string &act) {
  Node filter = argument({input.shape[1], outputs}, input.element);
  Node bias = argument({outputs}, sumOf(input.element));
  return append("linear", {input, filter, bias},
                fmt::format(" {}, {} bias {}{}", input.name, filter.name,
                            bias.name, actOf(act)),
                {input.shape[0], outputs}, false, sumOf(input.element));
}

Node KernelText::scaleOf(const Node &input) {
  return argument({input.element == "i32" ? input.shape.back() : 1},
                  isFixed ? "i32" : "f32");
}

Node KernelText::requantize(const Node &input, const Node &addend,
                            const std::string &attribute) {
  std::vector<Node> operands = {input, scaleOf(input)};
  std::string text =
      fmt::format(" {} scale {}", input.name, operands.back().name);
  if (!addend.name.empty()) {
    operands.push_back(addend);
    operands.push_back(scaleOf(addend));
    text += fmt::format(" add {} scale {}", addend.name, operands.back().name);
  }
  operands.push_back(argument({6}, "i32"));
  text += " by " + operands.back().name;
  if (!attribute.empty())
    text += " {" + attribute + "}";
  return append("requantize", operands, text, input.shape, false, "i8");
}

Node KernelText::dequantize(const Node &input) {
  std::vector<Node> operands = {input, scaleOf(input)};
  std::string text =
      fmt::format(" {} scale {}", input.name, operands.back().name);
  if (input.element == "i8") {
    operands.push_back(argument({1}, "i32"));
    text += " zero " + operands.back().name;
  }
  return append("dequantize", operands, text, input.shape);
}

Node KernelText::lookUp(const Node &input) {
  Node table = argument({256}, "i8");
  return append("lookup", {input, table},
                fmt::format(" {} in {}", input.name, table.name), input.shape,
                false, "i8");
}

Node KernelText::add(const Node &lhs, const Node &rhs, const std::string &act) {
  return append("add", {lhs, rhs},
                fmt::format(" {}, {}{}", lhs.name, rhs.name, actOf(act)),
                lhs.shape);
}

Node KernelText::mul(const Node &lhs, const Node &rhs, const std::string &act) {
  return append("mul", {lhs, rhs},
                fmt::format(" {}, {}{}", lhs.name, rhs.name, actOf(act)),
                lhs.shape);
}

Node KernelText::activate(const Node &input, const std::string &act) {
  return append("activate", {}, fmt::format(" {} act {}", input.name, act),
                input.shape, /*oneType=*/true);
}

Node KernelText::globalPool(const Node &input) {
  return pool(input, "average", {input.shape[1], input.shape[2]}, 1, 0);
}

Node KernelText::pool(const Node &input, const std::string &kind,
                      const Shape &window, int64_t stride, int64_t pad,
                      bool countPad) {
  auto size = [&](int dim) {
    return (input.shape[dim + 1] + 2 * pad - window[dim]) / stride + 1;
  };
  std::vector<Node> operands = {input};
  std::string zero, element = input.element;
  if (element == "i8" && kind == "average") {
    operands.push_back(argument({1}, "i8"));
    zero = " zero " + operands.back().name;
    element = "i32";
  }
  return append("pool2d", operands,
                fmt::format(" {} {}{} window {} stride {} pad {}{}", kind,
                            input.name, zero, list(window),
                            list({stride, stride}), list(Shape(4, pad)),
                            countPad ? " count_pad" : ""),
                {1, size(0), size(1), input.shape[3]}, false, element);
}

Node KernelText::transpose(const Node &input, const Shape &permutation) {
  Shape shape;
  for (int64_t from : permutation)
    shape.push_back(input.shape[from]);
  return append("transpose", {input},
                fmt::format(" {} {}", input.name, list(permutation)), shape,
                false, input.element);
}

Node KernelText::reshape(const Node &input, const Shape &shape) {
  return append("reshape", {input}, " " + input.name, shape);
}

Node KernelText::pad(const Node &input, const Shape &pad) {
  Shape shape = {1, input.shape[1] + pad[0] + pad[1],
                 input.shape[2] + pad[2] + pad[3], input.shape[3]};
  return append("pad", {input},
                fmt::format(" {} pad {}", input.name, list(pad)), shape);
}

Node KernelText::softmax(const Node &input) {
  return append("softmax", {}, " " + input.name, input.shape, true);
}

Node KernelText::attention(const Node &query, const Node &key,
                           const Node &value, int64_t heads, double scale) {
  Shape shape = query.shape;
  shape[3] = value.shape[3] * heads * (query.shape[3] / heads) / key.shape[3];
  std::vector<Node> operands = {query, key, value};
  std::string by;
  if (query.element == "i8") {
    operands.push_back(argument({2}, isFixed ? "i32" : "f32"));
    operands.push_back(argument({6}, "i32"));
    by = fmt::format(" by {}, {}", operands[3].name, operands[4].name);
    if (isFixed) {
      operands.push_back(argument({256}, "i8"));
      by += ", " + operands[5].name;
    }
  }
  return append("attention", operands,
                fmt::format(" {}, {}, {}{} heads {} scale {:e}", query.name,
                            key.name, value.name, by, heads, scale),
                shape, false, query.element);
}

std::string KernelText::finish(const Node &result,
                               const std::string &attributes) {
  return fmt::format("mobile.kernel @kernel({}) -> {} {} {{\n{}"
                     "  mobile.yield {} : {}\n}}\n",
                     arguments, type(result.shape, result.element), attributes,
                     body, result.name, type(result.shape, result.element));
}
