//===- Depthwise.cpp - depthwise convolutions -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lane computes one quad of channels for a patch of positions: rows of the
// window are a loop, so that code stays small, its columns are unrolled, so
// that a number is loaded once for all that a row of the patch makes of it.
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Kernels.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::vulkan;
using namespace minnow::mobile;
using mlir::Value;
using Values = Shader::Values;

namespace {

/// One row of windows: the inputs under it and the sums that they go to.
class WindowRow {
public:
  WindowRow(Shader &shader, DepthwiseConv2DOp op, const Window &window,
            Patch patch, Value batch, Value row, Value column, Value quad)
      : shader(shader), op(op), window(window), patch(patch), quad(quad),
        quads(window.channels / 4),
        top(shader.add(shader.mul(row, window.strideHeight), -window.padTop)),
        firstRow(shader.mul(batch, window.inputHeight)) {
    Value left =
        shader.add(shader.mul(column, window.strideWidth), -window.padLeft);
    int64_t count = (patch.width - 1) * window.strideWidth + window.kernelWidth;
    for (int64_t i = 0; i < count; ++i) {
      columns.push_back(shader.add(left, i));
      columnIsInside.push_back(
          shader.isInside(columns.back(), window.inputWidth));
    }
  }

  /// Adds tap row `tap` of the window to the sums.
  Values accumulate(Value tap, mlir::ValueRange sums) {
    Values weights, result(sums);
    for (int64_t x = 0; x < window.kernelWidth; ++x)
      weights.push_back(shader.load(
          op.getFilter(),
          shader.add(
              shader.mul(shader.add(shader.mul(tap, window.kernelWidth), x),
                         quads),
              quad)));
    for (int64_t y = 0; y < patch.height; ++y)
      addRow(shader.add(shader.add(top, y * window.strideHeight), tap), weights,
             llvm::MutableArrayRef(result).slice(y * patch.width, patch.width));
    return result;
  }

private:
  void addRow(Value y, llvm::ArrayRef<Value> weights,
              llvm::MutableArrayRef<Value> sums) {
    Value isInside = shader.isInside(y, window.inputHeight);
    Value rowStart = shader.mul(shader.add(firstRow, y), window.inputWidth);
    for (auto [i, column] : llvm::enumerate(columns)) {
      Value inside = shader.both(isInside, columnIsInside[i]);
      Value at =
          shader.add(shader.mul(shader.add(rowStart, column), quads), quad);
      Value loaded = shader.load(op.getInput(),
                                 shader.select(inside, at, shader.index(0)));
      Value input = shader.select(inside, loaded, shader.quad(0));
      for (int64_t x = 0; x < patch.width; ++x) {
        int64_t tap = int64_t(i) - x * window.strideWidth;
        if (tap >= 0 && tap < window.kernelWidth)
          sums[x] = shader.fma(input, weights[tap], sums[x]);
      }
    }
  }

  Shader &shader;
  DepthwiseConv2DOp op;
  const Window &window;
  Patch patch;
  Value quad;
  int64_t quads;
  Value top, firstRow;
  Values columns, columnIsInside;
};

} // namespace

Values vulkan::makeDepthwise(Shader &shader, DepthwiseConv2DOp op, Patch patch,
                             Value batch, Value row, Value column, Value quad) {
  Window window = getWindow(op);
  WindowRow rows(shader, op, window, patch, batch, row, column, quad);
  Value bias = op.getBias() ? shader.load(op.getBias(), quad) : shader.quad(0);
  Values sums(patch.width * patch.height, bias);
  sums = shader.loop(window.kernelHeight, sums,
                     [&](Value tap, mlir::ValueRange sums) {
                       return rows.accumulate(tap, sums);
                     });
  for (Value &sum : sums)
    sum = shader.activate(sum, op.getActivation());
  return sums;
}

llvm::Expected<Written> vulkan::writeDepthwise(KernelOp kernel, const Gpu &gpu,
                                               const ShaderPlan &plan) {
  auto op = llvm::cast<DepthwiseConv2DOp>(plan.main);
  Window window = getWindow(op);
  int64_t quads = window.channels / 4;
  unsigned lanes = std::min<int64_t>(kInvocations, llvm::alignTo<8>(quads));
  Patch patch = choosePatch(window.width, window.height, gpu.mostPixels);
  int64_t across = llvm::divideCeil(window.width, patch.width),
          down = llvm::divideCeil(window.height, patch.height);

  Shader shader(kernel, gpu,
                llvm::SmallVector<unsigned>(kernel.getNumArguments() + 1, 4),
                lanes);
  Value quad =
      shader.add(shader.mul(shader.getGroup(0), lanes), shader.getThread());
  Value tile = shader.getGroup(1);
  Value column = shader.mul(shader.rem(tile, across), patch.width);
  Value row =
      shader.mul(shader.rem(shader.div(tile, across), down), patch.height);
  Value batch = shader.div(tile, across * down);
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  shader.ifThen(shader.isInside(quad, quads), [&] {
    Values sums = makeDepthwise(shader, op, patch, batch, row, column, quad);
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value y = shader.add(row, int64_t(i) / patch.width),
            x = shader.add(column, int64_t(i) % patch.width);
      shader.ifThen(
          shader.both(shader.isInside(y, window.height),
                      shader.isInside(x, window.width)),
          [&, sum = sum] {
            Value position = shader.add(
                shader.mul(shader.add(shader.mul(batch, window.height), y),
                           window.width),
                x);
            shader.forget();
            shader.define(op.getResult(), sum);
            Value value = shader.evaluate(result, position, quad, quads);
            shader.store(value, shader.add(shader.mul(position, quads), quad));
          });
    }
  });
  return shader.finish({uint32_t(llvm::divideCeil(quads, lanes)),
                        uint32_t(window.batch * across * down), 1});
}
