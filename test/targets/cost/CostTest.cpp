//===- CostTest.cpp - the roofline against the paper's formula ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On a machine with one memory level the model is equation 1, so it must give
// the sums over MobileNetV4-Conv-S that follow from the paper's layer tables.
//===----------------------------------------------------------------------===//
#include "targets/cost/Cost.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

using namespace minnow::cost;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// One MAC a second and one memory of 1/ridge bytes a second: seconds are the
/// paper's MAC equivalents.
Machine makePaperMachine(double ridge) {
  Machine machine = {};
  machine.name = "paper";
  machine.macsPerSecond = 1;
  machine.levels = 1;
  machine.memory[0] = {"DRAM", kInfinity, 1 / ridge};
  return machine;
}

Machine makeCachedMachine() {
  Machine machine = {};
  machine.name = "cached";
  machine.macsPerSecond = 100;
  machine.callSeconds = 0.5;
  machine.stripLoss = 0.1;
  machine.levels = 3;
  machine.memory[0] = {"L1", 100, 64};
  machine.memory[1] = {"L2", 1000, 16};
  machine.memory[2] = {"DRAM", kInfinity, 1};
  return machine;
}

KernelShape makeKernel(double macs, double weights, double input,
                       double output) {
  KernelShape kernel;
  kernel.macs = macs;
  kernel.weightBytes = weights;
  kernel.inputBytes = input;
  kernel.outputBytes = output;
  return kernel;
}

//===----------------------------------------------------------------------===//
// MobileNetV4-Conv-S at 224, one byte an element
//===----------------------------------------------------------------------===//

/// Adds convolutions to a list and follows the size of the map.
class Layers {
public:
  Layers(int size, int channels) : size(size), channels(channels) {}

  Layers &conv(int kernel, int stride, int out) {
    return add(double(kernel) * kernel * channels * out, stride, out);
  }
  Layers &depthwise(int kernel, int stride) {
    return add(double(kernel) * kernel * channels, stride, channels);
  }
  /// A UIB; a kernel of 0 leaves that depthwise convolution out.
  Layers &uib(int start, int middle, int stride, int expanded, int out) {
    if (start)
      depthwise(start, 1);
    conv(1, 1, expanded);
    if (middle)
      depthwise(middle, stride);
    return conv(1, 1, out);
  }
  Layers &pool() {
    size = 1;
    return *this;
  }

  std::vector<KernelShape> kernels;

private:
  Layers &add(double weights, int stride, int out) {
    double input = double(size) * size * channels;
    size = (size + stride - 1) / stride;
    channels = out;
    double positions = double(size) * size;
    kernels.push_back(
        makeKernel(weights * positions, weights, input, positions * out));
    return *this;
  }

  int size;
  int channels;
};

std::vector<KernelShape> makeConvSmall() {
  Layers layers(224, 3);
  layers.conv(3, 2, 32);
  layers.conv(3, 2, 32).conv(1, 1, 32);
  layers.conv(3, 2, 96).conv(1, 1, 64);
  layers.uib(5, 5, 2, 192, 96);
  for (int i = 0; i < 4; ++i)
    layers.uib(0, 3, 1, 192, 96);
  layers.uib(3, 0, 1, 384, 96);
  layers.uib(3, 3, 2, 576, 128);
  layers.uib(5, 5, 1, 512, 128);
  layers.uib(0, 5, 1, 512, 128);
  layers.uib(0, 5, 1, 384, 128);
  layers.uib(0, 3, 1, 512, 128);
  layers.uib(0, 3, 1, 512, 128);
  layers.conv(1, 1, 960).pool().conv(1, 1, 1280).conv(1, 1, 1000);
  return layers.kernels;
}

double sumSeconds(const Machine &machine,
                  const std::vector<KernelShape> &kernels) {
  double seconds = 0;
  for (const KernelShape &kernel : kernels)
    seconds += estimate(machine, kernel, 0).seconds;
  return seconds;
}

} // namespace

