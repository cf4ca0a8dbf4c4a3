//===- Tiles.h - which tiles registers hold, and their price ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stage computes a tile of positions times vectors of channels with all its
// sums in registers. The formulas here choose tiles; tuning measures the best.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_TILES_H
#define MINNOW_TARGETS_CPU_TILES_H

#include "dialects/mobile/Mobile.h"
#include "targets/cpu/Isa.h"
#include "targets/halide/View.h"

namespace minnow::cpu {

/// A stage as the formulas see it.
struct StageShape {
  mlir::Operation *op;
  int64_t pixels;   // positions that a tile may take, neighbours in a row
  int64_t channels; // of the output; of one head of an attention
  int64_t depth;    // terms of each sum
  bool isPooled;    // a global pool sums up its tiles: they may not overlap
  int64_t constants = 0; // registers that are taken all the time
  bool isPlanar = false; // the input lies in planes, not in rows of channels
};

struct Tile {
  int64_t pixels = 1, vectors = 1;
  double cost = 0; // of a product, by which tiles compare
};

bool isMatrix(mlir::Operation *op);

/// Whether the sums of `op` are better formed of fewer products. Of few
/// channels the terms take more time than they save; with lanes that multiply
/// the plain form has fewer loads.
bool prefersWinograd(const Isa &isa, mlir::Operation *op);

/// The shape of the stage of `op`, a primitive that computes.
StageShape getStageShape(const Isa &isa, halide::View view,
                         mlir::Operation *op);

/// The tiles of a product or an attention that fit the registers, the one with
/// the least padded work for each load first; the stage is computed for
/// `pixels` positions at a time. `spare` registers are left over: without any,
/// LLVM sometimes spills, which only a measurement tells.
std::vector<Tile> getMatrixTiles(const Isa &isa, const StageShape &shape,
                                 int64_t pixels, int64_t spare = 1);

/// The tile of a depthwise convolution or a pool.
Tile chooseDepthwiseTile(const Isa &isa, const StageShape &shape,
                         mobile::LoopOrder order);

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_TILES_H
