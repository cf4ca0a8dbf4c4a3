//===- Attention.cpp - attention as Halide functions ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of attention.
//===----------------------------------------------------------------------===//
#include "targets/halide/Attention.h"
#include "targets/halide/Integer.h"
#include "targets/halide/Stage.h"
#include "targets/llvm/Bytes.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;

const Halide::Var halide::lane("lane"), halide::key("key"),
    halide::head("head"), halide::channel("channel");

int halide::chooseKeyVectors(int keys, int vector, int rows, int most) {
  int best = 1;
  double least = INFINITY;
  for (int vectors = 1; vectors <= most; ++vectors) {
    double padded = llvm::alignTo(keys, vector * vectors);
    double cost = padded * (1 + 0.25 * (1.0 / vectors + 1.0 / rows));
    if (cost < least) {
      least = cost;
      best = vectors;
    }
  }
  return best;
}

/// The sizes of an attention and its functions, not defined yet.
static Stage startAttention(AttentionOp op, const Tensor &query, int keys,
                            int vector, StageAttr tile) {
  Stage stage;
  stage.kind = StageKind::Attention;
  stage.input = query;
  stage.attention = std::make_shared<Attention>();
  Attention &parts = *stage.attention;
  parts.heads = op.getHeads(), parts.keyHeads = op.getKeyHeads();
  parts.keyWidth = op.getKeyWidth(), parts.valueWidth = op.getValueWidth();
  int rows = tile ? tile.getPixels() : 1, most = tile ? tile.getVectors() : 1;
  parts.keyVectors = chooseKeyVectors(keys, vector, rows, most);
  parts.paddedKeys = llvm::alignTo(keys, vector * parts.keyVectors);
  parts.chunks = RDom(0, parts.paddedKeys / vector, "chunk");
  parts.lanes = RDom(0, vector, "lane");
  parts.packedKeys = Func("packed_keys");
  parts.products = Func("products");
  parts.logits = Func("logits");
  parts.largestLanes = Func("largest_lanes");
  parts.largest = Func("largest");
  parts.weights = Func("weights");
  parts.sumLanes = Func("sum_lanes");
  parts.sum = Func("sum");
  parts.rows = Func("rows");
  return stage;
}

/// 2^v for v <= 0, to 3 units in the last place; what is below 2^-100 becomes
/// that, so that no product with it is denormal and slow.
static Expr exp2(Expr v) {
  Expr limited = Halide::max(v, -100.f);
  // Rounds to the nearest whole number: the conversion cuts towards zero.
  Expr whole = Halide::cast<int>(limited - 0.5f);
  Expr rest = limited - Halide::cast<float>(whole);
  // The minimax polynomial of degree 5 on [-1/2, 1/2].
  Expr power = 0.0013276472454890609f;
  for (float coefficient :
       {0.009675540961325169f, 0.05550713092088699f, 0.24022120237350464f,
        0.6931469440460205f, 1.0000001192092896f})
    power = power * rest + coefficient;
  return Halide::reinterpret<float>(Halide::reinterpret<int>(power) +
                                    (whole << 23));
}

/// The largest or the sum of a row: vectors first, their lanes last.
static void reduceRows(Attention &parts, Func from, Func lanes, Func result,
                       int vector, Expr start, Expr combine(Expr, Expr)) {
  lanes(lane, head, x, y) = start;
  lanes(lane, head, x, y) = combine(
      lanes(lane, head, x, y), from(parts.chunks * vector + lane, head, x, y));
  result(head, x, y) = start;
  result(head, x, y) =
      combine(result(head, x, y), lanes(parts.lanes, head, x, y));
}

/// Terms are kept as integers: Halide gives memory that is free again to the
/// next function of its type. Of what the largest logits were in, which loops
/// index, LLVM would put nothing into registers.
static Expr keepTerm(Expr term) { return Halide::reinterpret<int32_t>(term); }
static Expr getTerm(Expr kept) { return Halide::reinterpret<float>(kept); }

static void buildWeights(Attention &parts, const Tensor &query, int keys,
                         int vector) {
  parts.width = RDom(0, parts.keyWidth, "d");
  const RDom &d = parts.width;
  float lowest = -std::numeric_limits<float>::infinity();
  parts.queryTerms = Func("query_terms");
  parts.queryTerms(channel, head, x, y) =
      keepTerm(query.func(head * parts.keyWidth + channel, x, y));
  parts.products(key, head, x, y) = 0.f;
  parts.products(key, head, x, y) +=
      getTerm(parts.queryTerms(d, head, x, y)) *
      parts.packedKeys(key, d, head / (parts.heads / parts.keyHeads));
  Expr product = parts.products(key, head, x, y);
  parts.logits(key, head, x, y) =
      parts.paddedKeys == keys ? product
                               : Halide::select(key < keys, product, lowest);
  reduceRows(parts, parts.logits, parts.largestLanes, parts.largest, vector,
             lowest, [](Expr a, Expr b) { return Halide::max(a, b); });
  parts.weights(key, head, x, y) =
      exp2(parts.logits(key, head, x, y) - parts.largest(head, x, y));
  reduceRows(parts, parts.weights, parts.sumLanes, parts.sum, vector, 0.f,
             [](Expr a, Expr b) { return a + b; });
}

