//===- Package.cpp - a program for a device in a .mnw ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of the checks is that of their dependence: no field is believed
// before the checksum over it is.
//===----------------------------------------------------------------------===//
#include "runtime/Package.h"
#include "runtime/ProgramElf.h"
#include "runtime/abi/package.h"

#include <algorithm>
#include <cstdio>

namespace minnow {
namespace {

minnow_status corrupt(const char *path, const char *what, minnow_error *error) {
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "'%s' is no whole package: %s; compile it again or copy it anew",
              path, what);
}

abi::PackageHeader readHeader(const FileBytes &file) {
  abi::PackageHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  return header;
}

/// The table lies at a multiple of 8 bytes of a mapped page.
const abi::PackageSection *getTable(const FileBytes &file) {
  return reinterpret_cast<const abi::PackageSection *>(
      file.data() + sizeof(abi::PackageHeader));
}

std::string_view nameOf(const abi::PackageSection &section) {
  return {section.name, strnlen(section.name, sizeof(section.name))};
}

bool isZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return !c; });
}

/// Why the section, which may begin at `end`, is not right; null if it is.
const char *findFault(const abi::PackageSection &section, const FileBytes &file,
                      uint64_t end) {
  const uint32_t alignment = section.alignment;
  if (!alignment || alignment & (alignment - 1) ||
      alignment > abi::kMostSectionAlignment || section.reserved)
    return "a section's alignment is no power of two up to 4096";
  if (section.offset != abi::alignTo(end, alignment) ||
      section.offset > file.size() ||
      section.bytes > file.size() - section.offset)
    return "a section lies outside of the file or over another";
  if (!isZero(file.text().substr(end, section.offset - end)))
    return "the space between its sections is not empty";
  if (abi::checksumOf(file.text().substr(section.offset, section.bytes)) !=
      section.checksum)
    return "a section's checksum is wrong";
  return nullptr;
}

} // namespace

bool isPackage(const char *path) {
  char begin[32] = {};
  constexpr size_t kMagicBytes = sizeof(abi::kPackageMagic);
  if (FILE *file = std::fopen(path, "rb")) {
    const size_t read = std::fread(begin, 1, sizeof(begin), file);
    std::fclose(file);
    return (read >= kMagicBytes &&
            !std::memcmp(begin, abi::kPackageMagic, kMagicBytes)) ||
           isHexagonElf({begin, read});
  }
  return false;
}

minnow_status Package::open(const char *path, minnow_error *error) {
  if (minnow_status status = file.map(path, error))
    return status;
  this->path = path;
  if (isHexagonElf(file.text()))
    return findElfDescription(file, path, elfDescription, error);
  if (file.size() < sizeof(abi::PackageHeader))
    return corrupt(path, "it is cut off", error);
  const abi::PackageHeader header = readHeader(file);
  if (std::memcmp(header.magic, abi::kPackageMagic, sizeof(header.magic)))
    return corrupt(path, "it does not begin as one", error);
  if (header.version != abi::kPackageVersion)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' is a package of version %u, this runtime reads %u: "
                "compile it again with the matching compiler",
                path, header.version, abi::kPackageVersion);
  if (header.fileBytes != file.size())
    return corrupt(path, "its size is not what it says", error);
  uint64_t end = sizeof(header);
  if (header.sections == 0 || header.sections > abi::kMostSections ||
      header.sections * sizeof(abi::PackageSection) > file.size() - end)
    return corrupt(path, "the number of its sections is impossible", error);
  if (header.checksum != abi::checksumOf(header, getTable(file)))
    return corrupt(path, "the checksum of its header is wrong", error);
  end += header.sections * sizeof(abi::PackageSection);
  for (uint32_t i = 0; i < header.sections; ++i) {
    const abi::PackageSection &section = getTable(file)[i];
    if (const char *fault = findFault(section, file, end))
      return corrupt(path, fault, error);
    end = section.offset + section.bytes;
  }
  if (end != file.size())
    return corrupt(path, "something follows its last section", error);
  return MINNOW_STATUS_OK;
}

minnow_status Package::find(std::string_view name, uint32_t alignment,
                            std::string_view &bytes,
                            minnow_error *error) const {
  if (!elfDescription.empty()) {
    bytes = elfDescription;
    return MINNOW_STATUS_OK;
  }
  const uint32_t count = readHeader(file).sections;
  const abi::PackageSection *table = getTable(file);
  for (uint32_t i = 0; i < count; ++i)
    if (nameOf(table[i]) == name && table[i].alignment % alignment == 0) {
      bytes = file.text().substr(table[i].offset, table[i].bytes);
      return MINNOW_STATUS_OK;
    }
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "the package has no section '%.*s': compile it again",
              static_cast<int>(name.size()), name.data());
}

} // namespace minnow
