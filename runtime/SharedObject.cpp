//===- SharedObject.cpp - a compiled network in a .so
//-----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dispatches on the file's content, never on its name.
//===----------------------------------------------------------------------===//
#include "runtime/SharedObject.h"
#include "runtime/CpuFeatures.h"
#include "runtime/FileBytes.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>

#include <cstring>
#include <memory>
#include <utility>

namespace minnow {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#else
constexpr uint16_t kMachine = EM_AARCH64;
#endif

bool isInside(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

/// Whether the tables and segments that the headers name lie in the file: the
/// system's loader maps what they say, and touching pages past the end kills
/// the process.
bool isWhole(const Elf64_Ehdr &header, const FileBytes &file) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      !isInside(header.e_phoff, uint64_t(header.e_phnum) * sizeof(Elf64_Phdr),
                file.size()) ||
      !isInside(header.e_shoff, uint64_t(header.e_shnum) * header.e_shentsize,
                file.size()))
    return false;
  for (uint16_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, file.data() + header.e_phoff + i * sizeof(segment),
                sizeof(segment));
    if (!isInside(segment.p_offset, segment.p_filesz, file.size()))
      return false;
  }
  return true;
}

minnow_status notProgram(minnow_error *error, const char *path,
                         const char *what) {
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "'%s' is %s: a compiled network is expected (minnow compile "
              "MODEL -o NAME.so)",
              path, what);
}

bool startsWith(const FileBytes &file, std::string_view magic) {
  return file.size() >= magic.size() &&
         !std::memcmp(file.data(), magic.data(), magic.size());
}

minnow_status checkElf(const char *path, const FileBytes &file,
                       minnow_error *error) {
  Elf64_Ehdr header;
  if (file.size() < sizeof(header))
    return notProgram(error, path, "a truncated ELF file");
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != kMachine)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' is built for another machine (ELF machine %u), this is "
                "%s: compile it with --triple for this machine",
                path, header.e_machine, cpuArchitecture());
  if (header.e_type == ET_REL)
    return notProgram(error, path,
                      "an object file, which is for linking into an app");
  if (header.e_type != ET_DYN)
    return notProgram(error, path, "an ELF file but no shared library");
  if (!isWhole(header, file))
    return notProgram(error, path, "a truncated or corrupt shared library");
  return MINNOW_STATUS_OK;
}

minnow_status checkFile(const char *path, minnow_error *error) {
  FileBytes file;
  if (minnow_status status = file.map(path, error))
    return status;
  if (file.size() == 0)
    return notProgram(error, path, "an empty file");
  if (startsWith(file, ELFMAG))
    return checkElf(path, file, error);
  if (startsWith(file, "!<arch>\n"))
    return notProgram(error, path,
                      "an archive, which is for linking into an app");
  return notProgram(error, path, "no compiled network");
}

} // namespace

SharedObject::SharedObject(SharedObject &&other) noexcept
    : handle(std::exchange(other.handle, nullptr)) {}

SharedObject &SharedObject::operator=(SharedObject &&other) noexcept {
  std::swap(handle, other.handle);
  return *this;
}

SharedObject::~SharedObject() {
  if (handle)
    dlclose(handle);
}

minnow_status SharedObject::open(const char *path,
                                 const minnow_program *&program,
                                 minnow_error *error) {
  if (minnow_status status = checkFile(path, error))
    return status;
  // A name without a slash would be looked for in the system's folders.
  std::unique_ptr<char, void (*)(void *)> full(realpath(path, nullptr), free);
  handle = dlopen(full ? full.get() : path, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return fail(error, MINNOW_STATUS_BAD_FILE, "cannot load '%s': %s", path,
                dlerror());
  auto query =
      reinterpret_cast<minnow_query_fn>(dlsym(handle, "minnow_query_program"));
  if (!query)
    return notProgram(error, path, "a shared library but not one of Minnow's");
  program = query(MINNOW_ABI_VERSION);
  if (!program)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' was compiled for another ABI version than this "
                "runtime's %u: compile it again",
                path, MINNOW_ABI_VERSION);
  return MINNOW_STATUS_OK;
}

} // namespace minnow
