//===- AttentionTest.cpp - matmul and attention against their formulas ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes are odd and differ from each other, so that no two of them can be mixed
// up unseen.
//===----------------------------------------------------------------------===//
#include "Testing.h"
#include <cmath>
#include <fmt/format.h>

using namespace minnow::test;

TEST(Attention, MatmulRepeatsItsRightOperand) {
  Tensor lhs = makeRandom({2, 3, 5, 7}), rhs = makeRandom({2, 1, 7, 4}, 1);
  Tensor expected = makeMap({2, 3, 5, 4}, [&](int b, int h, int m, int n) {
    double sum = 0;
    for (int k = 0; k < 7; ++k)
      sum += lhs.at({b, h, m, k}) * rhs.at({b, 0, k, n});
    return sum;
  });
  Tensor actual = executeOne(
      "%a: tensor<2x3x5x7xf32>, %b: tensor<2x1x7x4xf32>", "tensor<2x3x5x4xf32>",
      "mobile.matmul %a, %b : tensor<2x3x5x7xf32>, tensor<2x1x7x4xf32> -> "
      "tensor<2x3x5x4xf32>",
      {lhs, rhs}, {2, 3, 5, 4});
  expectNear(actual, expected);
}

/// What attention is for 6 heads of width 5 (values: 3) over 2x7 queries and
/// 3x4 keys that have `keyHeads` heads.
static Tensor attend(const Tensor &query, const Tensor &key,
                     const Tensor &value, int keyHeads) {
  return makeMap({1, 2, 7, 18}, [&](int, int y, int x, int channel) {
    int head = channel / 3, group = head / (6 / keyHeads);
    double weighted = 0, total = 0;
    for (int m = 0; m < 12; ++m) {
      double logit = 0;
      for (int d = 0; d < 5; ++d)
        logit += query.at({0, y, x, head * 5 + d}) *
                 key.at({0, m / 4, m % 4, group * 5 + d});
      double weight = std::exp(0.5 * logit);
      total += weight;
      weighted += weight * value.at({0, m / 4, m % 4, group * 3 + channel % 3});
    }
    return weighted / total;
  });
}

TEST(Attention, HeadsShareKeysAndValues) {
  for (int keyHeads : {1, 2, 6}) {
    SCOPED_TRACE(keyHeads);
    Tensor query = makeRandom({1, 2, 7, 30}),
           key = makeRandom({1, 3, 4, 5 * keyHeads}, 1),
           value = makeRandom({1, 3, 4, 3 * keyHeads}, 2);
    std::string types =
        fmt::format("tensor<1x2x7x30xf32>, tensor<1x3x4x{}xf32>, "
                    "tensor<1x3x4x{}xf32>",
                    5 * keyHeads, 3 * keyHeads);
    Tensor actual = executeOne(
        fmt::format("%q: tensor<1x2x7x30xf32>, %k: tensor<1x3x4x{}xf32>, "
                    "%v: tensor<1x3x4x{}xf32>",
                    5 * keyHeads, 3 * keyHeads),
        "tensor<1x2x7x18xf32>",
        "mobile.attention %q, %k, %v heads 6 scale 5.0e-01 : " + types +
            " -> tensor<1x2x7x18xf32>",
        {query, key, value}, {1, 2, 7, 18});
    expectNear(actual, attend(query, key, value, keyHeads));
  }
}
