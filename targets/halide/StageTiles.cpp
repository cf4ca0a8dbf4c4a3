//===- StageTiles.cpp - the tile of a stage -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a schedule asks for, as far as the sizes of the stage allow it.
//===----------------------------------------------------------------------===//
#include "targets/halide/Integer.h"
#include "targets/halide/Scheduler.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;

Tile Scheduler::getTile(const Stage &stage, StageAttr attribute) const {
  Tile tile;
  tile.channels = stage.result.channels;
  tile.columns = stage.result.columns;
  tile.isCut = pipeline.isCut;
  tile.vector = form.vectorFloats;
  tile.vectors = attribute ? attribute.getVectors() : 1;
  tile.pixels = attribute ? attribute.getPixels() : 1;
  tile.channelsOuter =
      attribute && attribute.getOrder() != LoopOrder::PixelsOuter;
  tile.pixels = std::clamp(tile.pixels, 1, tile.columns);
  if (!stage.winograd.empty()) {
    tile.rows = 2;
    tile.channelsOuter = false;
    tile.pixels = std::max(2, tile.pixels & ~1);
  }
  if (stage.attention) {
    int width = stage.attention->valueWidth;
    tile.vector = getDividingVector(width, form.vectorFloats);
    while (width / tile.vector % tile.vectors)
      --tile.vectors;
    return tile;
  }
  // Only matrix products have weights that reach to the end of a vector.
  if (stage.kind != StageKind::Matrix) {
    bool overlaps = form.joinsPixels && stage.isInteger &&
                    tile.channels >= form.vectorFloats;
    tile.vector = overlaps
                      ? form.vectorFloats
                      : getDividingVector(tile.channels, form.vectorFloats);
    if (overlaps)
      tile.vectors = std::min(tile.vectors, tile.channels / tile.vector);
    else if (tile.channels % tile.width())
      tile.vectors = 1;
  }
  if (stage.root.defined())
    setIntegerTile(stage, tile);
  return tile;
}

/// The pixels, a multiple of `pixels` and about `wanted`, by which `columns`
/// are divided with the fewest computed twice.
static int chooseBlock(int columns, int pixels, int wanted) {
  int best = 0, least = INT_MAX;
  int fewest = llvm::divideCeil(columns, std::max(wanted, pixels));
  for (int blocks = fewest; blocks <= 2 * fewest; ++blocks) {
    int block = llvm::alignTo(llvm::divideCeil(columns, blocks), pixels);
    int all = llvm::divideCeil(columns, block) * block;
    if (block <= columns && all < least) {
      best = block;
      least = all;
    }
  }
  return best;
}

/// Neighbours of which all channels are in the tile are one piece of memory:
/// as many as make whole vectors of bytes are stored at once.
void Scheduler::setJoinedPixels(Tile &tile) const {
  int bytes = 4 * form.vectorFloats;
  int pixels = bytes / std::gcd(tile.width(), bytes);
  bool isWhole = tile.width() == tile.channels;
  if (form.joinsPixels && tile.stored && isWhole && tile.pixels % pixels == 0 &&
      !tile.isGuarded) {
    tile.stored = tile.width();
    tile.joined = pixels;
  }
}

/// Bytes are stored in vectors as wide as the tile, so that they are packed
/// from several vectors of sums, unless that comes later.
void Scheduler::setIntegerTile(const Stage &stage, Tile &tile) const {
  bool storesBytes = isOfBytes(stage.root);
  if (storesBytes &&
      (stage.kind == StageKind::Elementwise || stage.kind == StageKind::Pool)) {
    tile.vector = getDividingVector(tile.channels, 4 * form.vectorFloats);
    tile.vectors = 1;
  }
  if (storesBytes && !form.packsInLlvm())
    tile.stored = std::gcd(tile.width(), 4 * form.vectorFloats);
  if (!stage.isInteger)
    return;
  if (stage.kind == StageKind::Depthwise) {
    tile.pixels = llvm::alignTo(tile.pixels, stage.places);
    tile.isGrouped = true;
    // In memory of its own results behind the last column do no harm, if they
    // are no sums with what lies behind another map.
    auto addsMap = [](mlir::Operation *op) {
      auto requantize = llvm::dyn_cast<RequantizeOp>(op);
      return requantize && requantize.getAddend();
    };
    bool isOwn = isPanels(stage) || stage.rootValue;
    if (form.joinsPixels && isOwn &&
        llvm::none_of(getElementOps(stage.op), addsMap))
      tile.columns = llvm::alignTo(tile.columns, tile.pixels);
    int rest = tile.columns % tile.pixels;
    tile.isGuarded = form.joinsPixels ? rest % stage.places != 0 : rest != 0;
  }
  setJoinedPixels(tile);
  if (stage.kind != StageKind::Matrix || !stage.padded.defined() ||
      pipeline.view != View::Pixels)
    return;
  // Copies of a block stay in the first level of the cache.
  constexpr int kBlockBytes = 16 * 1024;
  int bytes = stage.input.channels * stage.padded.type().bytes();
  int wanted = std::max(kBlockBytes / bytes, 4 * tile.pixels);
  if (tile.columns > wanted)
    tile.block = chooseBlock(tile.columns, tile.pixels, wanted);
}
