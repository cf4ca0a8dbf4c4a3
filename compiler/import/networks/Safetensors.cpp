//===- Safetensors.cpp - weights from a .safetensors file -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format: a 64-bit length, a JSON header {key: {dtype, shape,
// data_offsets}} of that length, then the tensors' bytes, without gaps or
// overlaps. Files are downloaded, so every number of the header is checked.
//===----------------------------------------------------------------------===//
#include "compiler/import/networks/WeightSource.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include <nlohmann/json.hpp>

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;
using nlohmann::json;
using support::endian::read16le, support::endian::read32le,
    support::endian::read64le;

/// The limit that the format's own reader sets.
static constexpr uint64_t maxHeaderBytes = 100'000'000;

namespace {
struct Entry {
  std::string dtype;
  Shape shape;
  uint64_t begin = 0, end = 0;
};

class SafetensorsFile : public WeightSource {
public:
  SafetensorsFile(StringRef path, std::unique_ptr<MemoryBuffer> file,
                  Faults &faults)
      : path(path), file(std::move(file)), faults(faults) {}

  /// Reads and checks the header.
  LogicalResult readHeader();
  LogicalResult check(const TensorList &wanted) override;
  HostTensor read(StringRef key, ArrayRef<int64_t> shape) override;

private:
  LogicalResult refuse(const Twine &message) {
    return faults.add("weights " + quote(path) + ": " + message);
  }
  FailureOr<json> parse(StringRef text);
  FailureOr<Entry> readEntry(StringRef key, const json &object);
  LogicalResult checkCoverage();
  LogicalResult list(StringRef what, ArrayRef<std::string> keys);

  std::string path;
  std::unique_ptr<MemoryBuffer> file;
  Faults &faults;
  StringRef data;
  StringMap<Entry> entries;
};
} // namespace

/// Bytes of an element, 0 if the type is unknown.
static uint64_t elementBytes(StringRef dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64")
    return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32")
    return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16")
    return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL")
    return 1;
  return 0;
}

