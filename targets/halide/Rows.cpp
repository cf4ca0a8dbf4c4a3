//===- Rows.cpp - the rows that a strip of the output needs ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes back through the windows of a kernel, so that the memory of its inner
// tensors has a constant size.
//===----------------------------------------------------------------------===//
#include "targets/halide/Region.h"
#include <numeric>

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using mlir::Operation;
using mlir::Value;

namespace {

/// Rows of a value that one strip reads, relative to the strip.
struct RowRange {
  int first = 0, last = 0;
  int size() const { return last - first + 1; }
};

} // namespace

/// The rows of its first operand that `op` reads for `rows` of its result.
static RowRange getInputRows(Operation *op, RowRange rows) {
  auto move = [&](auto windowed, int height) -> RowRange {
    int stride = windowed.getStrides()[0], top = windowed.getPad()[0];
    return {rows.first * stride - top, rows.last * stride - top + height - 1};
  };
  if (auto conv = llvm::dyn_cast<Conv2DOp>(op))
    return move(conv, getShape(conv.getFilter())[0]);
  if (auto conv = llvm::dyn_cast<DepthwiseConv2DOp>(op))
    return move(conv, getShape(conv.getFilter())[0]);
  if (auto pool = llvm::dyn_cast<Pool2DOp>(op))
    return move(pool, pool.getWindow()[0]);
  if (auto pad = llvm::dyn_cast<PadOp>(op))
    return {rows.first - int(pad.getPad()[0]),
            rows.last - int(pad.getPad()[0])};
  return rows;
}

/// Goes back from the output's strip to the rows that each stage must keep.
void halide::findLiveRows(KernelOp kernel, Pipeline &pipeline) {
  pipeline.strip =
      std::gcd(pipeline.result.rows, int(kernel.getScheduleAttr().getStrip()));
  llvm::DenseMap<Value, RowRange> ranges;
  mlir::Block &block = kernel.getBody().front();
  ranges[block.getTerminator()->getOperand(0)] = {0, pipeline.strip - 1};
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    RowRange rows = ranges.lookup(op.getResult(0));
    for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
      RowRange read = i == 0 ? getInputRows(&op, rows) : rows;
      auto [found, isNew] = ranges.try_emplace(operand, read);
      if (!isNew)
        found->second = {std::min(found->second.first, read.first),
                         std::max(found->second.last, read.last)};
    }
  }
  auto whole = findWholeValues(kernel);
  for (Stage &stage : pipeline.stages) {
    stage.isWhole = stage.rootValue && whole.contains(stage.rootValue);
    if (stage.rootValue)
      stage.liveRows = ranges.lookup(stage.rootValue).size();
    if (stage.padded.defined()) {
      RowRange rows = ranges.lookup(stage.op->getResult(0));
      stage.livePaddedRows = getInputRows(stage.op, rows).size();
    }
  }
}
