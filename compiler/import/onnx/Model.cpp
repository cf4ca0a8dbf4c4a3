//===- Model.cpp - an ONNX file and its external data ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parsing of the file and the rules for data beside it: only under the model's
// own folder, and only inside the file's bounds.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Model.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <limits>

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;

LogicalResult Model::read() {
  // Null-terminated buffers read some files instead of mapping them.
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false,
                                    /*RequiresNullTerminator=*/false);
  if (!file)
    return faults.add("cannot be read: " + file.getError().message());
  bytes = (*file)->getBufferSize();
  if (bytes == 0)
    return faults.add("is empty");
  if (bytes > size_t(std::numeric_limits<int>::max()))
    return faults.add("is larger than 2 GiB, the limit of the format; keep the "
                      "weights in external data");
  // What protobuf would print of a corrupt file is not a message of ours.
  google::protobuf::LogSilencer silencer;
  if (!proto.ParseFromArray((*file)->getBufferStart(), int(bytes)))
    return faults.add("is not an ONNX model, or is truncated or corrupt");
  if (!proto.has_graph())
    return faults.add("is not an ONNX model: it holds no graph");
  if (proto.graph().node_size() == 0)
    return faults.add("has a graph without nodes");
  if (proto.graph().sparse_initializer_size() > 0)
    return faults.add("has sparse initializers; save them dense");
  return checkOpset();
}

LogicalResult Model::checkOpset() {
  for (const auto &opset : proto.opset_import()) {
    if (!opset.domain().empty() && opset.domain() != "ai.onnx")
      continue;
    version = opset.version();
    if (version >= minOpset && version <= maxOpset)
      return success();
    return faults.add("uses operator set " + Twine(version) +
                      "; export it with one from " + Twine(minOpset) + " to " +
                      Twine(maxOpset));
  }
  return faults.add("does not say which operator set of ONNX it uses");
}

//===----------------------------------------------------------------------===//
// External data
//===----------------------------------------------------------------------===//

FailureOr<StringRef> Model::externalFile(StringRef location, StringRef what) {
  auto refuse = [&](const Twine &why) {
    return faults.add(Twine(what) + " lies in " + quote(location) + ", " + why);
  };
  if (auto known = externalFiles.find(location); known != externalFiles.end())
    return known->second->getBuffer();
  if (location.empty() || location.contains('\0') || location.contains('\\') ||
      sys::path::is_absolute(location) ||
      is_contained(
          make_range(sys::path::begin(location), sys::path::end(location)),
          ".."))
    return refuse("which is not a plain path under the model's folder");

  SmallString<128> name(sys::path::parent_path(path)), folder, target;
  if (name.empty())
    name = ".";
  if (std::error_code error = sys::fs::real_path(name, folder))
    return refuse("whose folder cannot be read: " + error.message());
  sys::path::append(name, location);
  if (std::error_code error = sys::fs::real_path(name, target))
    return refuse("which cannot be read: " + error.message());
  if (!sys::path::replace_path_prefix(target, folder, folder) ||
      !StringRef(target).drop_front(folder.size()).starts_with("/"))
    if (folder != "/")
      return refuse("which leads out of the model's folder");
  if (!sys::fs::is_regular_file(target))
    return refuse("which is not a file");
  auto file = MemoryBuffer::getFile(target, /*IsText=*/false,
                                    /*RequiresNullTerminator=*/false);
  if (!file)
    return refuse("which cannot be read: " + file.getError().message());
  StringRef contents = (*file)->getBuffer();
  externalFiles[location] = std::move(*file);
  return contents;
}

FailureOr<StringRef> Model::externalBytes(const onnx::TensorProto &tensor,
                                          StringRef what, size_t expected) {
  StringRef location;
  uint64_t offset = 0, length = expected;
  for (const auto &entry : tensor.external_data()) {
    StringRef value = entry.value();
    bool bad = false;
    if (entry.key() == "location")
      location = value;
    else if (entry.key() == "offset")
      bad = value.getAsInteger(10, offset);
    else if (entry.key() == "length")
      bad = value.getAsInteger(10, length);
    if (bad)
      return faults.add(Twine(what) + ": " + entry.key() +
                        " of its external data is " + quote(value) +
                        ", not a number of bytes");
  }
  FailureOr<StringRef> file = externalFile(location, what);
  if (failed(file))
    return failure();
  if (offset > file->size() || length > file->size() - offset)
    return faults.add(Twine(what) + " lies at bytes " + Twine(offset) + " to " +
                      Twine(offset) + " + " + Twine(length) + " of " +
                      quote(location) + ", which has only " +
                      Twine(file->size()) + " bytes");
  return file->substr(offset, length);
}

FailureOr<StringRef> Model::rawBytes(const onnx::TensorProto &tensor,
                                     StringRef what, size_t expected) {
  FailureOr<StringRef> raw = StringRef(tensor.raw_data());
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
    raw = externalBytes(tensor, what, expected);
  if (succeeded(raw) && raw->size() != expected)
    return faults.add(
        Twine(what) + " has " + Twine(raw->size()) +
        " bytes of data, its type and shape " +
        shapeText(Shape(tensor.dims().begin(), tensor.dims().end())) +
        " need " + Twine(expected));
  return raw;
}
