//===- Tiles.cpp - which tiles registers hold, and their price ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The price of a tile is the cycles of its sums with the padding it brings.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Tiles.h"
#include "targets/cpu/Kernels.h"
#include "targets/llvm/Neon.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using mlir::Operation;

bool cpu::isMatrix(Operation *op) { return llvm::isa<Conv2DOp, LinearOp>(op); }

bool cpu::prefersWinograd(const Isa &isa, Operation *op) {
  constexpr int64_t kLeastChannels = 16;
  return !isa.multipliesByLane && halide::hasWinogradShape(op) &&
         halide::getShape(op->getOperand(0)).back() >= kLeastChannels;
}

double cpu::getSavedMacs(const Isa &isa, Operation *op) {
  if (!prefersWinograd(isa, op))
    return 0;
  // For two by two results, each channel of the input has 36 products, or 25
  // and as many terms; each of the output has nine sums, which 21 additions
  // join.
  constexpr double kSaved = 36 - 25, kTerms = 25, kJoined = 21;
  auto filter = halide::getShape(op->getOperand(1));
  double inputs = filter[2], outputs = filter[3];
  double windows = halide::countPositions(op->getResult(0)) / 4.0;
  return windows *
         (kSaved * inputs * outputs - kTerms * inputs - kJoined * outputs);
}

/// The terms of each sum of a product.
static int64_t getDepth(Operation *op) {
  if (!isMatrix(op))
    return 1;
  auto filter = halide::getShape(op->getOperand(1));
  return halide::product(filter.drop_back());
}

StageShape cpu::getStageShape(const Isa &isa, halide::View view,
                              Operation *op) {
  auto sizes = halide::getSizes(op->getResult(0), view);
  if (!sizes)
    return {op, 1, 1, 1, false};
  bool isPooled = llvm::any_of(op->getUsers(), llvm::IsaPred<Pool2DOp>);
  StageShape shape{op, sizes->columns, sizes->channels, getDepth(op), isPooled};
  shape.isPlanar =
      llvm::isa_and_present<TransposeOp>(op->getOperand(0).getDefiningOp());
  if (auto attention = llvm::dyn_cast<AttentionOp>(op)) {
    shape.channels = attention.getValueWidth();
    // The exponential's, which LLVM keeps in registers where there are many.
    shape.constants = isa.registers >= 32 ? 8 : 0;
  }
  return shape;
}

/// The registers for weights where a lane multiplies: they come by fours
/// (llvm/Neon.h), one after the other if these are whole terms.
static int64_t getGroup(int64_t vectors) {
  constexpr int64_t kGroup = kNeonGroup;
  return kGroup % vectors == 0 || vectors % kGroup == 0 ? kGroup : 2 * kGroup;
}

/// The sums, a vector of weights for each column and what they are multiplied
/// by must be in registers: a vector of several steps for each position, or one
/// broadcast and `spare` for Halide's and LLVM's temporaries. Of one position
/// the products read each vector of weights straight from memory.
static bool fits(const Isa &isa, int64_t pixels, int64_t vectors,
                 int64_t constants, int64_t spare, bool isInteger) {
  if (isInteger && !isa.multipliesByLane)
    return pixels * vectors + vectors + 2 <= isa.registers;
  if (isa.multipliesByLane)
    return pixels * vectors + getGroup(vectors) + pixels + constants <=
           isa.registers;
  if (pixels == 1)
    return vectors + 2 + constants <= isa.registers;
  return pixels * vectors + vectors + 1 + constants + spare <= isa.registers;
}

/// Whether the nearest cache holds a panel of weights of the vectors of a tile,
/// each of `bytes` for a term.
static bool isPanelNear(const StageShape &shape, int64_t vectors,
                        int64_t bytes) {
  constexpr int64_t kNearBytes = 32 * 1024;
  return shape.depth * vectors * bytes <= kNearBytes;
}

/// Half cycles that one term of a tile's sums takes. Two multiply-adds start a
/// cycle with a latency of four: fewer than eight sums wait for each other.
static double estimateCycles(const Isa &isa, const StageShape &shape,
                             int64_t pixels, int64_t vectors) {
  bool isInteger = halide::isIntegerProduct(shape.op);
  // Where products and their sums are two instructions, these fill all ports.
  if (isInteger && isa.dotOperand == halide::DotOperand::Wide)
    return std::max(pixels * vectors, 4L) + (pixels + vectors) / 8.0;
  double products = std::max(double(pixels * vectors), 8.0);
  // What counts is the instructions of a loop of eight groups: weights in fours
  // of vectors, inputs in pairs where there are registers for them; what LLVM
  // loads too early otherwise is spilled.
  if (isa.multipliesByLane) {
    int64_t used = pixels * vectors + 2 * pixels + getGroup(vectors);
    int64_t missing = std::max(used - int64_t(isa.registers), int64_t(0));
    return products + vectors / 4.0 +
           (missing ? 2 * pixels + 3 + 2 * missing : pixels + 2) / 8.0;
  }
  // Two loads a cycle too; a line from beyond the nearest cache holds them up.
  constexpr double kLine = 0.3, kLineBytes = 64;
  int64_t bytes = isa.vectorFloats * sizeof(float);
  double loads = double(pixels + vectors);
  double lines = isInteger || isPanelNear(shape, vectors, bytes)
                     ? 0
                     : vectors * bytes / kLineBytes;
  return std::max(products, loads) + loads * 0.25 + lines * kLine;
}

