//===- Schedules.cpp - loops for the stages of a pipeline -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every stage is a tile of positions times vectors of channels with its sums in
// registers, in two loops over the tiles. All stages but the last run for a
// strip of rows of the output at a time, and slide: rows that the strip before
// has computed are kept.
//===----------------------------------------------------------------------===//
#include "targets/halide/Schedules.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;
using Halide::VarOrRVar;

namespace {

/// Terms of a sum that are unrolled where a lane can multiply: two vectors of
/// NEON cost fewer instructions than one, and hide the loads.
constexpr int kTermsOfBlock = 8;

/// The sizes of what one stage computes, and its tile.
struct Tile {
  int channels, columns; // of the root, in one task
  int vector;            // channels of one vector
  int vectors;           // of one tile
  int pixels;            // of one tile
  bool channelsOuter;

  int width() const { return vector * vectors; }
  bool isRagged() const { return channels % width() != 0; }
};

class Scheduler {
public:
  Scheduler(Pipeline &pipeline, ScheduleAttr schedule, const Form &form)
      : pipeline(pipeline), schedule(schedule), form(form) {}
  void run();

private:
  Tile getTile(const Stage &stage, StageAttr attribute) const;
  /// Splits the root's loops; returns the one whose body is a tile.
  Var tileRoot(Func root, const Tile &tile, bool isOutput);
  void scheduleStage(Stage &stage, const Tile &tile);
  void scheduleSums(Stage &stage, const Tile &tile, Var at);
  void scheduleUpdate(Stage &stage, const Tile &tile);
  void schedulePool(Stage &stage, const Tile &tile, Stage *inner,
                    const Tile *innerTile);
  void scheduleSoftmax(Stage &stage, const Tile &tile);
  void scheduleBorder(Stage &stage);
  void storeForStrip(Func func, int liveRows, int allRows);

  Pipeline &pipeline;
  ScheduleAttr schedule;
  const Form &form;
  Var ci{"ci"}, co{"co"}, cv{"cv"}, xi{"xi"}, xo{"xo"}, yi{"yi"}, ys{"ys"};
};

} // namespace

/// The widest vector, a power of two, that divides `channels`.
static int getDividingVector(int channels, int widest) {
  return std::gcd(channels, widest);
}

Tile Scheduler::getTile(const Stage &stage, StageAttr attribute) const {
  Tile tile;
  tile.channels = stage.result.channels;
  tile.columns = stage.result.columns;
  tile.vector = form.vectorFloats;
  tile.vectors = attribute ? attribute.getVectors() : 1;
  tile.pixels = attribute ? attribute.getPixels() : 1;
  tile.channelsOuter =
      attribute && attribute.getOrder() == LoopOrder::ChannelsOuter;
  tile.pixels = std::clamp(tile.pixels, 1, tile.columns);
  // Only matrix products have weights that reach to the end of a vector.
  if (stage.kind != StageKind::Matrix) {
    tile.vector = getDividingVector(tile.channels, form.vectorFloats);
    if (tile.channels % tile.width())
      tile.vectors = 1;
  }
  return tile;
}