static bool isReadable(StringRef dtype) {
  return dtype == "F32" || dtype == "F16" || dtype == "BF16";
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

FailureOr<json> SafetensorsFile::parse(StringRef text) {
  // JSON libraries keep the last of two equal keys; here that hides weights.
  StringSet<> keys;
  std::string duplicate;
  auto callback = [&](int depth, json::parse_event_t event, json &parsed) {
    if (event == json::parse_event_t::key && depth == 1 &&
        !keys.insert(parsed.get_ref<const std::string &>()).second)
      duplicate = parsed.get<std::string>();
    // Nothing in a header is nested deeper.
    return depth <= 3;
  };
  json header = json::parse(text.begin(), text.end(), callback,
                            /*allow_exceptions=*/false);
  if (!header.is_object())
    return refuse("the header is not a JSON object; the file is corrupt");
  if (!duplicate.empty())
    return refuse("the key " + quote(duplicate) + " is there twice");
  return header;
}

/// The numbers of a JSON array, or nothing if it holds something else.
static std::optional<std::vector<uint64_t>> getNumbers(const json &object,
                                                       const char *key) {
  auto array = object.find(key);
  if (array == object.end() || !array->is_array())
    return std::nullopt;
  std::vector<uint64_t> numbers;
  for (const json &number : *array) {
    if (!number.is_number_unsigned())
      return std::nullopt;
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

FailureOr<Entry> SafetensorsFile::readEntry(StringRef key, const json &object) {
  auto bad = [&](const Twine &why) { return refuse(quote(key) + " " + why); };
  if (!object.is_object())
    return bad("is not described by its dtype, shape and data_offsets");
  if (!object.contains("dtype") || !object["dtype"].is_string())
    return bad("has no dtype");
  auto shape = getNumbers(object, "shape");
  auto offsets = getNumbers(object, "data_offsets");
  if (!shape || !offsets || offsets->size() != 2)
    return bad("has no valid shape and data_offsets");
  Entry entry{
      object["dtype"].get<std::string>(), {}, (*offsets)[0], (*offsets)[1]};
  for (uint64_t size : *shape)
    entry.shape.push_back(int64_t(std::min<uint64_t>(size, INT64_MAX)));
  std::optional<int64_t> count = countElements(entry.shape);
  uint64_t bytes = elementBytes(entry.dtype);
  if (!count)
    return bad("has the absurd shape " + shapeText(entry.shape));
  if (!bytes)
    return bad("has the unknown dtype " + quote(entry.dtype));
  if (entry.begin > entry.end || entry.end > data.size())
    return bad("lies at bytes " + Twine(entry.begin) + " to " +
               Twine(entry.end) + " of " + Twine(data.size()) +
               "; the file is truncated or corrupt");
  if (entry.end - entry.begin != bytes * *count)
    return bad("has " + Twine(entry.end - entry.begin) + " bytes, its dtype " +
               entry.dtype + " and shape " + shapeText(entry.shape) + " need " +
               Twine(bytes * *count));
  return entry;
}

/// The tensors lie one behind the other, from the first byte to the last.
LogicalResult SafetensorsFile::checkCoverage() {
  std::vector<const StringMapEntry<Entry> *> order;
  for (const auto &entry : entries)
    order.push_back(&entry);
  sort(order, [](const auto *a, const auto *b) {
    return std::pair(a->second.begin, a->second.end) <
           std::pair(b->second.begin, b->second.end);
  });
  uint64_t end = 0;
  for (const auto *entry : order) {
    if (entry->second.begin != end)
      return refuse(quote(entry->getKey()) + " begins at byte " +
                    Twine(entry->second.begin) + ", where byte " + Twine(end) +
                    " is expected: tensors overlap or leave a gap");
    end = entry->second.end;
  }
  if (end != data.size())
    return refuse("has " + Twine(data.size() - end) +
                  " bytes behind its last tensor");
  return success();
}

LogicalResult SafetensorsFile::readHeader() {
  StringRef bytes = file->getBuffer();
  if (bytes.size() < 8)
    return refuse("is shorter than a header; the file is truncated");
  uint64_t length = read64le(bytes.data());
  if (length > maxHeaderBytes || length > bytes.size() - 8)
    return refuse("says that its header has " + Twine(length) +
                  " bytes, the "
                  "file has " +
                  Twine(bytes.size()) +
                  "; it is truncated or no .safetensors file");
  data = bytes.drop_front(8 + length);
  FailureOr<json> header = parse(bytes.substr(8, length));
  if (failed(header))
    return failure();
  for (const auto &[key, object] : header->items()) {
    if (key == "__metadata__")
      continue;
    FailureOr<Entry> entry = readEntry(key, object);
    if (failed(entry))
      return failure();
    entries[key] = std::move(*entry);
  }
  return checkCoverage();
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// A fault that names all `keys`, if there are any.
LogicalResult SafetensorsFile::list(StringRef what,
                                    ArrayRef<std::string> keys) {
  if (keys.empty())
    return success();
  return refuse(Twine(keys.size()) +
                (keys.size() == 1 ? " tensor " : " tensors ") + what + ": " +
                join(keys, ", "));
}

LogicalResult SafetensorsFile::check(const TensorList &wanted) {
  std::vector<std::string> missing, misshapen, unreadable, surplus;
  StringSet<> known;
  for (const auto &[key, shape] : wanted) {
    known.insert(key);
    auto found = entries.find(key);
    if (found == entries.end())
      missing.push_back(key);
    else if (found->second.shape != shape)
      misshapen.push_back(key + " is " + shapeText(found->second.shape) +
                          ", expected " + shapeText(shape));
    else if (!isReadable(found->second.dtype))
      unreadable.push_back(key + " is " + found->second.dtype);
  }
  // Training counts batches; inference does not need the number.
  for (const auto &entry : entries)
    if (!known.contains(entry.getKey()) &&
        !entry.getKey().ends_with("num_batches_tracked"))
      surplus.push_back(quote(entry.getKey()));
  sort(surplus);
  bool bad = failed(list("missing", missing));
  bad |= failed(list("of another shape", misshapen));
  bad |= failed(list("not of F32, F16 or BF16", unreadable));
  bad |= failed(list("not of this network", surplus));
  return failure(bad);
}

HostTensor SafetensorsFile::read(StringRef key, ArrayRef<int64_t> shape) {
  const Entry &entry = entries[key];
  const char *source = data.data() + entry.begin;
  std::vector<float> values(*countElements(shape));
  for (auto [i, value] : enumerate(values))
    if (entry.dtype == "F32")
      value = bit_cast<float>(read32le(source + 4 * i));
    else
      value = entry.dtype == "F16" ? widenHalf(read16le(source + 2 * i))
                                   : widenBfloat(read16le(source + 2 * i));
  return {Shape(shape), std::move(values)};
}

FailureOr<std::unique_ptr<WeightSource>>
minnow::importer::openSafetensors(StringRef path, Faults &faults) {
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false,
                                    /*RequiresNullTerminator=*/false);
  if (!file)
    return faults.add("weights " + quote(path) +
                      " cannot be read: " + file.getError().message());
  auto result =
      std::make_unique<SafetensorsFile>(path, std::move(*file), faults);
  if (failed(result->readHeader()))
    return failure();
  return std::unique_ptr<WeightSource>(std::move(result));
}
