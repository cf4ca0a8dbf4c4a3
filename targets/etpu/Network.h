//===- Network.h - a network as the EX1b compiler sees it -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layers over tensors of bytes, in the fixed form of mobile.requantize, as
// plain structs: tiling, planning and scheduling know no IR and are tested
// without it.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_ETPU_NETWORK_H
#define MINNOW_TARGETS_ETPU_NETWORK_H

#include "runtime/abi/etpu.h"
#include <string>
#include <vector>

namespace minnow::etpu {

/// A map of i8, rows x columns x channels, cut into blocks of `blockChannels`.
struct Tensor {
  uint32_t rows = 1, columns = 1, channels = 1;
  uint32_t blockChannels = 0; // 0: chosen by chooseBlocks

  uint32_t getBlocks() const {
    return (channels + blockChannels - 1) / blockChannels;
  }
  uint32_t getLastChannels() const {
    return channels - (getBlocks() - 1) * blockChannels;
  }
};

enum class LayerKind {
  Conv,      // a full convolution, pointwise or linear layer
  DwConv,    // depthwise
  Pool,      // the sum over all positions
  Attention, // input = query, then key and value
  Requant,   // of bytes: the sum of two maps, a change of scale
  Lookup,    // bytes through `table`
  Scale,     // less padValue, by those of `key`, less keyZero, a channel each
  Input,     // from the caller's memory
};

/// One layer with what follows its sums.
struct Layer {
  LayerKind kind = LayerKind::Conv;
  std::string name;
  uint16_t call = 0; // of the program's description
  int input = -1, output = -1;
  int addend = -1;          // a second term, added before the rounding
  int key = -1, value = -1; // Attention; Scale: the factors
  uint32_t heads = 1;

  uint32_t kernelHeight = 1, kernelWidth = 1, stride = 1;
  uint32_t padTop = 0, padBottom = 0, padLeft = 0, padRight = 0;
  int8_t padValue = 0, keyZero = 0;

  /// Conv: [height][width][in][out]; DwConv: [height][width][channels].
  std::vector<int8_t> weights;
  /// Sums that products are added to: [position][out] of the whole map.
  std::vector<int32_t> offsets;
  std::vector<int32_t> biases, factors; // one a channel of the output
  RequantHeader header;
  std::vector<uint8_t> table; // 256 bytes, or none
  // Attention: the factor and the table of Exp. header.inputFactor is that of
  // the rows.
  int32_t expFactor = 0;
  std::vector<uint8_t> expTable;
};

struct Network {
  std::string name;
  std::vector<Tensor> tensors;
  std::vector<Layer> layers; // in an order in which they can run
  std::vector<int> inputs, outputs;
  /// Of each input, then of each output: real = scale * (byte - zero).
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  std::vector<bool> isChannelsFirst; // how the caller's f32 tensor lies
};

/// Chooses the channel blocks of all tensors: as wide as the array's columns
/// and equally wide; those of an attention are its heads. Empty `error` if it
/// could.
void chooseBlocks(const Machine &machine, Network &network, std::string &error);

/// What a network became.
struct CompiledProgram {
  std::string code;             // the code section
  std::string weights;          // the weight section
  uint64_t weightBytes = 0;     // of them weights, biases and tables as such
  uint64_t activationBytes = 0; // the most that was in use
  bool isResident = false;      // whether all weights fit on chip
  unsigned segments = 0;        // groups of layers that run interleaved
};

/// Compiles a network for a machine. Empty `error` if it could.
CompiledProgram compileNetwork(const Machine &machine, Network network,
                               std::string &error);

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_NETWORK_H
