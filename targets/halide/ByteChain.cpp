//===- ByteChain.cpp - products of bytes as one kernel --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Halide slides over in strips of rows (Schedules.cpp): each product reads
// what the one before it gives, and nothing else of the kernel.
//===----------------------------------------------------------------------===//
#include "targets/halide/ByteChain.h"
#include "targets/halide/View.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using mlir::Operation;

/// Longer chains gain nothing more and take long to compile: a UIB has four.
constexpr int kMostProducts = 4;

/// Why `op` cannot follow `products` others in its kernel, or null.
static const char *checkNextProduct(Operation *op, int products) {
  if (products == 0)
    return "an element operation before the first product";
  if (!isIntegerProduct(op) || llvm::isa<LinearOp>(op))
    return "the primitive reads a value of the same kernel";
  if (getShape(op->getResult(0))[0] != 1)
    return "a batch of more than one";
  if (getShape(op->getOperand(0))[1] == 1)
    return "a map of one row";
  if (products == kMostProducts)
    return "more than four products";
  if (!isEvenlyPadded(op))
    return "a window whose rows of padding are unlike at top and bottom";
  return nullptr;
}

/// Whether `op` adds a map that an earlier operation of the kernel gives. Its
/// rows would be asked for at two places of the strips at once, for which
/// Halide computes some before the first.
static bool addsOwnMap(Operation *op, llvm::ArrayRef<Operation *> ops) {
  return llvm::any_of(op->getOperands().drop_front(), [&](mlir::Value addend) {
    return llvm::is_contained(ops, addend.getDefiningOp());
  });
}

const char *halide::checkByteChain(
    llvm::ArrayRef<Operation *> ops,
    llvm::function_ref<bool(Operation *, Operation *)> isEdge) {
  int products = isIntegerProduct(ops.front());
  for (auto [before, op] : llvm::zip(ops, ops.drop_front())) {
    if (op->getOperand(0) != before->getResult(0))
      return "two chains";
    if (addsOwnMap(op, ops))
      return "a residual of what the same kernel computes";
    bool isElementwise = llvm::isa<RequantizeOp, LookupOp, AddOp>(op);
    bool isFirst = products == 0 && before->hasOneUse() && isEdge(before, op);
    if (!isElementwise && !isFirst)
      if (const char *why = checkNextProduct(op, products))
        return why;
    products += isIntegerProduct(op);
  }
  return nullptr;
}