Var Scheduler::tileRoot(Func root, const Tile &tile, bool isOutput) {
  root.split(c, co, ci, tile.width(),
             tile.isRagged() ? TailStrategy::Predicate : TailStrategy::Auto);
  root.split(ci, cv, ci, tile.vector).vectorize(ci).unroll(cv);
  root.split(x, xo, xi, tile.pixels, TailStrategy::ShiftInwards).unroll(xi);
  Var row = y;
  if (isOutput) {
    root.split(y, ys, yi, pipeline.strip);
    row = yi;
  }
  if (tile.channelsOuter)
    root.reorder(ci, cv, xi, xo, row, co);
  else
    root.reorder(ci, cv, xi, co, xo, row);
  return tile.channelsOuter ? xo : co;
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

/// The loops over the terms of a tile's sums. Where a lane can multiply, a
/// block of terms is unrolled with its operands in vectors along the terms.
void Scheduler::scheduleUpdate(Stage &stage, const Tile &tile) {
  auto update = stage.accumulator.update();
  std::vector<VarOrRVar> order = {c, x};
  for (int i = 0; i < stage.domain.dimensions(); ++i)
    order.push_back(RVar(stage.domain[i]));
  bool isMatrix = stage.kind == StageKind::Matrix;
  int block = std::gcd(stage.input.channels, kTermsOfBlock);
  RVar term("term"), outer("outer");
  bool isBlocked = isMatrix && form.multipliesByLane &&
                   block % form.vectorFloats == 0 && !stage.input.columnsFirst;
  if (isBlocked) {
    update.split(RVar(stage.domain[0]), outer, term, block);
    order[2] = outer;
    order.insert(order.begin() + 2, term);
    stage.operand.compute_at(stage.accumulator, outer)
        .vectorize(c, form.vectorFloats)
        .unroll(c)
        .unroll(x);
  }
  update.reorder(order).vectorize(c, tile.vector).unroll(c).unroll(x);
  if (isBlocked)
    update.unroll(term);
  // Columns are few and constant, so that taps outside of the map vanish.
  if (!isMatrix)
    update.unroll(RVar(stage.domain.x));
}

/// Computes `func` for each strip and keeps the rows that the next one reads.
void Scheduler::storeForStrip(Func func, int liveRows, int allRows) {
  func.compute_at(pipeline.output, ys).store_root();
  int folded = llvm::PowerOf2Ceil(liveRows);
  if (pipeline.strip == pipeline.result.rows)
    func.bound_storage(y, std::min(liveRows, allRows));
  else if (folded < allRows)
    func.fold_storage(y, folded);
  else
    func.bound_storage(y, allRows);
}

void Scheduler::scheduleBorder(Stage &stage) {
  // The border adds at most one window to the rows of the input.
  storeForStrip(stage.padded, stage.livePaddedRows,
                stage.input.rows + stage.livePaddedRows);
  if (stage.input.columnsFirst) {
    stage.padded.reorder_storage(x, y, c).reorder(x, y, c);
    stage.padded.vectorize(x, form.vectorFloats);
  } else {
    stage.padded.vectorize(
        c, getDividingVector(stage.input.channels, form.vectorFloats));
  }
}

void Scheduler::scheduleStage(Stage &stage, const Tile &tile) {
  bool isOutput = stage.root.name() == pipeline.output.name();
  Var at = tileRoot(stage.root, tile, isOutput);
  if (!isOutput) {
    stage.root.bound(c, 0, tile.channels).bound(x, 0, tile.columns);
    storeForStrip(stage.root, stage.liveRows, stage.result.rows);
  }
  if (stage.accumulator.defined())
    scheduleSums(stage, tile, at);
  if (stage.padded.defined())
    scheduleBorder(stage);
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
  if (!isOutput) {
    stage.root.bound(c, 0, tile.channels).bound(x, 0, tile.columns);
    storeForStrip(stage.root, stage.liveRows, stage.result.rows);
  }
  stage.root.reorder({ci, cv, co, xi, xo});
  for (Func func : {stage.accumulator, stage.second}) {
    func.compute_at(stage.root, xi);
    func.update().atomic().vectorize(RVar(stage.domain.x), tile.vector);
  }
}

void Scheduler::run() {
  auto attributes = schedule.getStages();
  Stage *inner = nullptr;
  Tile innerTile;
  for (auto [i, stage] : llvm::enumerate(pipeline.stages)) {
    Tile tile =
        getTile(stage, i < attributes.size() ? attributes[i] : StageAttr());
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
    else
      scheduleStage(stage, tile);
  }
}

void halide::applySchedule(Pipeline &pipeline, ScheduleAttr schedule,
                           const Form &form) {
  Scheduler(pipeline, schedule, form).run();
}
