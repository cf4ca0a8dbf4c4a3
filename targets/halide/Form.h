//===- Form.h - what a machine gives to Halide's kernels --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of an instruction set that decide how a stage is written. They are
// data, so that a new instruction set is a row of numbers and not new code.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_FORM_H
#define MINNOW_TARGETS_HALIDE_FORM_H

#include <string>

namespace minnow::halide {

/// As what the sums of products of bytes read their two operands.
enum class DotOperand {
  Signed,   // i8 by i8
  Unsigned, // u8, which is the same number + 128, by i8
  Wide,     // both as i16
  Offset,   // i8, the same for all lanes, by weights that are stored as u8: the
            // number + 128
};

/// How the next panel of weights is fetched while one is computed.
enum class Fetch {
  None,
  Lines, // a few lines of the cache in each step
  Panel  // all of it by one instruction
};

struct Form {
  std::string target; // Halide's target string, without the no_* flags
  int vectorFloats = 4;
  // Multiplies by one lane of a vector: products load several terms of a sum at
  // once instead of broadcasting each.
  bool multipliesByLane = false;
  // Neighbours along a sum of products of bytes that one instruction adds up.
  int dotWidth = 1;
  DotOperand dotOperand = DotOperand::Wide;
  // Floats are rounded by adding 1.5 * 2^23: no instruction rounds and converts
  // at once that Halide would use.
  bool roundsByAddition = false;
  bool hasFma = true;
  Fetch fetch = Fetch::None;
  // Kernels are Halide's bitcode, compiled by our LLVM: its own object differs
  // from process to process (Hexagon), or we know more (llvm/Neon.h).
  bool emitsBitcode = false;
  unsigned pointerBytes = 8;
  int alignment = 1; // of all operands, in bytes
  // GELU is written as one word, for which our LLVM puts look-ups of AVX-512
  // (llvm/Gelu.h). Set by the kernel, if it is to be compiled by that.
  bool looksUpGelu = false;
  // Stores the bytes of several pixels as one vector.
  bool joinsPixels = false;

  /// Whether our LLVM packs the bytes of several vectors of sums, for which
  /// Halide knows no instruction: AVX-512's (llvm/Bytes.h).
  bool packsInLlvm() const { return vectorFloats >= 16 && !joinsPixels; }
};

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_FORM_H
