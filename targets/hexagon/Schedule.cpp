//===- Schedule.cpp - tiles and layouts for HVX ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A price in packets for each tile. Two vector multiplications start in a
// packet where one operand is a scalar; weights are the vectors, stored + 128.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Layout.h"
#include "targets/KernelCost.h"
#include "targets/halide/ByteChain.h"
#include "targets/halide/View.h"
#include "targets/hexagon/Kernels.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::hexagon;
using namespace minnow::mobile;
using mlir::Operation;
using mlir::Value;

namespace {

constexpr int64_t kLanes = 32; // sums of one vector
constexpr int64_t kDot = 4;    // terms of one instruction
constexpr int64_t kOffset = 128;

struct Tile {
  int64_t pixels = 1, vectors = 1;
};

} // namespace

static halide::Form makeForm(halide::DotOperand operand) {
  halide::Form form;
  form.target = "hexagon-32-noos-hvx_128-hvx_v66";
  form.vectorFloats = kLanes;
  form.dotWidth = kDot;
  form.dotOperand = operand;
  form.emitsBitcode = true;
  form.pointerBytes = 4;
  form.alignment = 128;
  form.joinsPixels = true;
  form.fetch = halide::Fetch::Panel;
  return form;
}

const halide::Form &hexagon::getForm(bool hasVectorDots) {
  static const halide::Form scalars = makeForm(halide::DotOperand::Offset);
  static const halide::Form vectors = makeForm(halide::DotOperand::Signed);
  return hasVectorDots ? vectors : scalars;
}

//===----------------------------------------------------------------------===//
// What is one kernel
//===----------------------------------------------------------------------===//

/// Whether `before` is the planes of an image, which `op` gathers where it
/// copies them.
static bool isImage(Operation *before, Operation *op) {
  return llvm::isa<TransposeOp>(before) && llvm::isa<Conv2DOp>(op) &&
         halide::countChannels(before->getResult(0)) <= kDot;
}

