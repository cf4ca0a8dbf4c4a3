//===- ValuesTest.cpp - numbers in and out of a network
//---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions, the error metric, probabilities.
//===----------------------------------------------------------------------===//
#include "runtime/Values.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace minnow;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

minnow_tensor_info tensorOf(minnow_type type, uint64_t elements, float scale,
                            int32_t zeroPoint) {
  minnow_tensor_info tensor = {};
  tensor.type = type;
  tensor.elements = elements;
  tensor.scale = scale;
  tensor.zero_point = zeroPoint;
  return tensor;
}

TEST(Values, ErrorIsRelativeToTheLargest) {
  EXPECT_DOUBLE_EQ(relativeError({1, 2, 4}, {1, 2, 4}), 0);
  EXPECT_DOUBLE_EQ(relativeError({1, 2, 5}, {1, 2, 4}), 0.25);
  EXPECT_DOUBLE_EQ(relativeError({0.5f}, {0}), 0.5);
}

TEST(Values, NotANumberNeverPasses) {
  EXPECT_TRUE(std::isinf(relativeError({NAN}, {1})));
  EXPECT_TRUE(std::isinf(relativeError({1}, {NAN})));
  EXPECT_TRUE(std::isinf(relativeError({kInfinity}, {kInfinity})));
}

TEST(Values, SoftmaxDoesNotOverflow) {
  const std::vector<float> result = softmax({1000, 1000, -1000});
  EXPECT_FLOAT_EQ(result[0], 0.5f);
  EXPECT_FLOAT_EQ(result[1], 0.5f);
  EXPECT_EQ(result[2], 0.0f);
}

TEST(Values, LargestAreInOrder) {
  EXPECT_EQ(largest({1, 5, 3, 5}, 3), (std::vector<uint32_t>{1, 3, 2}));
  EXPECT_EQ(largest({NAN, 1}, 5), (std::vector<uint32_t>{1, 0}));
}

TEST(Values, IntegersRoundAndClamp) {
  const minnow_tensor_info tensor = tensorOf(MINNOW_TYPE_S8, 5, 0.5f, 10);
  int8_t stored[5];
  fromFloats({0, 0.25f, 0.75f, 1000, -1000}, tensor, stored);
  // 10, 10.5 and 11.5 to even, then the ends of the range.
  EXPECT_EQ(stored[0], 10);
  EXPECT_EQ(stored[1], 10);
  EXPECT_EQ(stored[2], 12);
  EXPECT_EQ(stored[3], 127);
  EXPECT_EQ(stored[4], -128);
  EXPECT_EQ(toFloats(tensor, stored)[2], 1.0f);
}

TEST(Values, EveryHalfSurvives) {
  std::vector<uint16_t> halves;
  for (uint32_t bits = 0; bits < 0x10000; ++bits)
    if ((bits & 0x7c00) != 0x7c00 || !(bits & 0x3ff))
      halves.push_back(static_cast<uint16_t>(bits));
  const minnow_tensor_info tensor =
      tensorOf(MINNOW_TYPE_F16, halves.size(), 0, 0);
  std::vector<uint16_t> back(halves.size());
  fromFloats(toFloats(tensor, halves.data()), tensor, back.data());
  EXPECT_EQ(back, halves);
}

TEST(Values, HalvesRoundToEven) {
  const minnow_tensor_info tensor = tensorOf(MINNOW_TYPE_F16, 5, 0, 0);
  uint16_t stored[5];
  fromFloats({2049, 2051, 65519, 65520, 2.9802322e-8f}, tensor, stored);
  EXPECT_EQ(toFloats(tensor, stored)[0], 2048.0f);
  EXPECT_EQ(toFloats(tensor, stored)[1], 2052.0f);
  EXPECT_EQ(stored[2], 0x7bff);
  EXPECT_EQ(stored[3], 0x7c00);
  EXPECT_EQ(stored[4], 0);
}

} // namespace
