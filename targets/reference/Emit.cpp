//===- Emit.cpp - kernels to code the slow way ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the pipeline linalg -> buffers -> loops -> LLVM dialect on a copy of the
// kernel, and wraps the result into the signature that all kernels have.
//===----------------------------------------------------------------------===//
#include "targets/reference/Emit.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/Transforms/AllocationOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "targets/llvm/Object.h"
#include "targets/reference/Passes.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace minnow;

void minnow::registerReferenceDialects(DialectRegistry &registry) {
  registry.insert<mobile::MobileDialect, func::FuncDialect, LLVM::LLVMDialect,
                  bufferization::BufferizationDialect>();
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  memref::registerAllocationOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
}

//===----------------------------------------------------------------------===//
// Pipeline
//===----------------------------------------------------------------------===//

/// From kernels to functions on buffers: the arguments, the results, and the
/// scratch buffer if there is one.
static void addBufferization(OpPassManager &passes) {
  passes.addPass(createLowerToLinalg());
  passes.addNestedPass<func::FuncOp>(createChannelsInnermost());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  passes.addPass(bufferization::createOneShotBufferizePass(bufferize));
  bufferization::BufferResultsToOutParamsPassOptions results;
  results.hoistStaticAllocs = true;
  results.modifyPublicFunctions = true;
  passes.addPass(bufferization::createBufferResultsToOutParamsPass(results));
  passes.addNestedPass<func::FuncOp>(createPlanScratch());
}

/// From functions on buffers to the LLVM dialect; a buffer is a pointer.
static void addLowering(OpPassManager &passes) {
  passes.addNestedPass<func::FuncOp>(createExpandCalls());
  passes.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  passes.addPass(createConvertFuncToLLVMPass(functions));
  passes.addPass(createReconcileUnrealizedCastsPass());
}

/// Runs `add`'s passes; an error carries the diagnostics.
static llvm::Error run(ModuleOp module, void (*add)(OpPassManager &)) {
  std::string messages;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          messages += (messages.empty() ? "" : "; ") + diagnostic.str();
      });
  PassManager passes(module.getContext());
  add(passes);
  if (succeeded(passes.run(module)))
    return llvm::Error::success();
  return llvm::createStringError("the reference lowering failed: " + messages);
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

namespace {
/// Builds the function that a caller sees around the one that computes.
struct EntryBuilder {
  EntryBuilder(ModuleOp module, unsigned pointerBits)
      : module(module), location(module.getLoc()),
        builder(OpBuilder::atBlockEnd(module.getBody())),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        size(builder.getIntegerType(pointerBits)) {}

  void build(LLVM::LLVMFuncOp body, StringRef symbol, uint64_t scratchBytes) {
    Type word = builder.getI32Type();
    auto entry = declare(symbol, word, {pointer, word, pointer});
    LLVM::LLVMFuncOp allocate, release;
    if (scratchBytes) {
      allocate = declare("halide_malloc", pointer, {pointer, size});
      release = declare("halide_free", LLVM::LLVMVoidType::get(getContext()),
                        {pointer, pointer});
    }
    Block *block = entry.addEntryBlock(builder);
    builder.setInsertionPointToStart(block);
    Value context = block->getArgument(0);
    SmallVector<Value> buffers = loadBuffers(
        block->getArgument(2), body.getNumArguments() - (scratchBytes != 0));
    Value scratch;
    if (scratchBytes) {
      scratch = LLVM::CallOp::create(
                    builder, location, allocate,
                    ValueRange{context, constant(size, scratchBytes)})
                    .getResult();
      buffers.push_back(scratch);
    }
    LLVM::CallOp::create(builder, location, body, buffers);
    if (scratchBytes)
      LLVM::CallOp::create(builder, location, release,
                           ValueRange{context, scratch});
    LLVM::ReturnOp::create(builder, location, constant(word, 0));
  }

private:
  MLIRContext *getContext() { return builder.getContext(); }

