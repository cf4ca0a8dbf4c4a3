//===- Schedules.cpp - loops for the stages of a pipeline -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every stage is a tile of positions times vectors of channels with its sums in
// registers, in two loops over the tiles. All stages but the last run for a
// strip of rows of the output at a time, and slide: rows that the strip before
// has computed are kept.
//===----------------------------------------------------------------------===//
#include "targets/halide/FixedAttention.h"
#include "targets/halide/Integer.h"
#include "targets/halide/Scheduler.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Func;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;
using Halide::VarOrRVar;

/// Vectors of a copy that are unrolled: the loop costs little then.
constexpr int kUnrolledVectors = 8;

/// What a machine without vectors of few bytes loads and stores at once.
constexpr int kBytesOfWord = 8;

Var Scheduler::tileRoot(Func root, const Tile &tile, bool isOutput) {
  root.split(c, co, ci, tile.width(),
             !tile.isRagged()                     ? TailStrategy::Auto
             : tile.isGrouped && form.joinsPixels ? TailStrategy::ShiftInwards
                                                  : TailStrategy::Predicate);
  root.split(ci, cv, ci, tile.stored ? tile.stored : tile.vector)
      .vectorize(ci)
      .unroll(cv);
  if (tile.block)
    root.split(x, xb, x, tile.block, TailStrategy::ShiftInwards);
  root.split(x, xo, xi, tile.pixels,
             tile.isGuarded ? TailStrategy::GuardWithIf
                            : TailStrategy::ShiftInwards);
  if (tile.joined > 1)
    root.split(xi, xi, xv, tile.joined).vectorize(xv);
  root.unroll(xi);
  Var row = y;
  if (isOutput) {
    root.split(y, ys, yi, pipeline.strip);
    row = yi;
  }
  if (tile.rows > 1)
    root.align_bounds(y, tile.rows).split(row, row, yr, tile.rows).unroll(yr);
  if (tile.block) {
    root.reorder(ci, cv, xi, xo, co, xb, row);
    if (tile.joined > 1)
      root.reorder(ci, xv, cv, xi);
    return xo;
  }
  if (tile.channelsOuter)
    root.reorder(ci, cv, xi, xo, row, co);
  else
    root.reorder(ci, cv, xi, co, xo, row);
  if (tile.rows > 1) // inside of the loops over tiles
    root.reorder(yr, co, xo);
  if (tile.joined > 1)
    root.reorder(ci, xv, cv, xi);
  return tile.channelsOuter ? xo : co;
}

/// Rows of the output from whole panels, all of a row at a time.
void Scheduler::schedulePanels(const Tile &tile) {
  Func output = pipeline.output;
  int bytes = std::min<int>(llvm::bit_floor(unsigned(pipeline.result.channels)),
                            4 * form.vectorFloats);
  output.split(c, co, ci, bytes, TailStrategy::ShiftInwards)
      .split(y, ys, yi, pipeline.strip)
      .reorder(ci, co, x, yi, ys)
      .vectorize(ci);
  // Words are faster than vectors that are not whole.
  const Halide::RDom &k = pipeline.pieces;
  bool isWhole = tile.channels >= 4 * form.vectorFloats;
  RVar word("word"), lane("lane");
  pipeline.row.compute_at(output, yi);
  pipeline.row.update()
      .split(RVar(k.x), word, lane,
             isWhole ? 4 * form.vectorFloats
                     : std::gcd(pipeline.pieceBytes, kBytesOfWord))
      .reorder({lane, word, RVar(k.y), RVar(k.z), y})
      .allow_race_conditions()
      .vectorize(lane)
      .unroll(word)
      .unroll(RVar(k.y));
  pipeline.panels.compute_at(output, yi)
      .bound(c, 0, tile.channels)
      .bound_extent(x, tile.columns);
}

/// The sums of a tile: all in registers, the loops over the domain around them.
void Scheduler::scheduleSums(Stage &stage, const Tile &tile, Var at) {
  Func acc = stage.accumulator;
  acc.compute_at(stage.root, at);
  if (tile.isRagged())
    acc.bound_extent(c, tile.width());
  acc.vectorize(c, tile.vector).unroll(c).unroll(x);
  scheduleUpdate(stage, tile);
}

/// The loops over all parts of the sums but the last, over tiles inside.
void Scheduler::scheduleParts(Stage &stage, const Tile &tile) {
  Func partial = stage.partial;
  partial.compute_root().vectorize(c, tile.vector);
  partial.update()
      .split(c, co, ci, tile.width())
      .split(ci, cv, ci, tile.vector)
      .split(x, xo, xi, tile.pixels)
      .reorder({ci, cv, xi, xo, y, co, RVar(stage.parts)})
      .vectorize(ci)
      .unroll(cv)
      .unroll(xi);
  Stage part = stage;
  part.root = partial;
  part.accumulator = stage.partSums;
  part.domain = stage.partDomain;
  scheduleSums(part, tile, xo);
}

