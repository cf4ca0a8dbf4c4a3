//===- Workers.cpp - kernels compiled in processes of their own -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parent's side (serialise, look in the cache, run processes) and the
// worker's side, with the form of what passes between them.
//===----------------------------------------------------------------------===//
#include "compiler/Workers.h"
#include "compiler/Diagnostics.h"
#include "compiler/Files.h"
#include "compiler/Modules.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"
#include <atomic>
#include <cstring>
#include <mutex>
#include <unistd.h>

using namespace minnow;
using namespace minnow::mobile;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// What a worker writes and the cache keeps
//===----------------------------------------------------------------------===//

namespace {

/// Before the note and the object, in a worker's output and in the cache.
struct CodeHeader {
  char magic[8];
  uint64_t scratchBytes;
  uint64_t noteBytes;
  uint32_t tasks;
  uint32_t reference;
  KernelCounts counts;
  uint8_t hash[32]; // of the note and the object
};
constexpr char kMagic[8] = {'M', 'N', 'W', 'C', 'O', 'D', 'E', '1'};

} // namespace

static std::string serialize(const KernelCode &code) {
  CodeHeader header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.scratchBytes = code.scratchBytes;
  header.tasks = code.tasks;
  header.reference = code.reference;
  header.noteBytes = code.note.size();
  header.counts = code.counts;
  std::string payload = code.note + code.object;
  auto hash = hashOf(payload);
  std::memcpy(header.hash, hash.data(), hash.size());
  return std::string(reinterpret_cast<char *>(&header), sizeof(header)) +
         payload;
}

/// Reads what serialize wrote; nothing if the bytes are damaged.
static std::optional<KernelCode> deserialize(StringRef bytes) {
  CodeHeader header;
  if (bytes.size() < sizeof(header))
    return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(header));
  StringRef payload = bytes.drop_front(sizeof(header));
  auto hash = hashOf(payload);
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      std::memcmp(header.hash, hash.data(), hash.size()) != 0 ||
      header.noteBytes > payload.size())
    return std::nullopt;
  KernelCode code;
  code.note = payload.take_front(header.noteBytes).str();
  code.object = payload.drop_front(header.noteBytes).str();
  code.scratchBytes = header.scratchBytes;
  code.tasks = header.tasks;
  code.reference = header.reference;
  code.counts = header.counts;
  return code;
}

//===----------------------------------------------------------------------===//
// The parent
//===----------------------------------------------------------------------===//

static std::string getExecutable() {
  return llvm::sys::fs::getMainExecutable(
      nullptr, reinterpret_cast<void *>(&getExecutable));
}

Expected<std::string> minnow::getBuildId() {
  auto bytes = readFile(getExecutable());
  if (!bytes)
    return bytes.takeError();
  return hexHashOf(*bytes);
}

std::string minnow::getDefaultCacheDirectory() {
  if (const char *directory = std::getenv("MINNOW_CACHE_DIR"))
    return directory;
  SmallString<128> path;
  if (!llvm::sys::path::cache_directory(path))
    return "";
  llvm::sys::path::append(path, "minnow");
  return path.str().str();
}

/// The kernel alone in a module, without names and locations that do not change
/// its code, so that equal kernels of all networks have equal bytes.
static Expected<std::string> isolate(KernelOp kernel) {
  auto module = kernel->getParentOfType<mlir::ModuleOp>();
  mlir::OwningOpRef<mlir::ModuleOp> alone =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(module.getContext()));
  if (mlir::Attribute target = module->getAttr(kTargetAttrName))
    (*alone)->setAttr(kTargetAttrName, target);
  auto copy = mlir::cast<KernelOp>(kernel->clone());
  copy.setName("kernel");
  alone->getBody()->push_back(copy);
  alone->walk([](mlir::Operation *op) {
    op->setLoc(mlir::UnknownLoc::get(op->getContext()));
    for (mlir::Region &region : op->getRegions())
      for (mlir::BlockArgument argument : region.getArguments())
        argument.setLoc(mlir::UnknownLoc::get(op->getContext()));
  });
  return toBytecode(*alone);
}

namespace {

/// Compiles one kernel at a time for any thread.
class Dispatcher {
public:
  Dispatcher(const WorkerOptions &options) : options(options) {}

  Error initialize() {
    executable = getExecutable();
    auto id = getBuildId();
    if (!id)
      return id.takeError();
    buildId = std::move(*id);
    if (!options.cacheDirectory.empty())
      if (std::error_code code =
              llvm::sys::fs::create_directories(options.cacheDirectory))
        return llvm::createStringError(
            code, "cannot make the cache folder '" + options.cacheDirectory +
                      "': " + code.message() + "; name another by --cache-dir");
    return Error::success();
  }

  Expected<KernelCode> compile(StringRef name, StringRef bytecode);
  size_t getHits() const { return hits; }

private:
  const WorkerOptions &options;
  std::string executable, buildId;
  std::atomic<size_t> hits = 0;

