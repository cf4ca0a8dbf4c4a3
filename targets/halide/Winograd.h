//===- Winograd.h - convolutions with fewer products ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Minimal filtering (Winograd 1980; Lavin and Gray 2016) of windows of 3 x 3
// that move by 2 (Yepez and Ko 2020). In one dimension, two results
//
//   r0 = w0 d0 + w1 d1 + w2 d2
//   r1 = w0 d2 + w1 d3 + w2 d4
//
// take five products instead of six, as r0 = P + Q and r1 = Q + R of
//
//   P = w0 (d0 - d2) + w1 d1,  Q = (w0 + w2) d2,  R = w1 d3 + w2 (d4 - d2).
//
// In two dimensions two by two results take 25 instead of 36, in nine sums. All
// factors are 1 or -1, so that what is lost to rounding is little.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_WINOGRAD_H
#define MINNOW_TARGETS_HALIDE_WINOGRAD_H

#include <Halide.h>

namespace minnow::halide {

/// P, Q or R of the rows: (channel, pair of columns, pair of rows), and what
/// makes them.
struct Winograd {
  /// The elements of two by two results, outer ones less those in the middle;
  /// also by column, 0 to 4, and row of this part.
  Halide::Func terms;
  /// By P, Q or R of the columns; `sums` is in memory.
  Halide::Func accumulator, sums;
  Halide::RDom domain;
};

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_WINOGRAD_H
