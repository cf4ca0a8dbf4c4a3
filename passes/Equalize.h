//===- Equalize.h - channels of like size -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %t = conv2d %x, %a act relu        %t = conv2d %x, %a / s act relu
//   %y = depthwise_conv2d %t, %b       %y = depthwise_conv2d %t, s * %b
//
// A map has one scale for all its channels, and with filters of one scale each
// these too, so a channel of small numbers has few steps. Between two products
// a factor for each channel can move from one to the other without changing the
// network, for relu(x / s) = relu(x) / s where s > 0 (Nagel et al., 2019,
// section 4.1). relu6 has a bound, so a channel that reaches it keeps its size
// and none is made to reach it.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_EQUALIZE_H
#define MINNOW_PASSES_EQUALIZE_H

#include "passes/Calibration.h"

namespace minnow {

/// Rewrites the weights of `network`, which is in f32. With filters of one
/// scale a channel (`perChannel`) only the maps are made even, else maps and
/// filters. No channel becomes larger than the largest of its map as
/// `calibration` has seen it; what was seen does not fit any more afterwards.
mlir::LogicalResult equalize(mlir::func::FuncOp network, bool perChannel,
                             const Calibration &calibration);

} // namespace minnow

#endif // MINNOW_PASSES_EQUALIZE_H
