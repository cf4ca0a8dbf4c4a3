//===- Layout.cpp - physical shapes of operands and packing ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place that knows how each layout lies in memory.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Mobile.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace minnow::mobile;

/// How many sizes each kind of layout has.
static size_t countSizes(LayoutKind kind) {
  switch (kind) {
  case LayoutKind::Plain:
    return 0;
  case LayoutKind::Panels:
    return 1;
  case LayoutKind::Taps:
    return 3;
  case LayoutKind::Dots:
    return 4;
  }
  return 0;
}

LogicalResult
LayoutAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                   LayoutKind kind, ArrayRef<int64_t> sizes) {
  size_t expected = countSizes(kind);
  if (sizes.size() != expected)
    return emitError() << "layout " << stringifyLayoutKind(kind) << " takes "
                       << expected << " sizes, found " << sizes.size();
  if (llvm::any_of(sizes, [](int64_t size) { return size <= 0; }))
    return emitError() << "sizes of a layout must be positive";
  return success();
}

int64_t LayoutAttr::getPlaces() const {
  return getSizes()[0] / std::gcd(getSizes()[0], getSizes()[1]);
}

int64_t LayoutAttr::getFirstGroup(int64_t place) const {
  return place * getSizes()[1] / getSizes()[0];
}

int64_t LayoutAttr::countGroups(int64_t place, int64_t width) const {
  int64_t first = place * getSizes()[1] % getSizes()[0];
  return llvm::divideCeil(first + width, getSizes()[0]);
}

SmallVector<int64_t>
LayoutAttr::getPhysicalShape(ArrayRef<int64_t> shape) const {
  if (getKind() == LayoutKind::Plain)
    return SmallVector<int64_t>(shape);
  if (getKind() == LayoutKind::Taps) {
    int64_t groups = 0;
    for (int64_t place = 0; place < getPlaces(); ++place)
      groups = std::max(groups, countGroups(place, shape[1]));
    return {shape[0], getPlaces(),   groups,
            shape[2], getSizes()[0], getSizes()[2]};
  }
  int64_t panel = getSizes()[0], rows = 1;
  for (int64_t dim : shape.drop_back())
    rows *= dim;
  int64_t panels = llvm::divideCeil(shape.back(), panel);
  if (getKind() == LayoutKind::Panels)
    return {panels, rows, panel};
  int64_t dot = getSizes()[1], run = getSizes()[2];
  return {panels, int64_t(rows / run * llvm::divideCeil(run, dot)), panel, dot,
          getSizes()[3]};
}

/// Calls `put(index in the layout, index in the source)` for each number.
static void forDots(ArrayRef<int64_t> sizes, ArrayRef<int64_t> shape,
                    llvm::function_ref<void(int64_t, int64_t)> put) {
  int64_t panel = sizes[0], dot = sizes[1], run = sizes[2];
  int64_t columns = shape.back(), rows = 1;
  for (int64_t dim : shape.drop_back())
    rows *= dim;
  int64_t steps = llvm::divideCeil(run, dot);
  for (int64_t row = 0; row < rows; ++row) {
    int64_t step = row / run * steps + row % run / dot;
    for (int64_t column = 0; column < columns; ++column) {
      int64_t outer = column / panel * (rows / run * steps) + step;
      put((outer * panel + column % panel) * dot + row % run % dot,
          row * columns + column);
    }
  }
}

static void forTaps(LayoutAttr layout, ArrayRef<int64_t> shape,
                    llvm::function_ref<void(int64_t, int64_t)> put) {
  int64_t dot = layout.getSizes()[0], stride = layout.getSizes()[1];
  int64_t groups = layout.getPhysicalShape(shape)[2], channels = shape[2];
  for (int64_t row = 0; row < shape[0]; ++row)
    for (int64_t place = 0; place < layout.getPlaces(); ++place)
      for (int64_t tap = 0; tap < shape[1]; ++tap) {
        int64_t column = place * stride % dot + tap;
        int64_t group =
            (row * layout.getPlaces() + place) * groups + column / dot;
        for (int64_t channel = 0; channel < channels; ++channel)
          put((group * channels + channel) * dot + column % dot,
              (row * shape[1] + tap) * channels + channel);
      }
}

void LayoutAttr::pack(ArrayRef<char> source, ArrayRef<int64_t> shape,
                      size_t elementBytes,
                      MutableArrayRef<char> destination) const {
  if (getKind() == LayoutKind::Plain) {
    std::memcpy(destination.data(), source.data(), source.size());
    return;
  }
  if (getKind() != LayoutKind::Panels) {
    size_t bytes = getSizes().back();
    auto put = [&](int64_t to, int64_t from) {
      char *number = destination.data() + to * bytes;
      *number = source[from];
      std::memset(number + 1, source[from] < 0 ? -1 : 0, bytes - 1);
    };
    getKind() == LayoutKind::Dots ? forDots(getSizes(), shape, put)
                                  : forTaps(*this, shape, put);
    return;
  }
  int64_t columns = shape.back(), panel = getSizes()[0];
  int64_t rows = getPhysicalShape(shape)[1];
  for (int64_t first = 0; first < columns; first += panel)
    for (int64_t row = 0; row < rows; ++row) {
      size_t bytes = std::min(panel, columns - first) * elementBytes;
      std::memcpy(
          destination.data() + (first * rows + row * panel) * elementBytes,
          source.data() + (row * columns + first) * elementBytes, bytes);
    }
}
