//===- HostTensor.cpp - numbers known at compile time ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes come from files, so every product is checked before it is used.
//===----------------------------------------------------------------------===//
#include "compiler/import/HostTensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace llvm;
using namespace minnow::importer;

std::optional<int64_t>
minnow::importer::countElements(ArrayRef<int64_t> shape) {
  if (shape.size() > maxRank)
    return std::nullopt;
  // A zero does not excuse the others: parts of the shape are multiplied, too.
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0 || size > maxElements / count)
      return std::nullopt;
    count *= std::max<int64_t>(size, 1);
  }
  return is_contained(shape, 0) ? 0 : count;
}

std::vector<int64_t>
minnow::importer::permutedPositions(ArrayRef<int64_t> shape,
                                    ArrayRef<int64_t> order) {
  // Dimension by dimension, from the outermost: each position so far becomes
  // one position for each index of the next dimension.
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  std::vector<int64_t> positions = {0};
  for (int64_t dimension : order) {
    std::vector<int64_t> next;
    next.reserve(positions.size() * shape[dimension]);
    for (int64_t position : positions)
      for (int64_t i : seq(shape[dimension]))
        next.push_back(position + i * strides[dimension]);
    positions = std::move(next);
  }
  return positions;
}

Shape minnow::importer::permuted(ArrayRef<int64_t> shape,
                                 ArrayRef<int64_t> order) {
  return Shape(map_range(order, [&](int64_t i) { return shape[i]; }));
}

Shape minnow::importer::identityOrder(size_t rank) {
  auto range = seq<int64_t>(0, rank);
  return Shape(range.begin(), range.end());
}

float minnow::importer::widenHalf(uint16_t bits) {
  uint32_t exponent = bits >> 10 & 0x1f, mantissa = bits & 0x3ff;
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  if (exponent == 0x1f) // infinity and NaN
    return bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) // zero and subnormals, exact in float
    return bit_cast<float>(
        sign | bit_cast<uint32_t>(std::ldexp(float(mantissa), -24)));
  return bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

float minnow::importer::widenBfloat(uint16_t bits) {
  return bit_cast<float>(uint32_t(bits) << 16);
}
