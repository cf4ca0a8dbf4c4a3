//===- QuantizedTest.cpp - integer kernels against their formulas ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of mobile.requantize and mobile.attention written a second time,
// in plain C++. Every bit must be equal, over whole ranges where they allow it.
//===----------------------------------------------------------------------===//
#include "Testing.h"
#include "targets/reference/Evaluate.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using namespace minnow::test;

namespace {

/// Executes the one kernel of `text` on `buffers`.
void run(const std::string &text, std::vector<void *> buffers) {
  auto module = parse(text);
  ASSERT_TRUE(module);
  auto kernel = *module->getOps<minnow::mobile::KernelOp>().begin();
  llvm::Error error = minnow::evaluate(kernel, buffers);
  EXPECT_FALSE(bool(error)) << llvm::toString(std::move(error));
}

/// A kernel `@k(signature) -> result` of one line.
std::string kernel(const std::string &signature, const std::string &result,
                   const std::string &line) {
  return fmt::format("mobile.kernel @k({}) -> {} {{\n  %r = {}\n"
                     "  mobile.yield %r : {}\n}}\n",
                     signature, result, line, result);
}

struct Parameters {
  int32_t zero, low, high, inputZero, addendZero, shift;
};

int8_t roundFloat(float x, const Parameters &p) {
  double y = std::nearbyint(double(x)) + p.zero;
  return int8_t(std::min<double>(std::max<double>(y, p.low), p.high));
}

int32_t highProduct(int32_t a, int32_t b, int bits) {
  // By division that rounds down, so that no shift stands here too.
  __int128 product = __int128(a) * b + (__int128(1) << (bits - 1));
  __int128 unit = __int128(1) << bits;
  __int128 quotient = product / unit;
  return int32_t(product % unit < 0 ? quotient - 1 : quotient);
}

int8_t roundFixed(int32_t h, const Parameters &p) {
  double y = p.shift ? std::floor(h / std::ldexp(1.0, p.shift) + 0.5) : h;
  y += p.zero;
  return int8_t(std::min<double>(std::max<double>(y, p.low), p.high));
}

/// All sums from -2^20 to 2^20 - 1, as a map of 2048 x 1024.
std::vector<int32_t> makeSums() {
  std::vector<int32_t> sums(1 << 21);
  std::iota(sums.begin(), sums.end(), -(1 << 20));
  return sums;
}

const std::string kSums = "tensor<1x2048x1024x1xi32>";
const std::string kBytes = "tensor<1x2048x1024x1xi8>";

/// Calls `check(a, b)` for all pairs of bytes.
template <typename Fn> void forAllPairs(Fn check) {
  for (int i = 0; i < 65536; ++i)
    check(int8_t(i >> 8), int8_t(i & 255), i);
}

} // namespace

TEST(Layouts, UnsignedBytesAreLargerBy128) {
  const std::string layout = " {mobile.layout = #mobile.layout<unsigned>}";
  const std::string type = "tensor<16x16xi8>";
  std::vector<uint8_t> bytes(256), result(256);
  std::vector<int8_t> table(256);
  for (int i = 0; i < 256; ++i) {
    bytes[i] = i;
    table[i] = int8_t(37 * i);
  }
  auto module = parse(
      "mobile.kernel @k(%x: " + type + layout + ", %t: tensor<256xi8>) -> (" +
      type + layout + ") {\n" + "%r = mobile.lookup %x in %t : " + type +
      ", tensor<256xi8> -> " + type + "\nmobile.yield %r : " + type + "\n}");
  ASSERT_TRUE(module);
  auto kernel = *module->getOps<minnow::mobile::KernelOp>().begin();
  llvm::Error error =
      minnow::evaluate(kernel, {bytes.data(), table.data(), result.data()});
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  for (int i = 0; i < 256; ++i)
    EXPECT_EQ(result[i], table[i] + 128);
}

TEST(Requantize, FloatRoundsEverySumToEven) {
  auto sums = makeSums();
  std::vector<int8_t> result(sums.size());
  // The second makes every odd multiple of 64 a tie.
  for (float scale : {0.0013f, 1.0f / 128, 0.7f, 3.1e-5f}) {
    Parameters p{-5, -100, 120, 77, 77, 0};
    run(kernel(
            fmt::format("%x: {}, %s: tensor<1xf32>, %p: tensor<6xi32>", kSums),
            kBytes,
            fmt::format("mobile.requantize %x scale %s by %p : {}, "
                        "tensor<1xf32>, tensor<6xi32> -> {}",
                        kSums, kBytes)),
        {sums.data(), &scale, &p, result.data()});
    for (size_t i = 0; i < sums.size(); ++i)
      ASSERT_EQ(result[i], roundFloat(float(sums[i]) * scale, p))
          << sums[i] << " x " << scale;
  }
}

