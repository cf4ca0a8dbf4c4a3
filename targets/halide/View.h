//===- View.h - tensors as channels, columns and rows -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel sees its tensors as (channel, column, row). A map [1, H, W, C] has
// the sizes C, W, H, a matrix [M, N] is N, M, 1. Kernels that never look at
// neighbours see all positions in one row, whose tiles then fit better.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_VIEW_H
#define MINNOW_TARGETS_HALIDE_VIEW_H

#include "dialects/mobile/Mobile.h"
#include "llvm/ADT/DenseSet.h"
#include <optional>

namespace minnow::halide {

struct Form;

enum class View {
  Maps,     // as they are
  Pixels,   // all positions in one row: nothing looks at neighbours
  Elements, // all elements are channels of one position
};

struct Sizes {
  int64_t channels, columns, rows;
};

/// The widest view that all primitives of `kernel` allow.
View getView(mobile::KernelOp kernel);

/// The sizes of a tensor; none for a map of a batch of more than one.
std::optional<Sizes> getSizes(mlir::Value value, View view);

/// Whether `op` computes: it has a stage of its own in a schedule. The others
/// are computed where their result is used.
bool isComputing(mlir::Operation *op);

/// The element operations between `op` and the next one that computes.
llvm::SmallVector<mlir::Operation *> getElementOps(mlir::Operation *op);

/// Whether the sums of `op` are of products of bytes.
bool isIntegerProduct(mlir::Operation *op);

/// Whether `op`, a product of bytes, reads a copy of its input: only some forms
/// read the input itself, which must be of the type that they multiply.
bool copiesInput(mlir::Operation *op, const Form &form,
                 bool isUnsigned = false);

/// Whether the bytes of `value` are only multiplied, rounded or summed up, so
/// that they may be stored as u8 (Integer.h); and whether some are multiplied.
bool readsNumbers(mlir::Value value, bool *isMultiplied = nullptr);

/// Whether one primitive of `kernel` computes, and no other.
bool computesOnce(mobile::KernelOp kernel);

/// Whether `op` has the shape for form winograd (Winograd.h): a window of 3 x 3
/// of floats that moves by 2, a result of pairs of rows and columns.
bool hasWinogradShape(mlir::Operation *op);

/// Whether `op` may have that form in `kernel`: what follows reads the pairs of
/// a strip and no other rows. Behind another stage it has two pairs at least.
bool suitsWinograd(mobile::KernelOp kernel, mlir::Operation *op);

/// The entry of the schedule for `op`, a primitive that computes in `kernel`;
/// null where the schedule has none or `op` is null.
mobile::StageAttr getStageAttr(mobile::KernelOp kernel, mlir::Operation *op);

/// The terms of its sums that the product `op` adds before it goes on to other
/// sums: all, unless its loops over parts of them are outside.
int64_t getTermsAtOnce(mobile::KernelOp kernel, mlir::Operation *op,
                       const Form &form);

/// Gives what the product `op` reads a channel at a time a layout that reaches
/// to the end of its tile's last panel, of vectors of `lanes`.
void padVectors(mobile::KernelOp kernel, mlir::Operation *op, int64_t lanes);

/// Whether the channels of the product `op` of bytes end within a panel of
/// weights or a vector of taps, on a machine that stores whole vectors best.
bool endsInPanel(mobile::KernelOp kernel, mlir::Operation *op,
                 const Form &form);

/// Whether the rows of padding of `op`, if it is a convolution, are what "same"
/// padding gives. Halide slides over the rows before a window; with others it
/// may leave out the first of them.
bool isEvenlyPadded(mlir::Operation *op);

/// The values of `kernel` of which an attention reads all rows at once, and all
/// that they come from: every task computes these anew.
llvm::DenseSet<mlir::Value> findWholeValues(mobile::KernelOp kernel);

/// The bytes of a copy, with its border, of what `rows` rows and `channels`
/// channels of the result of `op` read; and how many of them are few enough
/// for the nearest cache.
int64_t getBlockBytes(mobile::DepthwiseConv2DOp op, int64_t rows,
                      int64_t channels);
constexpr int64_t kMostBlockBytes = 32 * 1024;

llvm::ArrayRef<int64_t> getShape(mlir::Value value);
int64_t product(llvm::ArrayRef<int64_t> sizes);

/// The size of the last dimension, and that of the others together; both 1 of a
/// single number, which has no dimensions.
int64_t countChannels(mlir::Value value);
int64_t countPositions(mlir::Value value);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_VIEW_H
