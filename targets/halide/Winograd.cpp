//===- Winograd.cpp - convolutions with fewer products --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stage and its loops. The terms of one part of the rows of a tile are in
// memory, of all channels; each of the nine sums of a tile is in registers by
// itself, and waits on the stack for the last.
//===----------------------------------------------------------------------===//
#include "targets/halide/Winograd.h"
#include "dialects/mobile/Layout.h"
#include "targets/halide/Scheduler.h"
#include "targets/halide/Window.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::RVar;
using Halide::Var;

static const Var i("i"), j("j");

/// Of P, Q and R: how many products they have, the first of their terms and the
/// first of their taps in the layout.
struct Part {
  int count, term, tap;
};
static constexpr Part kParts[] = {
    {2, 0, 0}, {1, 2, int(kWinogradTaps) - 1}, {2, 3, 1}};

/// That number of the part `i`.
static Expr pick(int Part::*number) {
  return Halide::mux(i,
                     {kParts[0].*number, kParts[1].*number, kParts[2].*number});
}

/// The terms of one part of the rows: outer elements less the one in the
/// middle, in both dimensions.
static Func buildTerms(const Window &window, const Tensor &input, int part) {
  constexpr int kMiddle = 2, kLast = 4;
  Func border = addBorder(input);
  auto isOuter = [](Expr place) { return place == 0 || place == kLast; };
  auto read = [&](Expr column, Expr row) {
    return border(c, x * 2 * window.columnStride - window.left + column,
                  y * 2 * window.rowStride - window.top + row);
  };
  auto inRow = [&](Expr row) {
    Expr value = read(i, row);
    return Halide::select(isOuter(i), value - read(kMiddle, row), value);
  };
  Expr row = j + kParts[part].term;
  Func terms("terms");
  terms(c, x, y, i, j) =
      Halide::select(isOuter(row), inRow(row) - inRow(kMiddle), inRow(row));
  return terms;
}

static Expr addParts(const Var &place, Expr p, Expr q, Expr r) {
  return Halide::select(place % 2 == 0, p, r) + q;
}

/// The sums of one part of the rows.
static Winograd buildPart(const Window &window, const Tensor &input,
                          const Weight &weight, const Weight &bias, int part) {
  Winograd rows{
      buildTerms(window, input, part), Func("accumulator"), Func("sums"), {}};
  RDom k(0, input.channels, 0, 2, 0, kParts[part].count, "k");
  k.where(k.y < pick(&Part::count));
  // The sum that is part of all four results begins with the bias.
  rows.accumulator(c, x, y, i) =
      part == 1 ? Halide::select(i == 1, bias(c, 0), 0.f) : Expr(0.f);
  Expr tap =
      (kParts[part].tap + k.z) * int(kWinogradTaps) + pick(&Part::tap) + k.y;
  rows.accumulator(c, x, y, i) +=
      rows.terms(k.x, x, y, pick(&Part::term) + k.y, k.z) *
      weight(c, tap * input.channels + k.x);
  rows.sums(c, x, y, i) = rows.accumulator(c, x, y, i);
  rows.domain = k;
  return rows;
}

Stage halide::buildWinograd(Conv2DOp op, const Tensor &input,
                            const Weight &weight, const Weight &bias,
                            const Form &form) {
  Window window(op, getShape(op.getFilter()).take_front(2));
  Stage stage;
  stage.kind = StageKind::Matrix;
  stage.input = input;
  Expr parts[3];
  for (int part = 0; part < 3; ++part) {
    Winograd rows = buildPart(window, input, weight, bias, part);
    auto sum = [&](int column) { return rows.sums(c, x / 2, y / 2, column); };
    parts[part] = addParts(x, sum(0), sum(1), sum(2));
    stage.winograd.push_back(rows);
  }
  Func value("convolution");
  value(c, x, y) = activate(op.getActivation(),
                            addParts(y, parts[0], parts[1], parts[2]), form);
  stage.result = makeResult(op.getResult(), value);
  return stage;
}

void Scheduler::scheduleWinograd(Stage &stage, const Tile &tile) {
  int channels = stage.input.channels;
  for (Winograd &rows : stage.winograd) {
    rows.terms.compute_at(rows.sums, y)
        .bound(i, 0, 5)
        .reorder(i, j, c, x, y)
        .vectorize(c, getDividingVector(channels, form.vectorFloats))
        .unroll(i)
        .unroll(j);
    rows.sums.compute_at(stage.root, xo)
        .bound(i, 0, 3)
        .split(c, co, ci, tile.width(), Halide::TailStrategy::RoundUp)
        .split(ci, cv, ci, tile.vector)
        .reorder({ci, cv, x, i, co, y})
        .vectorize(ci)
        .unroll(cv);
    rows.accumulator.compute_at(rows.sums, i)
        .bound_extent(c, tile.width())
        .vectorize(c, tile.vector)
        .unroll(c);
    for (Func func : {rows.sums, rows.accumulator})
      func.bound_extent(x, tile.pixels / 2).bound_extent(y, 1).unroll(x);
    RVar terms(rows.domain.x), inner("term"), outer("outer");
    rows.accumulator.update()
        .split(terms, outer, inner, std::gcd(channels, kUnrolledTerms))
        .reorder({c, x, inner, outer, RVar(rows.domain.y), RVar(rows.domain.z)})
        .vectorize(c, tile.vector)
        .unroll(c)
        .unroll(x)
        .unroll(inner);
  }
}