TEST(Requantize, FixedRoundsEverySumHalfUp) {
  auto sums = makeSums();
  std::vector<int8_t> result(sums.size());
  for (auto [factor, shift] : {std::pair(1468006, 9),
                               {1 << 30, 6},
                               {2147483647, 0},
                               {1 << 24, 0},
                               {123456789, 15}}) {
    Parameters p{-5, -100, 120, 77, 77, shift};
    int32_t multiplier = factor;
    run(kernel(
            fmt::format("%x: {}, %s: tensor<1xi32>, %p: tensor<6xi32>", kSums),
            kBytes,
            fmt::format("mobile.requantize %x scale %s by %p : {}, "
                        "tensor<1xi32>, tensor<6xi32> -> {}",
                        kSums, kBytes)),
        {sums.data(), &multiplier, &p, result.data()});
    for (size_t i = 0; i < sums.size(); ++i)
      ASSERT_EQ(result[i], roundFixed(highProduct(sums[i], factor, 31), p))
          << sums[i] << " x " << factor << " >> " << shift;
  }
}

TEST(Requantize, AddsAllPairsOfBytesUnrounded) {
  std::vector<int8_t> a(65536), b(65536), result(65536);
  forAllPairs([&](int8_t x, int8_t y, int i) { a[i] = x, b[i] = y; });
  Parameters p{3, -128, 127, -11, 40, 7};
  float scales[] = {0.5f, 0.37f};
  int32_t factors[] = {1 << 21, 1551892};
  auto text = [](const char *type) {
    return kernel(
        fmt::format("%a: tensor<256x256xi8>, %s: tensor<1x{0}>, "
                    "%b: tensor<256x256xi8>, %t: tensor<1x{0}>, "
                    "%p: tensor<6xi32>",
                    type),
        "tensor<256x256xi8>",
        fmt::format("mobile.requantize %a scale %s add %b scale %t by %p : "
                    "tensor<256x256xi8>, tensor<1x{0}>, tensor<256x256xi8>, "
                    "tensor<1x{0}>, tensor<6xi32> -> tensor<256x256xi8>",
                    type));
  };
  run(text("f32"),
      {a.data(), &scales[0], b.data(), &scales[1], &p, result.data()});
  for (int i = 0; i < 65536; ++i) {
    // The parameters' shift, 7, is where bytes begin.
    float zeros = std::fma(scales[0], -18.f, scales[1] * 33.f);
    float sum = std::fma(float(a[i] - 7), scales[0],
                         std::fma(float(b[i] - 7), scales[1], -4.f - zeros));
    ASSERT_EQ(result[i], std::clamp(std::nearbyintf(sum) + 7, -128.f, 127.f))
        << i;
  }
  run(text("i32"),
      {a.data(), &factors[0], b.data(), &factors[1], &p, result.data()});
  for (int i = 0; i < 65536; ++i)
    ASSERT_EQ(result[i], roundFixed(highProduct(a[i] + 11, factors[0], 15) +
                                        highProduct(b[i] - 40, factors[1], 15),
                                    p))
        << i;
}

