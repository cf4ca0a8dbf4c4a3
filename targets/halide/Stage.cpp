//===- Stage.cpp - primitives as Halide functions -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of each computing primitive.
//===----------------------------------------------------------------------===//
#include "targets/halide/Stage.h"
#include "targets/halide/Integer.h"
#include "targets/halide/View.h"
#include "targets/halide/Window.h"
#include "targets/llvm/Gelu.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;

const Halide::Var halide::c("c"), halide::x("x"), halide::y("y");

/// v * (0.5 + erf(v / sqrt(2)) / 2) within 2.2e-6: erf(v / sqrt(2)) / v is a
/// polynomial of v * v, moved to [-1, 1], up to where it is 1 / v. Halide's erf
/// takes twice the time for an error that networks do not show.
static Expr gelu(Expr v) {
  constexpr float kEnd = 5;
  constexpr float kTerms[] = {-0.00104444625f, 0.00317338388f, -0.00400874671f,
                              0.00515651237f,  -0.0100628948f, 0.0168797672f,
                              -0.0236620568f,  0.031365186f,   -0.0403866209f,
                              0.0515246019f,   -0.0702984408f, 0.141363755f};
  Expr near = Halide::clamp(v, -kEnd, kEnd);
  Expr place = near * near * (2 / (kEnd * kEnd)) - 1.f, sum = 0.f;
  for (float term : kTerms)
    sum = sum * place + term;
  return v * (near * sum + 0.5f);
}

/// GELU in the word that llvm/Gelu.h looks for.
static Expr markGelu(Expr v) {
  return Halide::Internal::Call::make(Halide::Float(32), "llvm.fma.f32",
                                      {v, kGeluFactor, kGeluAddend},
                                      Halide::Internal::Call::PureExtern);
}

Expr halide::activate(Activation activation, Expr v, const Form &form) {
  auto hardSigmoid = [](Expr e) {
    return Halide::clamp(e * (1.f / 6.f) + 0.5f, 0.f, 1.f);
  };
  auto sigmoid = [](Expr e) { return 1.f / (1.f + Halide::exp(-e)); };
  switch (activation) {
  case Activation::None:
    return v;
  case Activation::Relu:
    return Halide::max(v, 0.f);
  case Activation::Relu6:
    return Halide::clamp(v, 0.f, 6.f);
  case Activation::HardSwish:
    return v * hardSigmoid(v);
  case Activation::HardSigmoid:
    return hardSigmoid(v);
  case Activation::Sigmoid:
    return sigmoid(v);
  case Activation::Silu:
    return v * sigmoid(v);
  case Activation::Gelu:
    return form.looksUpGelu ? markGelu(v) : gelu(v);
  case Activation::Erf:
    return Halide::erf(v);
  }
  throw Unsupported("unknown activation");
}

Expr Tensor::hasRow(Expr row) const {
  if (!isOpen)
    return row >= 0 && row < rows;
  // A comparison of signed numbers would tell Halide where the rows end.
  return Halide::cast<uint32_t>(row) < Halide::cast<uint32_t>(rows);
}

Expr Tensor::clampRow(Expr row) const {
  return isOpen ? row : Halide::clamp(row, 0, rows - 1);
}

Tensor halide::makeResult(mlir::Value value, Func func, bool flat) {
  auto shape = llvm::cast<mlir::RankedTensorType>(value.getType()).getShape();
  int rows = shape[1], columns = shape[2];
  return {func, int(shape[3]), flat ? rows * columns : columns,
          flat ? 1 : rows};
}

Func halide::addBorder(const Tensor &input) {
  Func padded("padded");
  Expr inside = x >= 0 && x < input.columns;
  Expr value =
      input.func(c, Halide::clamp(x, 0, input.columns - 1), input.clampRow(y));
  Expr inRow = Halide::select(input.hasRow(y), value, 0.f);
  padded(c, x, y) = Halide::select(Halide::likely(inside), inRow, 0.f);
  return padded;
}

/// Leaves those terms out of `k` whose row of taps, number `tap`, is outside of
/// the map.
static void leaveOutRows(const Window &window, const Tensor &input, RDom &k,
                         Expr tap) {
  Expr row = window.row(tap);
  if (window.top || window.bottom)
    k.where(input.hasRow(row));
}

/// What the tap of a window reads in one channel, `outside` beyond the left and
/// right border; rows are never outside. Those that are always inside are not
/// clamped: Halide would take more of them to be live than findLiveRows does,
/// and write over the first in their folded memory.
static Expr readTap(const Window &window, const Tensor &input, Expr channel,
                    Expr columnTap, Expr rowTap, Expr outside) {
  Expr row = window.row(rowTap), column = window.column(columnTap);
  if (window.top || window.bottom)
    row = input.clampRow(row);
  if (!window.left && !window.right)
    return input.func(channel, column, row);
  Expr value =
      input.func(channel, Halide::clamp(column, 0, input.columns - 1), row);
  Expr inside = column >= 0 && column < input.columns;
  return Halide::select(Halide::likely(inside), value, outside);
}

