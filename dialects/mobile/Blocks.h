//===- Blocks.h - the forms of the blocks -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a UIB, a fused inverted bottleneck and a Mobile MQA look like as
// primitives. The verifiers of the block ops, their accessors and the raise
// pass all use these matchers, so there is one definition of each block.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_DIALECTS_MOBILE_BLOCKS_H
#define MINNOW_DIALECTS_MOBILE_BLOCKS_H

#include "dialects/mobile/Mobile.h"

namespace minnow::mobile {

/// Whether `op` is a block, that is, holds its decomposition.
bool isBlock(mlir::Operation *op);

/// The parts of a UIB in order of dataflow; null where it has none.
struct UibForm {
  mlir::Value input;
  DepthwiseConv2DOp startDepthwise;
  Conv2DOp expansion;
  DepthwiseConv2DOp middleDepthwise;
  Conv2DOp projection;
  MulOp layerScale;
  AddOp residual;

  /// Those that there are, in order of dataflow.
  llvm::SmallVector<mlir::Operation *> getParts();
};

/// The parts of a fused inverted bottleneck; `residual` may be null.
struct FusedIbForm {
  mlir::Value input;
  Conv2DOp expansion;
  Conv2DOp projection;
  AddOp residual;

  llvm::SmallVector<mlir::Operation *> getParts();
};

/// The parts of a Mobile MQA in order of dataflow; null where it has none.
struct MqaForm {
  mlir::Value input;
  Conv2DOp queryProjection;
  DepthwiseConv2DOp keyDepthwise;
  Conv2DOp keyProjection;
  AddOp keyOffsets;
  DepthwiseConv2DOp valueDepthwise;
  Conv2DOp valueProjection;
  AddOp valueOffsets;
  AttentionOp attention;
  Conv2DOp projection; // of the output
  MulOp layerScale;
  AddOp residual;

  llvm::SmallVector<mlir::Operation *> getParts();
};

/// Matches backwards from `result`, the block's last value, through the
/// dataflow. Every value but `result` has one user, but for the input of a
/// residual. On failure `why`, if given, says what was expected and found.
///
/// A pointwise convolution before the projection with activation and no fewer
/// outputs than inputs is the expansion; without it the block is a depthwise
/// convolution and a projection (MobileNetV2's first block). A depthwise
/// convolution before the expansion is taken as the start depthwise only if it
/// has no activation. Two pointwise convolutions alone (FFN) are a block only
/// with their residual: without, a network's head would be one.
std::optional<UibForm> matchUib(mlir::Value result, std::string *why = nullptr);

/// As matchUib, for a full convolution that does not reduce the channels,
/// followed by a pointwise one that does not increase them.
std::optional<FusedIbForm> matchFusedIb(mlir::Value result,
                                        std::string *why = nullptr);

/// As matchUib, for an attention with one head of keys and values between
/// pointwise projections of one input, which only these and the residual read.
/// Keys and values may each have a depthwise convolution before the projection,
/// and a weight of their own shape added after it.
std::optional<MqaForm> matchMqa(mlir::Value result, std::string *why = nullptr);

} // namespace minnow::mobile

#endif // MINNOW_DIALECTS_MOBILE_BLOCKS_H
