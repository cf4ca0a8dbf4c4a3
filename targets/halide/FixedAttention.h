//===- FixedAttention.h - attention on bytes --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention in the fixed form of mobile.attention, for machines that multiply
// vectors of u8 by scalars. Keys and values are copied once as u8, the number +
// 128. What that adds to the logits of a query is the same for all keys and
// does not count; what it adds to the sums is 128 times the sum of the weights,
// which is asked for anyway.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_FIXEDATTENTION_H
#define MINNOW_TARGETS_HALIDE_FIXEDATTENTION_H

#include "targets/halide/Stage.h"

namespace minnow::halide {

/// The names of mobile.attention's description.
struct FixedAttention {
  Halide::Func keys;                  // (term of a group, key, group)
  Halide::Func values;                // (key of a group, channel, group)
  Halide::Func zeroWeights;           // (key of a group, lane): numbers of 0
  Halide::Func logits;                // (key, head, column)
  Halide::Func largestLanes, largest; // (lane, head, column), (head, column)
  Halide::Func indices, weights;      // as logits
  Halide::Func excess;                // (lane, head, column): 128 * S
  Halide::Func sums;                  // (channel, head, column): A + excess
  Halide::Func factors;               // (head, column): M
  Halide::RDom width, chunks, lanes, terms;
  int paddedKeys = 0; // a multiple of two vectors of sums
  int keyWidth = 0, valueWidth = 0;
  int paddedWidth = 0; // of values, a multiple of a vector of sums
};

/// `numbers` are the operands multipliers, parameters and table. Throws
/// Unsupported for widths that no vectors divide.
Stage buildFixedAttention(mobile::AttentionOp op, const Tensor &query,
                          const Tensor &keys, const Tensor &values,
                          llvm::ArrayRef<Halide::Func> numbers,
                          const Form &form);

/// The loops around the stage's root, with tiles of `pixels` queries.
void scheduleFixedAttention(Stage &stage, int pixels, const Form &form);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_FIXEDATTENTION_H