/// The sums of all parts of `terms` terms but the last.
static void addParts(Stage &stage, const Weight &weight, const Weight &bias,
                     int terms) {
  Halide::Var part("part");
  stage.partSums = Func("sums");
  stage.partial = Func("partial");
  stage.partDomain = RDom(0, terms, "k");
  stage.parts = RDom(0, stage.input.channels / terms - 1, "parts");
  Expr term = part * terms + stage.partDomain;
  stage.partSums(c, x, y, part) = 0.f;
  stage.partSums(c, x, y, part) += stage.operand(term, x, y) * weight(c, term);
  stage.partial(c, x, y) = bias(c, 0);
  stage.partial(c, x, y) += stage.partSums(c, x, y, stage.parts);
}

Stage halide::buildConvolution(Conv2DOp op, const Tensor &input,
                               const Weight &weight, const Weight &bias,
                               bool flat, int terms, const Form &form) {
  auto filter = op.getFilter().getType().getShape();
  Window window(op, filter.take_front(2));
  Stage stage;
  stage.kind = StageKind::Matrix;
  stage.input = input;
  Func in = input.func, acc("accumulator"), value("convolution");
  // A copy with the border takes a tenth of the time of a stage with few
  // channels. Planes are copied into rows anyway, and of a stage's rows Halide
  // would keep less than are read if it knew where they end.
  stage.cutsTaps =
      !op.isPointwise() && !input.columnsFirst &&
      (llvm::isa<mlir::BlockArgument>(op.getInput()) || input.isOpen);
  if (window.isPadded() && !stage.cutsTaps)
    in = stage.padded = addBorder(input);
  Func operand("operand");
  stage.operand = operand;
  if (op.isPointwise()) {
    RDom k(input.channels - terms, terms, "k");
    if (input.isOpen)
      k.where(input.hasRow(y));
    operand(c, x, y) = in(c, x, y);
    if (terms < input.channels)
      addParts(stage, weight, bias, terms);
    acc(c, x, y) =
        stage.partial.defined() ? Expr(stage.partial(c, x, y)) : bias(c, 0);
    acc(c, x, y) += operand(k, x, y) * weight(c, k);
    stage.domain = k;
  } else {
    RDom k(0, int(filter[2]), 0, int(filter[1]), 0, int(filter[0]), "k");
    Expr index = (k.z * int(filter[1]) + k.y) * int(filter[2]) + k.x;
    Halide::Var i("i"), j("j");
    if (stage.cutsTaps) {
      leaveOutRows(window, input, k, k.z);
      operand(c, x, y, i, j) = readTap(window, input, c, i, j, 0.f);
    } else {
      operand(c, x, y, i, j) = in(c, window.column(i), window.row(j));
    }
    acc(c, x, y) = bias(c, 0);
    acc(c, x, y) += operand(k.x, x, y, k.y, k.z) * weight(c, index);
    stage.domain = k;
  }
  value(c, x, y) = activate(op.getActivation(), acc(c, x, y), form);
  stage.accumulator = acc;
  stage.result = makeResult(op.getResult(), value, flat);
  return stage;
}

Stage halide::buildLinear(LinearOp op, const Tensor &input,
                          const Weight &weight, const Weight &bias,
                          const Form &form) {
  Stage stage;
  stage.kind = StageKind::Matrix;
  stage.input = input;
  Func operand("operand"), acc("accumulator"), value("linear");
  RDom k(0, input.channels, "k");
  operand(c, x, y) = input.func(c, x, y);
  acc(c, x, y) = bias(c, 0);
  acc(c, x, y) += operand(k, x, y) * weight(c, k);
  value(c, x, y) = activate(op.getActivation(), acc(c, x, y), form);
  stage.domain = k;
  stage.operand = operand;
  stage.accumulator = acc;
  int channels = op.getResult().getType().getDimSize(1);
  stage.result = {value, channels, input.columns, input.rows};
  return stage;
}

Stage halide::buildDepthwise(DepthwiseConv2DOp op, const Tensor &input,
                             Func filter, const Weight &bias, bool isStaged,
                             const Form &form) {
  Window window(op, op.getFilter().getType().getShape().take_front(2));
  Stage stage;
  stage.kind = StageKind::Depthwise;
  stage.input = input;
  Func acc("accumulator"), value("depthwise");
  RDom k(0, window.width, 0, window.height, "k");
  acc(c, x, y) = bias(c, 0);
  if (isStaged) {
    Halide::Var i("i"), j("j");
    stage.padded = addBorder(input);
    stage.taps = Func("taps");
    stage.taps(c, i, j) = filter(c, i, j);
    acc(c, x, y) += stage.padded(c, window.column(k.x), window.row(k.y)) *
                    stage.taps(c, k.x, k.y);
  } else {
    leaveOutRows(window, input, k, k.y);
    Expr tap = readTap(window, input, c, k.x, k.y, 0.f);
    acc(c, x, y) += tap * filter(c, k.x, k.y);
  }
  value(c, x, y) = activate(op.getActivation(), acc(c, x, y), form);
  stage.domain = k;
  stage.accumulator = acc;
  stage.result = makeResult(op.getResult(), value);
  return stage;
}

