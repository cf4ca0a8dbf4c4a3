//===- Schedules.cpp - loops for the stages of a pipeline -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every stage is a tile of positions times vectors of channels with its sums in
// registers, in two loops over the tiles. All stages but the last run for a
// strip of rows of the output at a time, and slide: rows that the strip before
// has computed are kept.
//===----------------------------------------------------------------------===//
#include "targets/halide/Schedules.h"
#include "targets/halide/FixedAttention.h"
#include "targets/halide/Integer.h"
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

/// Terms that are unrolled elsewhere: what a loop costs besides its sums is
/// then little even where another thread shares the core's front end.
constexpr int kUnrolledTerms = 4;

/// Vectors of a copy that are unrolled: the loop costs little then.
constexpr int kUnrolledVectors = 8;

/// What all machines store at once.
constexpr int kBytesOfVector = 16;

/// What a machine without vectors of few bytes loads and stores at once.
constexpr int kBytesOfWord = 8;

/// The sizes of what one stage computes, and its tile.
struct Tile {
  int channels, columns; // of the root, in one task
  int vector;            // channels of one vector
  int vectors;           // of one tile
  int pixels;            // of one tile
  bool channelsOuter;
  bool isCut;             // some task has fewer channels
  int stored = 0;         // channels that are stored at once; 0: a vector
  int block = 0;          // pixels whose copies are made at once; 0: all
  bool isGrouped = false; // results belong to groups of columns
  bool isGuarded = false; // and the last tile may not be moved within them
  int joined = 1; // pixels whose channels, all in the tile, are stored at once

  int width() const { return vector * vectors; }
  bool isRagged() const { return isCut || channels % width() != 0; }
};

class Scheduler {
public:
  Scheduler(Pipeline &pipeline, KernelOp kernel, const Form &form)
      : pipeline(pipeline), kernel(kernel), form(form) {}
  void run();

private:
  Tile getTile(const Stage &stage, StageAttr attribute) const;
  /// Splits the root's loops; returns the one whose body is a tile.
  Var tileRoot(Func root, const Tile &tile, bool isOutput);
  void schedulePanels(const Tile &tile);
  void scheduleStage(Stage &stage, const Tile &tile);
  void scheduleSums(Stage &stage, const Tile &tile, Var at);
  void scheduleUpdate(Stage &stage, const Tile &tile);
  void scheduleParts(Stage &stage, const Tile &tile);
  void setIntegerTile(const Stage &stage, Tile &tile) const;
  void setJoinedPixels(Tile &tile) const;
  bool isPanels(const Stage &stage) const {
    return pipeline.panels.defined() &&
           stage.root.name() == pipeline.panels.name();
  }
  int getLoadedTerms(const Stage &stage, const Tile &tile) const;
  void scheduleByteMatrix(Stage &stage, const Tile &tile, Var at);
  int unrollSteps(const Stage &stage, const Tile &tile, Halide::Stage update,
                  RVar inner, RVar outer);
  void scheduleByteTaps(Stage &stage, const Tile &tile, Var at);
  void scheduleCorrection(Stage &stage, const Tile &tile);
  void scheduleExcess(Stage &stage, const Tile &tile);
  void scheduleCopy(Stage &stage, const Tile &tile);
  void schedulePlanes(Stage &stage);
  void scheduleInside(Stage &stage);
  void scheduleGroups(Stage &stage);
  void schedulePool(Stage &stage, const Tile &tile, Stage *inner,
                    const Tile *innerTile);
  void scheduleSoftmax(Stage &stage, const Tile &tile);
  void scheduleAttention(Stage &stage, const Tile &tile);
  void scheduleWeights(Attention &parts, Func root, const Tile &tile);
  void orderTerms(Func products, Var lanes, Func operand,
                  const Halide::RDom &k);
  void packBytes(Attention &parts, const Tile &tile);
  int getAttentionRows(const Tile &tile) const;
  /// Places what an inner stage keeps in memory.
  void storeRoot(Stage &stage, const Tile &tile);
  void scheduleBorder(Stage &stage);
  void scheduleBlock(Stage &stage, const Tile &tile);
  void storeForStrip(Func func, int liveRows, int allRows);