/// The same of VNNI, for four terms: two products or loads start a cycle, and a
/// sum waits five cycles for the one before it. Of a panel that is larger than
/// the first level of the cache, a line takes 0.8 of a cycle. Then each vector
/// of sums is rounded, and stored with three others if the tile has them in a
/// row.
static double estimateByteCycles(const StageShape &shape, int64_t pixels,
                                 int64_t vectors) {
  constexpr double kLatency = 10, kLoop = 0.5, kRounding = 5, kLine = 1.6;
  constexpr int64_t kVectorBytes = 16;
  double products = pixels * vectors, loads = pixels + vectors;
  bool isNear = isPanelNear(shape, vectors, kVectorBytes);
  double rounding = products * (vectors % 4 ? kRounding + 0.5 : kRounding);
  return std::max({products, loads, kLatency}) + kLoop +
         (isNear ? 0 : kLine * vectors) +
         rounding / llvm::divideCeil(shape.depth, 4);
}

std::vector<Tile> cpu::getMatrixTiles(const Isa &isa, const StageShape &shape,
                                      int64_t pixels, int64_t spare) {
  std::vector<Tile> tiles;
  bool isInteger = halide::isIntegerProduct(shape.op);
  bool isVnni = isInteger && isa.dotOperand == halide::DotOperand::Unsigned;
  for (int64_t vectors = 1; vectors <= 8; ++vectors)
    for (int64_t rows = 1; rows <= std::min<int64_t>(14, pixels); ++rows) {
      if (!fits(isa, rows, vectors, shape.constants, spare, isInteger) ||
          (shape.isPooled && !isInteger && pixels % rows))
        continue;
      // Halide packs bytes from pairs and fours of vectors.
      if (isInteger && !llvm::isPowerOf2_64(vectors) &&
          !isa.getForm().packsInLlvm())
        continue;
      int64_t panel = vectors * isa.vectorFloats;
      double padding = double(llvm::alignTo(pixels, rows)) / pixels *
                       double(llvm::alignTo(shape.channels, panel)) /
                       shape.channels;
      double cycles = isVnni ? estimateByteCycles(shape, rows, vectors)
                             : estimateCycles(isa, shape, rows, vectors);
      double cost = padding * cycles / (rows * vectors);
      // Without masked stores the last vectors go element by element, and
      // panels that are streams of their own must all be whole.
      if ((isa.multipliesByLane || pixels == 1 || isInteger) &&
          shape.channels % panel)
        cost *= 2;
      // Blocks of positions, whose copies are near, are whole tiles too.
      if (isVnni && pixels % rows)
        cost *= 1.03;
      // Planes are loaded in vectors of positions.
      if (isa.multipliesByLane && shape.isPlanar && rows % isa.vectorFloats)
        cost *= 2;
      tiles.push_back({rows, vectors, cost});
    }
  llvm::stable_sort(
      tiles, [](const Tile &a, const Tile &b) { return a.cost < b.cost; });
  return tiles;
}

/// Bytes have few registers for the weights and copies: half are sums. Each of
/// VNNI's comes with a vector of taps from memory, which two groups of columns
/// can share.
static Tile chooseByteTile(const Isa &isa, const StageShape &shape) {
  Tile tile{isa.dotOperand == halide::DotOperand::Unsigned ? 8 : 4, 1};
  for (int64_t vectors : {4, 2})
    if (shape.channels % (vectors * isa.vectorFloats) == 0 &&
        vectors * tile.pixels * 2 <= isa.registers) {
      tile.vectors = vectors;
      break;
    }
  return tile;
}

Tile cpu::chooseDepthwiseTile(const Isa &isa, const StageShape &shape,
                              LoopOrder order) {
  if (halide::isIntegerProduct(shape.op))
    return chooseByteTile(isa, shape);
  // A block of channels is copied in whole lines of the caches.
  int64_t most = std::min<int64_t>(shape.pixels, 4);
  bool isBlock = llvm::isa<DepthwiseConv2DOp>(shape.op) &&
                 !isa.multipliesByLane && order == LoopOrder::ChannelsOuter;
  if (isBlock && shape.channels % (2 * isa.vectorFloats) == 0)
    return {shape.pixels % 4 && shape.pixels % 3 == 0 ? 3 : most, 2};
  // A divisor of the row, so that borders cut the first and last tile only.
  Tile tile{std::min<int64_t>(shape.pixels, 4), 1};
  if (isa.multipliesByLane)
    for (int64_t pixels : {16, 14})
      if (shape.pixels % pixels == 0)
        return {pixels, 1};
  for (int64_t pixels : {7, 8, 6, 5, 4})
    if (shape.pixels % pixels == 0) {
      tile.pixels = pixels;
      break;
    }
  // Half of the registers are left to the taps.
  if (4 * tile.pixels <= isa.registers &&
      shape.channels % (2 * isa.vectorFloats) == 0)
    tile.vectors = 2;
  return tile;
}