/// The elements of the window at (x, y) that lie inside of the input.
static Expr countInside(const Window &window, const Tensor &input) {
  auto inside = [](Expr first, int size, int limit) {
    return Halide::min(first + size, limit) - Halide::max(first, 0);
  };
  return inside(window.column(0), window.width, input.columns) *
         inside(window.row(0), window.height, input.rows);
}

/// The sum of the window's bytes, each less the zero point, which is what the
/// border holds too.
static Stage buildByteSum(Pool2DOp op, const Tensor &input, Expr zero,
                          bool flat) {
  Stage stage;
  stage.kind = op.isGlobalAverage() ? StageKind::GlobalPool : StageKind::Pool;
  stage.input = input;
  Func sum("sum"), value("total");
  Expr wide = Halide::cast<int32_t>(zero) + getOffset(input.func.type());
  sum(c, x, y) = 0;
  if (op.isGlobalAverage()) {
    RDom k(0, input.columns, 0, input.rows, "k");
    sum(c, x, y) += Halide::cast<int32_t>(input.func(c, k.x, k.y));
    value(c, x, y) = sum(c, x, y) - wide * (input.columns * input.rows);
    stage.domain = k;
  } else {
    Window window(op, op.getWindow());
    RDom k(0, window.width, 0, window.height, "k");
    leaveOutRows(window, input, k, k.y);
    sum(c, x, y) +=
        Halide::cast<int32_t>(readTap(window, input, c, k.x, k.y, zero)) - wide;
    value(c, x, y) = sum(c, x, y);
    stage.domain = k;
  }
  stage.accumulator = sum;
  stage.result = makeResult(op.getResult(), value, flat);
  return stage;
}

static Stage buildGlobalAverage(Pool2DOp op, const Tensor &input) {
  Stage stage;
  stage.kind = StageKind::GlobalPool;
  stage.input = input;
  Func sum("sum"), value("average");
  RDom k(0, input.columns, 0, input.rows, "k");
  sum(c, x, y) = 0.f;
  sum(c, x, y) += input.func(c, k.x, k.y);
  value(c, x, y) = sum(c, x, y) * (1.f / (input.columns * input.rows));
  stage.domain = k;
  stage.accumulator = sum;
  stage.result = makeResult(op.getResult(), value);
  return stage;
}

Stage halide::buildPool(Pool2DOp op, const Tensor &input, Expr zero,
                        bool flat) {
  if (flat && !op.isGlobalAverage())
    throw Unsupported("a window over positions that are no map any more");
  bool isByte = isOfBytes(input.func);
  if (isByte && op.getKind() == PoolKind::Average)
    return buildByteSum(op, input, zero, flat);
  if (op.isGlobalAverage())
    return buildGlobalAverage(op, input);
  Window window(op, op.getWindow());
  Stage stage;
  stage.kind = StageKind::Pool;
  stage.input = input;
  Func acc("accumulator"), value("pool");
  RDom k(0, window.width, 0, window.height, "k");
  leaveOutRows(window, input, k, k.y);
  if (op.getKind() == PoolKind::Max) {
    Expr lowest = isByte ? Expr(int8_t(-128))
                         : Expr(-std::numeric_limits<float>::infinity());
    acc(c, x, y) = lowest;
    Expr tap = readTap(window, input, c, k.x, k.y, lowest);
    acc(c, x, y) = Halide::max(acc(c, x, y), tap);
    value(c, x, y) = acc(c, x, y);
  } else {
    acc(c, x, y) = 0.f;
    acc(c, x, y) += readTap(window, input, c, k.x, k.y, 0.f);
    Expr count = op.getCountPad() ? Expr(window.width * window.height)
                                  : countInside(window, input);
    value(c, x, y) = acc(c, x, y) / Halide::cast<float>(count);
  }
  stage.domain = k;
  stage.accumulator = acc;
  stage.result = makeResult(op.getResult(), value);
  return stage;
}

Stage halide::buildSoftmax(const Tensor &input) {
  Stage stage;
  stage.kind = StageKind::Softmax;
  stage.input = input;
  Func largest("largest"), sum("sum"), value("softmax");
  RDom k(0, input.channels, "k");
  largest(x, y) = -std::numeric_limits<float>::infinity();
  largest(x, y) = Halide::max(largest(x, y), input.func(k, x, y));
  sum(x, y) = 0.f;
  sum(x, y) += Halide::exp(input.func(k, x, y) - largest(x, y));
  value(c, x, y) = Halide::exp(input.func(c, x, y) - largest(x, y)) / sum(x, y);
  stage.domain = k;
  stage.accumulator = largest;
  stage.second = sum;
  stage.result = {value, input.channels, input.columns, input.rows};
  return stage;
}