  LLVM::LLVMFuncOp declare(StringRef name, Type result,
                           ArrayRef<Type> arguments) {
    builder.setInsertionPointToEnd(module.getBody());
    return LLVM::LLVMFuncOp::create(
        builder, location, name,
        LLVM::LLVMFunctionType::get(result, arguments));
  }

  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(builder, location, type,
                                    builder.getIntegerAttr(type, value));
  }

  SmallVector<Value> loadBuffers(Value table, int32_t count) {
    SmallVector<Value> buffers;
    for (int32_t i = 0; i < count; ++i) {
      Value place = LLVM::GEPOp::create(builder, location, pointer, pointer,
                                        table, ArrayRef<LLVM::GEPArg>{i});
      buffers.push_back(
          LLVM::LoadOp::create(builder, location, pointer, place));
    }
    return buffers;
  }

  ModuleOp module;
  Location location;
  OpBuilder builder;
  Type pointer, size;
};
} // namespace

/// The name of the function that computes, inside of the object.
static constexpr StringLiteral kBodyName = "reference_body";

/// A module with a copy of `kernel` alone, under the name of the body.
static OwningOpRef<ModuleOp> isolate(mobile::KernelOp kernel) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  auto copy = cast<mobile::KernelOp>(kernel->clone());
  copy.setSymName(kBodyName);
  copy.removeScheduleAttr();
  module->push_back(copy);
  return module;
}

/// What a block of `halide_malloc` may take besides its bytes: a header of 128
/// and the way to the next multiple of 128.
static constexpr uint64_t kBlockBytes = 256;

static uint64_t getScratchBytes(func::FuncOp body) {
  auto bytes = body->getAttrOfType<IntegerAttr>(kScratchBytesName);
  return bytes ? bytes.getInt() : 0;
}

llvm::Expected<KernelCode> minnow::emitReference(const TargetSpec &spec,
                                                 mobile::KernelOp kernel,
                                                 StringRef symbol) {
  llvm::Expected<TargetSpec> machine = resolveMachine(spec);
  if (!machine)
    return machine.takeError();
  DialectRegistry registry;
  registerReferenceDialects(registry);
  kernel->getContext()->appendDialectRegistry(registry);
  kernel->getContext()->loadAllAvailableDialects();

  OwningOpRef<ModuleOp> module = isolate(kernel);
  KernelCode code;
  code.reference = true;
  if (llvm::Error error = run(*module, addBufferization))
    return error;
  uint64_t scratchBytes =
      getScratchBytes(module->lookupSymbol<func::FuncOp>(kBodyName));
  code.scratchBytes = scratchBytes ? scratchBytes + kBlockBytes : 0;
  if (llvm::Error error = run(*module, addLowering))
    return error;

  auto body = module->lookupSymbol<LLVM::LLVMFuncOp>(kBodyName);
  body.setLinkage(LLVM::Linkage::Internal);
  // What a result writes no other buffer reads, so the loops may be vectorised.
  for (unsigned i = 0; i < body.getNumArguments(); ++i)
    body.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                    UnitAttr::get(body.getContext()));
  bool is64 = llvm::Triple(machine->triple).isArch64Bit();
  EntryBuilder(*module, is64 ? 64 : 32).build(body, symbol, scratchBytes);
  llvm::Expected<std::string> object = compileToObject(*module, *machine);
  if (!object)
    return object.takeError();
  code.object = std::move(*object);
  return code;
}

llvm::Expected<KernelCode>
minnow::emitElseReference(llvm::Expected<KernelCode> fast,
                          const TargetSpec &spec, mobile::KernelOp kernel,
                          StringRef symbol) {
  if (fast)
    return fast;
  auto reference = emitReference(spec, kernel, symbol);
  std::string why = llvm::toString(fast.takeError());
  if (reference)
    reference->note = std::move(why);
  return reference;
}
