//===- package.h - the file of a program for a device -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A `.mnw` is a header, a table of sections, and the sections, in this order,
// each at the next multiple of its alignment with zeros before it:
//
//   PackageHeader | PackageSection[sections] | description | ...
//
// The first section, "description", is the FlatBuffer of program.fbs; which
// others there are is the target's affair. Numbers are little-endian. Every
// byte of the file is under a checksum or must be zero, so that a reader can
// refuse whatever a compiler did not write. Compiler, runtime and tests share
// this.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_ABI_PACKAGE_H
#define MINNOW_RUNTIME_ABI_PACKAGE_H

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace minnow::abi {

inline constexpr char kPackageMagic[8] = {'M', 'I', 'N', 'N',
                                          'O', 'W', 'P', 'K'};
/// Raised when the structs below change.
inline constexpr uint32_t kPackageVersion = 1;
inline constexpr uint32_t kMostSections = 64;
/// A file is mapped to whole pages, so no section can ask for more.
inline constexpr uint32_t kMostSectionAlignment = 4096;
inline constexpr std::string_view kDescriptionSection = "description";

struct PackageHeader {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t fileBytes;
  uint64_t checksum; // checksumOf this header and the table
};

struct PackageSection {
  char name[16]; // filled up with zeros
  uint64_t offset;
  uint64_t bytes;
  uint32_t alignment; // a power of two
  uint32_t reserved;  // zero
  uint64_t checksum;  // XXH64 of the bytes
};

static_assert(sizeof(PackageHeader) == 32 && sizeof(PackageSection) == 48,
              "the structs are the format");

inline uint64_t checksumOf(std::string_view bytes, uint64_t seed = 0) {
  return XXH64(bytes.data(), bytes.size(), seed);
}

/// The header's checksum, whatever its own field holds, and the table's.
inline uint64_t checksumOf(PackageHeader header, const PackageSection *table) {
  header.checksum = 0;
  const uint64_t seed =
      checksumOf({reinterpret_cast<const char *>(&header), sizeof(header)});
  return checksumOf({reinterpret_cast<const char *>(table),
                     header.sections * sizeof(PackageSection)},
                    seed);
}

inline uint64_t alignTo(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

/// What a section is made of; its name has at most 15 characters.
struct SectionContent {
  std::string name;
  std::string_view bytes;
  uint32_t alignment = 64;
};

/// The bytes of a package of `sections`, the description among them first.
inline std::string writePackage(const std::vector<SectionContent> &sections) {
  PackageHeader header = {};
  std::memcpy(header.magic, kPackageMagic, sizeof(kPackageMagic));
  header.version = kPackageVersion;
  header.sections = static_cast<uint32_t>(sections.size());
  std::vector<PackageSection> table(sections.size());
  uint64_t end = sizeof(header) + table.size() * sizeof(PackageSection);
  for (size_t i = 0; i < sections.size(); ++i) {
    const SectionContent &content = sections[i];
    std::memcpy(table[i].name, content.name.data(), content.name.size());
    table[i].offset = alignTo(end, content.alignment);
    table[i].bytes = content.bytes.size();
    table[i].alignment = content.alignment;
    table[i].checksum = checksumOf(content.bytes);
    end = table[i].offset + table[i].bytes;
  }
  header.fileBytes = end;
  header.checksum = checksumOf(header, table.data());

  std::string file(end, '\0');
  std::memcpy(&file[0], &header, sizeof(header));
  std::memcpy(&file[sizeof(header)], table.data(),
              table.size() * sizeof(PackageSection));
  for (size_t i = 0; i < sections.size(); ++i)
    file.replace(table[i].offset, table[i].bytes, sections[i].bytes);
  return file;
}

} // namespace minnow::abi

#endif // MINNOW_RUNTIME_ABI_PACKAGE_H
