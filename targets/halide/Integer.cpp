//===- Integer.cpp - primitives on bytes as Halide functions --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of products of bytes and of their rounding.
//===----------------------------------------------------------------------===//
#include "targets/halide/Integer.h"
#include "targets/halide/View.h"
#include "targets/halide/Window.h"
#include "targets/llvm/Bytes.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using mlir::Operation;

const Halide::Var halide::member("member"), halide::group("group"),
    halide::place("place"), halide::step("step"), halide::chunk("chunk");

bool halide::isOfBytes(Func func) { return func.type().bits() == 8; }

int halide::getOffset(Halide::Type type) {
  return type == Halide::UInt(8) ? 128 : 0;
}

Expr halide::addOffset(Expr byte) {
  if (byte.type() == Halide::UInt(8))
    return byte;
  return Halide::reinterpret<uint8_t>(byte) ^ Halide::cast<uint8_t>(0x80);
}

/// A byte of the input as the products take it.
static Expr prepare(Expr byte, DotOperand operand) {
  switch (operand) {
  case DotOperand::Signed:
  case DotOperand::Offset:
    return byte;
  case DotOperand::Unsigned:
    return addOffset(byte);
  case DotOperand::Wide:
    return Halide::cast<int16_t>(byte);
  }
  return {};
}

bool halide::givesFloats(Operation *product, const Form &form) {
  auto user = product->hasOneUse()
                  ? llvm::dyn_cast<RequantizeOp>(*product->user_begin())
                  : RequantizeOp();
  return user && user.getRectified() && form.packsInLlvm();
}

/// What the sums of a channel begin with.
static Expr getStart(Operation *product, const IntegerWeights &weights,
                     Expr channel, const Form &form) {
  Expr bias = weights.bias(channel, 0);
  return givesFloats(product, form) ? bias + kSumBits : bias;
}

Expr halide::multiply(Expr a, Expr b) {
  return Halide::cast<int32_t>(a) * Halide::cast<int32_t>(b);
}

/// The product with a weight that is stored + 128, in the words that Halide
/// takes for one instruction.
static Expr multiplyOffset(Expr a, Expr weight) {
  return Halide::cast<int32_t>(Halide::cast<int16_t>(weight) *
                               Halide::cast<int16_t>(a));
}

/// The byte of the input at (channel, column, row), `zero` outside of the map.
static Expr readByte(const Tensor &input, const Window &window, Expr channel,
                     Expr column, Expr row, Expr zero) {
  if (window.isPadded()) {
    Expr inRow = input.hasRow(row);
    Expr inside = column >= 0 && column < input.columns;
    Expr byte = input.func(channel, Halide::clamp(column, 0, input.columns - 1),
                           input.clampRow(row));
    return Halide::select(Halide::likely(inside),
                          Halide::select(inRow, byte, zero), zero);
  }
  // The last group may reach over the last column.
  return input.func(channel, Halide::min(column, input.columns - 1), row);
}

/// Defines `copy` as the input with its border: first the border, then what is
/// inside, so that whole vectors over columns are copied. Returns the columns.
static RDom copyInside(const Tensor &input, Func copy, Expr channel,
                       Expr zero) {
  RDom columns(0, input.columns, "columns");
  Expr byte = input.func(channel, columns, input.clampRow(y));
  copy(c, x, y) = zero;
  copy(c, columns, y) = Halide::select(input.hasRow(y), byte, zero);
  return columns;
}

