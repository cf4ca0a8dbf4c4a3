//===- Plan.h - which shader a kernel becomes -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One dispatch a kernel: some producer in workgroup memory, the main primitive,
// and element operations on its result. Fusion asks here whether primitives are
// that, emission what they are.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_VULKAN_PLAN_H
#define MINNOW_TARGETS_VULKAN_PLAN_H

#include "dialects/mobile/Mobile.h"
#include "targets/vulkan/Gpu.h"

namespace minnow::vulkan {

enum class ShaderKind {
  Product,   // pointwise, linear and full convolutions
  Depthwise, // alone
  Attention, // alone
  Elements,  // element operations alone
  Generic    // one number an invocation, any one primitive: the slow way
};

struct ShaderPlan {
  ShaderKind kind = ShaderKind::Generic;
  /// Before the product, its whole input: a depthwise convolution or an
  /// attention; or a transpose of the map which enters. Null: none.
  mlir::Operation *producer = nullptr;
  /// The primitive that gives the kernel its kind; null for Elements.
  mlir::Operation *main = nullptr;
  /// Why the kernel is Generic.
  std::string why;
};

/// Plans the primitives `ops`, in topological order. Several that are no one
/// shader get the kind Generic; `why` then says why.
ShaderPlan makePlan(const Gpu &gpu, llvm::ArrayRef<mlir::Operation *> ops);
ShaderPlan makePlan(const Gpu &gpu, mobile::KernelOp kernel);

/// A product as rows times a matrix: `columns` quads of results of a filter,
/// windows of `taps` positions.
struct Window {
  int64_t kernelHeight = 1, kernelWidth = 1, strideHeight = 1, strideWidth = 1,
          padTop = 0, padLeft = 0;
  int64_t batch = 1, inputHeight = 1, inputWidth = 1, inputChannels = 1;
  int64_t height = 1, width = 1, channels = 1; // of the result

  int64_t countPositions() const { return batch * height * width; }
  /// Whether result position i reads input position i and no other.
  bool isPointwise() const {
    return kernelHeight == 1 && kernelWidth == 1 && strideHeight == 1 &&
           strideWidth == 1 && padTop == 0 && padLeft == 0 &&
           height == inputHeight && width == inputWidth;
  }
};

/// The window of a conv2d, depthwise_conv2d or linear.
Window getWindow(mlir::Operation *op);

/// What else a convolution has.
mlir::Value getBias(mlir::Operation *op); // null: none
mobile::Activation getActivation(mlir::Operation *op);

/// Why `op` has no fast shader; null if it has one.
const char *checkAttention(mobile::AttentionOp op, const Gpu &gpu);

/// A patch of result positions, `width` by `height` of at most `most`, that
/// covers a map with the least waste.
struct Patch {
  int64_t width, height;
};
Patch choosePatch(int64_t mapWidth, int64_t mapHeight, int64_t most);

} // namespace minnow::vulkan

#endif // MINNOW_TARGETS_VULKAN_PLAN_H
