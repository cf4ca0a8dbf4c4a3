//===- QuantizerCache.cpp - quantized networks that are kept --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An entry is two files: the module, and what was reported of it below the
// module's hash.
//===----------------------------------------------------------------------===//
#include "compiler/QuantizerCache.h"
#include "compiler/Files.h"
#include "compiler/Modules.h"
#include "compiler/Workers.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace minnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// The module's bytes without its target.
static Expected<std::string> toPortableBytecode(mlir::ModuleOp module) {
  mlir::Attribute target = module->removeAttr(kTargetAttrName);
  auto bytecode = toBytecode(module);
  if (target)
    module->setAttr(kTargetAttrName, target);
  return bytecode;
}

Expected<QuantizerCache>
QuantizerCache::create(mlir::ModuleOp module, const CalibrationInputs &inputs,
                       const QuantizerOptions &options) {
  QuantizerCache cache;
  if (options.cacheDirectory.empty())
    return cache;
  auto build = getBuildId();
  if (!build)
    return build.takeError();
  auto bytecode = toPortableBytecode(module);
  if (!bytecode)
    return bytecode.takeError();
  std::string parts = llvm::formatv(
      "{0} {1} {2} {3} {4} {5}", *build, hexHashOf(*bytecode),
      options.quantization.equalize, static_cast<int>(options.range.kind),
      options.range.percentile, options.quantization.perChannel);
  for (const std::string &path : inputs.getPaths()) {
    auto bytes = readFile(path);
    if (!bytes)
      return bytes.takeError();
    // A photo and an array are told apart by their names.
    parts += llvm::sys::path::extension(path).str() + hexHashOf(*bytes);
  }
  llvm::SmallString<128> path(options.cacheDirectory);
  llvm::sys::path::append(path, hexHashOf(parts));
  cache.path = path.str().str();
  return cache;
}

std::optional<QuantizationReport>
QuantizerCache::load(mlir::ModuleOp module) const {
  if (path.empty())
    return std::nullopt;
  auto text = readFile(path + ".txt"), bytes = readFile(path + ".mlirbc");
  if (!text || !bytes) {
    llvm::consumeError(text.takeError());
    llvm::consumeError(bytes.takeError());
    return std::nullopt;
  }
  llvm::SmallVector<StringRef> lines;
  StringRef(*text).split(lines, '\n', -1, /*KeepEmpty=*/false);
  QuantizationReport report;
  report.isFromCache = true;
  if (lines.size() < 2 || lines[0] != hexHashOf(*bytes) ||
      lines[1].getAsInteger(10, report.products))
    return std::nullopt;
  for (StringRef line : llvm::drop_begin(lines, 2))
    report.floats.push_back(line.str());
  auto kept = readModule(*module.getContext(), path + ".mlirbc");
  if (!kept) {
    llvm::consumeError(kept.takeError());
    return std::nullopt;
  }
  module.getBodyRegion().takeBody((*kept)->getBodyRegion());
  return report;
}

void QuantizerCache::store(mlir::ModuleOp module,
                           const QuantizationReport &report) const {
  if (path.empty())
    return;
  auto bytecode = toPortableBytecode(module);
  if (!bytecode) {
    llvm::consumeError(bytecode.takeError());
    return;
  }
  std::string text =
      hexHashOf(*bytecode) + "\n" + std::to_string(report.products) + "\n";
  for (const std::string &each : report.floats)
    text += each + "\n";
  // Where that fails the kernels' cache will say so.
  llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path));
  llvm::consumeError(
      writeFiles({{path + ".mlirbc", *bytecode}, {path + ".txt", text}}));
}