/// The same of planes to rows of columns, each of all channels: vectors over
/// columns that ask where they are would be read element by element. What is
/// rounded there is stored plane by plane first, four vectors at once.
static void copyPlanes(Stage &stage, const Window &window, Expr zero,
                       const Form &form) {
  const Tensor &input = stage.input;
  Func copy = stage.padded;
  RDom inside(0, input.channels, 0, input.columns, "inside");
  auto read = [&](Expr channel, Expr column) {
    return input.func(channel, column, input.clampRow(y));
  };
  Expr byte = read(inside.x, inside.y);
  if (!input.stored && input.columns >= 4 * form.vectorFloats) {
    stage.rounded = Func("rounded");
    stage.rounded(x, c, y) = read(c, x);
    byte = stage.rounded(inside.y, inside.x, y);
  }
  copy(c, y) = prepare(zero, form.dotOperand);
  copy(inside.x + (inside.y + window.left) * input.channels, y) =
      prepare(Halide::select(input.hasRow(y), byte, zero), form.dotOperand);
  stage.inside = inside;
}

/// Defines `copy` as groups of columns, each `advance` columns after the one
/// before it, as many as the results read. Those at the border are written
/// apart, so that the others copy whole vectors without asking where they are.
/// Returns the groups of each part.
static std::vector<RDom> copyGroups(const Tensor &input, const Window &window,
                                    Func copy, int dot, int advance, int groups,
                                    Expr zero) {
  int first = std::min<int>(llvm::divideCeil(window.left, advance), groups);
  int room = input.columns + window.left - dot; // behind the first group
  int last = std::clamp(room < 0 ? 0 : room / advance + 1, first, groups);
  last -= (last - first) % 2; // Two at a time share what they load.
  int bounds[] = {0, first, last, groups};
  copy(member, c, group, y) = Halide::undef<int8_t>();
  std::vector<RDom> parts;
  for (int part = 0; part < 3; ++part) {
    int size = bounds[part + 1] - bounds[part];
    if (size == 0)
      continue;
    RDom k(bounds[part], size, "groups");
    Expr column = k * advance + member - window.left;
    Expr inside = input.hasRow(y);
    if (part != 1) {
      inside = inside && column >= 0 && column < input.columns;
      column = Halide::clamp(column, 0, input.columns - 1);
    }
    // Whole vectors are read, though some of the last one lies behind.
    Expr channel = Halide::Internal::promise_clamped(c, 0, input.channels - 1);
    Expr byte = input.func(channel, column, input.clampRow(y));
    copy(member, c, k, y) = Halide::select(inside, byte, zero);
    parts.push_back(k);
  }
  return parts;
}

/// What sums of unsigned bytes begin with, which are of numbers that are larger
/// by 128: less 128 times the sum of a channel's weights. Those of a matrix
/// bring it, in the row after their steps; those of taps are few. The last of
/// several tasks asks for as many panels as the others, some of which are
/// behind the last one.
static Func readStarts(Operation *product, const IntegerWeights &weights,
                       const Dots &dots, const Form &form) {
  Func starts("starts");
  auto filter = getShape(product->getOperand(1));
  int steps = dots.countSteps(::product(filter.drop_back()));
  int panel = dots.panel;
  Expr last = int(llvm::divideCeil(filter.back(), panel)) - 1;
  Expr at = c % panel, from = Halide::min(c / panel, last);
  std::vector<Expr> bytes;
  for (int i = 0; i < int(sizeof(int32_t)); ++i)
    bytes.push_back(
        Halide::reinterpret<uint8_t>(weights.filter(i, at, steps, from)));
  starts(c) = getStart(product, weights, from * panel + at, form) -
              Halide::reinterpret<int32_t>(Halide::concat_bits(bytes));
  return starts;
}

static Func sumCorrection(Expr weight) {
  Func correction("correction");
  correction(c) = 0;
  correction(c) += multiply(Halide::cast<uint8_t>(128), weight);
  return correction;
}

