//===- ByteSchedules.cpp - loops for products of bytes --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Their sums, the copies that they read, and what is added to them.
//===----------------------------------------------------------------------===//
#include "targets/halide/Integer.h"
#include "targets/halide/Scheduler.h"
#include "targets/llvm/Neon.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Func;
using Halide::RVar;
using Halide::Var;
using Halide::VarOrRVar;

/// What all machines store at once.
constexpr int kBytesOfVector = 16;

/// The bytes of a sum's terms that a position loads at once where a lane can
/// multiply; 0 where products broadcast groups from memory. Those of a row of
/// taps are few; of others there are two registers for each position, if the
/// sums and a group of weights leave these (llvm/Neon.h).
int Scheduler::getLoadedTerms(const Stage &stage, const Tile &tile) const {
  constexpr int kLanes = 16;
  if (!form.multipliesByLane || !stage.operand.defined() ||
      form.dotOperand != DotOperand::Signed)
    return 0;
  if (stage.joinsColumns)
    return llvm::alignTo(stage.steps * form.dotWidth, kLanes);
  bool hasRoom =
      tile.pixels * (tile.vectors + 2) + kNeonGroup <= kNeonRegisters;
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

/// What unsigned bytes add to the sums, or these begin with, for all channels
/// at first.
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
  int bytes = 4 * form.vectorFloats;
  copy.align_bounds(c, stage.input.channels).vectorize(c, bytes);
  bool isRounded = stage.rounded.defined();
  copy.update()
      .reorder({RVar(inside.x), RVar(inside.y), y})
      .allow_race_conditions() // Each column is another place.
      .unroll(RVar(inside.x))
      .vectorize(
          RVar(inside.y),
          std::gcd(stage.input.columns, isRounded ? bytes : form.vectorFloats));
  if (isRounded)
    stage.rounded.compute_at(copy, y)
        .bound(x, 0, stage.input.columns)
        .bound(c, 0, stage.input.channels)
        .split(x, xo, xi, bytes, Halide::TailStrategy::ShiftInwards)
        .vectorize(xi, form.vectorFloats)
        .unroll(xi);
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