  Expected<KernelCode> runProcess(StringRef name, StringRef bytecode,
                                  StringRef symbol);
};

} // namespace

Expected<KernelCode> Dispatcher::compile(StringRef name, StringRef bytecode) {
  std::string key = hexHashOf(buildId + bytecode.str());
  // The name in the object depends on the kernel alone, never on the build.
  std::string symbol = "minnow_kernel_" + hexHashOf(bytecode).substr(0, 16);
  SmallString<128> path(options.cacheDirectory);
  if (!path.empty()) {
    llvm::sys::path::append(path, key);
    if (auto bytes = readFile(path)) {
      if (auto code = deserialize(*bytes)) {
        ++hits;
        code->symbol = symbol;
        return std::move(*code);
      }
    } else {
      llvm::consumeError(bytes.takeError());
    }
  }
  auto code = runProcess(name, bytecode, symbol);
  if (!code)
    return code.takeError();
  // A cache that cannot be written costs time, not the result.
  if (!path.empty())
    llvm::consumeError(writeFiles({{path.str().str(), serialize(*code)}}));
  return code;
}

Expected<KernelCode> Dispatcher::runProcess(StringRef name, StringRef bytecode,
                                            StringRef symbol) {
  SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("minnow-worker", folder))
    return llvm::createStringError(code, "cannot make a temporary folder");
  auto remove =
      llvm::scope_exit([&] { llvm::sys::fs::remove_directories(folder); });
  std::string input = (folder + "/kernel.mlirbc").str();
  std::string output = (folder + "/code").str();
  std::string messages = (folder + "/messages").str();
  if (Error error = writeFiles({{input, bytecode}}))
    return error;

  StringRef arguments[] = {executable, "--worker", input, output, symbol};
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(""),
                                          StringRef(messages)};
  std::string problem;
  int status = llvm::sys::ExecuteAndWait(executable, arguments, std::nullopt,
                                         redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &problem);
  std::string said;
  if (auto text = readFile(messages))
    said = *text;
  else
    llvm::consumeError(text.takeError());
  auto fail = [&](const llvm::Twine &what) {
    return llvm::createStringError("kernel '" + name + "': " + what);
  };
  if (status < 0)
    return fail("its compilation died (" + problem + "); " + said);
  if (status != 0)
    return fail(StringRef(said).ltrim("error: ").rtrim());
  auto bytes = readFile(output);
  if (!bytes)
    return fail(llvm::toString(bytes.takeError()));
  auto code = deserialize(*bytes);
  if (!code)
    return fail("its compilation gave no code");
  code->symbol = symbol.str();
  return std::move(*code);
}

Expected<CompiledKernels> minnow::compileKernels(mlir::ModuleOp module,
                                                 const WorkerOptions &options) {
  Dispatcher dispatcher(options);
  if (Error error = dispatcher.initialize())
    return error;

  std::vector<std::pair<std::string, std::string>> work;
  for (auto kernel : module.getOps<KernelOp>()) {
    auto bytecode = isolate(kernel);
    if (!bytecode)
      return bytecode.takeError();
    work.emplace_back(kernel.getName().str(), std::move(*bytecode));
  }
  CompiledKernels result;
  result.kernels.resize(work.size());
  std::mutex mutex;
  Error errors = Error::success();
  size_t done = 0;
  llvm::StdThreadPool pool(llvm::hardware_concurrency(options.jobs));
  for (size_t i = 0; i < work.size(); ++i)
    pool.async([&, i] {
      auto code = dispatcher.compile(work[i].first, work[i].second);
      std::lock_guard<std::mutex> lock(mutex);
      if (code)
        result.kernels[i] = {work[i].first, std::move(*code)};
      else
        errors = llvm::joinErrors(std::move(errors), code.takeError());
      if (options.progress)
        options.progress(++done, work.size());
    });
  pool.wait();
  if (errors)
    return errors;
  result.fromCache = dispatcher.getHits();
  return result;
}

//===----------------------------------------------------------------------===//
// The worker
//===----------------------------------------------------------------------===//

/// A kernel that takes longer than this to compile is taken for hung.
static constexpr unsigned kWorkerSeconds = 600;

static Expected<KernelCode> emitKernel(StringRef path, StringRef symbol) {
  mlir::DialectRegistry registry;
  registry.insert<MobileDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = readModule(context, path);
  if (!module)
    return module.takeError();
  auto kernels = (*module)->getOps<KernelOp>();
  auto target = createTarget(TargetSpec::of(**module));
  if (!target)
    return target.takeError();
  return (*target)->emit(*kernels.begin(), symbol);
}

int minnow::runWorker(StringRef input, StringRef output, StringRef symbol) {
  alarm(kWorkerSeconds);
  auto code = emitKernel(input, symbol);
  if (!code) {
    printError(code.takeError());
    return kUserError;
  }
  if (Error error = writeFiles({{output.str(), serialize(*code)}})) {
    printError(std::move(error));
    return kUserError;
  }
  return kDone;
}
