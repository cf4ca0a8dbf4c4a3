//===- JpegKernels.cpp - the arithmetic of libjpeg
//--------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The transform is Loeffler, Ligtenberg and Moschytz's of 1989 with 12
// multiplications, in 13 fractional bits. The biases of the chroma filters
// alternate, so that halves are not always rounded up.
//===----------------------------------------------------------------------===//
#include "runtime/JpegKernels.h"

#include <algorithm>

namespace minnow::jpeg {
namespace {

constexpr int kConstBits = 13;
/// Fractional bits kept between the passes.
constexpr int kPassBits = 2;

constexpr int64_t fix(double value) {
  return static_cast<int64_t>(value * (1 << kConstBits) + 0.5);
}

/// Products of the odd inputs; indices are the outputs that they go into.
struct Odd {
  int64_t with0, with1, with2, with3;
};

Odd oddPart(int64_t in1, int64_t in3, int64_t in5, int64_t in7) {
  const int64_t both = (in7 + in3 + in5 + in1) * fix(1.175875602);
  const int64_t z1 = -(in7 + in1) * fix(0.899976223);
  const int64_t z2 = -(in5 + in3) * fix(2.562915447);
  const int64_t z3 = both - (in7 + in3) * fix(1.961570560);
  const int64_t z4 = both - (in5 + in1) * fix(0.390180644);
  return {in1 * fix(1.501321110) + z1 + z4, in3 * fix(3.072711026) + z2 + z3,
          in5 * fix(2.053119869) + z2 + z4, in7 * fix(0.298631336) + z1 + z3};
}

/// One pass over 8 values that lie `step` apart; drops `shift` bits, rounded.
/// Wide enough for any input, for a file may hold any coefficients.
void transform(const int64_t *in, int64_t *out, int step, int shift) {
  const auto at = [&](int i) { return in[i * step]; };
  const int64_t z = (at(2) + at(6)) * fix(0.541196100);
  const int64_t low = z - at(6) * fix(1.847759065);
  const int64_t high = z + at(2) * fix(0.765366865);
  const int64_t sum = (at(0) + at(4)) * (1 << kConstBits);
  const int64_t difference = (at(0) - at(4)) * (1 << kConstBits);
  const int64_t even[4] = {sum + high, difference + low, difference - low,
                           sum - high};
  const Odd odd = oddPart(at(1), at(3), at(5), at(7));
  const int64_t odds[4] = {odd.with0, odd.with1, odd.with2, odd.with3};
  const int64_t half = int64_t(1) << (shift - 1);
  for (int i = 0; i < 4; ++i) {
    out[i * step] = (even[i] + odds[i] + half) >> shift;
    out[(7 - i) * step] = (even[i] - odds[i] + half) >> shift;
  }
}

uint8_t clamp(int64_t value) {
  return static_cast<uint8_t>(std::clamp<int64_t>(value, 0, 255));
}

uint8_t *replicate(uint8_t *to, const uint8_t *from, int width) {
  for (int i = 0; i < width; ++i)
    to[2 * i] = to[2 * i + 1] = from[i];
  return to;
}

} // namespace

void inverseDct(uint8_t *to, int stride, short coefficients[64]) {
  int64_t block[64], columns[64];
  std::copy(coefficients, coefficients + 64, block);
  for (int x = 0; x < 8; ++x)
    transform(block + x, columns + x, 8, kConstBits - kPassBits);
  for (int y = 0; y < 8; ++y) {
    int64_t row[8];
    transform(columns + 8 * y, row, 1, kConstBits + kPassBits + 3);
    for (int x = 0; x < 8; ++x)
      to[y * stride + x] = clamp(row[x] + 128);
  }
}

void toRgb(uint8_t *to, const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
           int count, int step) {
  constexpr int kBits = 16, kHalf = 1 << (kBits - 1);
  constexpr auto scaled = [](double value) {
    return static_cast<int>(value * (1 << kBits) + 0.5);
  };
  for (int i = 0; i < count; ++i, to += step) {
    const int red = cr[i] - 128, blue = cb[i] - 128;
    to[0] = clamp(y[i] + ((scaled(1.40200) * red + kHalf) >> kBits));
    to[1] = clamp(
        y[i] +
        ((-scaled(0.71414) * red - scaled(0.34414) * blue + kHalf) >> kBits));
    to[2] = clamp(y[i] + ((scaled(1.77200) * blue + kHalf) >> kBits));
    if (step == 4)
      to[3] = 255;
  }
}

uint8_t *widen(uint8_t *to, uint8_t *near, uint8_t *, int width, int) {
  // libjpeg's own threshold.
  if (width <= 2)
    return replicate(to, near, width);
  const auto between = [&](int i, int other, int bias) {
    return static_cast<uint8_t>((3 * near[i] + near[other] + bias) >> 2);
  };
  const int last = width - 1;
  to[0] = near[0];
  to[1] = between(0, 1, 2);
  for (int i = 1; i < last; ++i) {
    to[2 * i] = between(i, i - 1, 1);
    to[2 * i + 1] = between(i, i + 1, 2);
  }
  to[2 * last] = between(last, last - 1, 1);
  to[2 * last + 1] = near[last];
  return to;
}

uint8_t *widenBetween(uint8_t *to, uint8_t *near, uint8_t *far, int width,
                      int) {
  if (width <= 2)
    return replicate(to, near, width);
  const auto column = [&](int i) { return 3 * near[i] + far[i]; };
  int previous = column(0), current = column(0);
  for (int i = 0; i < width; ++i) {
    const int next = i + 1 < width ? column(i + 1) : current;
    to[2 * i] = static_cast<uint8_t>((3 * current + previous + 8) >> 4);
    to[2 * i + 1] = static_cast<uint8_t>((3 * current + next + 7) >> 4);
    previous = current;
    current = next;
  }
  return to;
}

} // namespace minnow::jpeg
