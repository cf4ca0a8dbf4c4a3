//===- Blocks.h - the forms of the blocks -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a UIB and a fused inverted bottleneck look like as primitives. The
// verifiers of the block ops, their accessors and the raise pass all use these
// two matchers, so there is one definition of each block.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_DIALECTS_MOBILE_BLOCKS_H
#define MINNOW_DIALECTS_MOBILE_BLOCKS_H

#include "dialects/mobile/Mobile.h"

namespace minnow::mobile {

/// The parts of a UIB in order of dataflow; null where it has none.
struct UibForm {
  mlir::Value input;
  DepthwiseConv2DOp startDepthwise;
  Conv2DOp expansion;
  DepthwiseConv2DOp middleDepthwise;
  Conv2DOp projection;
  MulOp layerScale;
  AddOp residual;
};

/// The parts of a fused inverted bottleneck; `residual` may be null.
struct FusedIbForm {
  mlir::Value input;
  Conv2DOp expansion;
  Conv2DOp projection;
  AddOp residual;
};

/// Matches backwards from `result`, the block's last value, through the
/// dataflow. Every value but `result` has one user, but for the input of a
/// residual. On failure `why`, if given, says what was expected and found.
///
/// A pointwise convolution before the projection with more outputs than inputs
/// is the expansion; without it the block is a depthwise convolution and a
/// projection (MobileNetV2's first block). A depthwise convolution before the
/// expansion is taken as the start depthwise only if it has no activation.
std::optional<UibForm> matchUib(mlir::Value result, std::string *why = nullptr);

/// As matchUib, for a full convolution followed by a pointwise one.
std::optional<FusedIbForm> matchFusedIb(mlir::Value result,
                                        std::string *why = nullptr);

} // namespace minnow::mobile

#endif // MINNOW_DIALECTS_MOBILE_BLOCKS_H
