//===- Depthwise.h - depthwise convolutions of bytes by VNNI ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halide interleaves columns in the order of the channels, which takes more
// shuffles than sums. A kernel of one depthwise convolution with its rounding
// is written as LLVM's IR instead, whose unpacks leave channels in an order
// that the packs of the result undo.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_DEPTHWISE_H
#define MINNOW_TARGETS_CPU_DEPTHWISE_H

#include "targets/cpu/Isa.h"

namespace minnow::cpu {

/// The convolution, if `kernel` is one that is written so: its bytes are of few
/// columns a step and nearly fill blocks of channels.
mobile::DepthwiseConv2DOp findByteDepthwise(const Isa &isa,
                                            mobile::KernelOp kernel);

/// Emits a scheduled kernel of which findByteDepthwise finds the convolution,
/// with its taps in blocks (mobile::TapBlocks).
llvm::Expected<KernelCode> emitByteDepthwise(const Isa &isa,
                                             mobile::KernelOp kernel,
                                             llvm::StringRef symbol);

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_DEPTHWISE_H
