//===- CompensatedRounding.cpp - a few weights to 8 bits ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/CompensatedRounding.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace minnow;
using llvm::ArrayRef;

/// Cholesky's factorisation. Rows are rounded from the last to the first, and
/// the last are to be the dear ones, whose product with the others is fixed: so
/// each row takes the weight that those before leave the least of.
CompensatedRounding::CompensatedRounding(ArrayRef<float> costs)
    : size(std::lround(std::sqrt(costs.size()))), factor(size * size, 0) {
  std::vector<double> rest(costs.begin(), costs.end());
  std::vector<size_t> open(size);
  std::iota(open.begin(), open.end(), 0);
  std::vector<double> rows; // of R, their columns not yet in order
  while (!open.empty()) {
    auto least = llvm::min_element(open, [&](size_t a, size_t b) {
      return rest[a * size + a] < rest[b * size + b];
    });
    size_t pivot = *least;
    order.push_back(pivot);
    const double *row = rest.data() + pivot * size;
    double root = std::sqrt(row[pivot]);
    for (size_t i = 0; i < size; ++i)
      rows.push_back(row[i] / root);
    open.erase(least);
    const double *found = rows.data() + rows.size() - size;
    for (size_t i : open)
      for (size_t j : open)
        rest[i * size + j] -= found[i] * found[j];
  }
  for (size_t row = 0; row < size; ++row)
    for (size_t column = row; column < size; ++column)
      factor[row * size + column] = rows[row * size + order[column]];
}

namespace {

/// The weights of the last rows rounded, and where those before would be best,
/// in multiples of the scale.
struct Beginning {
  double cost = 0;
  std::vector<double> numbers, targets;
};

/// One more weight rounded to `number`.
struct Step {
  double cost, number;
  const Beginning *from;
};

} // namespace

/// To the nearest number, and to the one on its other side.
static void addSteps(const Beginning &from, size_t row, double root,
                     std::vector<Step> &steps) {
  double target = from.targets[row];
  double nearest = std::clamp(std::nearbyint(target), -127.0, 127.0);
  double other = nearest + (target > nearest ? 1 : -1);
  for (double number : {nearest, other}) {
    double error = root * (number - target);
    if (std::abs(number) <= 127)
      steps.push_back({from.cost + error * error, number, &from});
  }
}

double CompensatedRounding::round(ArrayRef<float> weights, float scale,
                                  unsigned width,
                                  llvm::MutableArrayRef<float> numbers) const {
  std::vector<double> wanted;
  for (size_t weight : order)
    wanted.push_back(double(weights[weight]) / scale);
  std::vector<Beginning> kept{{0, std::vector<double>(size), wanted}};
  for (size_t row = size; row-- > 0;) {
    std::vector<Step> steps;
    for (const Beginning &beginning : kept)
      addSteps(beginning, row, factor[row * size + row], steps);
    llvm::stable_sort(
        steps, [](const Step &a, const Step &b) { return a.cost < b.cost; });
    std::vector<Beginning> next;
    for (const Step &step : llvm::ArrayRef(steps).take_front(width)) {
      Beginning &beginning = next.emplace_back(*step.from);
      beginning.cost = step.cost;
      beginning.numbers[row] = step.number;
      for (size_t before = 0; before < row; ++before)
        beginning.targets[before] -= (step.number - wanted[row]) *
                                     factor[before * size + row] /
                                     factor[before * size + before];
    }
    kept = std::move(next);
  }
  for (auto [weight, number] : llvm::zip_equal(order, kept[0].numbers))
    numbers[weight] = number;
  return kept[0].cost * scale * scale;
}
