//===- Layout.cpp - physical shapes of operands and packing ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place that knows how each layout lies in memory.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Layout.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace minnow::mobile;

LogicalResult
LayoutAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                   LayoutKind kind, ArrayRef<int64_t> sizes) {
  if ((kind == LayoutKind::Plain || kind == LayoutKind::Unsigned) &&
      !sizes.empty())
    return emitError() << "layout " << stringifyLayoutKind(kind)
                       << " takes 0 sizes, found " << sizes.size();
  if (kind == LayoutKind::Winograd && sizes.size() != 1)
    return emitError() << "layout winograd takes 1 size, found "
                       << sizes.size();
  if (kind == LayoutKind::Panels &&
      !llvm::is_contained({1, 2, 3, 4, 5, 6}, int(sizes.size())))
    return emitError() << "layout panels takes 1 size, 2 or 3 of taps, 4 to 6 "
                          "of dots, found "
                       << sizes.size();
  if (llvm::any_of(sizes, [](int64_t size) { return size <= 0; }))
    return emitError() << "sizes of a layout must be positive";
  if (sizes.size() == 2 && (sizes[0] != TapBlocks::kChannels || sizes[1] > 2))
    return emitError() << "blocks of taps have " << TapBlocks::kChannels
                       << " channels and strides of 1 or 2, found " << sizes[0]
                       << " and " << sizes[1];
  if (sizes.size() == 5 && sizes[1] * sizes[3] != sizeof(int32_t))
    return emitError() << "sums of columns need neighbours of 4 bytes in all, "
                          "found "
                       << sizes[1] * sizes[3];
  return success();
}

std::optional<Dots> Dots::find(LayoutAttr layout) {
  if (!layout || layout.getSizes().size() < 4)
    return std::nullopt;
  auto sizes = layout.getSizes();
  return Dots{sizes[0],
              sizes[1],
              sizes[2],
              sizes[3],
              sizes.size() == 5 ? sizes[4] : 0,
              sizes.size() == 6 ? sizes[5] : 0};
}

LayoutAttr Dots::get(MLIRContext *context) const {
  SmallVector<int64_t> sizes = {panel, dot, run, bytes};
  if (factor || offset)
    sizes.push_back(offset ? 1 : factor);
  if (offset)
    sizes.push_back(offset);
  return LayoutAttr::get(context, LayoutKind::Panels, sizes);
}

int64_t Dots::countSteps(int64_t terms) const {
  return terms / run * llvm::divideCeil(run, dot);
}

std::optional<Taps> Taps::find(LayoutAttr layout) {
  if (!layout || layout.getSizes().size() != 3)
    return std::nullopt;
  auto sizes = layout.getSizes();
  return Taps{sizes[0], sizes[1], sizes[2]};
}

LayoutAttr Taps::get(MLIRContext *context) const {
  return LayoutAttr::get(context, LayoutKind::Panels, {dot, stride, bytes});
}

int64_t Taps::getPlaces() const { return dot / std::gcd(dot, stride); }

int64_t Taps::countGroups(int64_t place, int64_t width) const {
  return llvm::divideCeil(place * stride % dot + width, dot);
}

int64_t Taps::getMostGroups(int64_t width) const {
  int64_t most = 0;
  for (int64_t place = 0; place < getPlaces(); ++place)
    most = std::max(most, countGroups(place, width));
  return most;
}

std::optional<TapBlocks> TapBlocks::find(LayoutAttr layout) {
  if (!layout || layout.getSizes().size() != 2)
    return std::nullopt;
  return TapBlocks{layout.getSizes()[1]};
}

LayoutAttr TapBlocks::get(MLIRContext *context) const {
  return LayoutAttr::get(context, LayoutKind::Panels, {kChannels, stride});
}

int64_t TapBlocks::countFolds(int64_t channels) {
  for (int64_t folds : {4, 2})
    if (channels % kChannels * folds == kChannels)
      return folds;
  return 1;
}

int64_t TapBlocks::countTerms(int64_t width) const {
  return llvm::divideCeil(getPlaces() - 1 + width, kDot);
}

