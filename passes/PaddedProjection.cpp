//===- PaddedProjection.cpp - a shift through padding ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Once for each position of the result; maps that attention reads are small.
//===----------------------------------------------------------------------===//
#include "passes/PaddedProjection.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

std::optional<PaddedProjection> PaddedProjection::match(Operation *op) {
  auto depthwise = dyn_cast<DepthwiseConv2DOp>(op);
  if (!depthwise || depthwise.getActivation() != Activation::None ||
      !depthwise->hasOneUse())
    return std::nullopt;
  auto projection = dyn_cast<Conv2DOp>(*depthwise->user_begin());
  if (!projection || !projection.isPointwise() ||
      projection.getInput() != depthwise.getResult() ||
      projection.getActivation() != Activation::None ||
      projection.getType().getNumElements() >
          depthwise.getInput().getType().getNumElements())
    return std::nullopt;
  return PaddedProjection{depthwise, projection};
}

/// The sum of the taps of channel `c` that lie inside the map where (y, x) of
/// the result is computed.
static double sumTaps(DepthwiseConv2DOp depthwise, ArrayRef<float> filter,
                      int64_t y, int64_t x, int64_t c) {
  auto size = depthwise.getInput().getType().getShape();
  auto taps = depthwise.getFilter().getType().getShape();
  int64_t top = y * depthwise.getStrides()[0] - depthwise.getPad()[0];
  int64_t left = x * depthwise.getStrides()[1] - depthwise.getPad()[2];
  double sum = 0;
  for (int64_t i = 0; i < taps[0]; ++i)
    for (int64_t j = 0; j < taps[1]; ++j)
      if (top + i >= 0 && top + i < size[1] && left + j >= 0 &&
          left + j < size[2])
        sum += filter[(i * taps[1] + j) * taps[2] + c];
  return sum;
}

FailureOr<std::vector<float>> PaddedProjection::run(ArrayRef<double> shift,
                                                    FoldWeights &weights) {
  auto filter = weights.read(depthwise.getFilter());
  auto matrix = weights.read(projection.getFilter());
  if (failed(filter) || failed(matrix))
    return failure();
  auto shape = projection.getType().getShape();
  std::vector<float> result;
  for (int64_t y = 0; y < shape[1]; ++y)
    for (int64_t x = 0; x < shape[2]; ++x) {
      std::vector<double> sums(shape[3]);
      for (size_t c = 0; c < shift.size(); ++c) {
        double value = shift[c] * sumTaps(depthwise, *filter, y, x, c);
        for (size_t o = 0; o < sums.size(); ++o)
          sums[o] += value * (*matrix)[c * sums.size() + o];
      }
      result.insert(result.end(), sums.begin(), sums.end());
    }
  // The same for each image of a batch.
  std::vector<float> image = result;
  for (int64_t n = 1; n < shape[0]; ++n)
    result.insert(result.end(), image.begin(), image.end());
  return result;
}
