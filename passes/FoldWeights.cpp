//===- FoldWeights.cpp - reading and rewriting weight blobs ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers go from blob to blob; none becomes an attribute of the graph.
//===----------------------------------------------------------------------===//
#include "passes/FoldWeights.h"
#include "mlir/IR/AsmState.h"
#include <cstring>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

WeightOp FoldWeights::lookup(Value value) const {
  auto get = value.getDefiningOp<GetWeightOp>();
  return get ? symbols.lookup<WeightOp>(get.getWeight()) : WeightOp();
}

FailureOr<std::vector<float>> FoldWeights::read(Value value) {
  WeightOp weight = lookup(value);
  if (!weight || !weight.getType().getElementType().isF32())
    return failure();
  ArrayRef<char> bytes = weight.getBytes();
  size_t count = weight.getType().getNumElements();
  if (bytes.size() != count * sizeof(float)) {
    reportError(weight, "has no numbers to fold: the module was printed "
                        "without its resources; start from the model or from "
                        "bytecode");
    return failure();
  }
  // A blob that is mapped from a file need not be aligned.
  std::vector<float> numbers(count);
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

Value FoldWeights::create(OpBuilder &builder, Location location, StringRef name,
                          ArrayRef<int64_t> shape, ArrayRef<float> numbers) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto blob = HeapAsmResourceBlob::allocateAndCopyInferAlign(numbers);
  return add(builder, location, name,
             DenseResourceElementsAttr::get(type, name, std::move(blob)));
}

Value FoldWeights::createReshaped(OpBuilder &builder, Location location,
                                  WeightOp weight, ArrayRef<int64_t> shape) {
  auto value = cast<DenseResourceElementsAttr>(weight.getValueAttr());
  auto type = RankedTensorType::get(shape, weight.getType().getElementType());
  return add(builder, location, weight.getSymName(),
             DenseResourceElementsAttr::get(type, value.getRawHandle()));
}

Value FoldWeights::add(OpBuilder &builder, Location location, StringRef name,
                       DenseResourceElementsAttr value) {
  std::string wanted = getWantedName(name).str();
  OpBuilder detached(builder.getContext());
  auto weight = WeightOp::create(detached, location, wanted, value);
  // A new weight stands where the one that it replaces does; a bias that is new
  // altogether follows its filter, which was made just before it.
  Block &block = symbols.getOp()->getRegion(0).front();
  Block::iterator place = block.begin();
  if (Operation *old = symbols.lookup(name))
    place = old->getIterator();
  else if (!created.empty())
    place = std::next(created.back()->getIterator());
  symbols.insert(weight, place);
  created.push_back(weight);
  wantedNames[weight.getSymName()] = wanted;
  return GetWeightOp::create(builder, location, weight.getType(),
                             weight.getSymName());
}

StringRef FoldWeights::getWantedName(StringRef name) const {
  auto wanted = wantedNames.find(name);
  return wanted == wantedNames.end() ? name : StringRef(wanted->second);
}

void FoldWeights::reportError(WeightOp weight, const Twine &message) {
  if (faulty.insert(weight).second)
    weight.emitOpError() << '@' << weight.getSymName() << ' ' << message;
}

void FoldWeights::eraseUnused() {
  llvm::DenseSet<StringAttr> used;
  symbols.getOp()->walk(
      [&](GetWeightOp get) { used.insert(get.getWeightAttr().getAttr()); });
  auto isUnused = [&](WeightOp weight) {
    return !used.contains(weight.getSymNameAttr());
  };
  llvm::erase_if(created, isUnused);
  auto weights = symbols.getOp()->getRegion(0).getOps<WeightOp>();
  for (WeightOp weight : llvm::make_early_inc_range(weights))
    if (isUnused(weight))
      symbols.erase(weight);
}

void FoldWeights::finish() {
  eraseUnused();
  llvm::StringMap<FlatSymbolRefAttr> renamed;
  for (WeightOp weight : created) {
    std::string wanted = wantedNames[weight.getSymName()];
    if (symbols.lookup(wanted))
      continue;
    StringRef old = weight.getSymName();
    symbols.remove(weight);
    weight.setSymName(wanted);
    symbols.insert(weight);
    renamed[old] = FlatSymbolRefAttr::get(weight);
  }
  symbols.getOp()->walk([&](GetWeightOp get) {
    if (auto name = renamed.find(get.getWeight()); name != renamed.end())
      get.setWeightAttr(name->second);
  });
}

std::string FoldWeights::getNameBeside(WeightOp filter,
                                       StringRef suffix) const {
  StringRef name = getWantedName(filter.getSymName());
  name.consume_back(".weight");
  return (name + "." + suffix).str();
}