  Pipeline &pipeline;
  KernelOp kernel;
  const Form &form;
  Var ci{"ci"}, co{"co"}, cv{"cv"}, xi{"xi"}, xo{"xo"}, yi{"yi"}, ys{"ys"};
  Var xb{"xb"}, xv{"xv"}, ho{"ho"}, mi{"mi"}, mo{"mo"}, mv{"mv"};
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
  tile.isCut = pipeline.isCut;
  tile.vector = form.vectorFloats;
  tile.vectors = attribute ? attribute.getVectors() : 1;
  tile.pixels = attribute ? attribute.getPixels() : 1;
  tile.channelsOuter =
      attribute && attribute.getOrder() != LoopOrder::PixelsOuter;
  tile.pixels = std::clamp(tile.pixels, 1, tile.columns);
  if (stage.attention) {
    int width = stage.attention->valueWidth;
    tile.vector = getDividingVector(width, form.vectorFloats);
    while (width / tile.vector % tile.vectors)
      --tile.vectors;
    return tile;
  }
  // Only matrix products have weights that reach to the end of a vector.
  if (stage.kind != StageKind::Matrix) {
    bool overlaps = form.joinsPixels && stage.isInteger &&
                    tile.channels >= form.vectorFloats;
    tile.vector = overlaps
                      ? form.vectorFloats
                      : getDividingVector(tile.channels, form.vectorFloats);
    if (overlaps)
      tile.vectors = std::min(tile.vectors, tile.channels / tile.vector);
    else if (tile.channels % tile.width())
      tile.vectors = 1;
  }
  if (stage.root.defined())
    setIntegerTile(stage, tile);
  return tile;
}

/// The pixels, a multiple of `pixels` and about `wanted`, by which `columns`
/// are divided with the fewest computed twice.
static int chooseBlock(int columns, int pixels, int wanted) {
  int best = 0, least = INT_MAX;
  int fewest = llvm::divideCeil(columns, std::max(wanted, pixels));
  for (int blocks = fewest; blocks <= 2 * fewest; ++blocks) {
    int block = llvm::alignTo(llvm::divideCeil(columns, blocks), pixels);
    int all = llvm::divideCeil(columns, block) * block;
    if (block <= columns && all < least) {
      best = block;
      least = all;
    }
  }
  return best;
}

/// Neighbours of which all channels are in the tile are one piece of memory:
/// as many as make whole vectors of bytes are stored at once.
void Scheduler::setJoinedPixels(Tile &tile) const {
  int bytes = 4 * form.vectorFloats;
  int pixels = bytes / std::gcd(tile.width(), bytes);
  bool isWhole = tile.width() == tile.channels;
  if (form.joinsPixels && tile.stored && isWhole && tile.pixels % pixels == 0 &&
      !tile.isGuarded) {
    tile.stored = tile.width();
    tile.joined = pixels;
  }
}

/// Bytes are stored in vectors as wide as the tile, so that they are packed
/// from several vectors of sums, unless that comes later.
void Scheduler::setIntegerTile(const Stage &stage, Tile &tile) const {
  bool storesBytes = stage.root.type() == Halide::Int(8);
  if (storesBytes &&
      (stage.kind == StageKind::Elementwise || stage.kind == StageKind::Pool)) {
    tile.vector = getDividingVector(tile.channels, 4 * form.vectorFloats);
    tile.vectors = 1;
  }
  if (storesBytes && !form.packsInLlvm())
    tile.stored = std::gcd(tile.width(), 4 * form.vectorFloats);
  if (!stage.isInteger)
    return;
  if (stage.kind == StageKind::Depthwise) {
    tile.pixels = llvm::alignTo(tile.pixels, stage.places);
    tile.isGrouped = true;
    // In memory of its own results behind the last column do no harm, if they
    // are no sums with what lies behind another map.
    auto addsMap = [](mlir::Operation *op) {
      auto requantize = llvm::dyn_cast<RequantizeOp>(op);
      return requantize && requantize.getAddend();
    };
    bool isOwn = isPanels(stage) || stage.rootValue;
    if (form.joinsPixels && isOwn &&
        llvm::none_of(getElementOps(stage.op), addsMap))
      tile.columns = llvm::alignTo(tile.columns, tile.pixels);
    int rest = tile.columns % tile.pixels;
    tile.isGuarded = form.joinsPixels ? rest % stage.places != 0 : rest != 0;
  }
  setJoinedPixels(tile);
  if (stage.kind != StageKind::Matrix || !stage.padded.defined() ||
      pipeline.view != View::Pixels)
    return;
  // Copies of a block stay in the first level of the cache.
  constexpr int kBlockBytes = 16 * 1024;
  int bytes = stage.input.channels * stage.padded.type().bytes();
  int wanted = std::max(kBlockBytes / bytes, 4 * tile.pixels);
  if (tile.columns > wanted)
    tile.block = chooseBlock(tile.columns, tile.pixels, wanted);
}

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
    stage.operand.compute_at(stage.accumulator, outer)
        .vectorize(c, form.vectorFloats)
        .unroll(c)
        .unroll(x);
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

