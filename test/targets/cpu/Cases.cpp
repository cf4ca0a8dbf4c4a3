//===- Cases.cpp - random kernels of bytes --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A seed gives the kind, the sizes and what follows the product.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Cases.h"
#include <cstdlib>
#include <random>

using namespace minnow;
using namespace minnow::test;

static int64_t choose(std::mt19937 &random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

/// Often a multiple of 8, as networks have them.
static int64_t chooseChannels(std::mt19937 &random, int64_t most) {
  return choose(random, 0, 3) ? 8 * choose(random, 1, most / 8)
                              : choose(random, 1, most);
}

/// Whether a window fits into the map with its border.
static bool isValid(const Case &made) {
  int64_t least = made.uneven ? 2 : 1;
  // Of one row no machine makes one kernel of several products.
  int64_t leastRows = made.kind == Kind::Block ? 2 : least;
  return made.height >= leastRows && made.width >= least;
}

Case test::makeCase(unsigned seed) {
  std::mt19937 random(seed);
  Case made;
  made.kind = Kind(seed % unsigned(Kind::NumKinds));
  made.height = choose(random, 1, 17), made.width = choose(random, 1, 33);
  made.inputs = chooseChannels(random, 128);
  made.outputs = chooseChannels(random, 128);
  made.kernel = 2 * choose(random, 1, 3) + 1;
  made.stride = choose(random, 1, 2);
  made.uneven = choose(random, 0, 3) == 0;
  made.extra = choose(random, 0, 8);
  if (!isValid(made))
    made.uneven = false;
  return made;
}

Case test::makeBlock(unsigned seed) {
  Case made = makeCase(seed);
  made.kind = Kind::Block;
  made.height = std::max<int64_t>(made.height, 2);
  if (made.extra == 1) // A residual is of the input's size.
    made.uneven = false;
  return made;
}

/// The terms of the sums of a product.
static int64_t getDepth(const Case &made) {
  int64_t window = made.kernel * made.kernel;
  switch (made.kind) {
  case Kind::Convolution:
    return window * made.inputs;
  case Kind::Depthwise:
    return window;
  case Kind::Stem:
    return 3 * window;
  case Kind::Deep:
    return 8 * made.inputs;
  default:
    return made.inputs;
  }
}

/// What is said of the numbers by which a sum is rounded. Bytes of more terms
/// could reach what a rectified one must be less than.
static std::string getAttribute(const Case &made) {
  constexpr int64_t kMostTerms = 500;
  switch (made.extra) {
  case 4:
    return "unbounded";
  case 6:
    return getDepth(made) > kMostTerms ? "" : "rectified";
  case 7:
  case 8:
    return "full";
  default:
    return "";
  }
}

/// What follows a sum: rounding, with a residual or a table, or floats.
static Node finishSum(KernelText &text, const Node &sum, const Case &made) {
  int64_t extra = made.extra;
  if (extra == 0 && !text.isFixed)
    return text.dequantize(sum);
  bool isAdded = extra == 1 || extra == 8;
  Node addend = isAdded ? text.argument(sum.shape, "i8") : Node();
  Node result =
      text.requantize(sum, addend, text.isFixed ? "" : getAttribute(made));
  return extra == 2 ? text.lookUp(result) : result;
}

static Conv getConv(const Case &made) {
  Conv conv{made.outputs, made.kernel, made.stride};
  int64_t pad = made.kernel / 2;
  if (made.uneven && pad)
    conv.pad = {pad - 1, pad, pad - 1, pad};
  return conv;
}

/// A Mobile MQA: its keys and values of half the resolution or of all of it.
static Node buildMqa(KernelText &text, const Case &made) {
  int64_t heads = made.outputs % 3 + 1, width = 4 * (made.outputs / 16 + 1);
  Node input = text.argument({1, made.height, made.width, made.inputs}, "i8");
  auto project = [&](const Node &map, int64_t channels) {
    return text.requantize(text.conv(map, {channels}));
  };
  Node query = project(input, heads * width), maps[2];
  for (Node &map : maps) {
    map = input;
    if (made.stride == 2)
      map = text.requantize(text.depthwise(input, {made.inputs, 3, 2}));
    map = project(map, width);
  }
  Node out = text.attention(query, maps[0], maps[1], heads, 0.125);
  return text.requantize(text.conv(out, {made.inputs}), input);
}

/// An inverted bottleneck, alone or with a residual, a depthwise convolution or
/// a table before it; a fused one; or parts of them.
static Node buildBlock(KernelText &text, const Case &made) {
  int64_t wide = (made.kernel - 1) * made.inputs / 2, size = made.kernel;
  if (made.extra == 6 && !text.isFixed)
    return buildMqa(text, made);
  Node input = text.argument({1, made.height, made.width, made.inputs}, "i8");
  Conv window = getConv(made), same{wide, 3, 1};
  window.outputs = wide;
  auto rounded = [&](const Node &sum) { return text.requantize(sum); };
  switch (made.extra) {
  case 0:
    return rounded(
        text.conv(rounded(text.conv(input, window)), {made.outputs}));
  case 1: {
    Node expanded = rounded(text.conv(input, {wide}));
    Node middle = rounded(text.depthwise(expanded, {wide, size, 1}));
    return text.requantize(text.conv(middle, {made.inputs}), input);
  }
  case 2: {
    Node start = rounded(text.depthwise(input, same));
    Node expanded = text.lookUp(rounded(text.conv(start, {wide})));
    Node middle = rounded(text.depthwise(expanded, window));
    return rounded(text.conv(middle, {made.outputs}));
  }
  case 3:
    return rounded(text.depthwise(rounded(text.conv(input, {wide})), window));
  case 4:
    return rounded(
        text.conv(rounded(text.depthwise(input, window)), {made.outputs}));
  case 5: // no windows: all positions are one row
    return rounded(
        text.conv(rounded(text.conv(input, {wide})), {made.outputs}));
  default: {
    Node expanded = rounded(text.conv(input, {wide}));
    Node middle = rounded(text.depthwise(expanded, window));
    return rounded(text.conv(middle, {made.outputs}));
  }
  }
}

Node test::build(KernelText &text, const Case &made) {
  Shape shape = {1, made.height, made.width, made.inputs};
  switch (made.kind) {
  case Kind::Pointwise:
    return finishSum(
        text, text.conv(text.argument(shape, "i8"), {made.outputs}), made);
  case Kind::Convolution:
    return finishSum(text, text.conv(text.argument(shape, "i8"), getConv(made)),
                     made);
  case Kind::Depthwise:
    return finishSum(
        text, text.depthwise(text.argument(shape, "i8"), getConv(made)), made);
  case Kind::Deep: {
    Node map = text.argument(
        {1, made.height % 4 + 1, made.width % 4 + 1, 8 * made.inputs}, "i8");
    return finishSum(text, text.conv(map, {8 * made.outputs}), made);
  }
  case Kind::Stem: {
    // Rows of at least four vectors are rounded in whole ones.
    int64_t width = made.width + (made.extra == 3 ? 60 : 0);
    Node planes =
        text.argument({1, 3, made.height, width}, text.isFixed ? "i8" : "f32");
    Node map = text.transpose(planes, {0, 2, 3, 1});
    Node sum =
        text.conv(text.isFixed ? map : text.requantize(map), getConv(made));
    return finishSum(text, sum, made);
  }
  case Kind::Linear:
    return finishSum(
        text,
        text.linear(text.argument(
                        {made.extra == 3 ? made.height : 1, made.inputs}, "i8"),
                    made.outputs, "none"),
        made);
  case Kind::Attention: {
    int64_t heads = made.extra % 3 + 1, members = made.uneven ? heads : 1;
    int64_t width = 2 * (made.inputs / 4 + 1);
    int64_t valueWidth = made.outputs / 2 + 1;
    if (text.isFixed) { // Of others the slow way is known.
      members = heads;
      width = 4 * (width / 4 + 1);
      valueWidth = 32 * (made.outputs % 3 + 1);
    }
    Node q = text.argument({1, made.height, made.width, heads * width}, "i8");
    Shape keys = {1, (made.height + 1) / 2, (made.width + 1) / 2, 0};
    keys[3] = heads / members * width;
    Node k = text.argument(keys, "i8");
    keys[3] = heads / members * valueWidth;
    return text.attention(q, k, text.argument(keys, "i8"), heads, 0.125);
  }
  case Kind::Block:
    return buildBlock(text, made);
  case Kind::Pool: {
    Node in = text.argument(shape, "i8");
    if (made.extra == 0)
      return text.pool(in, "max", {made.kernel, made.kernel}, made.stride,
                       made.kernel / 2);
    if (made.extra == 1)
      return text.requantize(text.pool(in, "average",
                                       {made.kernel, made.kernel}, made.stride,
                                       made.kernel / 2, true));
    return text.requantize(text.globalPool(in));
  }
  default:
    break;
  }
  if (made.extra == 0)
    return text.requantize(text.argument(shape, text.isFixed ? "i8" : "f32"));
  if (made.extra == 1 && !text.isFixed)
    return text.dequantize(text.argument(shape, "i8"));
  if (made.extra == 2)
    return text.lookUp(text.argument(shape, "i8"));
  Node in = text.argument(shape, "i8");
  return text.requantize(in, text.argument(shape, "i8"));
}

/// Halves one number after the other while `check` finds a fault; returns the
/// last one.
static std::string reduce(Case made, std::string failure,
                          llvm::function_ref<std::string(const Case &)> check) {
  int64_t Case::*numbers[] = {&Case::height, &Case::width, &Case::inputs,
                              &Case::outputs};
  for (auto number : numbers)
    for (int64_t smaller = made.*number / 2; smaller > 0; smaller /= 2) {
      Case tried = made;
      tried.*number = smaller;
      if (!isValid(tried))
        continue;
      std::string why = check(tried);
      if (why.empty())
        break;
      failure = why;
      made = tried;
    }
  return failure;
}

static int readNumber(const char *name, int otherwise) {
  const char *text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

void test::checkCases(
    Case (*make)(unsigned), int count,
    llvm::function_ref<std::string(const Case &, unsigned)> check,
    llvm::function_ref<void(const std::string &)> fail) {
  // A block takes as long as several kernels of one product.
  constexpr int kKernelsOfBlock = 6;
  int first = readNumber("MINNOW_BYTE_SEED", 1), failures = 0;
  if (int kernels = readNumber("MINNOW_BYTE_KERNELS", 0))
    count = make == makeBlock ? kernels / kKernelsOfBlock : kernels;
  for (int seed = first; seed < first + count && failures < 4; ++seed) {
    Case made = make(seed);
    std::string failure = check(made, seed);
    if (failure.empty())
      continue;
    ++failures;
    fail("seed " + std::to_string(seed) + ": " +
         reduce(made, failure,
                [&](const Case &smaller) { return check(smaller, seed); }));
  }
}
