//===- Cost.h - the roofline of the MobileNetV4 paper -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Predicts the time of a kernel on a machine as the larger of its arithmetic
// and its memory traffic (arXiv 2404.10518, section 3, equation 1):
//
//   time = max(MACs / peak, bytes of each memory level / its bandwidth)
//
// Plain data, no allocation, no global state: an architecture search may call
// it from many threads. Machines as data files are beside it, in Machines.h.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_COST_COST_H
#define MINNOW_TARGETS_COST_COST_H

#include <cstdint>

namespace minnow::cost {

/// One level of memory, from the nearest (level 0) outwards.
struct MemoryLevel {
  const char *name;      // "L1", "L2", "L3", "DRAM"
  double bytes;          // capacity; infinite for the last
  double bytesPerSecond; // bandwidth of one core
};

inline constexpr unsigned kMaxLevels = 5;

/// A machine: the peak of one core and its memories.
struct Machine {
  const char *name;
  const char *schedules;    // the machine whose measured schedules suit it
  double macsPerSecond;     // f32, one core
  double byteMacsPerSecond; // products of bytes
  double callSeconds;       // fixed cost of one kernel call
  double stripLoss;         // share of the MAC time that fusing by strips adds
  double byteStripLoss;     // the same of products of bytes
  double stripBytes;  // mapBytes of a kernel that runs all rows as one strip;
                      // 0: none does
  double vectorBytes; // of one register
  unsigned registers; // vector registers
  unsigned levels;
  MemoryLevel memory[kMaxLevels];
};

/// What one kernel does. Bytes count each tensor once.
struct KernelShape {
  double macs = 0;        // convolutions, matrix products, attention
  double byteMacs = 0;    // those of `macs` that multiply bytes
  double savedMacs = 0;   // of `macs`, those that the kernel's form spares
  double elementwise = 0; // element operations besides
  double weightBytes = 0;
  double weightPasses = 1; // how often the weights are read: once a strip
  double inputBytes = 0;   // activations read from outside of the kernel
  double outputBytes = 0;
  double innerBytes = 0; // of tensors that stay inside, alive at one time
  double mapBytes = 0;   // of the same whole, and of copies that windows read
  double stripMacs = 0;  // those of `macs` that pay the machine's losses
};

enum class Bound : uint8_t { Macs, Memory };

/// The predicted time of one call; `seconds` includes the cost of calling.
struct Estimate {
  double seconds;
  double macSeconds;
  double memorySeconds;
  Bound bound;
  unsigned level; // of memory, from which the bytes take longest to come
};

/// The ridge of the roofline: MACs for each byte from the last level at which
/// arithmetic and memory take equally long.
double getRidge(const Machine &machine);

/// Whether a kernel of several products runs all rows as one strip, so that its
/// weights are read once.
bool runsWhole(const Machine &machine, const KernelShape &kernel);

/// Predicts one call. Activations come from the smallest level that holds the
/// kernel's whole working set, weights from the smallest that holds
/// `networkBytes`, all weights and activations that are touched between two
/// calls; where they pass more than once, the further passes come from the
/// smallest level that holds them and the inner tensors.
Estimate estimate(const Machine &machine, const KernelShape &kernel,
                  double networkBytes);

} // namespace minnow::cost

#endif // MINNOW_TARGETS_COST_COST_H
