//===- Layout.h - layouts of weights of bytes -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `panels` of more than one size are of weights of bytes whose products come in
// groups of D neighbours along the sum. Each number takes B bytes,
// sign-extended.
//
// Dots, `panels [P, D, R, B]`: as `panels [P]`, but each row has P columns of D
// neighbours; K is divided into runs of R, each padded with zeros to a multiple
// of D. `panels [16, 2, 96, 2]` of a `tensor<1x1x96x192xi8>` is
// 12 x 48 x 16 x 2 numbers of 2 bytes. `panels [P, D, R, B, F]` ends each panel
// with one row more: F times the sum of each column, a number of 32 bits in the
// place of D numbers. A product by numbers that are larger by F is as much too
// large.
// `panels [P, D, R, B, 1, O]` has numbers that are larger by O, so that they
// are unsigned, and no such row.
//
// Taps, `panels [D, S, B]`: a depthwise filter `[kh, kw, C]` that moves by S
// columns over a map stored in groups of D columns. For each row and each place
// of the window relative to the groups (D / gcd(D, S) of them) it has the taps
// of as many groups as the window may touch, zero outside of it:
// kh x places x groups x C x D numbers.
//
// Blocks of taps, `panels [64, S]`: a depthwise filter over a map stored in
// groups of 4 columns, each 2 columns behind the one before it. For each block
// of 64 channels, each row and each place (2 / S of them, which read the same
// groups) it has the taps of every second group that a window touches, in 4
// vectors. Those have channels i, i + 16, i + 32 and i + 48 in their quarters:
// 4 i's each, C / 64 x kh x places x groups x 4 x 64 numbers. Channels that
// fill a half or a quarter of the last block are there two or four times.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_DIALECTS_MOBILE_LAYOUT_H
#define MINNOW_DIALECTS_MOBILE_LAYOUT_H

#include "dialects/mobile/Mobile.h"

namespace minnow::mobile {

/// The rows and columns of taps of layout `winograd`.
constexpr int64_t kWinogradTaps = 4;

struct Dots {
  int64_t panel, dot, run, bytes, factor = 0, offset = 0;

  static std::optional<Dots> find(LayoutAttr layout);
  LayoutAttr get(mlir::MLIRContext *context) const;
  /// The rows of D neighbours in a panel of `terms` rows, without that of sums.
  int64_t countSteps(int64_t terms) const;
};

struct Taps {
  int64_t dot, stride, bytes;

  static std::optional<Taps> find(LayoutAttr layout);
  LayoutAttr get(mlir::MLIRContext *context) const;
  int64_t getPlaces() const;
  /// The groups that a window of `width` columns touches at `place`, and at the
  /// place that touches most.
  int64_t countGroups(int64_t place, int64_t width) const;
  int64_t getMostGroups(int64_t width) const;
};

struct TapBlocks {
  static constexpr int64_t kChannels = 64, kDot = 4;
  int64_t stride;

  static std::optional<TapBlocks> find(LayoutAttr layout);
  LayoutAttr get(mlir::MLIRContext *context) const;
  int64_t getPlaces() const { return kDot / 2 / stride; }
  /// How often the last of `channels` are in their block: 4 or 2 times if they
  /// fill a quarter or a half of it, else once.
  static int64_t countFolds(int64_t channels);
  /// The groups whose taps there are for a window of `width` columns.
  int64_t countTerms(int64_t width) const;
};

} // namespace minnow::mobile

#endif // MINNOW_DIALECTS_MOBILE_LAYOUT_H