void Scheduler::loadTerms(Func operand, Var terms, Func sums, RVar at) {
  operand.compute_at(sums, at)
      .vectorize(terms, form.vectorFloats)
      .unroll(terms)
      .unroll(x);
}

/// The loops over the terms of a tile's sums. Where a lane can multiply,
/// operands are loaded in vectors along the terms, or along the positions where
/// these are neighbours in memory.
void Scheduler::scheduleUpdate(Stage &stage, const Tile &tile) {
  auto update = stage.accumulator.update();
  std::vector<VarOrRVar> order = {c, x};
  for (int i = 0; i < stage.domain.dimensions(); ++i)
    order.push_back(RVar(stage.domain[i]));
  bool isMatrix = stage.kind == StageKind::Matrix;
  bool byLane = isMatrix && form.multipliesByLane;
  RVar terms(stage.domain[0]), inner("term"), outer("outer");
  int count = stage.input.channels;
  bool isPlanar = byLane && stage.input.columnsFirst &&
                  tile.pixels % form.vectorFloats == 0 &&
                  stage.domain.dimensions() > 1 && count <= 2 * kUnrolledTerms;
  int block = 0; // terms that are unrolled, if not all are
  if (isPlanar) {
    stage.operand.compute_at(stage.accumulator, terms)
        .vectorize(x, form.vectorFloats)
        .unroll(x);
    update.unroll(RVar(stage.domain[1]));
  } else if (byLane && !stage.input.columnsFirst) {
    int common = std::gcd(count, kTermsOfBlock);
    block = common % form.vectorFloats ? 0 : common;
  } else if (isMatrix && !byLane && count > 2 * kUnrolledTerms) {
    block = std::gcd(count, kUnrolledTerms);
  }
  if (block) {
    update.split(terms, outer, inner, block).unroll(inner);
    order[2] = outer;
    order.insert(order.begin() + 2, inner);
  } else if (isPlanar || (isMatrix && !byLane)) {
    update.unroll(terms);
  }
  if (block && byLane)
    loadTerms(stage.operand, c, stage.accumulator, outer);
  // Neighbours share what their taps read: of a position after the other only
  // the columns of one window are in registers.
  if (stage.kind == StageKind::Depthwise && form.multipliesByLane &&
      tile.vectors == 1)
    std::swap(order[1], order[2]);
  update.reorder(order).vectorize(c, tile.vector).unroll(c).unroll(x);
  // Columns are few and constant, so that taps outside of the map vanish.
  if (!isMatrix || stage.cutsTaps)
    update.unroll(RVar(stage.domain[isMatrix ? 1 : 0]));
}

void Scheduler::storeRoot(Stage &stage, const Tile &tile) {
  const Tensor &result = stage.result;
  stage.root.bound(c, 0, result.channels).bound(x, 0, tile.columns);
  if (stage.isWhole)
    stage.root.bound(y, 0, result.rows).compute_root();
  else
    storeForStrip(stage.root, stage.liveRows,
                  result.rows + (result.isOpen ? stage.liveRows : 0));
}

/// Computes `func` for each strip and keeps the rows that the next one reads.
void Scheduler::storeForStrip(Func func, int liveRows, int allRows) {
  func.compute_at(pipeline.output, ys).store_root();
  int folded = llvm::PowerOf2Ceil(liveRows);
  // A loop over a single row is folded too, by as many rows as Halide believes
  // to be live, which may be more than are.
  if (pipeline.strip == pipeline.result.rows && pipeline.strip > 1)
    func.bound_storage(y, std::min(liveRows, allRows));
  else if (folded < allRows || pipeline.strip == pipeline.result.rows)
    func.fold_storage(y, folded);
  else // Halide may fold by itself, into a power of two of rows.
    func.bound_storage(y, std::max(folded, allRows));
}

void Scheduler::scheduleBorder(Stage &stage) {
  // The border adds at most one window to the rows of the input.
  if (stage.isWhole)
    stage.padded.compute_root();
  else
    storeForStrip(stage.padded, stage.livePaddedRows,
                  stage.input.rows + stage.livePaddedRows);
  if (stage.input.columnsFirst) {
    stage.padded.reorder_storage(x, y, c).reorder(x, y, c);
    stage.padded.vectorize(x, form.vectorFloats);
    return;
  }
  int channels = stage.input.channels;
  int vector = getDividingVector(channels, form.vectorFloats);
  stage.padded.bound(c, 0, channels).vectorize(c, vector);
  stage.padded.unroll(c, std::gcd(channels / vector, kUnrolledVectors));
}

