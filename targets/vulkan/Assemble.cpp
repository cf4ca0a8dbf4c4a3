//===- Assemble.cpp - a program as a list of dispatches -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every call is one dispatch, in program order. A dispatch waits for those
// before it only if it touches what one of them writes, or writes what one of
// them reads, since the last wait: dispatches that do not depend on each other
// run at once.
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Assemble.h"
#include "runtime/abi/vulkan_generated.h"
#include "targets/vulkan/Kernels.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>
#include <cstring>

using namespace minnow;
using namespace minnow::mobile;
using mlir::Value;

namespace {

namespace device = minnow::abi::vulkan;

/// What dispatches since the last wait touch.
class Hazards {
public:
  /// Whether a dispatch that reads and writes these must wait; notes them.
  bool add(llvm::ArrayRef<device::Range> reads, const device::Range &written) {
    bool waits = overlaps(allWritten, written) || overlaps(allRead, written) ||
                 llvm::any_of(reads, [&](const device::Range &range) {
                   return overlaps(allWritten, range);
                 });
    if (waits) {
      allRead.clear();
      allWritten.clear();
    }
    allRead.append(reads.begin(), reads.end());
    allWritten.push_back(written);
    return waits;
  }

private:
  static bool overlaps(llvm::ArrayRef<device::Range> ranges,
                       const device::Range &other) {
    return llvm::any_of(ranges, [&](const device::Range &range) {
      return range.space() == other.space() && range.index() == other.index() &&
             range.offset() < other.offset() + other.bytes() &&
             other.offset() < range.offset() + range.bytes();
    });
  }

  llvm::SmallVector<device::Range> allRead, allWritten;
};

} // namespace

/// Where a buffer of the program lies.
static device::Range getRange(ProgramOp program, Value memory) {
  uint64_t bytes = getByteSize(memory.getType());
  if (auto buffer = memory.getDefiningOp<BufferOp>()) {
    bool isWeight = buffer.getSpace() == MemorySpace::Weights;
    return device::Range(isWeight ? device::Space::Weights
                                  : device::Space::Arena,
                         0, buffer.getOffset(), bytes);
  }
  unsigned index = llvm::cast<mlir::BlockArgument>(memory).getArgNumber();
  unsigned inputs = program.getNumInputs();
  if (index < inputs)
    return device::Range(device::Space::Input, index, 0, bytes);
  return device::Range(device::Space::Output, index - inputs, 0, bytes);
}

//===----------------------------------------------------------------------===//
// Precision
//===----------------------------------------------------------------------===//

/// The bits of the f16 nearest to `value`; beyond the largest, the largest.
static uint16_t toHalf(float value) {
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  if (number.isInfinity() && std::isfinite(value))
    number = llvm::APFloat::getLargest(llvm::APFloat::IEEEhalf(),
                                       number.isNegative());
  return number.bitcastToAPInt().getZExtValue();
}

/// The numbers of a buffer of the weight section, as f16 at the end of `to`.
static uint64_t addHalves(llvm::ArrayRef<char> weights, BufferOp buffer,
                          std::string &to) {
  constexpr uint64_t kAlignment = 256;
  uint64_t start = llvm::alignTo<kAlignment>(to.size());
  uint64_t count = buffer.getType().getNumElements();
  to.resize(start + count * sizeof(uint16_t));
  for (uint64_t i = 0; i < count; ++i) {
    float value;
    std::memcpy(&value, weights.data() + buffer.getOffset() + i * sizeof(value),
                sizeof(value));
    uint16_t half = toHalf(value);
    std::memcpy(&to[start + i * sizeof(half)], &half, sizeof(half));
  }
  return start;
}

void vulkan::convertToHalf(Assembly &assembly) {
  mlir::Type half = mlir::Float16Type::get(assembly.program.getContext());
  for (auto buffer : assembly.program.getOps<BufferOp>()) {
    if (buffer.getSpace() == MemorySpace::Weights)
      buffer.setOffset(
          addHalves(assembly.weights, buffer, assembly.ownWeights));
    auto type = llvm::cast<mlir::MemRefType>(buffer.getType());
    buffer.getResult().setType(mlir::MemRefType::get(type.getShape(), half));
  }
  assembly.weights = assembly.ownWeights;
}

void vulkan::markEdges(KernelOp kernel) {
  auto unit = mlir::UnitAttr::get(kernel.getContext());
  auto module = kernel->getParentOfType<mlir::ModuleOp>();
  for (auto program : module.getOps<ProgramOp>())
    for (auto call : program.getOps<CallOp>()) {
      if (call.getKernel() != kernel.getName())
        continue;
      for (auto [i, operand] : llvm::enumerate(call->getOperands()))
        if (llvm::isa<mlir::BlockArgument>(operand))
          kernel.setArgAttr(i, kEdgeAttrName, unit);
      for (mlir::Operation *user : call->getUsers())
        if (user->hasTrait<mlir::OpTrait::IsTerminator>())
          kernel.setResultAttr(0, kEdgeAttrName, unit);
    }
}

//===----------------------------------------------------------------------===//
// Dispatches
//===----------------------------------------------------------------------===//

std::vector<Section> vulkan::assemble(const Assembly &assembly) {
  flatbuffers::FlatBufferBuilder builder;
  std::string words;
  std::vector<flatbuffers::Offset<device::Shader>> shaders;
  for (const auto &[name, code] : assembly.kernels) {
    CodeHeader header;
    std::memcpy(&header, code.object.data(), sizeof(header));
    llvm::StringRef spirv =
        llvm::StringRef(code.object).drop_front(sizeof(header));
    shaders.push_back(device::CreateShader(builder, words.size(), spirv.size(),
                                           header.groups[0], header.groups[1],
                                           header.groups[2], header.bindings));
    words += spirv;
  }

  ProgramOp program = assembly.program;
  Hazards hazards;
  std::vector<flatbuffers::Offset<device::Dispatch>> dispatches;
  for (auto call : program.getOps<CallOp>()) {
    std::vector<device::Range> ranges;
    for (Value operand : call->getOperands())
      ranges.push_back(getRange(program, operand));
    bool waits = hazards.add(llvm::ArrayRef(ranges).drop_back(), ranges.back());
    auto vector = builder.CreateVectorOfStructs(ranges);
    dispatches.push_back(device::CreateDispatch(
        builder, assembly.getKernelIndex(call.getKernel()), vector, waits));
  }
  builder.Finish(device::CreateCommandsDirect(builder, &shaders, &dispatches),
                 device::CommandsIdentifier());
  return {{"dispatches",
           std::string(reinterpret_cast<char *>(builder.GetBufferPointer()),
                       builder.GetSize()),
           16},
          {"shaders", std::move(words), 16},
          {"weights",
           std::string(assembly.weights.data(), assembly.weights.size()), 256}};
}