/// The bytes of a sum's terms that a position loads at once where a lane can
/// multiply; 0 where products broadcast groups from memory. Those of a row of
/// taps are few; of others there are two registers for each position, if the
/// sums and a group of weights leave these (llvm/Neon.h).
int Scheduler::getLoadedTerms(const Stage &stage, const Tile &tile) const {
  constexpr int kLanes = 16, kRegisters = 32, kGroup = 4;
  if (!form.multipliesByLane || !stage.operand.defined() ||
      form.dotOperand != DotOperand::Signed)
    return 0;
  if (stage.joinsColumns)
    return llvm::alignTo(stage.steps * form.dotWidth, kLanes);
  bool hasRoom = tile.pixels * (tile.vectors + 2) + kGroup <= kRegisters;
  int terms = std::gcd(stage.input.channels, hasRoom ? 2 * kLanes : kLanes);
  return terms > form.dotWidth ? terms : 0;
}

/// Splits the steps of a product's sums; a few are unrolled, so that two steps
/// load their input at once, while the pointers to it are in registers. Returns
/// how many.
int Scheduler::unrollSteps(const Stage &stage, const Tile &tile,
                           Halide::Stage update, RVar inner, RVar outer) {
  // The taps of a window around them take pointers too.
  const Halide::RDom &k = stage.domains[0];
  bool isWindow = !Halide::Internal::is_const_one(k.w.extent());
  int most = isWindow ? 16 : 32;
  int steps = std::gcd(stage.steps, kUnrolledTerms);
  while (steps > 1 && steps * tile.pixels > most)
    steps /= 2;
  update.split(RVar(k.y), outer, inner, steps);
  return steps;
}

/// The sums of a tile of a matrix of bytes; a group of terms is one
/// instruction.
void Scheduler::scheduleByteMatrix(Stage &stage, const Tile &tile, Var at) {
  Func acc = stage.accumulator;
  acc.compute_at(stage.root, at)
      .bound(c, 0, form.vectorFloats)
      .bound_extent(chunk, tile.width() / form.vectorFloats);
  acc.vectorize(c).unroll(chunk).unroll(x);
  const Halide::RDom &k = stage.domains[0];
  auto update = acc.update();
  std::vector<VarOrRVar> order = {RVar(k.x), c, chunk, x};
  RVar outer("outer"), inner("inner");
  int terms = getLoadedTerms(stage, tile);
  if (terms) {
    update.split(RVar(k.y), outer, inner,
                 std::min(stage.steps, terms / form.dotWidth));
    order.insert(order.end(), {inner, outer});
    stage.operand.compute_at(acc, outer)
        .bound_extent(c, terms)
        .vectorize(c, terms)
        .unroll(x);
  } else if (form.joinsPixels) {
    terms = unrollSteps(stage, tile, update, inner, outer);
    order.insert(order.end(), {inner, outer});
  } else if (form.dotOperand == DotOperand::Unsigned) {
    terms = std::gcd(stage.steps, kUnrolledTerms);
    update.split(RVar(k.y), outer, inner, terms);
    order.insert(order.end(), {inner, outer});
  } else {
    order.push_back(RVar(k.y));
  }
  order.insert(order.end(), {RVar(k.z), RVar(k.w)});
  update.reorder(order).atomic().vectorize(RVar(k.x)).vectorize(c);
  update.unroll(chunk).unroll(x);
  if (terms)
    update.unroll(inner);
  // The taps of a row, each of which is one step.
  bool isOneStep = form.joinsPixels ? stage.steps == 1
                                    : terms >= stage.steps * form.dotWidth;
  if (isOneStep)
    update.unroll(RVar(k.z));
}

