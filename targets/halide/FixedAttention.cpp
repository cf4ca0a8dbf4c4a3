//===- FixedAttention.cpp - attention on bytes ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/halide/FixedAttention.h"
#include "targets/halide/Integer.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::RVar;
using Halide::Var;

namespace {
const Var ci("ci"), cv("cv"), xi("xi"), xo("xo");
} // namespace

/// Weights, which are u8, by u8, in the words that Halide takes for one
/// instruction.
static Expr multiplyBytes(Expr vector, Expr scalar) {
  return Halide::cast<int32_t>(Halide::cast<uint16_t>(vector) *
                               Halide::cast<uint16_t>(scalar));
}

/// Logits to weights. Keys after the last are the last once more: no logit is
/// larger for them, and their weights are 0.
static void buildWeights(FixedAttention &parts, const Tensor &query,
                         Expr multiplier, Func table, int keys, int lanes) {
  const RDom &d = parts.width;
  parts.logits(key, head, x) = 0;
  parts.logits(key, head, x) +=
      Halide::cast<int32_t>(Halide::cast<int16_t>(parts.keys(d.x, key, d.y)) *
                            Halide::cast<int16_t>(query.func(
                                head * parts.keyWidth + d.y * 4 + d.x, x, 0)));
  parts.chunks = RDom(1, parts.paddedKeys / lanes - 1, "chunks");
  parts.lanes = RDom(0, lanes, "lanes");
  parts.largestLanes(lane, head, x) = parts.logits(lane, head, x);
  parts.largestLanes(lane, head, x) =
      Halide::max(parts.largestLanes(lane, head, x),
                  parts.logits(parts.chunks * lanes + lane, head, x));
  parts.largest(head, x) = Halide::Int(32).min();
  parts.largest(head, x) = Halide::max(
      parts.largest(head, x), parts.largestLanes(parts.lanes, head, x));
  Expr index = Halide::rounding_mul_shift_right(
      parts.largest(head, x) - parts.logits(key, head, x), multiplier, 31);
  parts.indices(key, head, x) = Halide::cast<uint8_t>(Halide::min(index, 255));
  Expr weight = table(Halide::cast<int32_t>(parts.indices(key, head, x)));
  parts.weights(key, head, x) =
      Halide::select(key < keys, weight, Halide::cast<int8_t>(0));
}

/// The sums of the values, and what brings them to the result's scale.
static void buildSums(FixedAttention &parts, Expr multiplier, int keys) {
  parts.terms = RDom(0, 4, 0, int(llvm::divideCeil(keys, 4)), "terms");
  const RDom &m = parts.terms;
  Expr weight =
      Halide::reinterpret<uint8_t>(parts.weights(m.y * 4 + m.x, head, x));
  parts.zeroWeights(member, c) = Halide::cast<uint8_t>(128);
  parts.excess(c, head, x) = 0;
  parts.excess(c, head, x) += multiplyBytes(parts.zeroWeights(m.x, c), weight);
  parts.sums(channel, head, x) = 0;
  parts.sums(channel, head, x) +=
      multiplyBytes(parts.values(m.x, channel, m.y), weight);
  Expr total = Halide::cast<uint32_t>(parts.excess(0, head, x) >> 7);
  parts.factors(head, x) = Halide::rounding_mul_shift_right(
      Halide::cast<int32_t>(Halide::UInt(32).max() / total), multiplier, 31);
}

static FixedAttention makeParts() {
  FixedAttention parts;
  parts.keys = Func("keys"), parts.values = Func("values");
  parts.zeroWeights = Func("zero_weights"), parts.logits = Func("logits");
  parts.largestLanes = Func("largest_lanes"), parts.largest = Func("largest");
  parts.indices = Func("indices"), parts.weights = Func("weights");
  parts.excess = Func("excess"), parts.sums = Func("sums");
  parts.factors = Func("factors");
  return parts;
}

