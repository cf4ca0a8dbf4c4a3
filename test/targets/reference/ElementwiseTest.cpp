//===- ElementwiseTest.cpp - single elements against libm -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emitted polynomials of exp and erf are held to a few units in the last
// place over the whole range that activations meet.
//===----------------------------------------------------------------------===//
#include "Testing.h"
#include <cmath>

using namespace minnow::test;

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
static double hardSigmoid(double x) {
  return std::min(std::max(x / 6 + 0.5, 0.0), 1.0);
}

namespace {
struct Formula {
  const char *name;
  double (*value)(double);
};
} // namespace

static const Formula kFormulas[] = {
    {"relu", [](double x) { return std::max(x, 0.0); }},
    {"relu6", [](double x) { return std::min(std::max(x, 0.0), 6.0); }},
    {"hard_sigmoid", hardSigmoid},
    {"hard_swish", [](double x) { return x * hardSigmoid(x); }},
    {"sigmoid", sigmoid},
    {"silu", [](double x) { return x * sigmoid(x); }},
    {"gelu",
     [](double x) { return x / 2 * (1 + std::erf(x * std::sqrt(0.5))); }},
};

TEST(Elementwise, Activations) {
  // From -32 to 32, denser around 0, and where exp over- and underflows.
  Tensor x({4099});
  for (int64_t i = 0; i < 4096; ++i)
    x[{i}] = float(std::pow((i - 2048) / 2048.0, 3) * 32);
  x[{4096}] = 120, x[{4097}] = -120, x[{4098}] = -88.5f;
  for (const Formula &formula : kFormulas) {
    SCOPED_TRACE(formula.name);
    Tensor expected = x;
    for (float &element : expected.data)
      element = float(formula.value(element));
    Tensor actual = executeOne("%x: tensor<4099xf32>", "tensor<4099xf32>",
                               std::string("mobile.activate %x act ") +
                                   formula.name + " : tensor<4099xf32>",
                               {x}, {4099});
    for (size_t i = 0; i < x.data.size(); ++i)
      EXPECT_NEAR(actual.data[i], expected.data[i],
                  1e-6 * std::max(1.0f, std::fabs(x.data[i])))
          << "at " << x.data[i];
  }
}

TEST(Elementwise, NanIsNotHidden) {
  Tensor x({2});
  x[{0}] = NAN;
  for (const Formula &formula : kFormulas) {
    Tensor actual = executeOne("%x: tensor<2xf32>", "tensor<2xf32>",
                               std::string("mobile.activate %x act ") +
                                   formula.name + " : tensor<2xf32>",
                               {x}, {2});
    EXPECT_TRUE(std::isnan(actual.at({0}))) << formula.name;
  }
}

TEST(Elementwise, AddAndMulRepeatTheirRightOperand) {
  struct Case {
    const char *type;
    std::vector<int64_t> shape;
  };
  const Case cases[] = {{"tensor<1x3x5x7xf32>", {1, 3, 5, 7}},
                        {"tensor<7xf32>", {7}},
                        {"tensor<1x1x1x7xf32>", {1, 1, 1, 7}},
                        {"tensor<1x3x1x1xf32>", {1, 3, 1, 1}}};
  Tensor lhs = makeRandom({1, 3, 5, 7});
  for (const Case &oneCase : cases) {
    SCOPED_TRACE(oneCase.type);
    std::string type = oneCase.type;
    Tensor rhs = makeRandom(oneCase.shape, 1);
    auto right = [&](int64_t y, int64_t x, int64_t c) {
      if (rhs.shape.size() == 1)
        return rhs.at({c});
      auto clip = [&](int64_t i, int dim) {
        return rhs.shape[dim] == 1 ? 0 : i;
      };
      return rhs.at({0, clip(y, 1), clip(x, 2), clip(c, 3)});
    };
    for (bool isMul : {false, true})
      expectNear(executeOne("%a: tensor<1x3x5x7xf32>, %b: " + type,
                            "tensor<1x3x5x7xf32>",
                            std::string(isMul ? "mobile.mul" : "mobile.add") +
                                " %a, %b act relu : tensor<1x3x5x7xf32>, " +
                                type + " -> tensor<1x3x5x7xf32>",
                            {lhs, rhs}, {1, 3, 5, 7}),
                 makeMap({1, 3, 5, 7}, [&](auto n, auto y, auto x, auto c) {
                   double a = lhs.at({n, y, x, c}), b = right(y, x, c);
                   return std::max(isMul ? a * b : a + b, 0.0);
                 }));
  }
}

TEST(Elementwise, BatchNorm) {
  Tensor x = makeRandom({1, 3, 5, 6}), scale = makeRandom({6}, 1);
  Tensor offset = makeRandom({6}, 2), mean = makeRandom({6}, 3);
  Tensor variance = makeRandom({6}, 4);
  for (float &element : variance.data)
    element = std::fabs(element);
  Tensor actual = executeOne(
      "%x: tensor<1x3x5x6xf32>, %s: tensor<6xf32>, %o: tensor<6xf32>, "
      "%m: tensor<6xf32>, %v: tensor<6xf32>",
      "tensor<1x3x5x6xf32>",
      "mobile.batch_norm %x, %s, %o, %m, %v epsilon 1.0e-3 : "
      "tensor<1x3x5x6xf32>, tensor<6xf32>",
      {x, scale, offset, mean, variance}, {1, 3, 5, 6});
  expectNear(actual, makeMap({1, 3, 5, 6}, [&](auto n, auto y, auto v, auto c) {
               return scale.at({c}) * (x.at({n, y, v, c}) - mean.at({c})) /
                          std::sqrt(variance.at({c}) + 1e-3) +
                      offset.at({c});
             }));
}

TEST(Elementwise, Softmax) {
  Tensor x = makeRandom({3, 41});
  for (float &element : x.data)
    element *= 100; // So exp of it would overflow.
  Tensor expected({3, 41});
  for (int64_t i = 0; i < 3; ++i) {
    double largest = -INFINITY, sum = 0;
    for (int64_t j = 0; j < 41; ++j)
      largest = std::max(largest, double(x.at({i, j})));
    for (int64_t j = 0; j < 41; ++j)
      sum += std::exp(x.at({i, j}) - largest);
    for (int64_t j = 0; j < 41; ++j)
      expected[{i, j}] = float(std::exp(x.at({i, j}) - largest) / sum);
  }
  expectNear(executeOne("%x: tensor<3x41xf32>", "tensor<3x41xf32>",
                        "mobile.softmax %x : tensor<3x41xf32>", {x}, {3, 41}),
             expected);
}
