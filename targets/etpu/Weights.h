//===- Weights.h - the weight section of a program --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_TARGETS_ETPU_WEIGHTS_H
#define MINNOW_TARGETS_ETPU_WEIGHTS_H

#include "targets/etpu/Network.h"
#include <string>

namespace minnow::etpu {

/// A layer's weights and parameters in the weight section: one piece a block of
/// the output, then what all share.
struct WeightPiece {
  uint32_t address = 0, bytes = 0; // in the section
  uint32_t parameters = 0;         // behind the weights, within the piece
};
struct LayerWeights {
  std::vector<WeightPiece> pieces;
  std::vector<uint32_t> offsets; // of sums, by block: addresses in the section
};

struct WeightSection {
  std::string bytes;
  uint64_t chipBytes = 0; // of them those that go to weight memory
  uint64_t pureBytes = 0; // weights, biases and offsets alone
  std::vector<LayerWeights> layers;
};

/// Packs the weights of all layers, in their order.
WeightSection packWeights(const Network &network);

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_WEIGHTS_H
