//===- Description.cpp - what a program says of itself --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The planned program as a FlatBuffer.
//===----------------------------------------------------------------------===//
#include "compiler/Description.h"
#include "compiler/Version.h"
#include "mlir/IR/BuiltinTypes.h"
#include "passes/InlineBlocks.h"
#include "runtime/abi/minnow_abi.h"
#include "runtime/abi/program_generated.h"
#include "targets/KernelCost.h"

using namespace minnow;
using namespace minnow::mobile;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using llvm::StringRef;

std::string minnow::getTensorName(ProgramOp program, unsigned index) {
  unsigned inputCount = program.getNumInputs();
  if (auto name =
          program.getArgAttrOfType<mlir::StringAttr>(index, "mobile.name"))
    return name.getValue().str();
  return index < inputCount ? "input" + std::to_string(index)
                            : "output" + std::to_string(index - inputCount);
}

static Offset<abi::Tensor> buildTensor(FlatBufferBuilder &builder,
                                       const Assembly &assembly,
                                       unsigned index) {
  ProgramOp program = assembly.program;
  auto type = mlir::cast<mlir::MemRefType>(program.getArgumentTypes()[index]);
  std::vector<uint32_t> dims(type.getShape().begin(), type.getShape().end());
  // A network's images are NCHW outside unless it says otherwise.
  auto layout =
      program.getArgAttrOfType<mlir::StringAttr>(index, "mobile.io_layout");
  std::string word =
      layout ? layout.getValue().str() : (dims.size() == 4 ? "nchw" : "");
  float scale = 0;
  int32_t zeroPoint = 0;
  if (auto attribute =
          program.getArgAttrOfType<mlir::TypeAttr>(index, kQuantizedAttrName)) {
    auto quantized =
        mlir::RankedTensorType::get(type.getShape(), attribute.getValue());
    scale = getScales(quantized)[0];
    zeroPoint = getZeroPoint(quantized);
  }
  auto element = abi::DataType::F32;
  if (type.getElementType().isInteger(8))
    element = abi::DataType::S8;
  else if (type.getElementType().isInteger(32))
    element = abi::DataType::S32;
  return abi::CreateTensorDirect(builder, getTensorName(program, index).c_str(),
                                 element, &dims, word.c_str(), scale,
                                 zeroPoint);
}

static Offset<abi::Preprocessing> buildPreprocessing(FlatBufferBuilder &builder,
                                                     ProgramOp program) {
  auto attribute =
      program->getAttrOfType<mlir::DictionaryAttr>("mobile.preprocessing");
  if (!attribute)
    return 0;
  auto floats = [&](StringRef key) {
    std::vector<float> values;
    if (auto list = attribute.getAs<mlir::ArrayAttr>(key))
      for (auto value : list.getAsRange<mlir::FloatAttr>())
        values.push_back(value.getValueAsDouble());
    return values;
  };
  auto resize = attribute.getAs<mlir::IntegerAttr>("resize");
  auto interpolation = attribute.getAs<mlir::StringAttr>("interpolation");
  auto mean = floats("mean"), deviation = floats("std");
  return abi::CreatePreprocessingDirect(
      builder, resize ? resize.getInt() : 0,
      interpolation ? interpolation.getValue().str().c_str() : "bilinear",
      &mean, &deviation);
}

static std::vector<Offset<abi::Kernel>> buildKernels(FlatBufferBuilder &builder,
                                                     const Assembly &assembly) {
  std::vector<Offset<abi::Kernel>> kernels;
  auto module = assembly.program->getParentOfType<mlir::ModuleOp>();
  for (auto &[name, code] : assembly.kernels) {
    auto kernel = module.lookupSymbol<KernelOp>(name);
    uint64_t bytes = 0;
    for (mlir::Type type : kernel.getArgumentTypes())
      bytes += getByteSize(type);
    for (mlir::Type type : kernel.getResultTypes())
      bytes += getByteSize(type);
    kernels.push_back(
        abi::CreateKernelDirect(builder, name.c_str(), getMacs(kernel), bytes,
                                code.reference, getByteMacs(kernel)));
  }
  return kernels;
}

static std::vector<Offset<abi::Call>> buildCalls(FlatBufferBuilder &builder,
                                                 const Assembly &assembly) {
  std::vector<Offset<abi::Call>> calls;
  ProgramOp program = assembly.program;
  for (auto call : program.getOps<CallOp>()) {
    size_t kernel = assembly.getKernelIndex(call.getKernel());
    calls.push_back(abi::CreateCallDirect(
        builder, kernel, getLayerName(call.getLoc()).str().c_str(),
        assembly.kernels[kernel].second.tasks));
  }
  return calls;
}

std::string minnow::buildDescription(const Assembly &assembly,
                                     const Target &target) {
  FlatBufferBuilder builder;
  ProgramOp program = assembly.program;
  std::vector<Offset<abi::Tensor>> inputs, outputs;
  for (unsigned i = 0; i < program.getNumArguments(); ++i)
    (i < program.getNumInputs() ? inputs : outputs)
        .push_back(buildTensor(builder, assembly, i));
  auto preprocessing = buildPreprocessing(builder, program);
  auto calls = buildCalls(builder, assembly);
  std::vector<Offset<abi::EntryPoint>> entries = {abi::CreateEntryPointDirect(
      builder, "main", &inputs, &outputs, assembly.getArenaBytes(),
      assembly.scratchBytes, target.getBufferAlignment(), &calls,
      preprocessing)};
  auto kernels = buildKernels(builder, assembly);
  std::vector<Offset<flatbuffers::String>> requirements;
  for (const std::string &name : target.getRequirements())
    requirements.push_back(builder.CreateString(name));
  builder.Finish(abi::CreateProgramDirect(builder, MINNOW_ABI_VERSION,
                                          program.getName().str().c_str(),
                                          target.getSpec().name.c_str(),
                                          &requirements, &kernels, &entries,
                                          assembly.weights.size(), kVersion),
                 abi::ProgramIdentifier());
  return std::string(reinterpret_cast<char *>(builder.GetBufferPointer()),
                     builder.GetSize());
}
