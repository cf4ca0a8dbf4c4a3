//===- Region.h - a kernel's region as stages -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of a kernel before any loop is chosen: its arguments as Halide's
// parameters, its stages, and which of its values are kept in memory.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_REGION_H
#define MINNOW_TARGETS_HALIDE_REGION_H

#include "targets/halide/Stage.h"
#include "targets/halide/View.h"
#include "llvm/ADT/DenseMap.h"

namespace minnow::halide {

struct Pipeline {
  View view = View::Maps;
  std::vector<Halide::Argument> arguments; // in the order of the function's
  Halide::Param<int> task{"task"};
  std::vector<Stage> stages; // in the region's order; at least one
  Halide::Func output;       // of one task, from zero in all dimensions
  // The last product's bytes with channels that fill its panels, and a row of
  // the output made of pieces of them; undefined where the panels end with the
  // channels. Then all of a row is one dimension of `output`.
  Halide::Func panels, row;
  Halide::RDom pieces;
  int pieceBytes = 0;
  Tensor result;          // its sizes
  int strip = 1;          // rows of the output for which all stages run in turn
  int64_t taskStride = 0; // elements between the slices of two tasks
  bool isCut = false;     // the last task has fewer channels than the others
};

/// Throws Unsupported where no stage is written for an operation or a shape, or
/// the tasks of the kernel's schedule do not divide its output.
///
/// A global pool may sum up the tiles of the stage before it as they come. That
/// stage has no root then.
Pipeline buildPipeline(mobile::KernelOp kernel, const Form &form);

/// Sets the pipeline's strip, the rows that each stage keeps in memory, and
/// which stages run before the strips.
void findLiveRows(mobile::KernelOp kernel, Pipeline &pipeline);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_REGION_H
