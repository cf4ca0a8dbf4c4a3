//===- ProgramElf.cpp - a program for Hexagon in an .elf ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every offset is checked against the file before it is followed.
//===----------------------------------------------------------------------===//
#include "runtime/ProgramElf.h"
#include "runtime/abi/hexagon.h"

#include <elf.h>

#include <cstring>

namespace minnow {
namespace {

constexpr uint16_t kHexagon = 164; // EM_QDSP6

minnow_status corrupt(const char *path, const char *what, minnow_error *error) {
  return fail(
      error, MINNOW_STATUS_BAD_FILE,
      "'%s' is %s: a compiled network is expected (minnow compile MODEL "
      "--target hexagon -o NAME.elf)",
      path, what);
}

/// The part of `file` that `header` names; nothing if it is not inside.
std::string_view contentOf(const FileBytes &file, const Elf32_Shdr &header) {
  const uint64_t end = uint64_t(header.sh_offset) + header.sh_size;
  if (header.sh_type == SHT_NOBITS || end > file.size())
    return {};
  return file.text().substr(header.sh_offset, header.sh_size);
}

Elf32_Shdr readSection(const FileBytes &file, const Elf32_Ehdr &header,
                       uint32_t index) {
  Elf32_Shdr section;
  std::memcpy(&section,
              file.data() + header.e_shoff + uint64_t(index) * sizeof(section),
              sizeof(section));
  return section;
}

} // namespace

bool isHexagonElf(std::string_view bytes) {
  Elf32_Ehdr header = {};
  constexpr size_t kSeen = offsetof(Elf32_Ehdr, e_version);
  if (bytes.size() < kSeen)
    return false;
  std::memcpy(&header, bytes.data(), kSeen);
  return !std::memcmp(header.e_ident, ELFMAG, SELFMAG) &&
         header.e_ident[EI_CLASS] == ELFCLASS32 &&
         header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == kHexagon;
}

minnow_status findElfDescription(const FileBytes &file, const char *path,
                                 std::string_view &description,
                                 minnow_error *error) {
  Elf32_Ehdr header;
  if (file.size() < sizeof(header))
    return corrupt(path, "a truncated ELF file", error);
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.e_type == ET_REL)
    return corrupt(path, "an object file, which is for linking into an app",
                   error);
  const uint64_t end =
      header.e_shoff + uint64_t(header.e_shnum) * sizeof(Elf32_Shdr);
  if (header.e_type != ET_EXEC || header.e_shentsize != sizeof(Elf32_Shdr) ||
      header.e_shstrndx >= header.e_shnum || end > file.size())
    return corrupt(path, "a truncated or corrupt ELF file", error);
  const std::string_view names =
      contentOf(file, readSection(file, header, header.e_shstrndx));
  const std::string_view wanted(abi::kDescriptionElfSection,
                                sizeof(abi::kDescriptionElfSection));
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    const Elf32_Shdr section = readSection(file, header, i);
    if (section.sh_name > names.size() ||
        names.substr(section.sh_name, wanted.size()) != wanted)
      continue;
    description = contentOf(file, section);
    // The file is mapped at a page.
    if (!description.empty() && section.sh_offset % 8 == 0)
      return MINNOW_STATUS_OK;
  }
  return corrupt(path, "an ELF file but not one of Minnow's", error);
}

} // namespace minnow
