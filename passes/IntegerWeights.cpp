//===- IntegerWeights.cpp - weights that quantization makes ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/IntegerWeights.h"
#include "mlir/IR/AsmState.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

FailureOr<ArrayRef<char>> IntegerWeights::readBytes(Value value,
                                                    size_t elementBytes) {
  auto get = value.getDefiningOp<GetWeightOp>();
  auto weight = get ? symbols.lookup<WeightOp>(get.getWeight()) : WeightOp();
  if (!weight) {
    emitError(value.getLoc(), "a filter or bias is computed, not a weight");
    return failure();
  }
  ArrayRef<char> bytes = weight.getBytes();
  if (bytes.size() != weight.getType().getNumElements() * elementBytes) {
    weight.emitOpError() << '@' << weight.getSymName()
                         << " has no numbers: the module was printed without "
                            "its resources; start from the model or from "
                            "bytecode";
    return failure();
  }
  return bytes;
}

Value IntegerWeights::add(OpBuilder &builder, Location location, StringRef name,
                          RankedTensorType type, ArrayRef<char> bytes,
                          Type valueType) {
  std::string key;
  llvm::raw_string_ostream(key)
      << type << ':' << StringRef(bytes.data(), bytes.size());
  WeightOp &weight = known[key];
  if (!weight) {
    auto blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64);
    OpBuilder detached(builder.getContext());
    weight = WeightOp::create(
        detached, location, name,
        DenseResourceElementsAttr::get(type, name, std::move(blob)));
    symbols.insert(weight, symbols.getOp()->getRegion(0).front().begin());
  }
  return GetWeightOp::create(builder, location, valueType, weight.getSymName());
}

void IntegerWeights::eraseUnused() {
  llvm::DenseSet<StringAttr> used;
  symbols.getOp()->walk([&](GetWeightOp get) {
    if (get->use_empty())
      get.erase();
    else
      used.insert(get.getWeightAttr().getAttr());
  });
  auto weights = symbols.getOp()->getRegion(0).getOps<WeightOp>();
  for (WeightOp weight : llvm::make_early_inc_range(weights))
    if (!used.contains(weight.getSymNameAttr()))
      symbols.erase(weight);
}
