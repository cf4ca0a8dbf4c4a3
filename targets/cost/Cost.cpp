//===- Cost.cpp - the roofline of the MobileNetV4 paper -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equation 1 of the paper with a bandwidth for each level of memory: on a
// machine with one level it is the paper's formula to the letter.
//===----------------------------------------------------------------------===//
#include "targets/cost/Cost.h"
#include <algorithm>

using namespace minnow::cost;

/// Bandwidth of the smallest level that holds `bytes`.
static double getBandwidth(const Machine &machine, double bytes) {
  for (unsigned i = 0; i + 1 < machine.levels; ++i)
    if (bytes <= machine.memory[i].bytes)
      return machine.memory[i].bytesPerSecond;
  return machine.memory[machine.levels - 1].bytesPerSecond;
}

double minnow::cost::getRidge(const Machine &machine) {
  return machine.macsPerSecond /
         machine.memory[machine.levels - 1].bytesPerSecond;
}

Estimate minnow::cost::estimate(const Machine &machine,
                                const KernelShape &kernel,
                                double networkBytes) {
  double activations = kernel.inputBytes + kernel.outputBytes;
  double workingSet = activations + kernel.innerBytes + kernel.weightBytes;

  Estimate result;
  // An element operation takes an instruction slot, as a MAC does.
  result.macSeconds = (kernel.macs + machine.stripLoss * kernel.stripMacs +
                       kernel.elementwise) /
                      machine.macsPerSecond;
  result.memorySeconds =
      activations / getBandwidth(machine, workingSet) +
      kernel.weightBytes * (kernel.weightPasses - 1) /
          getBandwidth(machine, kernel.weightBytes + kernel.innerBytes) +
      kernel.weightBytes /
          getBandwidth(machine, std::max(networkBytes, workingSet));
  result.bound =
      result.macSeconds >= result.memorySeconds ? Bound::Macs : Bound::Memory;
  result.seconds =
      machine.callSeconds + std::max(result.macSeconds, result.memorySeconds);
  return result;
}
