//===- IntegerForms.h - what can be computed on 8 bits ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operations of a network in f32 the quantizer takes.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_INTEGERFORMS_H
#define MINNOW_PASSES_INTEGERFORMS_H

#include "dialects/mobile/Mobile.h"

namespace minnow {

/// Whether `op` computes on 8 bits if its operands are of 8 bits. A block does
/// if all of its operations do.
bool hasIntegerForm(mlir::Operation *op);

bool isWeight(mlir::Value value);

/// Whether `op` is a product with weights.
bool isWeightedProduct(mlir::Operation *op);

/// The activation of a product, None without the attribute.
mobile::Activation getActivation(mlir::Operation *product);

/// The sum `add` if it takes the product `op` unrounded; else null.
mobile::AddOp getAddOfBareSum(mlir::Operation *op);

/// The product whose sum goes into `add` unrounded; null if there is none.
mlir::Operation *getBareSum(mobile::AddOp add);

/// Whether `add` adds a weight of the whole map's shape to a bare sum: the
/// offsets of keys and values.
bool addsOffsets(mobile::AddOp add);

} // namespace minnow

#endif // MINNOW_PASSES_INTEGERFORMS_H
