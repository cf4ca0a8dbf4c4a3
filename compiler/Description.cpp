//===- Description.cpp - what a program says of itself --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The planned program as a FlatBuffer.
//===----------------------------------------------------------------------===//
#include "compiler/Description.h"
#include "compiler/Version.h"
#include "mlir/IR/BuiltinTypes.h"
#include "runtime/abi/minnow_abi.h"
#include "runtime/abi/program_generated.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::mobile;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using llvm::StringRef;

std::string minnow::getTensorName(ProgramOp program, unsigned index,
                                  size_t inputCount) {
  if (auto name =
          program.getArgAttrOfType<mlir::StringAttr>(index, "mobile.name"))
    return name.getValue().str();
  return index < inputCount ? "input" + std::to_string(index)
                            : "output" + std::to_string(index - inputCount);
}

static uint64_t bytesOf(mlir::Type type) {
  auto shaped = mlir::cast<mlir::ShapedType>(type);
  return shaped.getNumElements() * shaped.getElementTypeBitWidth() / 8;
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
  return abi::CreateTensorDirect(
      builder, getTensorName(program, index, assembly.inputCount).c_str(),
      abi::DataType::F32, &dims, word.c_str());
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
    uint64_t macs = 0, bytes = 0;
    for (auto op : kernel.getBody().getOps<PrimitiveOpInterface>())
      macs += op.getMacs();
    for (mlir::Type type : kernel.getArgumentTypes())
      bytes += bytesOf(type);
    for (mlir::Type type : kernel.getResultTypes())
      bytes += bytesOf(type);
    kernels.push_back(abi::CreateKernelDirect(builder, name.c_str(), macs,
                                              bytes, code.reference));
  }
  return kernels;
}

/// The names in `location`, joined: the layers that became one call.
static std::string describe(mlir::Location location) {
  std::string text;
  location->walk([&](mlir::Location part) {
    if (auto name = mlir::dyn_cast<mlir::NameLoc>(part)) {
      text += (text.empty() ? "" : " ") + name.getName().str();
      return mlir::WalkResult::skip();
    }
    return mlir::WalkResult::advance();
  });
  return text;
}

static std::vector<Offset<abi::Call>> buildCalls(FlatBufferBuilder &builder,
                                                 const Assembly &assembly) {
  std::vector<Offset<abi::Call>> calls;
  ProgramOp program = assembly.program;
  for (auto call : program.getOps<CallOp>()) {
    auto kernel = llvm::find_if(assembly.kernels, [&](const auto &entry) {
      return entry.first == call.getKernel();
    });
    calls.push_back(abi::CreateCallDirect(
        builder, kernel - assembly.kernels.begin(),
        describe(call.getLoc()).c_str(), kernel->second.tasks));
  }
  return calls;
}

std::string minnow::buildDescription(const Assembly &assembly,
                                     const Target &target) {
  FlatBufferBuilder builder;
  ProgramOp program = assembly.program;
  std::vector<Offset<abi::Tensor>> inputs, outputs;
  for (unsigned i = 0; i < program.getNumArguments(); ++i)
    (i < assembly.inputCount ? inputs : outputs)
        .push_back(buildTensor(builder, assembly, i));
  auto preprocessing = buildPreprocessing(builder, program);
  auto calls = buildCalls(builder, assembly);
  uint64_t arena = llvm::alignTo<128>(program.getArenaBytes().value_or(0));
  std::vector<Offset<abi::EntryPoint>> entries = {abi::CreateEntryPointDirect(
      builder, "main", &inputs, &outputs, arena, assembly.scratchBytes,
      /*alignment=*/64, &calls, preprocessing)};
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
