//===- Npy.cpp - numpy's array files
//----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header is a Python dictionary of three known keys; the parser takes just
// that form, with whatever spaces and quotes Python allows in it.
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"
#include "runtime/Description.h"
#include "runtime/FileBytes.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <unistd.h>

namespace minnow {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kMaxShape = 32;

struct TypeName {
  minnow_type type;
  const char *descr;
};
constexpr TypeName kTypes[] = {{MINNOW_TYPE_F32, "<f4"},
                               {MINNOW_TYPE_F16, "<f2"},
                               {MINNOW_TYPE_S8, "|i1"},
                               {MINNOW_TYPE_U8, "|u1"},
                               {MINNOW_TYPE_S32, "<i4"}};

/// Reads the header's dictionary. Each method returns false, with `cursor`
/// anywhere, when the text is not of the expected form.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  std::string_view descr;
  bool fortran = false;
  std::vector<uint64_t> shape;

  /// Whether the whole text is a dictionary with each of the three keys once.
  bool parse() {
    if (!take('{'))
      return false;
    while (!take('}'))
      if (!entry() || (!take(',') && !peek('}')))
        return false;
    skipSpace();
    return rest.empty() && keys == (Descr | Fortran | Shape);
  }

private:
  enum Key { Descr = 1, Fortran = 2, Shape = 4 };

  bool entry() {
    std::string_view key;
    if (!quoted(key) || !take(':'))
      return false;
    if (key == "descr")
      return once(Descr) && quoted(descr);
    if (key == "fortran_order")
      return once(Fortran) && boolean();
    return key == "shape" && once(Shape) && tuple();
  }

  bool once(Key key) {
    const bool isNew = !(keys & key);
    keys |= key;
    return isNew;
  }

  bool boolean() {
    fortran = word("True");
    return fortran || word("False");
  }

  bool tuple() {
    if (!take('('))
      return false;
    while (!take(')')) {
      uint64_t value = 0;
      if (shape.size() == kMaxShape || !number(value))
        return false;
      shape.push_back(value);
      if (!take(',') && !peek(')'))
        return false;
    }
    return true;
  }

  bool number(uint64_t &value) {
    skipSpace();
    const size_t before = rest.size();
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      const uint64_t digit = rest[0] - '0';
      if (__builtin_mul_overflow(value, uint64_t(10), &value) ||
          __builtin_add_overflow(value, digit, &value))
        return false;
      rest.remove_prefix(1);
    }
    return rest.size() < before;
  }

  bool quoted(std::string_view &text) {
    skipSpace();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"'))
      return false;
    const size_t end = rest.find(rest[0], 1);
    if (end == std::string_view::npos)
      return false;
    text = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return true;
  }

  bool word(std::string_view expected) {
    skipSpace();
    if (rest.substr(0, expected.size()) != expected)
      return false;
    rest.remove_prefix(expected.size());
    return true;
  }

  bool peek(char c) {
    skipSpace();
    return !rest.empty() && rest[0] == c;
  }

  bool take(char c) {
    const bool found = peek(c);
    rest.remove_prefix(found);
    return found;
  }

  void skipSpace() {
    const size_t first = rest.find_first_not_of(" \t\n");
    rest.remove_prefix(first == std::string_view::npos ? rest.size() : first);
  }

  std::string_view rest;
  unsigned keys = 0;
};

minnow_status bad(minnow_error *error, const char *name, const char *what) {
  return fail(error, MINNOW_STATUS_BAD_FILE, "'%s' is no .npy file: %s", name,
              what);
}

/// The header's text, and the bytes after it in `data`; false when the file is
/// too short for what it says, or of an unknown version.
bool splitFile(std::string_view file, std::string_view &header,
               std::string_view &data) {
  if (file.size() < 12 || file.substr(0, 6) != kMagic)
    return false;
  auto byte = [&](size_t i) { return uint32_t(uint8_t(file[i])); };
  const uint32_t major = byte(6);
  if (major < 1 || major > 3 || byte(7) != 0)
    return false;
  const size_t start = major == 1 ? 10 : 12;
  uint64_t length = byte(8) | byte(9) << 8;
  if (major > 1)
    length |= byte(10) << 16 | byte(11) << 24;
  if (length > file.size() - start)
    return false;
  header = file.substr(start, length);
  data = file.substr(start + length);
  return true;
}