Stage halide::buildFixedAttention(AttentionOp op, const Tensor &query,
                                  const Tensor &keys, const Tensor &values,
                                  llvm::ArrayRef<Func> numbers,
                                  const Form &form) {
  Stage stage;
  stage.kind = StageKind::Attention;
  stage.input = query;
  stage.fixedAttention = std::make_shared<FixedAttention>(makeParts());
  FixedAttention &parts = *stage.fixedAttention;
  parts.keyWidth = op.getKeyWidth(), parts.valueWidth = op.getValueWidth();
  int lanes = form.vectorFloats, count = keys.columns;
  // Vectors may reach over a head's last value, and read what lies behind it.
  int together = std::gcd(parts.valueWidth, lanes);
  parts.paddedWidth = llvm::alignTo(parts.valueWidth, lanes);
  if (op.getKeyHeads() != 1 || parts.keyWidth % 4 || together < lanes / 2 ||
      query.rows != 1 || form.dotOperand != DotOperand::Offset)
    throw Unsupported("attention on bytes with more than one head of keys, or "
                      "a width that no vectors divide");
  parts.paddedKeys = llvm::alignTo(count, 2 * lanes);
  parts.width = RDom(0, 4, 0, parts.keyWidth / 4, "width");
  parts.keys(member, key, group) =
      addOffset(keys.func(group * 4 + member, Halide::min(key, count - 1), 0));
  parts.values(member, channel, group) = addOffset(
      values.func(channel, Halide::min(group * 4 + member, count - 1), 0));
  buildWeights(parts, query, numbers[0](0), numbers[2], count, lanes);
  buildSums(parts, numbers[0](1), count);

  Func value("attention");
  Expr owner = c / parts.valueWidth, own = c % parts.valueWidth;
  Expr sum = parts.sums(own, owner, x) - parts.excess(own % together, owner, x);
  Expr scaled =
      Halide::rounding_mul_shift_right(sum << 6, parts.factors(owner, x), 31);
  value(c, x, y) = roundFixed(scaled, numbers[1], /*isWhole=*/false);
  stage.accumulator = parts.sums;
  stage.result = {value, int(op.getHeads()) * parts.valueWidth, query.columns,
                  query.rows};
  return stage;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Sums of groups of four by `domain`, all of a tile in registers.
static void scheduleGroups(Func func, Var inner, const RDom &domain,
                           int lanes) {
  func.vectorize(inner, lanes).unroll(inner).unroll(x);
  func.update()
      .reorder({RVar(domain.x), inner, x, RVar(domain.y), head})
      .atomic()
      .vectorize(RVar(domain.x))
      .vectorize(inner, lanes)
      .unroll(inner)
      .unroll(x);
}

/// What all queries read, once.
static void scheduleCopies(FixedAttention &parts, const Form &form) {
  int bytes = std::gcd(parts.valueWidth, 4 * form.vectorFloats);
  parts.keys.compute_root()
      .bound(member, 0, 4)
      .bound(key, 0, parts.paddedKeys)
      .bound(group, 0, parts.keyWidth / 4)
      .reorder(member, group, key)
      .vectorize(member);
  parts.values.compute_root()
      .bound(member, 0, 4)
      .bound(channel, 0, parts.paddedWidth)
      .reorder(member, channel, group)
      .unroll(member)
      .vectorize(channel, bytes);
  parts.zeroWeights.compute_root()
      .bound(member, 0, 4)
      .bound(c, 0, form.vectorFloats)
      .vectorize(member)
      .vectorize(c);
}

static void scheduleLargest(FixedAttention &parts, Func root, int lanes) {
  parts.largestLanes.compute_at(root, xo).bound(lane, 0, lanes);
  parts.largestLanes.vectorize(lane).unroll(x);
  parts.largestLanes.update()
      .reorder({lane, x, RVar(parts.chunks.x)})
      .vectorize(lane)
      .unroll(x);
  parts.largest.compute_at(root, xo).unroll(x);
  parts.largest.update()
      .atomic()
      .vectorize(RVar(parts.lanes.x), lanes)
      .unroll(x);
}

void halide::scheduleFixedAttention(Stage &stage, int pixels,
                                    const Form &form) {
  FixedAttention &parts = *stage.fixedAttention;
  Func root = stage.root;
  int lanes = form.vectorFloats, bytes = std::gcd(parts.valueWidth, 4 * lanes);
  Var owner("owner");
  root.split(c, owner, ci, parts.valueWidth)
      .split(ci, cv, ci, bytes)
      .split(x, xo, xi, pixels, Halide::TailStrategy::ShiftInwards)
      .reorder({ci, cv, xi, xo, owner, y})
      .vectorize(ci)
      .unroll(cv)
      .unroll(xi);
  scheduleCopies(parts, form);
  // One head and some queries at a time: Halide cannot always prove it.
  for (Func func : {parts.logits, parts.largestLanes, parts.largest,
                    parts.indices, parts.weights, parts.excess, parts.sums})
    func.bound_extent(head, 1).bound_extent(x, pixels);
  parts.logits.compute_at(root, xo).bound(key, 0, parts.paddedKeys);
  scheduleGroups(parts.logits, key, parts.width, lanes);
  scheduleLargest(parts, root, lanes);
  for (Func func : {parts.indices, parts.weights})
    func.compute_at(root, xo)
        .bound(key, 0, parts.paddedKeys)
        .vectorize(key, std::gcd(parts.paddedKeys, 4 * lanes))
        .unroll(key)
        .unroll(x);
  parts.excess.compute_at(root, xo).bound(c, 0, lanes);
  scheduleGroups(parts.excess, c, parts.terms, lanes);
  parts.sums.compute_at(root, xo).bound(channel, 0, parts.paddedWidth);
  scheduleGroups(parts.sums, channel, parts.terms, lanes);
  parts.factors.compute_at(root, xo);
}