/// The copy of a tile's channels of the input, and of their taps.
void Scheduler::scheduleBlock(Stage &stage, const Tile &tile) {
  for (Func func : {stage.padded, stage.taps}) {
    func.compute_at(stage.root, co).bound_extent(c, tile.width());
    func.vectorize(c, tile.vector).unroll(c);
  }
}

void Scheduler::scheduleStage(Stage &stage, const Tile &tile) {
  bool isOutput = stage.root.name() == pipeline.output.name();
  Var at = tileRoot(stage.root, tile, isOutput);
  if (isPanels(stage))
    schedulePanels(tile);
  else if (!isOutput)
    storeRoot(stage, tile);
  if (!stage.winograd.empty())
    scheduleWinograd(stage, tile);
  else if (stage.isInteger && stage.kind == StageKind::Matrix)
    scheduleByteMatrix(stage, tile, at);
  else if (stage.isInteger)
    scheduleByteTaps(stage, tile, at);
  else if (stage.accumulator.defined())
    scheduleSums(stage, tile, at);
  if (stage.partial.defined())
    scheduleParts(stage, tile);
  if (stage.isInteger && stage.padded.defined())
    scheduleCopy(stage, tile);
  else if (stage.taps.defined())
    scheduleBlock(stage, tile);
  else if (stage.padded.defined())
    scheduleBorder(stage);
  if (stage.correction.defined())
    scheduleCorrection(stage, tile);
  if (stage.excess.defined())
    scheduleExcess(stage, tile);
}

/// A global average: the sums of a tile's channels are kept while the positions
/// come by, in tiles of the product before if there is one.
void Scheduler::schedulePool(Stage &stage, const Tile &tile, Stage *inner,
                             const Tile *innerTile) {
  const Tile &shape = innerTile ? *innerTile : tile;
  Tile position = shape;
  position.pixels = 1;
  Var at = tileRoot(stage.root, position, true);
  Func sum = stage.accumulator;
  sum.compute_at(stage.root, at);
  if (shape.isRagged())
    sum.bound_extent(c, shape.width());
  sum.vectorize(c, shape.vector).unroll(c);
  RVar kx(stage.domain.x), ky(stage.domain.y), ko("ko"), ki("ki");
  int pixels = std::gcd(stage.input.columns, shape.pixels);
  sum.update().split(kx, ko, ki, pixels).reorder({c, ki, ko, ky});
  sum.update().vectorize(c, shape.vector).unroll(c).unroll(ki);
  if (!inner)
    return;
  Func acc = inner->accumulator;
  acc.compute_at(sum, ko).vectorize(c, shape.vector).unroll(c).unroll(x);
  scheduleUpdate(*inner, shape);
}

/// The largest and the sum of a position, then its quotients.
void Scheduler::scheduleSoftmax(Stage &stage, const Tile &tile) {
  bool isOutput = stage.root.name() == pipeline.output.name();
  tileRoot(stage.root, tile, isOutput);
  if (!isOutput)
    storeRoot(stage, tile);
  stage.root.reorder({ci, cv, co, xi, xo});
  for (Func func : {stage.accumulator, stage.second}) {
    func.compute_at(stage.root, xi);
    func.update().atomic().vectorize(RVar(stage.domain.x), tile.vector);
  }
}

void Scheduler::run() {
  Stage *inner = nullptr;
  Tile innerTile;
  for (Stage &stage : pipeline.stages) {
    Tile tile = getTile(stage, getStageAttr(kernel, stage.op));
    if (!stage.root.defined()) {
      inner = &stage;
      innerTile = tile;
      innerTile.channels = pipeline.result.channels;
      innerTile.pixels = std::gcd(stage.result.columns, tile.pixels);
      continue;
    }
    if (stage.kind == StageKind::GlobalPool)
      schedulePool(stage, tile, inner, inner ? &innerTile : nullptr);
    else if (stage.kind == StageKind::Softmax)
      scheduleSoftmax(stage, tile);
    else if (stage.fixedAttention)
      scheduleFixedAttention(stage, tile.pixels, form);
    else if (stage.kind == StageKind::Attention)
      scheduleAttention(stage, tile);
    else
      scheduleStage(stage, tile);
  }
}

void halide::applySchedule(Pipeline &pipeline, KernelOp kernel,
                           const Form &form) {
  Scheduler(pipeline, kernel, form).run();
}