bool findType(std::string_view descr, minnow_type &type) {
  for (const TypeName &known : kTypes) {
    const std::string_view name = known.descr;
    // One byte has no order, so any mark is as good; '=' is numpy's for native.
    const bool mark =
        bytesOf(known.type) == 1 || descr[0] == '<' || descr[0] == '=';
    if (descr.size() == 3 && descr.substr(1) == name.substr(1) && mark) {
      type = known.type;
      return true;
    }
  }
  return false;
}

minnow_status checkHeader(const HeaderParser &header, const char *name,
                          minnow_type &type, minnow_error *error) {
  if (header.descr.empty() || !findType(header.descr, type))
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' holds elements of type '%.*s'; supported are <f4, <f2, "
                "|u1, |i1 and <i4: convert with x.astype('float32')",
                name,
                static_cast<int>(std::min<size_t>(header.descr.size(), 32)),
                header.descr.data());
  if (header.fortran)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' is in Fortran order: save numpy.ascontiguousarray(x)",
                name);
  return MINNOW_STATUS_OK;
}

std::string headerText(minnow_type type, const std::vector<uint64_t> &shape) {
  const char *descr = "";
  for (const TypeName &known : kTypes)
    if (known.type == type)
      descr = known.descr;
  std::string text = "{'descr': '" + std::string(descr) +
                     "', 'fortran_order': False, 'shape': " + shapeText(shape) +
                     ", }";
  // The format wants the data to start at a multiple of 64.
  constexpr size_t kPrefix = 10;
  text.append(63 - (kPrefix + text.size()) % 64, ' ');
  return text + '\n';
}

using File = std::unique_ptr<FILE, int (*)(FILE *)>;

bool writeAll(FILE *file, const std::string &header, const void *data,
              uint64_t bytes) {
  const uint8_t version[] = {1, 0, uint8_t(header.size() & 0xff),
                             uint8_t(header.size() >> 8)};
  return fwrite(kMagic.data(), 1, kMagic.size(), file) == kMagic.size() &&
         fwrite(version, 1, sizeof(version), file) == sizeof(version) &&
         fwrite(header.data(), 1, header.size(), file) == header.size() &&
         fwrite(data, 1, bytes, file) == bytes && fflush(file) == 0;
}

} // namespace

std::string shapeText(const std::vector<uint64_t> &shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

minnow_status parseNpy(const uint8_t *bytes, uint64_t size, const char *name,
                       NpyArray &array, minnow_error *error) {
  std::string_view text, data;
  if (!splitFile({reinterpret_cast<const char *>(bytes), size}, text, data))
    return bad(error, name, "it has not the head of version 1.0, 2.0 or 3.0");
  HeaderParser header(text);
  if (!header.parse())
    return bad(error, name,
               "its header is not a dictionary of descr (a "
               "simple type), fortran_order and shape");
  if (minnow_status status = checkHeader(header, name, array.type, error))
    return status;
  uint64_t wanted = bytesOf(array.type);
  bool overflow = false;
  for (uint64_t dim : header.shape)
    overflow |= __builtin_mul_overflow(wanted, dim, &wanted);
  if (overflow || wanted != data.size())
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "'%s' is truncated or corrupt: shape %s needs %s bytes of "
                "data, it has %llu",
                name, shapeText(header.shape).c_str(),
                overflow ? "too many" : std::to_string(wanted).c_str(),
                static_cast<unsigned long long>(data.size()));
  array.shape = std::move(header.shape);
  array.data.assign(data.begin(), data.end());
  return MINNOW_STATUS_OK;
}

minnow_status readNpy(const char *path, NpyArray &array, minnow_error *error) {
  FileBytes file;
  if (minnow_status status = file.map(path, error))
    return status;
  return parseNpy(file.data(), file.size(), path, array, error);
}

minnow_status writeNpy(const char *path, minnow_type type,
                       const std::vector<uint64_t> &shape, const void *data,
                       minnow_error *error) {
  uint64_t bytes = bytesOf(type);
  for (uint64_t dim : shape)
    bytes *= dim;
  const std::string part =
      std::string(path) + ".part" + std::to_string(getpid());
  File file(fopen(part.c_str(), "wb"), fclose);
  bool done =
      file && writeAll(file.get(), headerText(type, shape), data, bytes);
  // Closing may still report a full disk.
  done = file && fclose(file.release()) == 0 && done;
  if (done && std::rename(part.c_str(), path) == 0)
    return MINNOW_STATUS_OK;
  const int reason = errno;
  std::remove(part.c_str());
  return fail(error, MINNOW_STATUS_BAD_FILE, "cannot write '%s': %s", path,
              std::strerror(reason));
}

} // namespace minnow
