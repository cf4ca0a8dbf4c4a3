//===- AttentionSchedules.cpp - loops for attention -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Heads outside, then some rows at a time: logits, weights, and the products
// with the values.
//===----------------------------------------------------------------------===//
#include "targets/halide/Scheduler.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Func;
using Halide::RVar;
using Halide::TailStrategy;
using Halide::Var;
using Halide::VarOrRVar;

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
    loadTerms(operand, operand.args()[0], products, outer);
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

/// What products with queries as u8 need: their numbers + 128, and what these
/// add to the sums.
void Scheduler::scheduleQueries(Attention &parts, Func root, const Tile &tile) {
  int vector = form.vectorFloats;
  parts.queryTerms.compute_at(root, xb)
      .bound(channel, 0, parts.keyWidth)
      .bound_extent(head, 1)
      .bound_extent(x, getAttentionRows(tile))
      .vectorize(channel, std::gcd(parts.keyWidth, 4 * vector));
  auto words = parts.keyWords.args();
  parts.keyWords.compute_root()
      .bound(words[0], 0, parts.width.y.extent())
      .bound(words[2], 0, parts.keyHeads)
      .vectorize(words[0], std::gcd(parts.keyWidth / form.dotWidth, vector));
  auto sums = parts.keySums.args();
  parts.keySums.compute_root()
      .bound(key, 0, parts.paddedKeys)
      .bound(sums[1], 0, parts.keyHeads)
      .vectorize(key, vector);
  parts.keySums.update()
      .reorder(RVar(parts.width.x), key, RVar(parts.width.y), sums[1])
      .atomic()
      .vectorize(RVar(parts.width.x))
      .vectorize(key, vector);
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
    if (parts.keyWords.defined())
      scheduleQueries(parts, root, tile);
    return;
  }
  auto dims = parts.packedKeys.args();
  parts.packedKeys.compute_root()
      .bound(key, 0, parts.paddedKeys)
      .bound(dims[1], 0, parts.keyWidth)
      .bound(dims[2], 0, parts.keyHeads)
      .vectorize(key, form.vectorFloats);
}
