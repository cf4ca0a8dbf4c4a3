//===- InlineBlocks.cpp - the inverse of raise ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inlines the regions of blocks, for form-groups and to look at. Locations say
// afterwards what a pass that came before knew.
//===----------------------------------------------------------------------===//
#include "passes/InlineBlocks.h"
#include "dialects/mobile/Blocks.h"
#include "passes/Passes.h"

using namespace mlir;

namespace minnow {
#define GEN_PASS_DEF_INLINEBLOCKS
#include "passes/Passes.h.inc"
} // namespace minnow

/// Moves the body of `block`, a block op, to its place and erases it.
static void inlineBlock(Operation *block) {
  Block &body = block->getRegion(0).front();
  Operation *yield = body.getTerminator();
  body.getArgument(0).replaceAllUsesWith(block->getOperand(0));
  block->getResult(0).replaceAllUsesWith(yield->getOperand(0));
  yield->erase();
  for (Operation &op : body)
    op.setLoc(CallSiteLoc::get(op.getLoc(), block->getLoc()));
  Block *parent = block->getBlock();
  parent->getOperations().splice(block->getIterator(), body.getOperations());
  block->erase();
}

void minnow::inlineBlocks(Operation *root) {
  SmallVector<Operation *> blocks;
  root->walk([&](Operation *op) {
    if (op != root && mobile::isBlock(op))
      blocks.push_back(op);
  });
  llvm::for_each(blocks, inlineBlock);
}

StringRef minnow::getLayerName(Location location) {
  if (auto site = dyn_cast<CallSiteLoc>(location))
    return getLayerName(site.getCallee());
  auto name = dyn_cast<NameLoc>(location);
  return name ? name.getName().getValue() : StringRef();
}

std::optional<Location> minnow::getBlockLocation(Location location) {
  auto site = dyn_cast<CallSiteLoc>(location);
  return site ? std::optional(site.getCaller()) : std::nullopt;
}

StringRef minnow::getBlockName(Location location) {
  auto block = getBlockLocation(location);
  return block ? getLayerName(*block) : StringRef();
}

namespace {

struct InlineBlocks : minnow::impl::InlineBlocksBase<InlineBlocks> {
  using InlineBlocksBase::InlineBlocksBase;
  void runOnOperation() override { minnow::inlineBlocks(getOperation()); }
};

} // namespace
