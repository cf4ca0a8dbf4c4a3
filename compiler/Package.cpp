//===- Package.cpp - a program as the files that a user asks for ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Links, archives, writes the header.
//===----------------------------------------------------------------------===//
#include "compiler/Package.h"
#include "compiler/AbiText.h"
#include "compiler/Description.h"
#include "compiler/Files.h"
#include "compiler/Version.h"
#include "runtime/abi/package.h"
#include "targets/llvm/Object.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace minnow;
using llvm::Expected;
using llvm::StringRef;

std::string minnow::toIdentifier(StringRef name) {
  std::string text;
  for (char c : name)
    text += llvm::isAlnum(c) ? c : '_';
  return text.empty() || llvm::isDigit(text[0]) ? "_" + text : text;
}

namespace {

/// One tensor in the words of the header.
struct HeaderTensor {
  std::string name, type, dims, meaning;
  int64_t elements;
};

} // namespace

static HeaderTensor describeTensor(const Assembly &assembly, unsigned index) {
  mobile::ProgramOp program = assembly.program;
  auto type = mlir::cast<mlir::MemRefType>(program.getArgumentTypes()[index]);
  HeaderTensor tensor;
  tensor.name = toIdentifier(getTensorName(program, index));
  tensor.dims = fmt::format("{}", fmt::join(type.getShape(), " x "));
  tensor.elements = type.getNumElements();
  tensor.type = type.getElementType().isF32() ? "float" : "int8_t";
  if (auto element = program.getArgAttrOfType<mlir::TypeAttr>(
          index, mobile::kQuantizedAttrName)) {
    auto quantized = mlir::RankedTensorType::get({1}, element.getValue());
    tensor.meaning = fmt::format("; real = {} * (it - ({}))",
                                 mobile::getScales(quantized)[0],
                                 mobile::getZeroPoint(quantized));
  }
  return tensor;
}

std::string minnow::buildHeader(const Assembly &assembly,
                                const Target &target) {
  mobile::ProgramOp program = assembly.program;
  std::string name = program.getName().str(), upper = StringRef(name).upper();
  std::string sizes, parameters, note = target.getLinkNote();
  for (unsigned i = 0; i < program.getNumArguments(); ++i) {
    HeaderTensor tensor = describeTensor(assembly, i);
    bool isInput = i < program.getNumInputs();
    sizes += fmt::format("#define {}_{}_ELEMENTS {} /* {}, {}{} */\n", upper,
                         StringRef(tensor.name).upper(), tensor.elements,
                         tensor.type, tensor.dims, tensor.meaning);
    parameters += fmt::format("{}{} *{}, ", isInput ? "const " : "",
                              tensor.type, tensor.name);
  }
  return fmt::format(
      R"(/* {0}.h - made by {1}; link {0} and call {0}_run */
#ifndef {2}_H
#define {2}_H

{3}
#ifdef __cplusplus
extern "C" {{
#endif

{4}
/* Bytes of the workspace for inferences on at most `threads` threads, and for
 * one. It is aligned to {8} bytes, needs no initial value, and belongs to one
 * inference at a time; several workspaces run at once. */
#define {2}_WORKSPACE_BYTES_FOR(threads) ((size_t){5}u + (size_t)(threads) * {6}u)
#define {2}_WORKSPACE_BYTES {2}_WORKSPACE_BYTES_FOR(1)

/* One inference. `threads` may be null: all on the calling thread. Returns
 * MINNOW_OK, or MINNOW_BAD_ARGUMENT for a null tensor or a null or misaligned
 * workspace. Allocates nothing and keeps no state.{9} */
int32_t {0}_run({7}void *workspace, const minnow_threads *threads);

/* The same with its description, for Minnow's runtime. */
extern const minnow_program {0}_model;

#ifdef __cplusplus
}}
#endif
#endif /* {2}_H */
)",
      name, kVersion, upper, kAbiText, sizes, assembly.getArenaBytes(),
      assembly.scratchBytes, parameters, target.getBufferAlignment(),
      note.empty() ? "" : "\n * " + note);
}

/// A package of the description and the target's sections.
static Expected<uint64_t> writeSections(const Assembly &assembly,
                                        llvm::ArrayRef<Section> sections,
                                        StringRef path) {
  std::vector<abi::SectionContent> contents = {
      {std::string(abi::kDescriptionSection),
       {assembly.description.data(), assembly.description.size()},
       16}};
  for (const Section &section : sections)
    contents.push_back({section.name, section.bytes, section.alignment});
  std::string file = abi::writePackage(contents);
  if (llvm::Error error = writeFiles({{path.str(), file}}))
    return error;
  return file.size();
}

/// Lets whoever may read the file execute it.
static llvm::Error makeExecutable(StringRef path) {
  using namespace llvm::sys::fs;
  auto old = getPermissions(path);
  std::error_code code = old.getError();
  if (!code)
    code = setPermissions(path, *old | perms((*old & all_read) >> 2));
  return code ? llvm::createStringError(code,
                                        "cannot make '" + path +
                                            "' executable: " + code.message())
              : llvm::Error::success();
}

/// A program that runs by itself.
static Expected<uint64_t> writeProgram(const ProgramCode &code,
                                       StringRef path) {
  auto program = linkExecutable({code.object, code.startup});
  if (!program)
    return program.takeError();
  if (llvm::Error error = writeFiles({{path.str(), *program}}))
    return error;
  if (llvm::Error error = makeExecutable(path))
    return error;
  return program->size();
}

Expected<uint64_t> minnow::package(const Assembly &assembly,
                                   const ProgramCode &code,
                                   const Target &target, StringRef path) {
  if (llvm::sys::path::extension(path) == ".mnw")
    return writeSections(assembly, code.sections, path);
  mobile::ProgramOp program = assembly.program;
  std::string name = program.getName().str();
  std::string run = name + "_run", model = name + "_model";
  std::vector<StringRef> global = {run, model};
  StringRef suffix = llvm::sys::path::extension(path);
  if (suffix == ".so")
    global.push_back("minnow_query_program");
  if (suffix == ".elf")
    return writeProgram(code, path);
  auto bytes = linkRelocatable({code.object}, global);
  if (bytes && suffix == ".so")
    bytes = linkShared({*bytes}, llvm::sys::path::filename(path));
  if (bytes && suffix == ".a")
    bytes = makeArchive(*bytes, name + ".o");
  if (!bytes)
    return bytes.takeError();

  std::vector<std::pair<std::string, StringRef>> files = {{path.str(), *bytes}};
  std::string header;
  if (suffix != ".so") {
    header = buildHeader(assembly, target);
    llvm::SmallString<128> beside(path);
    llvm::sys::path::replace_extension(beside, ".h");
    files.push_back({beside.str().str(), header});
  }
  if (llvm::Error error = writeFiles(files))
    return error;
  return bytes->size();
}