/// 2^14 * 2^(v * scale) for v <= 0 as an integer, as mobile.attention says.
static Expr exp2Integer(Expr v, Expr scale, const Form &form) {
  auto strict = [](Expr e) { return Halide::strict_float(e); };
  Expr t = Halide::max(strict(Halide::cast<float>(v) * scale), -31.f);
  // Rounded to an integer, which is then in the last bits.
  Expr shifted = strict(t + kRoundingNumber),
       rest = strict(t - strict(shifted - kRoundingNumber));
  Expr power = 0x1p14f * llvm::bit_cast<float>(0x3C1D0166);
  for (int bits : {0x3D64FE23, 0x3E7601BC, 0x3F317096, 0x3F800000})
    power = fma(power, rest, 0x1p14f * llvm::bit_cast<float>(bits), form);
  // Multiplies by 2^n: n is in the last bits of `shifted`.
  Expr bits = Halide::reinterpret<uint32_t>(power) +
              (Halide::reinterpret<uint32_t>(shifted) << 23);
  return Halide::reinterpret<int32_t>(
             strict(Halide::reinterpret<float>(bits) + kRoundingNumber)) -
         kRoundingBits;
}

/// The keys and queries of an attention on bytes, in groups of `dot`, as the
/// machine multiplies them; returns what the products begin with.
static Expr buildOperands(Attention &parts, const Tensor &query,
                          const Tensor &keys, int dot, DotOperand operand) {
  Halide::Var d("d"), owner("owner"), inner("inner");
  Expr position = Halide::min(key, keys.columns * keys.rows - 1);
  Expr first = owner * parts.keyWidth + d * dot;
  auto readKey = [&](Expr channel, Expr at) {
    return keys.func(channel, at % keys.columns, at / keys.columns);
  };
  Expr term = query.func(head * parts.keyWidth + channel, x, y);
  parts.queryTerms = Func("query_terms");
  if (operand != DotOperand::Unsigned) {
    auto convert = [&](Expr e) {
      return operand == DotOperand::Signed ? e : Halide::cast<int16_t>(e);
    };
    parts.packedKeys(inner, key, d, owner) =
        convert(readKey(first + inner, position));
    parts.queryTerms(channel, head, x, y) = convert(term);
    return 0;
  }
  // Groups of bytes are moved as words.
  parts.keyWords = Func("key_words");
  std::vector<Expr> bytes;
  for (int i = 0; i < dot; ++i)
    bytes.push_back(Halide::reinterpret<uint8_t>(readKey(first + i, x)));
  parts.keyWords(d, x, owner) = Halide::concat_bits(bytes);
  parts.packedKeys(inner, key, d, owner) = Halide::reinterpret<int8_t>(
      Halide::cast<uint8_t>(parts.keyWords(d, position, owner) >>
                            Halide::cast<uint32_t>(8 * inner)));
  const RDom &k = parts.width;
  parts.keySums = Func("key_sums");
  parts.keySums(key, owner) = 0;
  parts.keySums(key, owner) += multiply(Halide::cast<uint8_t>(128),
                                        parts.packedKeys(k.x, key, k.y, owner));
  parts.queryTerms(channel, head, x, y) = addOffset(term);
  return -parts.keySums(key, head / (parts.heads / parts.keyHeads));
}

/// The functions of an attention on bytes up to its weights.
static void buildByteWeights(Attention &parts, const Tensor &query,
                             const Tensor &keys, const ByteAttention &byte,
                             int count, int vector, const Form &form) {
  DotOperand operand = form.dotOperand;
  bool isWide =
      operand != DotOperand::Signed && operand != DotOperand::Unsigned;
  int dot = isWide ? std::min(form.dotWidth, 2) : form.dotWidth;
  if (parts.keyWidth % dot) {
    operand = DotOperand::Wide;
    dot = 1;
  }
  parts.width = RDom(0, dot, 0, parts.keyWidth / dot, "d");
  const RDom &k = parts.width;
  parts.products(key, head, x, y) =
      buildOperands(parts, query, keys, dot, operand);
  Expr keyHead = head / (parts.heads / parts.keyHeads);
  parts.products(key, head, x, y) +=
      multiply(parts.queryTerms(k.y * dot + k.x, head, x, y),
               parts.packedKeys(k.x, key, k.y, keyHead));
  constexpr int kLowest = -(1 << 30);
  Expr product = parts.products(key, head, x, y);
  Expr isKey = parts.paddedKeys == count ? Expr(true) : key < count;
  parts.logits(key, head, x, y) = Halide::select(isKey, product, kLowest);
  reduceRows(parts, parts.logits, parts.largestLanes, parts.largest, vector,
             kLowest, [](Expr a, Expr b) { return Halide::max(a, b); });
  Expr above = parts.logits(key, head, x, y) - parts.largest(head, x, y);
  Expr weight = exp2Integer(above, byte.scales(0), form);
  parts.weights(key, head, x, y) =
      Halide::cast<int16_t>(Halide::select(isKey, weight, 0));
  Func wide("wide");
  wide(key, head, x, y) = Halide::cast<int32_t>(parts.weights(key, head, x, y));
  reduceRows(parts, wide, parts.sumLanes, parts.sum, vector, 0,
             [](Expr a, Expr b) { return a + b; });
  parts.factor = Func("factor");
  parts.factor(head, x, y) = Halide::strict_float(
      byte.scales(1) / Halide::cast<float>(parts.sum(head, x, y)));
}

