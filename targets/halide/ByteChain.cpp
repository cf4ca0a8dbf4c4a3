//===- ByteChain.cpp - products of bytes as one kernel --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Halide slides over in strips of rows (Schedules.cpp): each product reads
// what the one before it gives, or is a projection of an attention.
//===----------------------------------------------------------------------===//
#include "targets/halide/ByteChain.h"
#include "targets/halide/View.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using mlir::Operation;

/// Longer chains gain nothing more and take long to compile: a UIB has four.
/// A Mobile MQA has seven: four projections, two depthwise, the attention.
constexpr int kMostProducts = 4, kMostOfAttention = 7;

/// Why `op` adds to a sum what it cannot, or null. Rows of a map of the same
/// kernel would be asked for at two places of the strips at once, for which
/// Halide computes some before the first.
static const char *checkElementwise(Operation *op,
                                    llvm::ArrayRef<Operation *> before) {
  if (op->getOperand(0).getDefiningOp() != before.back())
    return "an element operation apart from the sum that it rounds";
  for (mlir::Value addend : op->getOperands().drop_front())
    if (llvm::is_contained(before, addend.getDefiningOp()))
      return "a residual of what the same kernel computes";
  return nullptr;
}

/// Why `op` cannot be one of several products of a kernel, or null.
static const char *checkProduct(Operation *op) {
  if (!isIntegerProduct(op) || llvm::isa<LinearOp>(op))
    return "the primitive reads a value of the same kernel";
  if (getShape(op->getResult(0))[0] != 1)
    return "a batch of more than one";
  if (getShape(op->getOperand(0))[1] == 1)
    return "a map of one row";
  if (!isEvenlyPadded(op))
    return "a window whose rows of padding are unlike at top and bottom";
  return nullptr;
}

const char *halide::checkByteChain(
    llvm::ArrayRef<Operation *> ops,
    llvm::function_ref<bool(Operation *, Operation *)> isEdge) {
  int products = 0,
      attentions = llvm::count_if(ops, llvm::IsaPred<AttentionOp>);
  if (attentions > 1)
    return "more than one attention";
  bool isRounding =
      !isIntegerProduct(ops[0]) && !llvm::isa<AttentionOp>(ops[0]);
  if (attentions && isRounding)
    return "an element operation before the first product";
  for (auto [i, op] : llvm::enumerate(ops)) {
    auto before = ops.take_front(i);
    bool isAttention = llvm::isa<AttentionOp>(op);
    if (i > 0 && llvm::isa<RequantizeOp, LookupOp, AddOp>(op)) {
      if (const char *why = checkElementwise(op, before))
        return why;
    } else if (i > 0 && !isAttention) {
      Operation *source = op->getOperand(0).getDefiningOp();
      bool isInside = llvm::is_contained(before, source);
      if (!isInside && !attentions)
        return "two chains";
      bool isFirst = isInside && products == 0;
      if (isFirst && !(source->hasOneUse() && isEdge(source, op)))
        return "an element operation before the first product";
      if (const char *why = isFirst ? nullptr : checkProduct(op))
        return why;
    }
    products += isAttention || isIntegerProduct(op);
    if (products > (attentions ? kMostOfAttention : kMostProducts))
      return attentions ? "more than seven products"
                        : "more than four products";
  }
  return nullptr;
}
