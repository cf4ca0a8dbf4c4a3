//===- Arguments.cpp - arguments of a region ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declared with their layouts, and read by their places in a tensor.
//===----------------------------------------------------------------------===//
#include "targets/halide/Builder.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using mlir::Operation;
using mlir::Value;

/// Whether `value` is read as a vector of parameters in every view.
static bool isParameterVector(Value value) {
  return getShape(value).size() == 1 &&
         llvm::any_of(value.getUsers(), [](Operation *user) {
           return llvm::isa<RequantizeOp, DequantizeOp, LookupOp, Pool2DOp,
                            AttentionOp>(user);
         });
}

static Halide::Type getElementType(Value value) {
  mlir::Type type =
      llvm::cast<mlir::RankedTensorType>(value.getType()).getElementType();
  if (type.isF32())
    return Halide::Float(32);
  if (type.isInteger(8) || type.isInteger(32))
    return Halide::Int(type.getIntOrFloatBitWidth());
  throw Unsupported("elements that are not f32, i8 or i32");
}

/// Declares argument `index` with its sizes and strides as constants.
Halide::ImageParam Builder::addParameter(unsigned index) {
  Value value = kernel.getBody().getArgument(index);
  std::vector<int> sizes;
  Halide::Type type = getElementType(value);
  auto shape = getShape(value);
  LayoutAttr layout = kernel.getLayout(index);
  if (kernel.isUnsigned(value))
    type = Halide::UInt(8);
  if (Dots::find(layout) || Taps::find(layout)) {
    auto physical = layout.getPhysicalShape(shape);
    type = Halide::Int(8 * physical.pop_back_val());
    if (auto dots = Dots::find(layout); dots && dots->offset)
      type = Halide::UInt(8);
    for (int64_t size : llvm::reverse(physical))
      sizes.push_back(size);
  } else if (layout && !kernel.isUnsigned(value)) {
    auto physical = layout.getPhysicalShape(shape);
    bool isVector = shape.size() == 1;
    if (isVector)
      sizes = {int(product(physical))};
    else
      for (int64_t size : llvm::reverse(physical))
        sizes.push_back(size);
  } else if (llvm::any_of(value.getUsers(), [&](Operation *user) {
               return isComputing(user) && user->getNumOperands() > 1 &&
                      !llvm::isa<AttentionOp>(user) &&
                      user->getOperand(1) == value;
             })) {
    for (int64_t size : llvm::reverse(shape)) // a filter
      sizes.push_back(size);
  } else if (shape.size() == 1 &&
             (pipeline.view != View::Elements || isParameterVector(value))) {
    sizes = {int(shape[0])};
  } else {
    Tensor tensor = getSizes(value);
    sizes = {tensor.channels, tensor.columns, tensor.rows};
  }
  Halide::ImageParam parameter(type, sizes.size(),
                               "argument" + std::to_string(index));
  parameter.set_host_alignment(std::max(form.alignment, int(type.bytes())));
  int stride = 1;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    parameter.dim(i).set_bounds(0, size).set_stride(stride);
    stride *= size;
  }
  return parameter;
}

Weight Builder::readVector(Value vector) {
  if (!vector)
    return [](Expr, Expr) { return Expr(0.f); };
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(vector);
  if (!argument)
    throw Unsupported("weights that are computed in the kernel");
  Func parameter = parameters[argument.getArgNumber()];
  return [=](Expr channel, Expr) { return parameter(channel); };
}

Weight Builder::readMatrix(Value filter) {
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(filter);
  if (!argument)
    throw Unsupported("weights that are computed in the kernel");
  auto shape = getShape(filter);
  Func parameter = parameters[argument.getArgNumber()];
  if (LayoutAttr layout = kernel.getLayout(argument.getArgNumber())) {
    int panel = layout.getSizes()[0];
    return [=](Expr channel, Expr k) {
      return parameter(channel % panel, k, channel / panel);
    };
  }
  if (shape.size() == 2)
    return [=](Expr channel, Expr k) { return parameter(channel, k); };
  int channels = shape[2], columns = shape[1];
  return [=](Expr channel, Expr k) {
    return parameter(channel, k % channels, (k / channels) % columns,
                     k / (channels * columns));
  };
}

Expr Builder::readZero(Value zero) {
  return zero ? readVector(zero)(0, 0) : Expr(int8_t(0));
}

IntegerWeights Builder::readIntegerWeights(Value filter, Value bias,
                                           Expr zero) {
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(filter);
  if (!argument)
    throw Unsupported("weights that are computed in the kernel");
  unsigned index = argument.getArgNumber();
  LayoutAttr layout = kernel.getLayout(index);
  bool isTaps = llvm::isa<DepthwiseConv2DOp>(*filter.user_begin());
  if (isTaps ? !Taps::find(layout) : !Dots::find(layout))
    throw Unsupported("weights of bytes without their layout");
  Weight vector = bias ? readVector(bias) : [](Expr, Expr) { return Expr(0); };
  return {parameters[index], layout, vector, zero};
}