SmallVector<int64_t>
LayoutAttr::getPhysicalShape(ArrayRef<int64_t> shape) const {
  if (getKind() == LayoutKind::Plain || getKind() == LayoutKind::Unsigned)
    return SmallVector<int64_t>(shape);
  if (auto taps = Taps::find(*this))
    return {shape[0], taps->getPlaces(), taps->getMostGroups(shape[1]),
            shape[2], taps->dot,         taps->bytes};
  if (auto blocks = TapBlocks::find(*this))
    return {int64_t(llvm::divideCeil(shape[2], TapBlocks::kChannels)),
            shape[0],
            blocks->getPlaces(),
            blocks->countTerms(shape[1]),
            TapBlocks::kDot,
            TapBlocks::kChannels};
  int64_t panel = getSizes()[0], rows = 1;
  for (int64_t dim : shape.drop_back())
    rows *= dim;
  if (getKind() == LayoutKind::Winograd)
    rows = kWinogradTaps * kWinogradTaps * shape[2];
  int64_t panels = llvm::divideCeil(shape.back(), panel);
  if (auto dots = Dots::find(*this))
    return {panels, dots->countSteps(rows) + (dots->factor != 0), panel,
            dots->dot, dots->bytes};
  return {panels, rows, panel};
}

/// Calls `put(index in the layout, index in the source)` for each number.
static void forDots(const Dots &dots, ArrayRef<int64_t> shape,
                    llvm::function_ref<void(int64_t, int64_t)> put) {
  int64_t columns = shape.back(), rows = 1;
  for (int64_t dim : shape.drop_back())
    rows *= dim;
  int64_t height = dots.countSteps(rows) + (dots.factor != 0);
  for (int64_t row = 0; row < rows; ++row) {
    int64_t term = row % dots.run;
    int64_t step = dots.countSteps(row - term) + term / dots.dot;
    for (int64_t column = 0; column < columns; ++column) {
      int64_t outer = column / dots.panel * height + step;
      put((outer * dots.panel + column % dots.panel) * dots.dot +
              term % dots.dot,
          row * columns + column);
    }
  }
}

/// Writes the last row of each panel.
static void addSums(const Dots &dots, ArrayRef<int64_t> shape,
                    ArrayRef<char> source, MutableArrayRef<char> destination) {
  int64_t columns = shape.back(), rows = int64_t(source.size()) / columns;
  int64_t steps = dots.countSteps(rows);
  for (int64_t column = 0; column < columns; ++column) {
    int32_t sum = 0;
    for (int64_t row = 0; row < rows; ++row)
      sum += dots.factor * int8_t(source[row * columns + column]);
    int64_t outer = column / dots.panel * (steps + 1) + steps;
    std::memcpy(destination.data() +
                    (outer * dots.panel + column % dots.panel) * sizeof(sum),
                &sum, sizeof(sum));
  }
}

static void forTaps(const Taps &taps, ArrayRef<int64_t> shape,
                    llvm::function_ref<void(int64_t, int64_t)> put) {
  int64_t groups = taps.getMostGroups(shape[1]), channels = shape[2];
  for (int64_t row = 0; row < shape[0]; ++row)
    for (int64_t place = 0; place < taps.getPlaces(); ++place)
      for (int64_t tap = 0; tap < shape[1]; ++tap) {
        int64_t column = place * taps.stride % taps.dot + tap;
        int64_t group =
            (row * taps.getPlaces() + place) * groups + column / taps.dot;
        for (int64_t channel = 0; channel < channels; ++channel)
          put((group * channels + channel) * taps.dot + column % taps.dot,
              (row * shape[1] + tap) * channels + channel);
      }
}

static void forTapBlocks(const TapBlocks &blocks, ArrayRef<int64_t> shape,
                         llvm::function_ref<void(int64_t, int64_t)> put) {
  constexpr int64_t kDot = TapBlocks::kDot, kBlock = TapBlocks::kChannels;
  int64_t channels = shape[2], places = blocks.getPlaces();
  int64_t terms = blocks.countTerms(shape[1]);
  int64_t folds = TapBlocks::countFolds(channels);
  for (int64_t channel = 0; channel < channels; ++channel) {
    int64_t block = channel / kBlock, first = channel % kBlock;
    bool isLast = block == channels / kBlock;
    int64_t step = isLast ? kBlock / folds : kBlock;
    for (int64_t row = 0; row < shape[0]; ++row)
      for (int64_t place = 0; place < places; ++place)
        for (int64_t tap = 0; tap < shape[1]; ++tap) {
          int64_t column = place + tap;
          int64_t term = ((block * shape[0] + row) * places + place) * terms +
                         column / kDot;
          for (int64_t c = first; c < kBlock; c += step)
            put((term * kDot + c % 16 / kDot) * kBlock +
                    (c / 16 * kDot + c % kDot) * kDot + column % kDot,
                (row * shape[1] + tap) * channels + channel);
        }
  }
}

