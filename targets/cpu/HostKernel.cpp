//===- HostKernel.cpp - a compiled kernel that runs here ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel is linked with the support code of programs, which gives it the
// memory that it asks for from one block of ours.
//===----------------------------------------------------------------------===//
#include "targets/cpu/HostKernel.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "targets/cpu/Kernels.h"
#include "targets/cpu/SupportText.h"
#include "targets/halide/View.h"
#include "targets/llvm/Object.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <dlfcn.h>
#include <random>

using namespace minnow;
using namespace minnow::cpu;

static llvm::Expected<std::string> compileSupport(const Isa &isa) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<mlir::LLVM::LLVMDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kSupportText, &context);
  return compileToObject(*module, isa.spec);
}

llvm::Error HostKernel::load(llvm::StringRef bytes) {
  llvm::SmallString<64> path;
  int file;
  if (std::error_code code =
          llvm::sys::fs::createTemporaryFile("minnow-tune", "so", file, path))
    return llvm::createStringError(code, "cannot write a temporary file: " +
                                             code.message());
  llvm::raw_fd_ostream(file, /*shouldClose=*/true) << bytes;
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  llvm::sys::fs::remove(path);
  if (!library)
    return llvm::createStringError(dlerror());
  function = reinterpret_cast<decltype(function)>(dlsym(library, "kernel"));
  return llvm::Error::success();
}

void HostKernel::makeOperands(mobile::KernelOp kernel) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1.f, 1.f);
  auto add = [&](mlir::Type type, mobile::LayoutAttr layout) {
    auto shape = llvm::cast<mlir::RankedTensorType>(type).getShape();
    int64_t size = layout ? halide::product(layout.getPhysicalShape(shape))
                          : halide::product(shape);
    // Memory for the operand from the next line on.
    std::vector<float> &values = operands.emplace_back(size + 16);
    for (float &value : values)
      value = uniform(random);
    auto address = reinterpret_cast<uintptr_t>(values.data());
    pointers.push_back(reinterpret_cast<void *>(llvm::alignTo(address, 64)));
    isMap.push_back(!layout && shape.size() == 4);
  };
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
    add(kernel.getArgumentTypes()[i], kernel.getLayout(i));
  add(kernel.getResultTypes()[0], {});
  isMap.back() = false;
}

llvm::Expected<std::unique_ptr<HostKernel>>
HostKernel::create(const Isa &isa, mobile::KernelOp kernel) {
  std::unique_ptr<HostKernel> result(new HostKernel);
  auto code = emit(isa, kernel, "kernel");
  if (!code)
    return code.takeError();
  auto support = compileSupport(isa);
  if (!support)
    return support.takeError();
  // The process may have functions of the same names; ours are local.
  auto whole = linkRelocatable({code->object, *support}, {"kernel"});
  if (!whole)
    return whole.takeError();
  auto linked = linkShared({*whole}, "kernel.so");
  if (!linked)
    return linked.takeError();
  if (llvm::Error error = result->load(*linked))
    return error;
  result->tasks = code->tasks;
  result->scratch.resize(code->scratchBytes / sizeof(float) + 1);
  result->makeOperands(kernel);
  return result;
}

HostKernel::~HostKernel() {
  if (library)
    dlclose(library);
}

/// Reads one number of each line.
static void touch(const void *memory, size_t bytes) {
  auto *data = static_cast<const volatile char *>(memory);
  for (size_t i = 0; i < bytes; i += 64)
    (void)data[i];
}

double HostKernel::run(llvm::ArrayRef<char> others) {
  touch(others.data(), others.size());
  for (auto [values, map] : llvm::zip(operands, isMap))
    if (map)
      touch(values.data(), values.size() * sizeof(float));
  auto start = std::chrono::steady_clock::now();
  for (uint32_t task = 0; task < tasks; ++task) {
    // A stack of memory: its top and its last block (Support.mlir).
    void *context[] = {scratch.data(), nullptr};
    function(context, task, pointers.data());
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}
