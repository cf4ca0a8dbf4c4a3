//===- KernelNames.cpp - readable names of kernels and calls --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names depend on shapes and order only, so that they are the same in every
// run.
//===----------------------------------------------------------------------===//
#include "passes/KernelNames.h"
#include "dialects/mobile/Blocks.h"
#include "passes/InlineBlocks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include <fmt/format.h>

using namespace mlir;
using namespace minnow::mobile;

/// More parts than this make a name longer, not clearer.
static constexpr size_t kMaxParts = 4;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// "3x3s2" of a window of 3 by 3 that moves by 2.
static std::string describeWindow(ArrayRef<int64_t> window,
                                  ArrayRef<int64_t> strides) {
  std::string text = fmt::format("{}x{}", window[0], window[1]);
  if (strides[0] != 1 || strides[1] != 1)
    text += fmt::format("s{}", strides[0]);
  return text;
}

static std::string describePrimitive(Operation *op) {
  auto shape = [](auto tensor) { return tensor.getType().getShape(); };
  return llvm::TypeSwitch<Operation *, std::string>(op)
      .Case([&](Conv2DOp conv) -> std::string {
        if (conv.isPointwise())
          return "pointwise";
        return "conv" + describeWindow(shape(conv.getFilter()).take_front(2),
                                       conv.getStrides());
      })
      .Case([&](DepthwiseConv2DOp conv) {
        return "depthwise" +
               describeWindow(shape(conv.getFilter()).take_front(2),
                              conv.getStrides());
      })
      .Case([&](Pool2DOp pool) {
        return stringifyPoolKind(pool.getKind()).str() +
               describeWindow(pool.getWindow(), pool.getStrides());
      })
      .Default([](Operation *other) {
        return other->getName().stripDialect().str();
      });
}

/// Whether `covered` are all of `ops`.
static bool coversAll(ArrayRef<Operation *> covered,
                      ArrayRef<Operation *> ops) {
  return covered.size() == ops.size() && llvm::all_of(ops, [&](Operation *op) {
           return llvm::is_contained(covered, op);
         });
}

/// The name of the block that `ops` are, or none.
static std::string describeBlock(ArrayRef<Operation *> ops) {
  if (ops.size() < 2)
    return "";
  Value result = ops.back()->getResult(0);
  if (auto uib = matchUib(result))
    if (coversAll(uib->getParts(), ops))
      return "uib";
  if (auto fused = matchFusedIb(result))
    if (coversAll(fused->getParts(), ops))
      return "fused_ib";
  if (auto mqa = matchMqa(result))
    if (coversAll(mqa->getParts(), ops))
      return "mqa";
  return "";
}

std::string minnow::describeParts(ArrayRef<Operation *> ops) {
  if (std::string name = describeBlock(ops); !name.empty())
    return name;
  SmallVector<std::string> parts;
  for (Operation *op : ops)
    if (!isa<ReshapeOp>(op) || ops.size() == 1)
      parts.push_back(describePrimitive(op));
  if (parts.empty())
    return "reshape";
  if (parts.size() > kMaxParts)
    return parts.front() + "_to_" + parts.back();
  return llvm::join(parts, "_");
}

/// The activation of the last primitive that has one.
static Activation getLastActivation(ArrayRef<Operation *> ops) {
  for (Operation *op : llvm::reverse(ops))
    if (auto activation = op->getAttrOfType<ActivationAttr>("activation"))
      if (activation.getValue() != Activation::None)
        return activation.getValue();
  return Activation::None;
}

std::string minnow::describeKernel(ArrayRef<Operation *> ops) {
  std::string name = describeParts(ops);
  auto input = cast<RankedTensorType>(ops.front()->getOperand(0).getType());
  auto result = cast<RankedTensorType>(ops.back()->getResult(0).getType());
  // The batch is 1 and says nothing.
  ArrayRef<int64_t> dims = input.getShape();
  if (dims.size() > 1)
    dims = dims.drop_front();
  name += "_" +
          llvm::join(llvm::map_range(
                         dims, [](int64_t dim) { return std::to_string(dim); }),
                     "x");
  if (!result.getShape().empty() &&
      (dims.empty() || result.getShape().back() != dims.back()))
    name += fmt::format("_{}", result.getShape().back());
  if (Activation activation = getLastActivation(ops);
      activation != Activation::None)
    name += "_" + stringifyActivation(activation).str();
  return name;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// The longest prefix up to and with a dot that all `names` share.
static StringRef getCommonPrefix(ArrayRef<StringRef> names) {
  StringRef prefix = names.front();
  for (StringRef name : names.drop_front()) {
    size_t length = 0;
    while (length < std::min(prefix.size(), name.size()) &&
           prefix[length] == name[length])
      ++length;
    prefix = prefix.take_front(length);
  }
  return prefix.take_front(prefix.rfind('.') + 1);
}

static std::string joinLayers(ArrayRef<StringRef> names) {
  if (names.empty())
    return "";
  if (names.size() == 1)
    return names.front().str();
  StringRef prefix = getCommonPrefix(names);
  SmallVector<StringRef> parts;
  for (StringRef name : names)
    parts.push_back(name.drop_front(prefix.size()));
  if (parts.size() > kMaxParts)
    return (prefix + parts.front() + ".." + parts.back()).str();
  return prefix.str() + llvm::join(parts, "+");
}

Location minnow::getCallLocation(ArrayRef<Operation *> ops) {
  SmallVector<StringRef> layers;
  SmallVector<Location> locations;
  for (Operation *op : ops) {
    locations.push_back(op->getLoc());
    StringRef layer = getLayerName(op->getLoc());
    if (!layer.empty() && !llvm::is_contained(layers, layer))
      layers.push_back(layer);
  }
  MLIRContext *context = ops.front()->getContext();
  Location fused = FusedLoc::get(context, locations);
  if (layers.empty())
    return fused;
  return NameLoc::get(StringAttr::get(context, joinLayers(layers)), fused);
}

std::string minnow::getLayers(ArrayRef<Operation *> ops) {
  StringRef name = getLayerName(getCallLocation(ops));
  return name.empty() ? describeKernel(ops) : name.str();
}