/// The sums of a tile of a depthwise convolution of bytes.
void Scheduler::scheduleByteTaps(Stage &stage, const Tile &tile, Var at) {
  Func acc = stage.accumulator;
  acc.compute_at(stage.root, at)
      .bound(place, 0, form.joinsPixels ? 1 : stage.places)
      .bound_extent(step, tile.pixels / (form.joinsPixels ? 1 : stage.places));
  if (form.joinsPixels)
    acc.bound_extent(c, tile.width()).bound(chunk, 0, 1);
  else
    acc.bound(c, 0, tile.vector).bound_extent(chunk, tile.vectors);
  acc.vectorize(c, tile.vector)
      .unroll(c)
      .unroll(chunk)
      .unroll(step)
      .unroll(place);
  for (auto [i, k] : llvm::enumerate(stage.domains)) {
    auto update = acc.update(i);
    std::vector<VarOrRVar> order = {RVar(k.x), c, chunk, step};
    order.insert(order.end(), {RVar(k.y), RVar(k.z)});
    // The others are of one place each. NEON loads the taps in their order in
    // memory (llvm/Neon.h).
    if (i == 0)
      order.insert(order.end() - (form.multipliesByLane ? 1 : 2), place);
    update.reorder(order).atomic().vectorize(RVar(k.x));
    update.vectorize(c, tile.vector).unroll(c).unroll(chunk).unroll(step);
    update.unroll(RVar(k.y));
    // Where each row's place is costs as much as its sums; of more rows than
    // three the taps are spilled.
    constexpr int kMostRows = 3;
    if (form.multipliesByLane &&
        *Halide::Internal::as_const_int(k.z.extent()) <= kMostRows)
      update.unroll(RVar(k.z));
    if (i == 0)
      update.unroll(place);
  }
}

/// What unsigned bytes add to the sums, for all channels at first.
void Scheduler::scheduleCorrection(Stage &stage, const Tile &tile) {
  Func correction = stage.correction;
  // A vector over more channels than taps have would read behind them; those of
  // a matrix fill their panels.
  bool isSummed = correction.has_update_definition();
  int vector = isSummed ? getDividingVector(tile.channels, form.vectorFloats)
                        : form.vectorFloats;
  correction.compute_root().vectorize(c, vector);
  if (pipeline.isCut) // Tasks have whole panels, so it may end in one.
    correction.bound_extent(c, tile.channels);
  if (!isSummed)
    return;
  const Halide::RDom &k = stage.correctionDomain;
  std::vector<VarOrRVar> order = {RVar(k.x), c};
  for (int i = 1; i < k.dimensions(); ++i)
    order.push_back(RVar(k[i]));
  correction.update().reorder(order).atomic().vectorize(RVar(k.x)).vectorize(
      c, vector);
}

/// What the weights' offset adds at the positions of a tile, once for all its
/// channels where these are inside.
void Scheduler::scheduleExcess(Stage &stage, const Tile &tile) {
  const Halide::RDom &k = stage.domains[0];
  stage.zeroWeights.compute_root()
      .bound(stage.zeroWeights.args()[0], 0, form.dotWidth)
      .bound(c, 0, form.vectorFloats)
      .vectorize(stage.zeroWeights.args()[0])
      .vectorize(c);
  Func excess = stage.excess;
  excess.compute_at(stage.root, xo)
      .bound(c, 0, form.vectorFloats)
      .vectorize(c)
      .unroll(x);
  auto update = excess.update();
  RVar outer("outer"), inner("inner");
  unrollSteps(stage, tile, update, inner, outer);
  update.reorder({RVar(k.x), c, x, inner, outer, RVar(k.z), RVar(k.w)})
      .atomic()
      .vectorize(RVar(k.x))
      .vectorize(c)
      .unroll(x)
      .unroll(inner);
  if (stage.steps == 1)
    update.unroll(RVar(k.z));
}