TEST(CostTest, GivesTheSumsOfThePaperForConvSmall) {
  auto kernels = makeConvSmall();
  double macs = 0, weights = 0;
  for (const KernelShape &kernel : kernels) {
    macs += kernel.macs;
    weights += kernel.weightBytes;
  }
  EXPECT_EQ(macs, 186005568);
  EXPECT_EQ(weights, 3747936);

  const std::pair<double, double> sums[] = {
      {5, 197},    {31.2, 300},   {50, 407},     {100, 780},
      {200, 1556}, {347.3, 2703}, {433.8, 3376}, {500, 3891}};
  for (auto [ridge, millions] : sums)
    EXPECT_EQ(std::round(sumSeconds(makePaperMachine(ridge), kernels) / 1e6),
              millions)
        << "at a ridge of " << ridge;
}

TEST(CostTest, TheRidgeSeparatesTheTwoBounds) {
  Machine machine = makePaperMachine(40);
  EXPECT_DOUBLE_EQ(getRidge(machine), 40);
  EXPECT_EQ(estimate(machine, makeKernel(4100, 50, 30, 20), 0).bound,
            Bound::Macs);
  EXPECT_EQ(estimate(machine, makeKernel(3900, 50, 30, 20), 0).bound,
            Bound::Memory);
}

TEST(CostTest, TrafficComesFromTheLevelThatHoldsIt) {
  Machine machine = makeCachedMachine();
  KernelShape kernel = makeKernel(0, 0, 40, 40);
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).memorySeconds, 80.0 / 64);
  kernel.innerBytes = 100; // 180 bytes at once no longer fit L1
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).memorySeconds, 80.0 / 16);
}

TEST(CostTest, WeightsComeFromWhatHoldsTheNetworkAndThenStayNear) {
  Machine machine = makeCachedMachine();
  KernelShape kernel = makeKernel(0, 80, 0, 0);
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 500).memorySeconds, 80.0 / 16);
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 5000).memorySeconds, 80.0);
  kernel.weightPasses = 3;
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 5000).memorySeconds,
                   80.0 + 2 * 80.0 / 64);
}

TEST(CostTest, SmallMapsInsideReadWeightsOnce) {
  Machine machine = makeCachedMachine();
  machine.stripBytes = 40;
  KernelShape kernel = makeKernel(0, 80, 0, 0);
  kernel.weightPasses = 8;
  kernel.mapBytes = 40;
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).memorySeconds, 80.0 / 64);
  kernel.mapBytes = 41;
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).memorySeconds, 8 * 80.0 / 64);
}

TEST(CostTest, StripsAndCallsCostTime) {
  Machine machine = makeCachedMachine();
  KernelShape kernel = makeKernel(1000, 0, 0, 0);
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).seconds, 10.5);
  kernel.stripMacs = 1000;
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).seconds, 11.5);
}

TEST(CostTest, ProductsOfBytesHaveTheirOwnPeak) {
  Machine machine = makeCachedMachine();
  machine.byteMacsPerSecond = 400;
  machine.byteStripLoss = 0.5;
  KernelShape kernel = makeKernel(1000, 0, 0, 0);
  kernel.byteMacs = 800;
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).macSeconds, 4);
  kernel.stripMacs = 1000;
  kernel.elementwise = 100;
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).macSeconds,
                   2 * 1.1 + 2 * 1.5 + 1);
}

TEST(CostTest, SparedProductsTakeNoTime) {
  Machine machine = makeCachedMachine();
  KernelShape kernel = makeKernel(1000, 0, 0, 0);
  kernel.savedMacs = 250;
  EXPECT_DOUBLE_EQ(estimate(machine, kernel, 0).macSeconds, 7.5);
}

TEST(CostTest, MoreOfAnythingNeverTakesLess) {
  Machine machine = makeCachedMachine();
  double KernelShape::*const fields[] = {
      &KernelShape::macs,        &KernelShape::elementwise,
      &KernelShape::weightBytes, &KernelShape::weightPasses,
      &KernelShape::inputBytes,  &KernelShape::outputBytes,
      &KernelShape::innerBytes,  &KernelShape::mapBytes,
      &KernelShape::stripMacs};
  for (auto field : fields) {
    double before = 0;
    for (double amount = 1; amount < 1e6; amount *= 1.5) {
      KernelShape kernel = makeKernel(50, 20, 20, 20);
      kernel.*field = amount;
      double seconds = estimate(machine, kernel, 100).seconds;
      EXPECT_GE(seconds, before);
      before = seconds;
    }
  }
}
