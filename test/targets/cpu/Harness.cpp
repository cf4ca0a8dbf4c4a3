//===- Harness.cpp - emitted kernels run beside plain loops ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiling, loading and running one kernel.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Harness.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"
#include "targets/llvm/Object.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <sys/mman.h>

using namespace minnow;
using namespace minnow::test;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

constexpr size_t kPage = 4096;

GuardedBuffer::GuardedBuffer(size_t bytes, size_t alignment)
    : bytes(bytes), alignment(alignment) {
  mapped = llvm::alignTo(bytes, kPage) + kPage;
  mapping = static_cast<char *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(mapping + mapped - kPage, kPage, PROT_NONE);
  start = mapping + mapped - kPage - llvm::alignTo(bytes, alignment);
}

GuardedBuffer::GuardedBuffer(GuardedBuffer &&other)
    : mapping(std::exchange(other.mapping, nullptr)), start(other.start),
      mapped(other.mapped), bytes(other.bytes), alignment(other.alignment) {}

GuardedBuffer::~GuardedBuffer() {
  if (mapping)
    munmap(mapping, mapped);
}

// What a program defines for its kernels. The size stands before the block.
extern "C" __attribute__((visibility("default"))) void *
halide_malloc(void *context, size_t bytes) {
  auto *scratch = static_cast<Scratch *>(context);
  char *block =
      static_cast<char *>(aligned_alloc(128, llvm::alignTo(bytes, 128) + 128));
  std::memset(block, 0xff, bytes + 128); // not a number
  *reinterpret_cast<size_t *>(block) = bytes;
  scratch->held += bytes;
  scratch->most = std::max(scratch->most, scratch->held);
  return block + 128;
}

extern "C" __attribute__((visibility("default"))) void
halide_free(void *context, void *block) {
  if (!block)
    return;
  char *start = static_cast<char *>(block) - 128;
  static_cast<Scratch *>(context)->held -= *reinterpret_cast<size_t *>(start);
  free(start);
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

bool test::canRun(const std::string &cpu) {
  auto host = llvm::sys::getHostCPUFeatures();
  if (cpu == "cortex-a76")
    return hasEmulator();
  if (cpu == "skylake-avx512")
    return host.lookup("avx512vl") && host.lookup("avx512dq");
  return cpu != "haswell" || (host.lookup("avx2") && host.lookup("fma"));
}

CompiledKernel::CompiledKernel(const std::string &text, const std::string &cpu,
                               const std::string &schedule)
    : context(mlir::MLIRContext::Threading::DISABLED) {
  context.loadDialect<mobile::MobileDialect>();
  if (compile(text, cpu, schedule))
    makeOperands();
}

CompiledKernel::~CompiledKernel() {
  if (library)
    dlclose(library);
}

bool CompiledKernel::compile(const std::string &text, const std::string &cpu,
                             const std::string &schedule) {
  auto fail = [&](llvm::Error reason) {
    error = llvm::toString(std::move(reason));
    return false;
  };
  module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module) {
    error = "the text does not parse";
    return false;
  }
  kernel = *module->getOps<mobile::KernelOp>().begin();
  TargetSpec spec;
  spec.cpu = cpu;
  auto resolved = resolveMachine(spec);
  if (!resolved)
    return fail(resolved.takeError());
  auto isa = cpu::makeIsa(*resolved);
  if (!isa)
    return fail(isa.takeError());
  if (!schedule.empty()) {
    auto attribute = llvm::dyn_cast_if_present<mobile::ScheduleAttr>(
        mlir::parseAttribute(schedule, &context));
    if (!attribute) {
      error = "no schedule: " + schedule;
      return false;
    }
    cpu::setSchedule(*isa, kernel, attribute);
  } else if (!kernel.getScheduleAttr())
    cpu::schedule(*isa, cost::Machine(), kernel);
  auto emitted = cpu::emit(*isa, kernel, "kernel");
  if (!emitted)
    return fail(emitted.takeError());
  code = std::move(*emitted);
  auto linked = linkShared({code.object}, "kernel.so");
  if (!linked)
    return fail(linked.takeError());

  if (!llvm::Triple(resolved->triple).isX86()) {
    emulated = std::move(*linked);
    return true;
  }
  return load(*linked);
}

bool CompiledKernel::load(const std::string &bytes) {
  llvm::SmallString<64> path;
  int file;
  llvm::sys::fs::createTemporaryFile("minnow-kernel-test", "so", file, path);
  llvm::raw_fd_ostream(file, /*shouldClose=*/true) << bytes;
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  llvm::sys::fs::remove(path);
  if (!library) {
    error = dlerror();
    return false;
  }
  function = reinterpret_cast<KernelFunction>(dlsym(library, "kernel"));
  return true;
}

void CompiledKernel::makeOperands() {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1.f, 1.f);
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    auto shape =
        llvm::cast<mlir::RankedTensorType>(kernel.getArgumentTypes()[i])
            .getShape();
    std::vector<float> values(llvm::product_of(shape));
    for (float &value : values)
      value = uniform(random);
    mobile::LayoutAttr layout = kernel.getLayout(i);
    size_t physical = layout ? llvm::product_of(layout.getPhysicalShape(shape))
                             : values.size();
    // Maps are aligned to their elements only, weights to a line.
    bool isMap = shape.size() == 4 && !layout;
    buffers.emplace_back(physical * 4, isMap ? 4 : 64);
    char *memory = reinterpret_cast<char *>(buffers.back().data());
    llvm::ArrayRef<char> source(reinterpret_cast<char *>(values.data()),
                                values.size() * 4);
    if (layout)
      layout.pack(source, shape, 4, {memory, physical * 4});
    else
      std::memcpy(memory, source.data(), source.size());
    arguments.push_back(std::move(values));
  }
  auto result = llvm::cast<mlir::RankedTensorType>(kernel.getResultTypes()[0]);
  buffers.emplace_back(result.getNumElements() * 4, 4);
  std::memset(buffers.back().data(), 0xff, result.getNumElements() * 4);
  for (const GuardedBuffer &buffer : buffers)
    pointers.push_back(buffer.data());
}

void CompiledKernel::run() {
  if (!emulated.empty()) {
    std::vector<EmulatedBuffer> operands;
    for (const GuardedBuffer &buffer : buffers)
      operands.push_back(buffer.describe());
    error = emulate(emulated, code.tasks, operands, scratch.most);
    return;
  }
  for (uint32_t task = 0; task < code.tasks; ++task)
    function(&scratch, task, pointers.data());
}

test::Instructions CompiledKernel::count() {
  Instructions counts;
  std::vector<EmulatedBuffer> operands;
  for (const GuardedBuffer &buffer : buffers)
    operands.push_back(buffer.describe());
  error = emulate(emulated, code.tasks, operands, scratch.most, &counts);
  return counts;
}

double CompiledKernel::getRelativeError() {
  std::vector<float> expected = evaluate(kernel, arguments);
  const float *actual = buffers.back().data();
  double difference = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(actual[i]))
      return INFINITY;
    difference =
        std::max(difference, std::fabs(double(actual[i]) - expected[i]));
    largest = std::max(largest, std::fabs(double(expected[i])));
  }
  return difference / largest;
}