/// What products of bytes read.
void Scheduler::scheduleCopy(Stage &stage, const Tile &tile) {
  Func copy = stage.padded;
  int channels = stage.input.channels;
  // Of a task's channels only, where they are its own: a vector over more of
  // them would begin before the input does.
  bool isOwn = stage.kind == StageKind::Depthwise;
  int vector = getDividingVector(isOwn ? tile.channels : channels,
                                 4 * form.vectorFloats);
  if (stage.kind == StageKind::Matrix && pipeline.view == View::Pixels) {
    tile.block ? copy.compute_at(stage.root, xb) : copy.compute_root();
  } else if (stage.isWhole) {
    copy.compute_root();
  } else {
    storeForStrip(copy, stage.livePaddedRows,
                  stage.input.rows + stage.livePaddedRows);
  }
  // Vectors of a row's terms reach over its last column, whose place Halide
  // does not know to be constant where channels are left over.
  if (int terms = getLoadedTerms(stage, tile); terms && stage.joinsColumns) {
    int stride = llvm::cast<Conv2DOp>(stage.op).getStrides()[1];
    copy.bound(c, 0,
               int(llvm::alignTo((tile.columns - 1) * stride * channels + terms,
                                 channels)));
  }
  if (stage.joinsColumns && stage.inside.defined())
    schedulePlanes(stage);
  else if (stage.joinsColumns) // Channels are few, and all of one column.
    copy.align_bounds(c, channels)
        .split(c, xo, ci, channels)
        .reorder(ci, xo, y)
        .unroll(ci)
        .vectorize(xo, kBytesOfVector);
  else if (!stage.groups.empty())
    scheduleGroups(stage);
  else if (stage.kind == StageKind::Depthwise)
    copy.bound(member, 0, stage.domains[0].x.extent())
        .split(c, co, ci, vector)
        .reorder(member, ci, co, group, y)
        .unroll(member)
        .vectorize(ci);
  else if (stage.inside.defined())
    scheduleInside(stage);
  else if (vector > 1)
    copy.vectorize(c, vector);
}

/// The border, then all channels of as many columns as a vector has.
void Scheduler::schedulePlanes(Stage &stage) {
  Func copy = stage.padded;
  const Halide::RDom &inside = stage.inside;
  copy.align_bounds(c, stage.input.channels).vectorize(c, kBytesOfVector);
  copy.update()
      .reorder({RVar(inside.x), RVar(inside.y), y})
      .allow_race_conditions() // Each column is another place.
      .unroll(RVar(inside.x))
      .vectorize(RVar(inside.y),
                 std::gcd(stage.input.columns, form.vectorFloats));
}

/// The border, then what is inside: groups of channels from as many planes, or
/// all channels of as many columns as make a vector.
void Scheduler::scheduleInside(Stage &stage) {
  Func copy = stage.padded;
  RVar columns(stage.inside.x), ro("ro"), ri("ri");
  int bytes = 4 * form.vectorFloats, channels = stage.input.channels;
  if (stage.input.columnsFirst) {
    copy.bound(c, 0, int(llvm::alignTo(channels, form.dotWidth)))
        .reorder(c, x, y)
        .unroll(c)
        .vectorize(x, form.vectorFloats);
    copy.update()
        .reorder({c, columns, y})
        .unroll(c)
        .vectorize(columns, std::gcd(stage.input.columns, bytes));
    return;
  }
  int joined = channels < bytes ? std::gcd(stage.input.columns,
                                           bytes / std::gcd(channels, bytes))
                                : 1;
  int vector = joined > 1 ? channels : std::gcd(channels, bytes);
  copy.bound(c, 0, channels).vectorize(c, std::gcd(channels, bytes));
  copy.update()
      .split(columns, ro, ri, joined)
      .split(c, co, ci, vector)
      .reorder({ci, ri, co, ro, y})
      .vectorize(ci)
      .vectorize(ri);
}