Stage halide::buildIntegerMatrix(Operation *op, const Tensor &input,
                                 const IntegerWeights &weights,
                                 const Form &form, bool flat) {
  auto conv = llvm::dyn_cast<Conv2DOp>(op);
  Window window = conv ? Window(conv, getShape(conv.getFilter())) : Window();
  bool isUnsigned = input.func.type() == Halide::UInt(8);
  Dots dots = *Dots::find(weights.layout);
  int panel = dots.panel, dot = dots.dot, run = dots.run;
  DotOperand operand = form.dotOperand;
  Stage stage;
  stage.kind = StageKind::Matrix;
  stage.isInteger = true;
  stage.input = input;

  // A run is the channels of one tap, or those of a whole row of taps.
  int steps = llvm::divideCeil(run, dot), channels = input.channels;
  stage.steps = steps;
  stage.joinsColumns = run != channels;
  int columns = stage.joinsColumns ? 1 : window.width;
  RDom k(0, dot, 0, steps, 0, columns, 0, window.height, "k");
  Expr term = k.y * dot + k.x, taken;
  Expr column = x * window.columnStride, row = window.row(k.w);
  Func source = input.func;
  if (stage.joinsColumns) {
    stage.padded = Func("padded");
    if (input.columnsFirst && form.packsInLlvm())
      copyPlanes(stage, window, weights.zero, form);
    else
      stage.padded(c, y) =
          prepare(readByte(input, window, c % channels,
                           c / channels - window.left, y, weights.zero),
                  operand);
    taken = stage.padded(column * channels + term, row);
    if (form.multipliesByLane && operand == DotOperand::Signed) {
      Halide::Var j("j");
      stage.operand = Func("operand");
      stage.operand(c, x, y, j) =
          stage.padded(column * channels + c, window.row(j));
      taken = stage.operand(term, x, y, k.w);
    }
  } else {
    if (copiesInput(op, form, isUnsigned)) {
      source = stage.padded = Func("padded");
      Expr channel = channels % dot ? Halide::min(c, channels - 1) : Expr(c);
      bool hasVectors = input.columnsFirst || channels % form.vectorFloats == 0;
      if (hasVectors && form.joinsPixels)
        stage.inside = copyInside(input, source, channel, weights.zero);
      else
        stage.padded(c, x, y) = prepare(
            readByte(input, window, channel, x, y, weights.zero), operand);
    }
    Halide::Var i("i"), j("j");
    stage.operand = Func("operand");
    stage.operand(c, x, y, i, j) = source(c, window.column(i), window.row(j));
    taken = stage.operand(term, x, y, k.z, k.w);
  }
  // Vectors are a dimension of their own: Halide then sees that a vector of
  // weights lies at a constant place of its row.
  int lanes = form.vectorFloats, vectors = panel / lanes;
  Expr index = (k.w * columns + k.z) * steps + k.y;
  auto weight = [&](Expr lane, Expr vector) {
    return weights.filter(k.x, lane + vector % vectors * lanes, index,
                          vector / vectors);
  };

  Func acc("accumulator"), value("product");
  Expr channel = chunk * lanes + c;
  Expr start = getStart(op, weights, channel, form);
  if (operand == DotOperand::Unsigned) {
    stage.correction = readStarts(op, weights, dots, form);
    start = stage.correction(channel);
  }
  if (operand == DotOperand::Offset) {
    // The sums are of weights that are larger by 128: the same products with
    // weights of 0 are what is too much. Halide must not see that these are all
    // one number, for which it has slower words.
    Halide::Var i("i");
    stage.zeroWeights = Func("zero_weights");
    stage.zeroWeights(i, c) = Halide::cast<uint8_t>(128);
    stage.excess = Func("excess");
    stage.excess(c, x, y) = 0;
    stage.excess(c, x, y) += multiplyOffset(taken, stage.zeroWeights(k.x, c));
    start -= stage.excess(c, x, y);
  }
  acc(c, chunk, x, y) = start;
  acc(c, chunk, x, y) += operand == DotOperand::Offset
                             ? multiplyOffset(taken, weight(c, chunk))
                             : multiply(taken, weight(c, chunk));
  value(c, x, y) = acc(c % lanes, c / lanes, x, y);
  stage.domains = {k};
  stage.accumulator = acc;
  auto shape = getShape(op->getResult(0));
  int rows = conv && !flat ? shape[1] : 1;
  stage.result = {value, int(shape.back()),
                  int(product(shape.drop_back()) / rows), rows};
  return stage;
}

