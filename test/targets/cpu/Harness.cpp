//===- Harness.cpp - emitted kernels run beside plain loops ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiling, loading and running one kernel.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Harness.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"
#include "targets/llvm/Object.h"
#include "test/targets/cpu/Operands.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>

using namespace minnow;
using namespace minnow::test;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

constexpr size_t kPage = 4096;

GuardedBuffer::GuardedBuffer(size_t bytes, size_t alignment)
    : bytes(bytes), alignment(alignment) {
  mapped = llvm::alignTo(bytes, kPage) + 2 * kPage;
  mapping = static_cast<char *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(mapping, kPage, PROT_NONE);
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
  bool hasVnni = host.lookup("avx512vnni") && host.lookup("avx512bf16") &&
                 host.lookup("avx512vbmi2");
  if (cpu == "znver4")
    return hasVnni && host.lookup("sse4a");
  if (cpu == "sapphirerapids")
    return hasVnni && host.lookup("avx512fp16");
  if (cpu == "skylake-avx512")
    return host.lookup("avx512vl") && host.lookup("avx512dq");
  return cpu != "haswell" || (host.lookup("avx2") && host.lookup("fma"));
}

CompiledKernel::CompiledKernel(const std::string &text, const std::string &cpu,
                               const std::string &schedule, unsigned seed,
                               unsigned unsignedMaps)
    : context(mlir::MLIRContext::Threading::DISABLED) {
  context.loadDialect<mobile::MobileDialect>();
  if (compile(text, cpu, schedule, unsignedMaps))
    makeOperands(seed);
}

CompiledKernel::~CompiledKernel() {
  if (library)
    dlclose(library);
}

bool CompiledKernel::compile(const std::string &text, const std::string &cpu,
                             const std::string &schedule,
                             unsigned unsignedMaps) {
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
  storeUnsigned(*isa, unsignedMaps);
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

void CompiledKernel::storeUnsigned(const cpu::Isa &isa, unsigned maps) {
  auto mark = [&](mlir::Value value) {
    if (maps % 2 && cpu::canBeUnsigned(isa, kernel, value))
      cpu::setUnsigned(kernel, value);
    maps /= 2;
  };
  mark(kernel.getBody().front().getTerminator()->getOperand(0));
  llvm::for_each(kernel.getBody().getArguments(), mark);
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

/// The bytes of `values` in the element type of `type`.
static std::vector<char> encode(llvm::ArrayRef<double> values,
                                mlir::Type type) {
  mlir::Type element = llvm::cast<mlir::ShapedType>(type).getElementType();
  std::vector<char> bytes(values.size() * element.getIntOrFloatBitWidth() / 8);
  auto write = [&](auto zero) {
    for (auto [i, value] : llvm::enumerate(values))
      reinterpret_cast<decltype(zero) *>(bytes.data())[i] =
          decltype(zero)(value);
  };
  element.isF32()        ? write(float())
  : element.isInteger(8) ? write(int8_t())
                         : write(int32_t());
  return bytes;
}

void CompiledKernel::makeOperands(unsigned seed) {
  std::mt19937 random(seed);
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    mlir::BlockArgument argument = kernel.getBody().getArgument(i);
    auto type = llvm::cast<mlir::RankedTensorType>(argument.getType());
    std::vector<double> values = makeNumbers(argument, seed, random);
    std::vector<char> source = encode(values, type);
    size_t elementBytes = type.getElementTypeBitWidth() / 8;
    mobile::LayoutAttr layout = kernel.getLayout(i);
    size_t physical =
        layout ? llvm::product_of(layout.getPhysicalShape(type.getShape())) *
                     elementBytes
               : source.size();
    // Maps are aligned to their elements only, weights to a line.
    bool isMap =
        type.getRank() == 4 && (!layout || kernel.isUnsigned(argument));
    buffers.emplace_back(physical, isMap ? elementBytes : 64);
    char *memory = buffers.back().data();
    if (layout)
      layout.pack(source, type.getShape(), elementBytes, {memory, physical});
    else
      std::memcpy(memory, source.data(), source.size());
    arguments.push_back(std::move(values));
  }
  auto result = llvm::cast<mlir::RankedTensorType>(kernel.getResultTypes()[0]);
  size_t elementBytes = result.getElementTypeBitWidth() / 8;
  size_t bytes = result.getNumElements() * elementBytes;
  buffers.emplace_back(bytes, elementBytes);
  std::memset(buffers.back().data(), 0xff, bytes);
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

double CompiledKernel::getResult(size_t index) {
  const char *data = buffers.back().data();
  mlir::Type element =
      llvm::cast<mlir::ShapedType>(kernel.getResultTypes()[0]).getElementType();
  if (element.isF32())
    return reinterpret_cast<const float *>(data)[index];
  if (kernel.getResultLayout(0))
    return reinterpret_cast<const uint8_t *>(data)[index] - 128;
  return element.isInteger(8) ? reinterpret_cast<const int8_t *>(data)[index]
                              : reinterpret_cast<const int32_t *>(data)[index];
}

double CompiledKernel::getRelativeError() {
  std::vector<double> expected = evaluate(kernel, arguments);
  double difference = 0, largest = 0;
  for (auto [i, value] : llvm::enumerate(expected)) {
    double actual = getResult(i);
    if (!std::isfinite(actual))
      return INFINITY;
    difference = std::max(difference, std::fabs(actual - value));
    largest = std::max(largest, std::fabs(value));
  }
  return difference / largest;
}

std::string CompiledKernel::print() {
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

std::string CompiledKernel::describeDifferences() {
  std::vector<double> expected = evaluate(kernel, arguments);
  size_t differences = 0;
  std::string first;
  for (auto [i, value] : llvm::enumerate(expected))
    if (getResult(i) != value && differences++ == 0)
      first = fmt::format("{}: {} instead of {}", i, getResult(i), value);
  if (!differences)
    return "";
  return fmt::format("{} of {} elements differ, first {}", differences,
                     expected.size(), first);
}