/// `filter`, `[3, 3, C, N]`, with a fourth row and column (MobileDialect.td).
static SmallVector<float> addWinogradTaps(ArrayRef<float> filter,
                                          int64_t size) {
  constexpr int64_t kTaps = 3, kAll = kWinogradTaps;
  SmallVector<float> taps(kAll * kAll * size);
  auto tapOf = [&](int64_t row, int64_t column, int64_t i) {
    return filter[(row * kTaps + column) * size + i];
  };
  auto inRow = [&](int64_t row, int64_t column, int64_t i) {
    return column < kTaps ? tapOf(row, column, i)
                          : tapOf(row, 0, i) + tapOf(row, 2, i);
  };
  for (int64_t row = 0; row < kAll; ++row)
    for (int64_t column = 0; column < kAll; ++column)
      for (int64_t i = 0; i < size; ++i)
        taps[(row * kAll + column) * size + i] =
            row < kTaps ? inRow(row, column, i)
                        : inRow(0, column, i) + inRow(2, column, i);
  return taps;
}

/// Copies the columns of a matrix to its panels.
static void packPanels(ArrayRef<char> source, int64_t rows, int64_t rowBytes,
                       int64_t panelBytes, MutableArrayRef<char> destination) {
  for (int64_t first = 0; first < rowBytes; first += panelBytes)
    for (int64_t row = 0; row < rows; ++row)
      std::memcpy(destination.data() + first * rows + row * panelBytes,
                  source.data() + row * rowBytes + first,
                  std::min(panelBytes, rowBytes - first));
}

void LayoutAttr::pack(ArrayRef<char> source, ArrayRef<int64_t> shape,
                      size_t elementBytes,
                      MutableArrayRef<char> destination) const {
  if (getKind() == LayoutKind::Plain) {
    std::memcpy(destination.data(), source.data(), source.size());
    return;
  }
  if (getKind() == LayoutKind::Unsigned) {
    llvm::transform(source, destination.begin(),
                    [](char byte) { return byte ^ char(0x80); });
    return;
  }
  auto dots = Dots::find(*this);
  auto taps = Taps::find(*this);
  auto blocks = TapBlocks::find(*this);
  if (dots || taps || blocks) {
    size_t bytes = dots ? dots->bytes : taps ? taps->bytes : 1;
    char offset = dots ? char(dots->offset) : 0;
    std::memset(destination.data(), offset, destination.size());
    auto put = [&](int64_t to, int64_t from) {
      char *number = destination.data() + to * bytes;
      *number = source[from] + offset;
      std::memset(number + 1, source[from] < 0 ? -1 : 0, bytes - 1);
    };
    if (dots)
      forDots(*dots, shape, put);
    else if (taps)
      forTaps(*taps, shape, put);
    else
      forTapBlocks(*blocks, shape, put);
    if (dots && dots->factor)
      addSums(*dots, shape, source, destination);
    return;
  }
  int64_t rows = getPhysicalShape(shape)[1];
  int64_t rowBytes = shape.back() * elementBytes;
  int64_t panelBytes = getSizes()[0] * elementBytes;
  if (getKind() != LayoutKind::Winograd)
    return packPanels(source, rows, rowBytes, panelBytes, destination);
  ArrayRef<float> filter(reinterpret_cast<const float *>(source.data()),
                         source.size() / sizeof(float));
  auto allTaps = addWinogradTaps(filter, shape[2] * shape[3]);
  packPanels({reinterpret_cast<const char *>(allTaps.data()),
              allTaps.size() * sizeof(float)},
             rows, rowBytes, panelBytes, destination);
}