/// Groups of columns side by side, in whole vectors: those that reach over the
/// last channel read what lies behind it.
void Scheduler::scheduleGroups(Stage &stage) {
  Func copy = stage.padded;
  int bytes = 4 * form.vectorFloats;
  copy.bound(member, 0, form.dotWidth)
      .bound(c, 0, int(llvm::alignTo(stage.input.channels, bytes)));
  for (auto [i, k] : llvm::enumerate(stage.groups)) {
    RVar pairs("pairs"), pair("pair");
    int size = *Halide::Internal::as_const_int(k.x.extent());
    copy.update(i)
        .split(c, co, ci, bytes)
        .split(RVar(k.x), pairs, pair, 2 - size % 2)
        .reorder({member, ci, pair, co, pairs, y})
        .unroll(member)
        .unroll(pair)
        .vectorize(ci);
  }
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
  if (stage.isInteger && stage.kind == StageKind::Matrix)
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

/// The rows for which logits and weights are computed at once: a few tiles, so
/// that the ends of sums and of reductions overlap, but none in vain.
int Scheduler::getAttentionRows(const Tile &tile) const {
  int best = tile.pixels, least = llvm::alignTo(tile.columns, best);
  for (int rows = 2 * tile.pixels; rows <= std::min(24, tile.columns);
       rows += tile.pixels)
    if (int padded = llvm::alignTo(tile.columns, rows); padded <= least) {
      best = rows;
      least = padded;
    }
  return best;
}

/// The loops of an attention's products with the terms `operand`, whose vectors
/// are along `lanes`. Where a lane can multiply, several terms are loaded at
/// once.
void Scheduler::orderTerms(Func products, Var lanes, Func operand,
                           const Halide::RDom &k) {
  auto update = products.update();
  RVar outer("outer"), inner("inner");
  int count = *Halide::Internal::as_const_int(k.x.extent());
  int block = std::gcd(count, kTermsOfBlock);
  std::vector<VarOrRVar> order = {lanes, x, RVar(k.x)};
  if (form.multipliesByLane && block % form.vectorFloats == 0) {
    update.split(RVar(k.x), outer, inner, block).unroll(inner);
    order = {lanes, x, inner, outer};
    Var terms = operand.args()[0];
    operand.compute_at(products, outer)
        .vectorize(terms, form.vectorFloats)
        .unroll(terms)
        .unroll(x);
  }
  if (k.dimensions() > 1)
    order.push_back(RVar(k.y));
  update.reorder(order);
}

/// What a tile of rows needs before its products with the values. Rows are
/// unrolled, so that their sums do not wait for each other.
void Scheduler::scheduleWeights(Attention &parts, Func root, const Tile &tile) {
  int vector = form.vectorFloats;
  // One head, all its keys and some rows at a time: Halide cannot always prove
  // it.
  for (Func func : {parts.logits, parts.weights})
    func.bound(key, 0, parts.paddedKeys);
  for (Func func : {parts.logits, parts.largestLanes, parts.largest,
                    parts.weights, parts.sumLanes, parts.sum})
    func.bound_extent(head, 1).bound_extent(x, getAttentionRows(tile));
  parts.products.bound_extent(key, vector * parts.keyVectors)
      .bound_extent(head, 1)
      .bound_extent(x, tile.pixels);
  parts.logits.compute_at(root, xb)
      .split(key, mo, mi, vector * parts.keyVectors)
      .split(mi, mv, mi, vector)
      .split(x, xo, xi, tile.pixels)
      .reorder(mi, mv, xi, xo, mo)
      .vectorize(mi)
      .unroll(mv)
      .unroll(xi);
  parts.products.compute_at(parts.logits, xo)
      .vectorize(key, vector)
      .unroll(key)
      .unroll(x);
  auto products = parts.products.update();
  if (parts.isInteger)
    products.reorder(RVar(parts.width.x), key, x, RVar(parts.width.y))
        .atomic()
        .vectorize(RVar(parts.width.x));
  else
    orderTerms(parts.products, key, parts.queryTerms, parts.width);
  products.vectorize(key, vector).unroll(key).unroll(x);
  parts.weights.compute_at(root, xb).vectorize(key, vector);
  if (parts.paddedKeys % (2 * vector) == 0)
    parts.weights.unroll(key, 2);
  for (Func lanes : {parts.largestLanes, parts.sumLanes}) {
    lanes.compute_at(root, xb).vectorize(lane);
    lanes.update().split(x, xo, xi, tile.pixels);
    lanes.update().reorder(lane, xi, RVar(parts.chunks.x), xo);
    lanes.update().vectorize(lane).unroll(xi);
  }
  for (Func row : {parts.largest, parts.sum}) {
    row.compute_at(root, xb);
    row.update().atomic().vectorize(RVar(parts.lanes.x)).unroll(x);
  }
}

/// Keys and values of bytes, for the products of a whole task.
void Scheduler::packBytes(Attention &parts, const Tile &tile) {
  auto keys = parts.packedKeys.args(), values = parts.packedValues.args();
  // Else Halide would move vectors of few keys to where there is none.
  parts.packedKeys.compute_root()
      .bound(key, 0, parts.paddedKeys)
      .bound(keys[2], 0, parts.width.y.extent())
      .bound(keys[3], 0, parts.keyHeads)
      .unroll(keys[0])
      .vectorize(key, form.vectorFloats);
  parts.packedValues.compute_root()
      .bound(channel, 0, parts.valueWidth)
      .bound(values[3], 0, parts.keyHeads)
      .unroll(values[0])
      .vectorize(channel, tile.vector);
  parts.factor.compute_at(parts.rows, xo).bound_extent(x, tile.pixels);
}

/// Heads outside, then rows: a head's keys and values stay near.
void Scheduler::scheduleAttention(Stage &stage, const Tile &tile) {
  Attention &parts = *stage.attention;
  Func root = stage.root;
  // All vectors of a head are unrolled, so that their places are constants.
  root.split(c, ho, co, parts.valueWidth);
  root.split(co, co, ci, tile.vector).vectorize(ci).unroll(co);
  root.split(x, xb, xi, getAttentionRows(tile), TailStrategy::ShiftInwards);
  if (root.name() == pipeline.output.name()) {
    root.split(y, ys, yi, pipeline.strip);
    root.reorder(ci, co, xi, xb, yi, ho, ys);
  } else {
    root.reorder(ci, co, xi, xb, y, ho);
    storeRoot(stage, tile);
  }
  scheduleWeights(parts, root, tile);

  parts.rows.compute_at(root, xb).bound(channel, 0, parts.valueWidth);
  parts.rows.bound_extent(head, 1).bound_extent(x, getAttentionRows(tile));
  parts.rows.split(channel, co, ci, tile.width())
      .split(ci, cv, ci, tile.vector);
  parts.rows.split(x, xo, xi, tile.pixels).reorder(ci, cv, xi, co, xo);
  parts.rows.vectorize(ci).unroll(cv).unroll(xi);
  Func acc = stage.accumulator;
  acc.compute_at(parts.rows, co).bound_extent(channel, tile.width());
  acc.bound_extent(head, 1).bound_extent(x, tile.pixels);
  acc.vectorize(channel, tile.vector).unroll(channel).unroll(x);
  if (parts.isInteger)
    acc.update()
        .reorder(RVar(stage.domain.x), channel, x, RVar(stage.domain.y))
        .atomic()
        .vectorize(RVar(stage.domain.x));
  else
    orderTerms(acc, channel, parts.weightTerms, stage.domain);
  acc.update().vectorize(channel, tile.vector).unroll(channel).unroll(x);

  if (parts.isInteger) {
    packBytes(parts, tile);
    return;
  }
  auto dims = parts.packedKeys.args();
  parts.packedKeys.compute_root()
      .bound(key, 0, parts.paddedKeys)
      .bound(dims[1], 0, parts.keyWidth)
      .bound(dims[2], 0, parts.keyHeads)
      .vectorize(key, form.vectorFloats);
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