namespace {

/// How the windows of a depthwise convolution lie on the groups of columns in
/// which its input is copied.
struct WindowGroups {
  Window window;
  Taps taps;
  int advance; // columns between two groups; where it is less than the columns
               // of one they overlap
  int places;  // results whose windows touch the same groups
  std::vector<int> counts; // of groups that a window touches, by its place

  WindowGroups(DepthwiseConv2DOp op, const Taps &taps, bool joinsPixels);
  int getFewest() const { return *llvm::min_element(counts); }
  int getMost() const { return *llvm::max_element(counts); }
  /// The group that is `k` groups' columns behind the first one of a window:
  /// the one at `at` among the `steps`th places.
  Expr getGroup(Expr steps, Expr at, Expr k) const {
    int stride = window.columnStride;
    return steps * (places * stride / advance) + at * stride / advance +
           k * int(taps.dot / advance);
  }
};

} // namespace

WindowGroups::WindowGroups(DepthwiseConv2DOp op, const Taps &taps,
                           bool joinsPixels)
    : window(op, getShape(op.getFilter())), taps(taps) {
  // Where groups overlap fewer of them hold the windows of fewer places, whose
  // taps are loaded for more results.
  int dot = taps.dot, stride = window.columnStride;
  bool overlaps = joinsPixels && (stride == 1 || window.width < dot);
  advance = overlaps ? dot / 2 : dot;
  places = advance / std::gcd(advance, stride);
  for (int i = 0; i < places; ++i)
    counts.push_back(taps.countGroups(i, window.width));
}

/// The taps `k`, a column of a group, a group and a row, of the result at `at`
/// among the `steps`th places.
static Expr multiplyTaps(const Stage &stage, const IntegerWeights &weights,
                         const WindowGroups &groups, const RDom &k,
                         Expr channel, Expr steps, Expr at) {
  Expr byte = stage.padded(k.x, channel, groups.getGroup(steps, at, k.y),
                           groups.window.row(k.z));
  return multiply(byte, weights.filter(k.x, channel, k.y, at, k.z));
}

/// Defines the sums as a machine takes them that stores the bytes of several
/// columns as one vector: `step` is the column, and the last vectors of
/// channels may overlap. One loop over the taps sums all, with none of a
/// window's that has fewer groups.
static Func sumJoinedTaps(Stage &stage, const IntegerWeights &weights,
                          const WindowGroups &groups, int columns) {
  const Window &window = groups.window;
  int dot = groups.taps.dot, advance = groups.advance, most = groups.getMost();
  int all = (columns - 1) * window.columnStride / advance + 1 +
            (most - 1) * (dot / advance);
  stage.padded = Func("padded");
  stage.groups = copyGroups(stage.input, window, stage.padded, dot, advance,
                            all, weights.zero);
  Expr here = step % groups.places;
  RDom k(0, dot, 0, most, 0, window.height, "k");
  Expr first = here * window.columnStride % advance;
  k.where(k.y < (first + window.width + dot - 1) / dot);
  Func acc("accumulator"), value("depthwise");
  acc(c, chunk, place, step, y) = weights.bias(c, 0);
  acc(c, chunk, place, step, y) +=
      multiplyTaps(stage, weights, groups, k, c, step / groups.places, here);
  stage.domains = {k};
  stage.accumulator = acc;
  value(c, x, y) = acc(c, 0, 0, x, y);
  return value;
}

