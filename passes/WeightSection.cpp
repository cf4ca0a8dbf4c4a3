//===- WeightSection.cpp - the packed weights of a program ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Offsets are given out as weights are asked for; the bytes are packed at the
// end, straight into the blob, so that the numbers are in memory twice only.
//===----------------------------------------------------------------------===//
#include "passes/WeightSection.h"
#include "mlir/IR/Builders.h"
#include "passes/MemoryPlan.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

static LayoutAttr getPlainLayout(MLIRContext *context) {
  return LayoutAttr::get(context, LayoutKind::Plain, {});
}

FailureOr<PackedWeight> WeightSection::add(GetWeightOp get, LayoutAttr layout) {
  auto weight = symbols.lookup<WeightOp>(get.getWeight());
  if (weight.getBytes().empty())
    return weight.emitOpError("has no numbers; the module was printed without "
                              "them (bytecode keeps them)");
  if (!layout)
    layout = getPlainLayout(get.getContext());
  auto [entry, isNew] = entries.try_emplace({weight, layout});
  if (!isNew)
    return entry->second;

  RankedTensorType type = weight.getType();
  auto packed = MemRefType::get(layout.getPhysicalShape(type.getShape()),
                                type.getElementType());
  entry->second = {bytes, packed};
  uint64_t size = packed.getNumElements() * packed.getElementTypeBitWidth() / 8;
  bytes = llvm::alignTo(bytes + size, alignment);
  return entry->second;
}

void WeightSection::emit(StringRef name, Location location) {
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes, alignment);
  MutableArrayRef<char> data = blob.getMutableData();
  std::fill(data.begin(), data.end(), 0);
  for (auto &[key, packed] : entries) {
    auto weight = cast<WeightOp>(key.first);
    size_t elementBytes = packed.type.getElementTypeBitWidth() / 8;
    key.second.pack(
        weight.getBytes(), weight.getType().getShape(), elementBytes,
        data.slice(packed.offset, packed.type.getNumElements() * elementBytes));
  }
  OpBuilder builder(location.getContext());
  auto type = RankedTensorType::get(bytes, builder.getI8Type());
  auto value = DenseResourceElementsAttr(
      DenseI8ResourceElementsAttr::get(type, name, std::move(blob)));
  symbols.insert(WeightOp::create(builder, location, name, value));
}
