//===- Attention.h - attention as Halide functions --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of one attention. A tile is a few rows (queries of one head)
// with all keys: products with the keys in registers, logits and weights in the
// nearest cache, products with the values in registers again. The sum of the
// weights divides the result where it is stored.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_ATTENTION_H
#define MINNOW_TARGETS_HALIDE_ATTENTION_H

#include "dialects/mobile/Mobile.h"
#include <Halide.h>

namespace minnow::halide {

/// All but the products with the values, which are the stage's accumulator of
/// (channel of the head, head, column, row). Logits are to the base of 2.
struct Attention {
  Halide::Func packedKeys; // (key, channel, key head), scaled
  Halide::Func products;   // (key, head, column, row)
  Halide::Func logits; // of the same; those after the last key count nothing
  Halide::Func largestLanes, largest; // (lane, head, ..), (head, column, row)
  Halide::Func weights;               // as logits, not divided by their sum
  Halide::Func sumLanes, sum;         // as largest
  Halide::Func rows; // (channel of the head, head, ..), not divided yet
  // Both operands of the products that are the same for all lanes: the query by
  // channels of the head, and the weights.
  Halide::Func queryTerms, weightTerms;
  Halide::RDom width, chunks, lanes;
  // Of bytes: packedKeys and packedValues (channel, member of a group, group of
  // keys, key head) have groups of neighbours along the sum as their members;
  // `factor` (head, column, row) divides by the sum.
  bool isInteger = false;
  Halide::Func packedValues, factor;
  // Of queries as u8: a key's groups as words (group, position, key head), and
  // 128 times its sum, (key, key head).
  Halide::Func keyWords, keySums;
  int paddedKeys = 0; // a multiple of vector * keyVectors
  int keyVectors = 1; // of one tile of products
  int keyWidth = 0, valueWidth = 0, heads = 0, keyHeads = 0;
};

/// The vectors of keys, at most `most`, that a tile of `rows` takes at once:
/// the count with the least loads and the least padding.
int chooseKeyVectors(int keys, int vector, int rows, int most);

extern const Halide::Var lane, key, head, channel;

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_ATTENTION_H