/// Defines the sums of one place after the other. A dimension of their own for
/// the vectors shows Halide where they lie. Places that touch more groups than
/// others have loops of their own over the taps in these.
static Func sumPlacedTaps(Stage &stage, DepthwiseConv2DOp op,
                          const IntegerWeights &weights,
                          const WindowGroups &groups, const Form &form) {
  const Window &window = groups.window;
  int dot = groups.taps.dot, fewest = groups.getFewest();
  stage.padded = Func("padded");
  stage.padded(member, c, group, y) =
      prepare(readByte(stage.input, window, c,
                       group * dot + member - window.left, y, weights.zero),
              form.dotOperand);
  int lanes = std::gcd(stage.input.channels, form.vectorFloats);
  Expr channel = chunk * lanes + c;
  Expr start = getStart(op, weights, channel, form);
  if (form.dotOperand == DotOperand::Unsigned) {
    RDom all(0, dot, 0, groups.counts[0], 0, window.height, "all");
    stage.correction = sumCorrection(weights.filter(all.x, c, all.y, 0, all.z));
    stage.correctionDomain = all;
    start -= stage.correction(channel);
  }
  Func acc("accumulator"), value("depthwise");
  auto addTaps = [&](const RDom &k, Expr at) {
    acc(c, chunk, at, step, y) +=
        multiplyTaps(stage, weights, groups, k, channel, step, at);
    stage.domains.push_back(k);
  };
  acc(c, chunk, place, step, y) = start;
  addTaps(RDom(0, dot, 0, fewest, 0, window.height, "k"), place);
  for (auto [i, count] : llvm::enumerate(groups.counts))
    if (count > fewest)
      addTaps(RDom(0, dot, fewest, count - fewest, 0, window.height, "rest"),
              int(i));
  stage.accumulator = acc;
  value(c, x, y) =
      acc(c % lanes, c / lanes, x % groups.places, x / groups.places, y);
  return value;
}

Stage halide::buildIntegerDepthwise(DepthwiseConv2DOp op, const Tensor &input,
                                    const IntegerWeights &weights,
                                    const Form &form) {
  WindowGroups groups(op, *Taps::find(weights.layout), form.joinsPixels);
  auto shape = getShape(op.getResult());
  Stage stage;
  stage.kind = StageKind::Depthwise;
  stage.isInteger = true;
  stage.input = input;
  stage.places = groups.places;
  Func value = form.joinsPixels
                   ? sumJoinedTaps(stage, weights, groups, shape[2])
                   : sumPlacedTaps(stage, op, weights, groups, form);
  stage.result = makeResult(op.getResult(), value);
  return stage;
}

Expr halide::holdInWord(Expr value) {
  return Halide::strict_float(Halide::min(value, 1073741824.f));
}

/// In f64, where products of f32 are exact: the sum is rounded to odd, so that
/// the second rounding does not see the first (Boldo and Melquiond, 2008).
static Expr emulateFma(Expr a, Expr b, Expr c) {
  auto wide = [](Expr x) { return Halide::cast<double>(x); };
  Expr product = wide(a) * wide(b), addend = wide(c);
  Expr sum = Halide::strict_float(product + addend);
  Expr part = Halide::strict_float(sum - product);
  Expr error = Halide::strict_float((product - (sum - part)) + (addend - part));
  Expr bits = Halide::reinterpret<int64_t>(sum);
  Expr towards = Halide::select((error > 0) == (sum > 0), bits + 1, bits - 1);
  bits = Halide::select(error != 0 && bits % 2 == 0, towards, bits);
  return Halide::cast<float>(Halide::reinterpret<double>(bits));
}

Expr halide::fma(Expr a, Expr b, Expr c, const Form &form) {
  if (!form.hasFma)
    return emulateFma(a, b, c);
  // Halide has no word for it. It calls LLVM's lane by lane, and LLVM joins the
  // lanes again.
  return Halide::Internal::Call::make(Halide::Float(32), "llvm.fma.f32",
                                      {a, b, c},
                                      Halide::Internal::Call::PureExtern);
}

ByteRange::ByteRange(Func parameters)
    : zero(parameters(int(RequantizeOp::Zero))),
      low(parameters(int(RequantizeOp::Low))),
      high(parameters(int(RequantizeOp::High))) {}