TEST(Requantize, QuantizesFloats) {
  std::vector<float> x = {0.f,    0.5f, 1.5f,  -2.5f,    1e30f,
                          -1e30f, 3.f,  0.25f, INFINITY, -INFINITY};
  std::vector<int8_t> result(x.size());
  float scale = 1;
  Parameters p{10, -128, 127, 0, 0, 0};
  run(kernel("%x: tensor<10xf32>, %s: tensor<1xf32>, %p: tensor<6xi32>",
             "tensor<10xi8>",
             "mobile.requantize %x scale %s by %p : tensor<10xf32>, "
             "tensor<1xf32>, tensor<6xi32> -> tensor<10xi8>"),
      {x.data(), &scale, &p, result.data()});
  EXPECT_EQ(result,
            (std::vector<int8_t>{10, 10, 12, 8, 127, -128, 13, 10, 127, -128}));
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

TEST(IntegerProducts, PaddingIsTheZeroPoint) {
  std::mt19937 random(1);
  std::vector<int8_t> x(5 * 4 * 3), w(3 * 3 * 3 * 2), d(3 * 3 * 3);
  for (auto *bytes : {&x, &w, &d})
    for (int8_t &byte : *bytes)
      byte = int8_t(random());
  int32_t bias[] = {1000, -7, 5};
  int8_t zero = -9;
  std::vector<int32_t> full(5 * 4 * 2), depthwise(5 * 4 * 3);
  run(kernel("%x: tensor<1x5x4x3xi8>, %w: tensor<3x3x3x2xi8>, "
             "%b: tensor<2xi32>, %z: tensor<1xi8>",
             "tensor<1x5x4x2xi32>",
             "mobile.conv2d %x, %w bias %b zero %z pad [1, 1, 1, 1] : "
             "tensor<1x5x4x3xi8>, tensor<3x3x3x2xi8>, tensor<2xi32>, "
             "tensor<1xi8> -> tensor<1x5x4x2xi32>"),
      {x.data(), w.data(), bias, &zero, full.data()});
  run(kernel("%x: tensor<1x5x4x3xi8>, %w: tensor<3x3x3xi8>, "
             "%b: tensor<3xi32>, %z: tensor<1xi8>",
             "tensor<1x5x4x3xi32>",
             "mobile.depthwise_conv2d %x, %w bias %b zero %z pad [1, 1, 1, 1] "
             ": tensor<1x5x4x3xi8>, tensor<3x3x3xi8>, tensor<3xi32>, "
             "tensor<1xi8> -> tensor<1x5x4x3xi32>"),
      {x.data(), d.data(), bias, &zero, depthwise.data()});
  auto at = [&](int row, int column, int channel) -> int32_t {
    bool inside = row >= 0 && row < 5 && column >= 0 && column < 4;
    return inside ? x[(row * 4 + column) * 3 + channel] : zero;
  };
  for (int row = 0; row < 5; ++row)
    for (int column = 0; column < 4; ++column) {
      int32_t sums[2] = {bias[0], bias[1]},
              own[3] = {bias[0], bias[1], bias[2]};
      for (int tap = 0; tap < 9; ++tap)
        for (int c = 0; c < 3; ++c) {
          int32_t value = at(row + tap / 3 - 1, column + tap % 3 - 1, c);
          own[c] += value * d[tap * 3 + c];
          for (int o = 0; o < 2; ++o)
            sums[o] += value * w[(tap * 3 + c) * 2 + o];
        }
      for (int o = 0; o < 2; ++o)
        EXPECT_EQ(full[(row * 4 + column) * 2 + o], sums[o]);
      for (int c = 0; c < 3; ++c)
        EXPECT_EQ(depthwise[(row * 4 + column) * 3 + c], own[c]);
    }
}

TEST(IntegerProducts, PoolsTakeTheZeroPointOff) {
  std::vector<int8_t> x = {1, -128, 127, 5};
  int8_t zero = 4;
  int32_t sum = 0;
  run(kernel("%x: tensor<1x2x2x1xi8>, %z: tensor<1xi8>", "tensor<1x1x1x1xi32>",
             "mobile.pool2d average %x zero %z window [2, 2] : "
             "tensor<1x2x2x1xi8>, tensor<1xi8> -> tensor<1x1x1x1xi32>"),
      {x.data(), &zero, &sum});
  EXPECT_EQ(sum, 5 - 16);
  int8_t most[9] = {};
  run(kernel("%x: tensor<1x2x2x1xi8>", "tensor<1x3x3x1xi8>",
             "mobile.pool2d max %x window [2, 2] pad [1, 1, 1, 1] : "
             "tensor<1x2x2x1xi8> -> tensor<1x3x3x1xi8>"),
      {x.data(), most});
  EXPECT_EQ(std::vector<int8_t>(most, most + 9),
            (std::vector<int8_t>{1, 1, -128, 127, 127, 5, 127, 127, 5}));
}

TEST(Lookup, TakesEveryByte) {
  std::vector<int8_t> x(256), table(256), result(256);
  std::iota(x.begin(), x.end(), -128);
  for (int i = 0; i < 256; ++i)
    table[i] = int8_t(i * 7 + 3);
  run(kernel("%x: tensor<256xi8>, %t: tensor<256xi8>", "tensor<256xi8>",
             "mobile.lookup %x in %t : tensor<256xi8>, tensor<256xi8> -> "
             "tensor<256xi8>"),
      {x.data(), table.data(), result.data()});
  EXPECT_EQ(result, table);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// 6 queries of 2 heads of width 3 over 5 keys, values of width 4.
struct AttentionCase {
  std::vector<int8_t> query = std::vector<int8_t>(6 * 6),
                      key = std::vector<int8_t>(5 * 3),
                      value = std::vector<int8_t>(5 * 4);
  AttentionCase() {
    std::mt19937 random(7);
    for (auto *bytes : {&query, &key, &value})
      for (int8_t &byte : *bytes)
        byte = int8_t(random());
  }

  /// The result, from `weigh(d)` of each key and `average(sum, weights)`.
  template <typename Weigh, typename Average>
  std::vector<int8_t> expect(Weigh weigh, Average average) const {
    std::vector<int8_t> result;
    for (int n = 0; n < 6; ++n)
      for (int h = 0; h < 2; ++h) {
        int32_t logits[5] = {}, most = INT32_MIN, total = 0, weights[5];
        for (int m = 0; m < 5; ++m) {
          for (int d = 0; d < 3; ++d)
            logits[m] += query[n * 6 + h * 3 + d] * key[m * 3 + d];
          most = std::max(most, logits[m]);
        }
        for (int m = 0; m < 5; ++m)
          total += weights[m] = weigh(most - logits[m]);
        for (int e = 0; e < 4; ++e) {
          int32_t sum = 0;
          for (int m = 0; m < 5; ++m)
            sum += weights[m] * value[m * 4 + e];
          result.push_back(average(sum, total));
        }
      }
    return result;
  }

  static std::string text(const std::string &types, const std::string &names) {
    const std::string maps =
        "tensor<1x2x3x6xi8>, tensor<1x1x5x3xi8>, tensor<1x1x5x4xi8>, ";
    return kernel(
        "%q: tensor<1x2x3x6xi8>, %k: tensor<1x1x5x3xi8>, "
        "%v: tensor<1x1x5x4xi8>, " +
            names,
        "tensor<1x2x3x8xi8>",
        "mobile.attention %q, %k, %v by %a, %p" +
            std::string(types.find("256") != types.npos ? ", %t" : "") +
            " heads 2 scale 1.0 : " + maps + types + " -> tensor<1x2x3x8xi8>");
  }
};

} // namespace

TEST(IntegerAttention, FloatFormIsItsFormula) {
  AttentionCase c;
  float scales[] = {2e-4f, 0.8f};
  Parameters p{-3, -128, 127, 0, 0, 0};
  std::vector<int8_t> result(6 * 8);
  run(AttentionCase::text("tensor<2xf32>, tensor<6xi32>",
                          "%a: tensor<2xf32>, %p: tensor<6xi32>"),
      {c.query.data(), c.key.data(), c.value.data(), scales, &p,
       result.data()});
  auto weigh = [&](int32_t d) {
    float t = std::max(-float(d) * scales[0], -31.0f);
    float n = std::nearbyint(t), r = t - n;
    float e = llvm::bit_cast<float>(0x3C1D0166);
    for (uint32_t bits : {0x3D64FE23u, 0x3E7601BCu, 0x3F317096u, 0x3F800000u})
      e = std::fma(e, r, llvm::bit_cast<float>(bits));
    return int32_t(std::nearbyint(std::ldexp(e, int(n) + 14)));
  };
  auto expected = c.expect(weigh, [&](int32_t sum, int32_t total) {
    volatile float factor = scales[1] / float(total);
    return roundFloat(float(sum) * factor, p);
  });
  EXPECT_EQ(result, expected);
  // And the formula is softmax: to 2 steps of the output.
  EXPECT_EQ(weigh(0), 16384);
  for (int32_t d : {1, 100, 3000, 40000})
    EXPECT_NEAR(weigh(d) / 16384.0, std::exp2(-d * 2e-4), 4e-5);
}

TEST(IntegerAttention, FixedFormIsItsFormula) {
  AttentionCase c;
  int32_t multipliers[] = {int32_t(2e-4 * 40 * 2147483648.0), 1717986918};
  Parameters p{-3, -128, 127, 0, 0, 7};
  std::vector<int8_t> result(6 * 8), table(256);
  for (int i = 0; i < 256; ++i)
    table[i] = int8_t(std::lround(255 * std::exp(-i / 40.0)));
  run(AttentionCase::text(
          "tensor<2xi32>, tensor<6xi32>, tensor<256xi8>",
          "%a: tensor<2xi32>, %p: tensor<6xi32>, %t: tensor<256xi8>"),
      {c.query.data(), c.key.data(), c.value.data(), multipliers, &p,
       table.data(), result.data()});
  auto expected = c.expect(
      [&](int32_t d) {
        return int32_t(
            uint8_t(table[std::min(highProduct(d, multipliers[0], 31), 255)]));
      },
      [&](int32_t sum, int32_t total) {
        int32_t reciprocal = int32_t(4294967295u / uint32_t(total));
        int32_t factor = highProduct(reciprocal, multipliers[1], 31);
        return roundFixed(highProduct(sum * 64, factor, 31), p);
      });
  EXPECT_EQ(result, expected);
}
