//===- Values.cpp - numbers in and out of a network
//-------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain loops; none of this is on the way of an inference.
//===----------------------------------------------------------------------===//
#include "runtime/Values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace minnow {
namespace {

float halfToFloat(uint16_t half) {
  const uint32_t exponent = half >> 10 & 0x1f;
  const uint32_t fraction = half & 0x3ff;
  float value;
  if (exponent == 0x1f)
    value = fraction ? std::numeric_limits<float>::quiet_NaN()
                     : std::numeric_limits<float>::infinity();
  else if (exponent == 0)
    value = std::ldexp(float(fraction), -24);
  else
    value = std::ldexp(float(fraction | 0x400), int(exponent) - 25);
  return half & 0x8000 ? -value : value;
}

/// To nearest, ties to even; what is too large becomes infinite.
uint16_t floatToHalf(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value))
    return sign | 0x7e00;
  const float size = std::fabs(value);
  if (size >= 65520.0f)
    return sign | 0x7c00;
  if (size == 0)
    return sign;
  int exponent = 0;
  std::frexp(size, &exponent);
  // Units of the last place: 11 bits of significand, never below 2^-24.
  const int unit = std::max(exponent - 11, -24);
  const auto steps =
      static_cast<uint32_t>(std::nearbyint(std::ldexp(size, -unit)));
  // A step count of 0x800 carries into the exponent by itself.
  return static_cast<uint16_t>(sign | ((uint32_t(unit + 24) << 10) + steps));
}

template <typename T> T loadAt(const void *data, uint64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T),
              sizeof(T));
  return value;
}

template <typename T> void storeAt(void *data, uint64_t index, T value) {
  std::memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}

double storedAt(minnow_type type, const void *data, uint64_t index) {
  switch (type) {
  case MINNOW_TYPE_F32:
    return loadAt<float>(data, index);
  case MINNOW_TYPE_F16:
    return halfToFloat(loadAt<uint16_t>(data, index));
  case MINNOW_TYPE_S8:
    return loadAt<int8_t>(data, index);
  case MINNOW_TYPE_U8:
    return loadAt<uint8_t>(data, index);
  case MINNOW_TYPE_S32:
    break;
  }
  return loadAt<int32_t>(data, index);
}

bool isFloat(minnow_type type) {
  return type == MINNOW_TYPE_F32 || type == MINNOW_TYPE_F16;
}

template <typename T> T toInteger(double real, float scale, int32_t zeroPoint) {
  const double stored =
      std::nearbyint(scale > 0 ? real / scale + zeroPoint : real);
  if (std::isnan(stored))
    return 0;
  return static_cast<T>(std::clamp(stored,
                                   double(std::numeric_limits<T>::min()),
                                   double(std::numeric_limits<T>::max())));
}

} // namespace

std::vector<float> toFloats(minnow_type type, float scale, int32_t zeroPoint,
                            uint64_t elements, const void *data) {
  std::vector<float> values(elements);
  const bool scaled = !isFloat(type) && scale > 0;
  for (uint64_t i = 0; i < elements; ++i) {
    const double stored = storedAt(type, data, i);
    values[i] =
        static_cast<float>(scaled ? scale * (stored - zeroPoint) : stored);
  }
  return values;
}

std::vector<float> toFloats(const minnow_tensor_info &tensor,
                            const void *data) {
  return toFloats(tensor.type, tensor.scale, tensor.zero_point, tensor.elements,
                  data);
}

void fromFloats(const std::vector<float> &values,
                const minnow_tensor_info &tensor, void *data) {
  for (uint64_t i = 0; i < tensor.elements; ++i) {
    const float real = values[i];
    const float scale = tensor.scale;
    const int32_t zero = tensor.zero_point;
    switch (tensor.type) {
    case MINNOW_TYPE_F32:
      storeAt(data, i, real);
      break;
    case MINNOW_TYPE_F16:
      storeAt(data, i, floatToHalf(real));
      break;
    case MINNOW_TYPE_S8:
      storeAt(data, i, toInteger<int8_t>(real, scale, zero));
      break;
    case MINNOW_TYPE_U8:
      storeAt(data, i, toInteger<uint8_t>(real, scale, zero));
      break;
    case MINNOW_TYPE_S32:
      storeAt(data, i, toInteger<int32_t>(real, scale, zero));
      break;
    }
  }
}

double relativeError(const std::vector<float> &ours,
                     const std::vector<float> &reference) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    if (!std::isfinite(ours[i]) || !std::isfinite(reference[i]))
      return std::numeric_limits<double>::infinity();
    difference =
        std::max(difference, std::fabs(double(ours[i]) - reference[i]));
    size = std::max(size, std::fabs(double(reference[i])));
  }
  return size > 0 ? difference / size : difference;
}

std::vector<float> softmax(const std::vector<float> &logits) {
  if (logits.empty())
    return {};
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> powers;
  for (float logit : logits)
    powers.push_back(std::exp(logit - top));
  const double sum = std::accumulate(powers.begin(), powers.end(), 0.0);
  std::vector<float> result;
  for (double power : powers)
    result.push_back(static_cast<float>(power / sum));
  return result;
}

std::vector<uint32_t> largest(const std::vector<float> &values,
                              uint32_t count) {
  // NaN compares false with all, which no sort accepts: count it as smallest.
  auto key = [&](uint32_t i) {
    return std::isnan(values[i]) ? -std::numeric_limits<float>::infinity()
                                 : values[i];
  };
  std::vector<uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  const size_t kept = std::min<size_t>(count, order.size());
  std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                    [&](uint32_t a, uint32_t b) {
                      return key(a) > key(b) || (key(a) == key(b) && a < b);
                    });
  order.resize(kept);
  return order;
}

} // namespace minnow
