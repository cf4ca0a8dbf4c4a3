//===- Tensors.cpp - the numbers of an ONNX tensor ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX stores numbers as raw little-endian bytes or in a repeated field of the
// message whose type depends on the element type. Both become a HostTensor;
// nothing is allocated before the data is known to be there.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Model.h"
#include "llvm/Support/Endian.h"

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;
using onnx::TensorProto;

std::string minnow::importer::elementTypeName(int32_t type) {
  if (TensorProto::DataType_IsValid(type))
    return onnx::TensorProto_DataType_Name(TensorProto::DataType(type));
  return ("type " + Twine(type)).str();
}

/// Bytes of an element that is understood, else 0.
static size_t elementBytes(int32_t type) {
  switch (type) {
  case TensorProto::FLOAT:
  case TensorProto::INT32:
  case TensorProto::UINT32:
    return 4;
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
  case TensorProto::INT16:
  case TensorProto::UINT16:
    return 2;
  case TensorProto::DOUBLE:
  case TensorProto::INT64:
  case TensorProto::UINT64:
    return 8;
  case TensorProto::INT8:
  case TensorProto::UINT8:
  case TensorProto::BOOL:
    return 1;
  default:
    return 0;
  }
}

static bool isFloatType(int32_t type) {
  return type == TensorProto::FLOAT || type == TensorProto::FLOAT16 ||
         type == TensorProto::BFLOAT16 || type == TensorProto::DOUBLE;
}

template <typename Stored, typename Element>
static std::vector<Element> decode(StringRef raw, Element (*convert)(Stored)) {
  std::vector<Element> result;
  result.reserve(raw.size() / sizeof(Stored));
  for (size_t i = 0; i < raw.size(); i += sizeof(Stored))
    result.push_back(convert(
        support::endian::read<Stored, endianness::little>(raw.data() + i)));
  return result;
}

static float sameFloat(uint32_t bits) { return bit_cast<float>(bits); }
static float roundDouble(uint64_t bits) {
  return float(bit_cast<double>(bits));
}
template <typename Stored> static int64_t sameInteger(Stored value) {
  return int64_t(value);
}

static std::vector<float> decodeFloats(StringRef raw, int32_t type) {
  if (type == TensorProto::FLOAT)
    return decode<uint32_t, float>(raw, sameFloat);
  if (type == TensorProto::DOUBLE)
    return decode<uint64_t, float>(raw, roundDouble);
  return decode<uint16_t, float>(
      raw, type == TensorProto::FLOAT16 ? widenHalf : widenBfloat);
}

static std::vector<int64_t> decodeIntegers(StringRef raw, int32_t type) {
  switch (type) {
  case TensorProto::INT64:
  case TensorProto::UINT64:
    return decode<int64_t, int64_t>(raw, sameInteger);
  case TensorProto::INT32:
    return decode<int32_t, int64_t>(raw, sameInteger);
  case TensorProto::UINT32:
    return decode<uint32_t, int64_t>(raw, sameInteger);
  case TensorProto::INT16:
    return decode<int16_t, int64_t>(raw, sameInteger);
  case TensorProto::UINT16:
    return decode<uint16_t, int64_t>(raw, sameInteger);
  case TensorProto::INT8:
    return decode<int8_t, int64_t>(raw, sameInteger);
  default:
    return decode<uint8_t, int64_t>(raw, sameInteger);
  }
}

/// How many numbers the repeated field for `tensor`'s type holds.
static int fieldSize(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return tensor.float_data_size();
  case TensorProto::DOUBLE:
    return tensor.double_data_size();
  case TensorProto::INT64:
    return tensor.int64_data_size();
  case TensorProto::UINT32:
  case TensorProto::UINT64:
    return tensor.uint64_data_size();
  default:
    return tensor.int32_data_size();
  }
}

static void decodeField(const TensorProto &tensor, HostTensor &result) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    result.data = std::vector<float>(tensor.float_data().begin(),
                                     tensor.float_data().end());
    return;
  case TensorProto::DOUBLE:
    result.data = std::vector<float>(tensor.double_data().begin(),
                                     tensor.double_data().end());
    return;
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16: {
    // The bits of each are the low half of an int32.
    auto widen =
        tensor.data_type() == TensorProto::FLOAT16 ? widenHalf : widenBfloat;
    std::vector<float> floats;
    for (int32_t bits : tensor.int32_data())
      floats.push_back(widen(uint16_t(bits)));
    result.data = std::move(floats);
    return;
  }
  case TensorProto::INT64:
    result.data = std::vector<int64_t>(tensor.int64_data().begin(),
                                       tensor.int64_data().end());
    return;
  case TensorProto::UINT32:
  case TensorProto::UINT64:
    result.data = std::vector<int64_t>(tensor.uint64_data().begin(),
                                       tensor.uint64_data().end());
    return;
  default:
    result.data = std::vector<int64_t>(tensor.int32_data().begin(),
                                       tensor.int32_data().end());
  }
}

/// The type of integers that `type` names.
static IntegerType integerType(int32_t type) {
  bool isSigned = type == TensorProto::INT8 || type == TensorProto::INT16 ||
                  type == TensorProto::INT32 || type == TensorProto::INT64;
  return {unsigned(8 * elementBytes(type)), isSigned};
}

FailureOr<HostTensor> Model::tensor(const TensorProto &tensor, StringRef what) {
  HostTensor result;
  result.shape.assign(tensor.dims().begin(), tensor.dims().end());
  std::optional<int64_t> count = countElements(result.shape);
  if (!count)
    return faults.add(Twine(what) + " has the absurd shape " +
                      shapeText(result.shape));
  int32_t type = tensor.data_type();
  size_t width = elementBytes(type);
  if (!isFloatType(type))
    result.stored = integerType(type);
  if (!width)
    return faults.add(Twine(what) + " has elements of " +
                      elementTypeName(type) +
                      "; FLOAT, FLOAT16, BFLOAT16, DOUBLE, BOOL and integers "
                      "are read");
  if (tensor.has_segment())
    return faults.add(Twine(what) + " is split in segments; save it whole");

  bool inField =
      tensor.data_location() != TensorProto::EXTERNAL && !tensor.has_raw_data();
  if (inField) {
    if (fieldSize(tensor) != *count)
      return faults.add(Twine(what) + " has " + Twine(fieldSize(tensor)) +
                        " numbers, its shape " + shapeText(result.shape) +
                        " needs " + Twine(*count));
    decodeField(tensor, result);
  } else {
    FailureOr<StringRef> raw = rawBytes(tensor, what, *count * width);
    if (failed(raw))
      return failure();
    if (isFloatType(type))
      result.data = decodeFloats(*raw, type);
    else
      result.data = decodeIntegers(*raw, type);
  }
  if (type == TensorProto::UINT64 &&
      any_of(result.ints(), [](int64_t bits) { return bits < 0; }))
    return faults.add(Twine(what) + " has numbers from 2^63 on; integers are "
                                    "computed in 64 bits with a sign");
  return result;
}