Stage halide::buildByteAttention(AttentionOp op, const Tensor &query,
                                 const Tensor &keys, const Tensor &values,
                                 const ByteAttention &byte, const Form &form,
                                 StageAttr tile) {
  int count = keys.columns * keys.rows, vector = form.vectorFloats;
  Stage stage = startAttention(op, query, count, vector, tile);
  Attention &parts = *stage.attention;
  parts.isInteger = true;
  buildByteWeights(parts, query, keys, byte, count, vector, form);

  // The weights are of 15 bits.
  int dot =
      form.dotOperand == DotOperand::Signed ? 1 : std::min(form.dotWidth, 2);
  Halide::Var inner("inner"), outer("outer"), owner("owner");
  Expr position = Halide::min(outer * dot + inner, count - 1);
  parts.packedValues = Func("packed_values");
  parts.packedValues(inner, channel, outer, owner) = Halide::cast<int16_t>(
      values.func(owner * parts.valueWidth + channel, position % values.columns,
                  position / values.columns));
  Func acc("accumulator"), result("attention");
  RDom m(0, dot, 0, int(llvm::divideCeil(count, dot)), "m");
  acc(channel, head, x, y) = 0;
  acc(channel, head, x, y) +=
      multiply(parts.weights(m.y * dot + m.x, head, x, y),
               parts.packedValues(m.x, channel, m.y,
                                  head / (parts.heads / parts.keyHeads)));
  Expr quotient = Halide::strict_float(
      Halide::cast<float>(acc(channel, head, x, y)) * parts.factor(head, x, y));
  parts.rows(channel, head, x, y) =
      roundToByte(holdInWord(quotient), ByteRange(byte.parameters), form);
  result(c, x, y) =
      parts.rows(c % parts.valueWidth, c / parts.valueWidth, x, y);
  stage.domain = m;
  stage.accumulator = acc;
  stage.result = {result, parts.heads * parts.valueWidth, query.columns,
                  query.rows};
  return stage;
}

Stage halide::buildAttention(AttentionOp op, const Tensor &query,
                             const Tensor &keys, const Tensor &values,
                             int vector, StageAttr tile) {
  int count = keys.columns * keys.rows;
  Stage stage = startAttention(op, query, count, vector, tile);
  Attention &parts = *stage.attention;

  // Keys lie along the vectors. The base of the exponential is 2.
  Halide::Var d("d"), group("group");
  float scale = op.getScale().convertToDouble() * M_LOG2E;
  Expr position = Halide::min(key, count - 1);
  parts.packedKeys(key, d, group) =
      keys.func(group * parts.keyWidth + d, position % keys.columns,
                position / keys.columns) *
      scale;
  buildWeights(parts, query, count, vector);

  Func acc("accumulator"), result("attention");
  RDom m(0, values.columns, 0, values.rows, "m");
  Expr first = head / (parts.heads / parts.keyHeads) * parts.valueWidth;
  parts.weightTerms = Func("weight_terms");
  parts.weightTerms(key, head, x, y) = keepTerm(parts.weights(key, head, x, y));
  acc(channel, head, x, y) = 0.f;
  acc(channel, head, x, y) +=
      getTerm(parts.weightTerms(m.y * values.columns + m.x, head, x, y)) *
      values.func(first + channel, m.x, m.y);
  parts.rows(channel, head, x, y) = acc(channel, head, x, y);
  Expr owner = c / parts.valueWidth;
  result(c, x, y) = parts.rows(c % parts.valueWidth, owner, x, y) *
                    (1.f / parts.sum(owner, x, y));
  stage.domain = m;
  stage.accumulator = acc;
  stage.result = {result, parts.heads * parts.valueWidth, query.columns,
                  query.rows};
  return stage;
}
