//===- Cost.cpp - the roofline of the MobileNetV4 paper -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equation 1 of the paper with a bandwidth for each level of memory: on a
// machine with one level it is the paper's formula to the letter.
//===----------------------------------------------------------------------===//
#include "targets/cost/Cost.h"
#include <algorithm>
#include <numeric>

using namespace minnow::cost;

/// The smallest level that holds `bytes`.
static unsigned findLevel(const Machine &machine, double bytes) {
  for (unsigned i = 0; i + 1 < machine.levels; ++i)
    if (bytes <= machine.memory[i].bytes)
      return i;
  return machine.levels - 1;
}

namespace {

/// The time that a kernel's bytes take, by the levels that they come from.
struct Traffic {
  const Machine &machine;
  double seconds[kMaxLevels] = {};

  /// Adds bytes from the level that holds `footprint`.
  void add(double bytes, double footprint) {
    unsigned level = findLevel(machine, footprint);
    seconds[level] += bytes / machine.memory[level].bytesPerSecond;
  }
};

} // namespace

double minnow::cost::getRidge(const Machine &machine) {
  return machine.macsPerSecond /
         machine.memory[machine.levels - 1].bytesPerSecond;
}

bool minnow::cost::runsWhole(const Machine &machine,
                             const KernelShape &kernel) {
  return machine.stripBytes && kernel.mapBytes <= machine.stripBytes;
}

Estimate minnow::cost::estimate(const Machine &machine,
                                const KernelShape &kernel,
                                double networkBytes) {
  double activations = kernel.inputBytes + kernel.outputBytes;
  double workingSet = activations + kernel.innerBytes + kernel.weightBytes;

  Estimate result;
  // An element operation takes an instruction slot, as a MAC does.
  double strips = kernel.macs ? kernel.stripMacs / kernel.macs : 0;
  double products = (kernel.macs - kernel.byteMacs - kernel.savedMacs) /
                    machine.macsPerSecond * (1 + machine.stripLoss * strips);
  if (kernel.byteMacs)
    products += kernel.byteMacs / machine.byteMacsPerSecond *
                (1 + machine.byteStripLoss * strips);
  result.macSeconds = products + kernel.elementwise / machine.macsPerSecond;
  Traffic traffic{machine};
  traffic.add(activations, workingSet);
  double passes = runsWhole(machine, kernel) ? 1 : kernel.weightPasses;
  traffic.add(kernel.weightBytes * (passes - 1),
              kernel.weightBytes + kernel.innerBytes);
  traffic.add(kernel.weightBytes, std::max(networkBytes, workingSet));
  const double *all = traffic.seconds;
  result.memorySeconds = std::accumulate(all, all + machine.levels, 0.0);
  result.level = std::max_element(all, all + machine.levels) - all;
  result.bound =
      result.macSeconds >= result.memorySeconds ? Bound::Macs : Bound::Memory;
  result.seconds =
      machine.callSeconds + std::max(result.macSeconds, result.memorySeconds);
  return result;
}
