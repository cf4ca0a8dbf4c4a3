//===- Stage.h - primitives as Halide functions -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each computing primitive becomes one stage: an accumulation with a tile in
// registers, and the value that its users read. The arithmetic is written here,
// the loops around it come later (Schedules.cpp).
//
// Halide reports by exceptions; so does this folder, and turns them to
// llvm::Error at its edge.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_STAGE_H
#define MINNOW_TARGETS_HALIDE_STAGE_H

#include "dialects/mobile/Mobile.h"
#include "targets/halide/Attention.h"
#include "targets/halide/Form.h"
#include "targets/halide/Winograd.h"
#include <Halide.h>
#include <functional>
#include <memory>
#include <stdexcept>

namespace minnow::halide {

struct FixedAttention;

/// A kernel for which no stage is written.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A tensor as a function of (channel, column, row). A map [1, H, W, C] has the
/// sizes C, W, H, a matrix [M, N] is N, M, 1. Where a kernel treats positions
/// alike, all of them are columns of one row.
struct Tensor {
  Halide::Func func;
  int channels = 1, columns = 1, rows = 1;
  bool stored = false;       // has memory; otherwise it is computed at each use
  bool columnsFirst = false; // columns are neighbours in memory, not channels
  // Rows outside of the map may be read, and hold anything. Halide then knows
  // of no end of the rows that a strip needs, and can slide over them.
  bool isOpen = false;

  /// Whether `row` is one of the map's.
  Halide::Expr hasRow(Halide::Expr row) const;
  /// `row`, or the nearest one that may be read.
  Halide::Expr clampRow(Halide::Expr row) const;
};

/// Weights as an expression of the output channel and the index of the sum.
using Weight =
    std::function<Halide::Expr(Halide::Expr channel, Halide::Expr k)>;

enum class StageKind {
  Matrix,
  Depthwise,
  Pool,
  GlobalPool,
  Softmax,
  Attention,
  Elementwise
};

/// One primitive that computes.
struct Stage {
  StageKind kind = StageKind::Elementwise;
  mlir::Operation *op = nullptr; // null for a copy
  mlir::Value rootValue;         // what an inner root holds
  Halide::Func accumulator;      // undefined where there is none
  Halide::RDom domain;
  // The input with its border, and as products of bytes take it; or undefined.
  Halide::Func padded;
  Halide::Func taps;     // a depthwise filter's block beside `padded`
  Halide::Func operand;  // of a product: the input at the terms of its sums
  bool cutsTaps = false; // a full convolution leaves out what is outside
  // Of a product that adds a part of its sums at a time: the sums of one part,
  // and in memory those of all parts but the last.
  Halide::Func partSums, partial;
  Halide::RDom partDomain, parts;
  Halide::Func second; // softmax: the sums
  // Of products of bytes: one domain for each update of the sums; whether
  // `padded` has columns and channels in one dimension; the results of a
  // depthwise convolution that read the same groups of columns; what unsigned
  // bytes add to the sums, or of a matrix what these begin with.
  bool isInteger = false;
  std::vector<Halide::RDom> domains;
  Halide::RDom inside;  // columns that `padded` copies; or undefined
  Halide::Func rounded; // of planes: (column, channel, row), what is inside
  std::vector<Halide::RDom> groups; // or groups of them, part by part
  bool joinsColumns = false;
  int places = 1;
  Halide::Func correction;
  Halide::RDom correctionDomain;
  // What weights that are stored + 128 add to all sums of a position, in each
  // lane.
  Halide::Func excess, zeroWeights;
  int steps = 1;                                  // groups of terms in a run
  std::shared_ptr<Attention> attention;           // of an attention
  std::shared_ptr<FixedAttention> fixedAttention; // or of one on bytes
  std::vector<Winograd> winograd; // P, Q and R of a convolution in that form
  Tensor input;
  Tensor result;     // of the primitive itself
  Halide::Func root; // holds the value that leaves the stage
  // For one strip of the output: the rows of `root` and of `padded` that must
  // be in memory at once.
  int liveRows = 1, livePaddedRows = 1;
  // A later stage reads all rows at once: this one runs before the strips.
  bool isWhole = false;
};

extern const Halide::Var c, x, y;

Halide::Expr activate(mobile::Activation activation, Halide::Expr value,
                      const Form &form);

/// The map `value` of a stage, which `func` computes; with `flat` its positions
/// are one row.
Tensor makeResult(mlir::Value value, Halide::Func func, bool flat = false);

/// The input inside of its borders, zero outside. A column outside is rare, so
/// that Halide cuts the loops there; a row outside is one test a row.
Halide::Func addBorder(const Tensor &input);

/// A convolution with a filter of all input channels. `weight` is indexed by
/// (row * kw + column) * input channels + input channel. A pointwise one adds
/// `terms` of each sum at a time.
Stage buildConvolution(mobile::Conv2DOp op, const Tensor &input,
                       const Weight &weight, const Weight &bias, bool flat,
                       int terms, const Form &form);
/// The same of a 3 x 3 window that moves by 2, with weights in layout winograd.
Stage buildWinograd(mobile::Conv2DOp op, const Tensor &input,
                    const Weight &weight, const Weight &bias, const Form &form);
Stage buildLinear(mobile::LinearOp op, const Tensor &input,
                  const Weight &weight, const Weight &bias, const Form &form);
/// `filter` is a function of (channel, column, row). With `isStaged` a block of
/// channels is copied with its border before it is read: rows of a power of two
/// of channels would all fall into the same few sets of the nearest cache.
Stage buildDepthwise(mobile::DepthwiseConv2DOp op, const Tensor &input,
                     Halide::Func filter, const Weight &bias, bool isStaged,
                     const Form &form);
/// `zero` is read where the average is one of bytes.
Stage buildPool(mobile::Pool2DOp op, const Tensor &input, Halide::Expr zero,
                bool flat);
Stage buildSoftmax(const Tensor &input);
/// `tile` is the stage's of the schedule; its vectors are of the values.
Stage buildAttention(mobile::AttentionOp op, const Tensor &query,
                     const Tensor &keys, const Tensor &values, int vector,
                     mobile::StageAttr tile);

/// The parameters of mobile.attention on bytes.
struct ByteAttention {
  Halide::Func scales, parameters;
};

Stage buildByteAttention(mobile::AttentionOp op, const Tensor &query,
                         const Tensor &keys, const Tensor &values,
                         const ByteAttention &byte, const Form &form,
                         mobile::StageAttr tile);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_STAGE_H
