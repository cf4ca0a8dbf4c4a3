//===- ResizeImage.cpp - Pillow's resize, bit for bit
//-----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two passes, along rows and then along columns, each with weights of 22
// fractional bits and a result of 8 bits. When an image shrinks the filter
// widens with it, which is what antialiases. Compiled without contraction of
// floating point, which would change the last bit of a weight.
//===----------------------------------------------------------------------===//
#include "runtime/Image.h"

#include <algorithm>
#include <cmath>

namespace minnow {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr int kHalf = 1 << (kPrecisionBits - 1);

double triangle(double x) {
  x = std::fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

/// Keys' cubic with a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0)
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

struct Filter {
  double (*weight)(double);
  double support;
};

/// Which pixels along one axis make one pixel of the result.
struct Taps {
  uint32_t first;
  std::vector<int32_t> weights; // sum to 2^kPrecisionBits, but for rounding
};

std::vector<int32_t> toFixed(const std::vector<double> &weights, double sum) {
  std::vector<int32_t> fixed(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const double value =
        (sum != 0.0 ? weights[i] / sum : weights[i]) * (1 << kPrecisionBits);
    fixed[i] = static_cast<int32_t>(value < 0 ? value - 0.5 : value + 0.5);
  }
  return fixed;
}

/// The taps of pixel `index` when `from` pixels become `to`.
Taps tapsOf(uint64_t index, uint32_t from, uint64_t to, const Filter &filter) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double widening = std::max(scale, 1.0);
  const double support = filter.support * widening;
  const double center = (static_cast<double>(index) + 0.5) * scale;
  const double inverse = 1.0 / widening;
  const auto first =
      static_cast<int64_t>(std::max(center - support + 0.5, 0.0));
  const auto last = static_cast<int64_t>(
      std::min(center + support + 0.5, static_cast<double>(from)));
  std::vector<double> weights;
  double sum = 0.0;
  for (int64_t x = first; x < last; ++x) {
    weights.push_back(
        filter.weight((static_cast<double>(x) - center + 0.5) * inverse));
    sum += weights.back();
  }
  return {static_cast<uint32_t>(first), toFixed(weights, sum)};
}

std::vector<Taps> tapsOf(uint64_t begin, uint32_t count, uint32_t from,
                         uint64_t to, const Filter &filter) {
  std::vector<Taps> taps;
  for (uint32_t i = 0; i < count; ++i)
    taps.push_back(tapsOf(begin + i, from, to, filter));
  return taps;
}

uint8_t clip(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

/// One pixel: `taps` over pixels that lie `stride` bytes apart.
void blend(const uint8_t *from, size_t stride, const Taps &taps, uint8_t *to) {
  int32_t red = kHalf, green = kHalf, blue = kHalf;
  from += taps.first * stride;
  for (const int32_t weight : taps.weights) {
    red += from[0] * weight;
    green += from[1] * weight;
    blue += from[2] * weight;
    from += stride;
  }
  to[0] = clip(red);
  to[1] = clip(green);
  to[2] = clip(blue);
}

/// Rows [firstRow, firstRow + rows) of `image`, resampled along each row.
Image resizeRows(const Image &image, uint32_t firstRow, uint32_t rows,
                 const std::vector<Taps> &columns) {
  Image result;
  result.width = static_cast<uint32_t>(columns.size());
  result.height = rows;
  result.pixels.resize(size_t(rows) * result.width * 3);
  uint8_t *to = result.pixels.data();
  for (uint32_t y = 0; y < rows; ++y) {
    const uint8_t *row =
        image.pixels.data() + size_t(firstRow + y) * image.width * 3;
    for (const Taps &taps : columns) {
      blend(row, 3, taps, to);
      to += 3;
    }
  }
  return result;
}

/// `image`, whose first row is row `firstRow` for the taps, resampled along
/// each column.
Image resizeColumns(const Image &image, uint32_t firstRow,
                    std::vector<Taps> rows) {
  Image result;
  result.width = image.width;
  result.height = static_cast<uint32_t>(rows.size());
  result.pixels.resize(size_t(result.height) * result.width * 3);
  uint8_t *to = result.pixels.data();
  for (Taps &taps : rows) {
    taps.first -= firstRow;
    for (uint32_t x = 0; x < image.width; ++x) {
      blend(image.pixels.data() + size_t(x) * 3, size_t(image.width) * 3, taps,
            to);
      to += 3;
    }
  }
  return result;
}

} // namespace

Image resizeRegion(const Image &image, uint64_t width, uint64_t height,
                   const Region &region, Interpolation interpolation) {
  const Filter filter = interpolation == Interpolation::Bilinear
                            ? Filter{triangle, 1.0}
                            : Filter{cubic, 2.0};
  const std::vector<Taps> columns =
      tapsOf(region.left, region.width, image.width, width, filter);
  std::vector<Taps> rows =
      tapsOf(region.top, region.height, image.height, height, filter);
  const uint32_t first = rows.front().first;
  const uint32_t end =
      rows.back().first + static_cast<uint32_t>(rows.back().weights.size());
  const Image narrow = resizeRows(image, first, end - first, columns);
  return resizeColumns(narrow, first, std::move(rows));
}

} // namespace minnow