Expr halide::roundToByte(Expr value, const ByteRange &range, const Form &form) {
  const auto &[zero, low, high] = range;
  Expr byte;
  if (form.roundsByAddition) {
    // The sum with 1.5 * 2^23 has the rounded value in its last bits. As an
    // integer it grows with the value everywhere above 0; below, its sign bit
    // makes it less than any. So one maximum holds it in the range where the
    // difference is right or too large for a byte.
    Expr sum = Halide::reinterpret<int32_t>(
        Halide::strict_float(value + kRoundingNumber));
    Expr least = Halide::max(sum, low - zero + kRoundingBits);
    Expr whole = least + (zero - kRoundingBits);
    // In the words that llvm/Bytes.h looks for.
    if (form.packsInLlvm()) {
      Expr most = Halide::cast<int32_t>(Halide::cast<int8_t>(high));
      return Halide::cast<int8_t>(Halide::max(Halide::min(whole, most), -128));
    }
    byte = Halide::saturating_cast<int8_t>(
        Halide::saturating_cast<int16_t>(whole));
    return Halide::min(byte, Halide::cast<int8_t>(high));
  }
  // The conversion saturates, and so do the steps after it.
  Expr whole = Halide::cast<int32_t>(Halide::round(value));
  byte = Halide::saturating_cast<int8_t>(Halide::saturating_add(
      Halide::saturating_cast<int16_t>(whole), Halide::cast<int16_t>(zero)));
  return Halide::clamp(byte, Halide::cast<int8_t>(low),
                       Halide::cast<int8_t>(high));
}

/// rne(value) + kRoundingBits where that is near, and on the same side of it
/// elsewhere.
static Expr roundToBits(Expr value) {
  return Halide::reinterpret<int32_t>(
      Halide::strict_float(value + kRoundingNumber));
}

Expr halide::roundFull(Expr value, Expr zero) {
  return Halide::cast<int8_t>(Halide::clamp(
      roundToBits(value) + zero, kRoundingBits - 128, kRoundingBits + 127));
}

Expr halide::roundRectified(Expr value) {
  Expr held =
      Halide::clamp(roundToBits(value), kRoundingBits, kRoundingBits + 255);
  return Halide::reinterpret<int8_t>(Halide::cast<uint8_t>(held) ^
                                     Halide::cast<uint8_t>(0x80));
}

/// The shift of the fixed form, to the right behind the factors or to the left
/// before them.
static Expr getShift(Func parameters, bool isRight) {
  Expr shift = parameters(int(RequantizeOp::Shift));
  return Halide::max(isRight ? shift : -shift, 0);
}

Expr halide::scaleFixed(Expr term, Expr factor, Expr zero, Func parameters) {
  if (term.type() == Halide::Int(8))
    term = (Halide::cast<int32_t>(term) - zero) << 16;
  return Halide::rounding_mul_shift_right(
      term << getShift(parameters, /*isRight=*/false), factor, 31);
}

Expr halide::roundFixed(Expr sum, Func parameters, bool isWhole) {
  auto parameter = [&](RequantizeOp::Parameter which) {
    return parameters(int(which));
  };
  Expr zero = parameter(RequantizeOp::Zero), low = parameter(RequantizeOp::Low),
       high = parameter(RequantizeOp::High);
  Expr shift = getShift(parameters, /*isRight=*/true);
  if (isWhole) {
    Expr rounded =
        Halide::rounding_shift_right(sum, Halide::cast<uint32_t>(shift));
    return Halide::clamp(Halide::saturating_cast<int8_t>(Halide::saturating_add(
                             Halide::saturating_cast<int16_t>(rounded),
                             Halide::cast<int16_t>(zero))),
                         Halide::cast<int8_t>(low), Halide::cast<int8_t>(high));
  }
  // Where vectors of bytes are not whole these words give wrong bytes. Nothing
  // saturates: it is a word for whole registers, and LLVM makes a wider vector
  // of an unknown number element by element.
  Expr half = Halide::max((1 << shift) >> 1, 0);
  Expr whole = (Halide::saturating_add(sum, half) >> shift) + zero;
  return Halide::cast<int8_t>(Halide::clamp(whole, low, high));
}
