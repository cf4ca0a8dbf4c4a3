//===- WeightSource.cpp - seeded weights ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// models/README.md states the formula; models/seeded.py is its other half. Only
// integers and exactly rounded operations are used, and no product is followed
// by a sum, so that no machine may contract them.
//===----------------------------------------------------------------------===//
#include "compiler/import/networks/WeightSource.h"
#include <cmath>

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

static constexpr uint64_t goldenRatio = 0x9e3779b97f4a7c15;

static uint64_t fnv1a(StringRef key) {
  uint64_t hash = 0xcbf29ce484222325;
  for (uint8_t byte : key.bytes())
    hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

/// Element `i`, in [-1, 1), of the sequence that begins at `start`.
static double uniform(uint64_t start, uint64_t i) {
  uint64_t z = start + (i + 1) * goldenRatio;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z = z ^ (z >> 31);
  return (double(z >> 40) - 0x1p23) * 0x1p-23;
}

/// The factor of tensors of at least two dimensions.
static double scaleOf(ArrayRef<int64_t> shape) {
  int64_t fanIn = 1, spatial = 1;
  for (int64_t size : shape.drop_front(1))
    fanIn *= size;
  for (int64_t size : shape.drop_front(2))
    spatial *= size;
  double gain = shape[1] > 1 && spatial > 1 ? 1.5 : 1.0625;
  return std::sqrt(3.0 / double(fanIn)) * gain;
}

std::optional<HostTensor>
minnow::importer::seededTensor(StringRef key, ArrayRef<int64_t> shape,
                               uint64_t seed) {
  double offset = 0, factor = 1;
  if (shape.size() >= 2)
    factor = scaleOf(shape);
  else if (key.ends_with(".gamma"))
    offset = 0.5, factor = 0.25;
  else if (key.ends_with(".weight") || key.ends_with(".running_var"))
    offset = 1, factor = 0.25;
  else if (key.ends_with(".bias") || key.ends_with(".running_mean"))
    factor = 0.125;
  else
    return std::nullopt;
  uint64_t start = fnv1a(key) ^ (seed * goldenRatio);
  std::vector<float> values(countElements(shape).value_or(0));
  // Where the offset is not 0 the product is exact, so contraction is harmless.
  for (auto [i, value] : enumerate(values))
    value = float(offset + uniform(start, i) * factor);
  return HostTensor{Shape(shape), std::move(values)};
}

namespace {
class SeededWeights : public WeightSource {
public:
  SeededWeights(uint64_t seed, Faults &faults) : seed(seed), faults(faults) {}

  LogicalResult check(const TensorList &wanted) override {
    for (const auto &[key, shape] : wanted)
      if (!seededTensor(key, Shape(shape.size(), 1), seed))
        return faults.add("random weights have no rule for " + quote(key));
    return success();
  }

  HostTensor read(StringRef key, ArrayRef<int64_t> shape) override {
    return *seededTensor(key, shape, seed);
  }

private:
  uint64_t seed;
  Faults &faults;
};
} // namespace

FailureOr<std::unique_ptr<WeightSource>>
minnow::importer::openWeights(StringRef weights, Faults &faults) {
  if (weights.empty())
    return faults.add("needs weights: --weights FILE.safetensors, or --weights "
                      "random:SEED where no trained ones exist");
  StringRef text = weights;
  if (!text.consume_front("random:"))
    return openSafetensors(weights, faults);
  uint64_t seed = 0;
  if (text.getAsInteger(10, seed))
    return faults.add("--weights " + weights.str() +
                      ": the seed must be a number from 0 to 2^64 - 1");
  return std::unique_ptr<WeightSource>(
      std::make_unique<SeededWeights>(seed, faults));
}