bool hexagon::canFuse(llvm::ArrayRef<Operation *> ops, std::string *why) {
  const char *reason = halide::checkByteChain(ops, isImage);
  if (!reason && llvm::any_of(ops, llvm::IsaPred<AttentionOp>) &&
      llvm::any_of(ops, halide::isIntegerProduct))
    reason = "an attention is a kernel without other products";
  if (reason && why)
    *why = reason;
  return !reason;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Packets that rounding one vector of sums takes: bytes are stored in whole
/// vectors where four vectors of channels are neighbours, or where there are
/// `all` of them so that pixels are neighbours too.
static double getRoundingPackets(int64_t vectors, bool isAll) {
  if (vectors % 4 == 0)
    return 3;
  if (isAll)
    return 3.5;
  return vectors % 2 == 0 ? 6 : 8;
}

/// Packets of the terms of one step of a tile's sums. A packet has two
/// multiplications and two loads, one of them of a vector.
static double getStepPackets(const Tile &tile) {
  return std::max({tile.pixels * tile.vectors / 2.0, double(tile.vectors),
                   (tile.pixels + tile.vectors) / 2.0}) +
         0.5;
}

/// The tile of a product with the least packets for all of its sums.
static Tile chooseMatrixTile(int64_t pixels, int64_t channels, int64_t depth) {
  Tile best;
  double least = INFINITY;
  for (int64_t vectors = 1; vectors <= 6; ++vectors)
    for (int64_t rows = 1; rows <= std::min<int64_t>(pixels, 16); ++rows) {
      // Sums and weights are in registers; of short sums also what rounds them,
      // which takes as long.
      if (rows * vectors > (depth < 64 ? 20 : 28))
        continue;
      Tile tile{rows, vectors};
      bool isAll = int64_t(llvm::divideCeil(channels, kLanes)) == vectors;
      double rounding =
          getRoundingPackets(vectors, isAll && rows * vectors % 4 == 0);
      double steps = llvm::divideCeil(depth, kDot);
      double tiles = llvm::divideCeil(pixels, rows) *
                     llvm::divideCeil(channels, vectors * kLanes);
      double packets = tiles * (steps * getStepPackets(tile) +
                                rows * vectors * rounding + 12);
      if (packets < least) {
        least = packets;
        best = tile;
      }
    }
  return best;
}

/// About half of the registers are sums: whole vectors of bytes, of neighbours
/// where the tile has all of their channels.
static Tile chooseDepthwiseTile(int64_t pixels, int64_t channels) {
  Tile best;
  double least = INFINITY;
  for (int64_t vectors = 1; vectors <= 5; ++vectors) {
    int64_t all = llvm::divideCeil(channels, kLanes);
    // Rows of the output are made of panels that reach over the channels; LLVM
    // widens what has 3 or 5 vectors.
    bool hasPanels = vectors > all || channels % kLanes != 0;
    int64_t behind = llvm::alignTo(channels, vectors * kLanes) - channels;
    if (hasPanels && behind * kDot > kBytesBehind)
      continue; // of the taps
    double rounding = getRoundingPackets(vectors, vectors == all) *
                      (hasPanels && vectors % 2 ? 2.4 : 1.3);
    double copying = hasPanels ? 4.0 * llvm::divideCeil(all, 4) : 0;
    for (int64_t columns = 4; columns * vectors <= 20; columns += 4) {
      // The last tiles overlap with others where the map ends within them.
      double tiles =
          llvm::divideCeil(pixels, columns) * llvm::divideCeil(all, vectors);
      double packets =
          tiles * (columns * vectors * (6 + rounding) + 6 * vectors + 10) +
          pixels * copying;
      if (packets >= least)
        continue;
      least = packets;
      best = {columns, vectors};
    }
  }
  return best;
}

/// Queries whose logits are in registers at once.
static Tile chooseAttentionTile(AttentionOp op) {
  int64_t vectors = llvm::divideCeil(op.getNumKeys(), 2 * kLanes) * 2;
  return {std::clamp<int64_t>(24 / vectors, 1, 4), 1};
}

static StageAttr chooseStage(KernelOp kernel, Operation *op) {
  Tile tile;
  auto sizes = halide::getSizes(op->getResult(0), halide::getView(kernel));
  if (sizes && llvm::isa<Conv2DOp, LinearOp>(op))
    tile = chooseMatrixTile(
        sizes->columns, sizes->channels,
        halide::product(halide::getShape(op->getOperand(1)).drop_back()));
  else if (sizes && llvm::isa<DepthwiseConv2DOp>(op))
    tile = chooseDepthwiseTile(sizes->columns, sizes->channels);
  else if (auto attention = llvm::dyn_cast<AttentionOp>(op))
    tile = chooseAttentionTile(attention);
  LoopOrder order = llvm::isa<Conv2DOp, LinearOp>(op)
                        ? LoopOrder::PixelsOuter
                        : LoopOrder::ChannelsOuter;
  return StageAttr::get(kernel.getContext(), tile.pixels, tile.vectors, order,
                        ProductForm::Direct);
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

static void setFilterLayout(KernelOp kernel, Operation *op,
                            const halide::Form &form) {
  auto filter = llvm::dyn_cast<mlir::BlockArgument>(op->getOperand(1));
  if (!filter)
    return;
  auto set = [&](const auto &layout) {
    kernel.setLayout(filter.getArgNumber(), layout.get(kernel.getContext()));
  };
  if (auto conv = llvm::dyn_cast<DepthwiseConv2DOp>(op)) {
    set(Taps{kDot, conv.getStrides()[1], 1});
    return;
  }
  auto shape = halide::getShape(filter);
  int64_t vectors = halide::getStageAttr(kernel, op).getVectors();
  bool isOffset = form.dotOperand == halide::DotOperand::Offset;
  set(Dots{vectors * kLanes, kDot, shape[shape.size() - 2], 1, /*factor=*/0,
           isOffset ? kOffset : 0});
}

/// All rows of the result at once, where what lies between the products takes
/// few bytes; else one, so that it stays near. Halide would compute the rows
/// that two strips of several both read twice.
static int64_t chooseStrip(KernelOp kernel, int64_t rows,
                           const cost::Machine &machine) {
  llvm::SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBody().front().without_terminator())
    ops.push_back(&op);
  return cost::runsWhole(machine, getKernelShape(ops)) ? rows : 1;
}

void hexagon::schedule(KernelOp kernel, const halide::Form &form,
                       const cost::Machine &machine) {
  llvm::SmallVector<StageAttr> stages;
  bool hasProduct = false;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (halide::isComputing(&op)) {
      stages.push_back(chooseStage(kernel, &op));
      hasProduct |= halide::isIntegerProduct(&op);
    }
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  auto sizes = halide::getSizes(result, halide::getView(kernel));
  // The rows that a product's copy of its input has stay near.
  int64_t strip = stages.size() > 1 ? chooseStrip(kernel, sizes->rows, machine)
                  : hasProduct || !sizes ? 1
                                         : sizes->rows;
  kernel.setScheduleAttr(ScheduleAttr::get(kernel.getContext(), SplitAxis::None,
                                           /*tasks=*/1, strip, stages));
  for (Operation &op : kernel.getBody().front())
    if (halide::isIntegerProduct(&op)) {
      setFilterLayout(kernel, &op, form);
      if (halide::endsInPanel(kernel, &op, form))
        halide::padVectors(kernel, &op, kLanes);
    }
}
