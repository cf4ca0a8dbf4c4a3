//===- ShapesTest.cpp - pads, permutations, and kernels of several --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data movement is exact.
//===----------------------------------------------------------------------===//
#include "Testing.h"

using namespace minnow;
using namespace minnow::test;

TEST(Shapes, Pad) {
  Tensor x = makeRandom({1, 3, 4, 5});
  Tensor actual =
      executeOne("%x: tensor<1x3x4x5xf32>", "tensor<1x6x8x5xf32>",
                 "mobile.pad %x pad [1, 2, 3, 1] : tensor<1x3x4x5xf32> -> "
                 "tensor<1x6x8x5xf32>",
                 {x}, {1, 6, 8, 5});
  auto expected = makeMap({1, 6, 8, 5}, [&](auto n, auto y, auto v, auto c) {
    return x.at({n, y - 1, v - 3, c});
  });
  EXPECT_EQ(actual.data, expected.data);
}

TEST(Shapes, Transpose) {
  Tensor x = makeRandom({1, 3, 4, 5});
  Tensor actual =
      executeOne("%x: tensor<1x3x4x5xf32>", "tensor<1x4x5x3xf32>",
                 "mobile.transpose %x [0, 2, 3, 1] : tensor<1x3x4x5xf32> -> "
                 "tensor<1x4x5x3xf32>",
                 {x}, {1, 4, 5, 3});
  auto expected = makeMap({1, 4, 5, 3}, [&](auto n, auto y, auto v, auto c) {
    return x.at({n, c, y, v});
  });
  EXPECT_EQ(actual.data, expected.data);
}

TEST(Shapes, Reshape) {
  struct Case {
    const char *from, *to;
    std::vector<int64_t> fromShape, toShape;
  };
  const Case cases[] = {
      {"tensor<1x1x2x6xf32>", "tensor<3x4xf32>", {1, 1, 2, 6}, {3, 4}},
      {"tensor<12xf32>", "tensor<1x12xf32>", {12}, {1, 12}},
      {"tensor<3x4xf32>", "tensor<12xf32>", {3, 4}, {12}},
      {"tensor<f32>", "tensor<1x1xf32>", {}, {1, 1}},
      {"tensor<1x1xf32>", "tensor<f32>", {1, 1}, {}}};
  for (const Case &oneCase : cases) {
    Tensor x = makeRandom(oneCase.fromShape);
    std::string from = oneCase.from, to = oneCase.to;
    Tensor actual = executeOne("%x: " + from, to,
                               "mobile.reshape %x : " + from + " -> " + to, {x},
                               oneCase.toShape);
    EXPECT_EQ(actual.data, x.data) << from;
  }
}

TEST(Shapes, ArgumentsMayBeResults) {
  Tensor x = makeRandom({1, 3, 4, 5});
  Tensor actual =
      execute("mobile.kernel @k(%x: tensor<1x3x4x5xf32>) -> "
              "tensor<1x3x4x5xf32> { mobile.yield %x : tensor<1x3x4x5xf32> }",
              {x}, {1, 3, 4, 5});
  EXPECT_EQ(actual.data, x.data);
}

TEST(Shapes, KernelsMayGiveOneValueTwice) {
  auto module = parse(
      "mobile.kernel @k(%x: tensor<7xf32>) -> (tensor<7xf32>, tensor<7xf32>) {"
      "  %r = mobile.activate %x act relu : tensor<7xf32>"
      "  mobile.yield %r, %r : tensor<7xf32>, tensor<7xf32>"
      "}");
  Tensor x = makeRandom({7}), first({7}), second({7});
  auto kernel = *module->getOps<mobile::KernelOp>().begin();
  llvm::cantFail(
      evaluate(kernel, {x.data.data(), first.data.data(), second.data.data()}));
  for (int64_t i = 0; i < 7; ++i)
    EXPECT_EQ(first.at({i}), std::max(x.at({i}), 0.0f));
  EXPECT_EQ(first.data, second.data);
}
