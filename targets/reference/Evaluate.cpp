//===- Evaluate.cpp - kernels run in this process -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads reference objects by LLVM's JIT linker.
//===----------------------------------------------------------------------===//
#include "targets/reference/Evaluate.h"
#include "targets/reference/Emit.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include <cstdlib>

using namespace minnow;
using llvm::Error;
using llvm::Expected;
namespace orc = llvm::orc;

static void *allocateScratch(void *, size_t bytes) {
  return std::aligned_alloc(128, llvm::alignTo(bytes, 128));
}
static void freeScratch(void *, void *pointer) { std::free(pointer); }

/// Lets emitted code find its two callbacks, and mem* in this process.
static Error defineSymbols(orc::LLJIT &jit) {
  orc::MangleAndInterner intern(jit.getExecutionSession(), jit.getDataLayout());
  auto define = [](auto *function) {
    return orc::ExecutorSymbolDef(orc::ExecutorAddr::fromPtr(function),
                                  llvm::JITSymbolFlags::Exported |
                                      llvm::JITSymbolFlags::Callable);
  };
  orc::SymbolMap symbols;
  symbols[intern("halide_malloc")] = define(allocateScratch);
  symbols[intern("halide_free")] = define(freeScratch);
  if (Error error = jit.getMainJITDylib().define(orc::absoluteSymbols(symbols)))
    return error;
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit.getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  jit.getMainJITDylib().addGenerator(std::move(*process));
  return Error::success();
}

Evaluator::Evaluator(std::unique_ptr<orc::LLJIT> jit) : jit(std::move(jit)) {}
Evaluator::~Evaluator() = default;

Expected<std::unique_ptr<Evaluator>> Evaluator::create() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  if (Error error = defineSymbols(**jit))
    return error;
  return std::unique_ptr<Evaluator>(new Evaluator(std::move(*jit)));
}

/// What decides the code of `kernel`: all of it but its name.
static std::string getKey(mobile::KernelOp kernel) {
  mlir::OwningOpRef<mobile::KernelOp> copy = kernel.clone();
  copy->setSymName("kernel");
  copy->removeScheduleAttr();
  std::string text;
  llvm::raw_string_ostream stream(text);
  copy->print(stream);
  return text;
}

Expected<Evaluator::Function> Evaluator::compile(mobile::KernelOp kernel) {
  std::string key = getKey(kernel);
  if (auto known = functions.find(key); known != functions.end())
    return known->second;
  std::string symbol = "kernel_" + std::to_string(functions.size());
  TargetSpec spec;
  spec.cpu = "native";
  Expected<KernelCode> code = emitReference(spec, kernel, symbol);
  if (!code)
    return code.takeError();
  if (Error error = jit->addObjectFile(
          llvm::MemoryBuffer::getMemBufferCopy(code->object, symbol)))
    return error;
  Expected<orc::ExecutorAddr> address = jit->lookup(symbol);
  if (!address)
    return address.takeError();
  return functions[key] = address->toPtr<Function>();
}

Error Evaluator::run(mobile::KernelOp kernel, llvm::ArrayRef<void *> buffers) {
  size_t expected =
      kernel.getArgumentTypes().size() + kernel.getResultTypes().size();
  if (buffers.size() != expected)
    return llvm::createStringError("kernel @" + kernel.getSymName() +
                                   " takes and gives " + llvm::Twine(expected) +
                                   " tensors, found " +
                                   llvm::Twine(buffers.size()) + " buffers");
  Expected<Function> function = compile(kernel);
  if (!function)
    return function.takeError();
  if (int32_t status = (*function)(nullptr, 0, buffers.data()))
    return llvm::createStringError("kernel @" + kernel.getSymName() +
                                   " returned " + llvm::Twine(status));
  return Error::success();
}

Error minnow::evaluate(mobile::KernelOp kernel,
                       llvm::ArrayRef<void *> buffers) {
  Expected<std::unique_ptr<Evaluator>> evaluator = Evaluator::create();
  if (!evaluator)
    return evaluator.takeError();
  return (*evaluator)->run(kernel, buffers);
}
