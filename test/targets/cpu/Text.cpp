//===- Text.cpp - kernels as text -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The assembly of each primitive.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Text.h"
#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace minnow::test;

static std::string type(const Shape &shape) {
  return fmt::format("tensor<{}xf32>", fmt::join(shape, "x"));
}

static std::string list(const Shape &values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

static std::string actOf(const std::string &act) {
  return act == "none" ? "" : " act " + act;
}

Node KernelText::argument(const Shape &shape) {
  Node node{fmt::format("%a{}", count++), shape};
  arguments += fmt::format("{}{}: {}", arguments.empty() ? "" : ", ", node.name,
                           type(shape));
  return node;
}

Node KernelText::append(const std::string &op,
                        const std::vector<Node> &operands,
                        const std::string &attributes, const Shape &shape,
                        bool oneType) {
  Node node{fmt::format("%v{}", count++), shape};
  std::string types;
  for (const Node &operand : operands)
    types += (types.empty() ? "" : ", ") + type(operand.shape);
  body += fmt::format("  {} = mobile.{}{} : {}{}\n", node.name, op, attributes,
                      oneType ? "" : types + " -> ", type(shape));
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
    operands.push_back(argument({outputs}));
    text += " bias " + operands.back().name;
  }
  text += fmt::format(" stride {} pad {}{}", list({form.stride, form.stride}),
                      list(pad), actOf(form.act));
  return append(op, operands, text, {1, size(0), size(1), outputs});
}

Node KernelText::conv(const Node &input, const Conv &form) {
  Node filter =
      argument({form.kernel, form.kernel, input.shape[3], form.outputs});
  return window("conv2d", input, filter, form, form.outputs);
}

Node KernelText::depthwise(const Node &input, const Conv &form) {
  Node filter = argument({form.kernel, form.kernel, input.shape[3]});
  return window("depthwise_conv2d", input, filter, form, input.shape[3]);
}

Node KernelText::linear(const Node &input, int64_t outputs,
                        const std::string &act) {
  Node filter = argument({input.shape[1], outputs});
  Node bias = argument({outputs});
  return append("linear", {input, filter, bias},
                fmt::format(" {}, {} bias {}{}", input.name, filter.name,
                            bias.name, actOf(act)),
                {input.shape[0], outputs});
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
  return append("pool2d", {input},
                fmt::format(" average {} window {}", input.name,
                            list({input.shape[1], input.shape[2]})),
                {1, 1, 1, input.shape[3]});
}

Node KernelText::pool(const Node &input, const std::string &kind,
                      int64_t window, int64_t stride, int64_t pad,
                      bool countPad) {
  auto size = [&](int dim) {
    return (input.shape[dim] + 2 * pad - window) / stride + 1;
  };
  return append("pool2d", {input},
                fmt::format(" {} {} window {} stride {} pad {}{}", kind,
                            input.name, list({window, window}),
                            list({stride, stride}), list(Shape(4, pad)),
                            countPad ? " count_pad" : ""),
                {1, size(1), size(2), input.shape[3]});
}

Node KernelText::transpose(const Node &input, const Shape &permutation) {
  Shape shape;
  for (int64_t from : permutation)
    shape.push_back(input.shape[from]);
  return append("transpose", {input},
                fmt::format(" {} {}", input.name, list(permutation)), shape);
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
  return append("attention", {query, key, value},
                fmt::format(" {}, {}, {} heads {} scale {:e}", query.name,
                            key.name, value.name, heads, scale),
                shape);
}

std::string KernelText::finish(const Node &result,
                               const std::string &attributes) {
  return fmt::format("mobile.kernel @kernel({}) -> {} {} {{\n{}"
                     "  mobile.yield {} : {}\n}}\n",
                     arguments, type(result.shape), attributes, body,
                     result.name, type(result.shape));
}
