//===- CompensatedRoundingTest.cpp - a few weights to 8 bits --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/CompensatedRounding.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace minnow;

namespace {
/// Neighbours that depend on each other like those of a photo, with weights.
struct Problem {
  Problem(size_t size, unsigned seed) : size(size) {
    std::mt19937 engine(seed);
    for (size_t i = 0; i < size; ++i)
      weights.push_back(engine() / 4294967296.0 * 8 - 4);
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < size; ++j)
        costs.push_back(std::pow(0.95, std::abs(double(i) - double(j))));
  }

  double getCost(llvm::ArrayRef<float> numbers) const {
    double cost = 0;
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < size; ++j)
        cost += (numbers[i] - weights[i]) * costs[i * size + j] *
                (numbers[j] - weights[j]);
    return cost;
  }

  std::vector<float> getNearest() const {
    std::vector<float> numbers;
    for (float weight : weights)
      numbers.push_back(std::nearbyint(weight));
    return numbers;
  }

  /// The least cost of all numbers within 3 of `numbers`.
  double search(std::vector<float> numbers, size_t tap = 0) const {
    if (tap == size)
      return getCost(numbers);
    double least = INFINITY;
    float middle = numbers[tap];
    for (int step = -3; step <= 3; ++step) {
      numbers[tap] = middle + step;
      least = std::min(least, search(numbers, tap + 1));
    }
    return least;
  }

  size_t size;
  std::vector<float> weights, costs;
};
} // namespace

TEST(CompensatedRounding, IsToNearestWhereNothingDepends) {
  Problem problem(9, 1);
  std::vector<float> numbers(9), diagonal(81, 0);
  for (size_t i = 0; i < 9; ++i)
    diagonal[i * 9 + i] = 1 + i % 4;
  double cost =
      CompensatedRounding(diagonal).round(problem.weights, 0.5f, 8, numbers);
  double wanted = 0;
  for (size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(numbers[i], std::nearbyint(problem.weights[i] / 0.5f));
    wanted += (1 + i % 4) * std::pow(numbers[i] * 0.5 - problem.weights[i], 2);
  }
  EXPECT_NEAR(cost, wanted, 1e-6);
}

TEST(CompensatedRounding, BeatsNearestWhereNeighboursDepend) {
  for (size_t size : {9, 25, 27}) {
    double nearest = 0, compensated = 0;
    for (unsigned seed = 0; seed < 20; ++seed) {
      Problem problem(size, seed);
      std::vector<float> numbers(size);
      double cost = CompensatedRounding(problem.costs)
                        .round(problem.weights, 1, 8, numbers);
      EXPECT_NEAR(cost, problem.getCost(numbers), 1e-4);
      compensated += cost;
      nearest += problem.getCost(problem.getNearest());
    }
    EXPECT_LT(compensated, nearest / 4) << size << " taps";
  }
}

TEST(CompensatedRounding, FindsTheBest) {
  double found = 0, best = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    Problem problem(5, seed);
    std::vector<float> numbers(5);
    found += CompensatedRounding(problem.costs)
                 .round(problem.weights, 1, 8, numbers);
    best += problem.search(problem.getNearest());
  }
  EXPECT_LE(best, found + 1e-4);
  EXPECT_LT(found, 1.02 * best);
}

TEST(CompensatedRounding, KeepsTheRange) {
  // The first needs 200 steps; what it lacks the second makes good in part.
  std::vector<float> numbers(2);
  CompensatedRounding({2, 0.9f, 0.9f, 1}).round({200, 0}, 1, 4, numbers);
  EXPECT_EQ(numbers[0], 127);
  EXPECT_EQ(numbers[1], 66);
}
