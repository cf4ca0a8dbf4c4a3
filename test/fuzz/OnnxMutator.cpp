//===- OnnxMutator.cpp - changes to ONNX files that stay ONNX files -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A change of bytes mostly breaks the protobuf around it. This changes one
// field of the message instead: numbers become other numbers, names other names
// of the same model, parts of lists are dropped, doubled or swapped.
//===----------------------------------------------------------------------===//
#include <google/protobuf/message.h>
#include <limits>
#include <onnx/onnx_pb.h>
#include <random>

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace {

/// One place in a message: a field, and its element if it is a list.
struct Place {
  Message *message;
  const FieldDescriptor *field;
  int index;
};

class Mutator {
public:
  explicit Mutator(unsigned seed) : random(seed) {}

  void mutate(Message &model) {
    collect(model);
    if (places.empty())
      return;
    Place place = places[below(places.size())];
    if (place.field->is_repeated() && below(2))
      changeList(place);
    else
      changeValue(place);
  }

private:
  size_t below(size_t limit) { return random() % limit; }

  /// Notes all fields that are set and the texts in them.
  void collect(Message &message) {
    std::vector<const FieldDescriptor *> fields;
    const Reflection &reflection = *message.GetReflection();
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor *field : fields)
      for (int i = 0, count = sizeOf(message, field); i < count; ++i)
        collect({&message, field, i});
  }

  void collect(const Place &place) {
    const Reflection &reflection = *place.message->GetReflection();
    bool isList = place.field->is_repeated();
    places.push_back(place);
    if (place.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      collect(isList ? *reflection.MutableRepeatedMessage(
                           place.message, place.field, place.index)
                     : *reflection.MutableMessage(place.message, place.field));
    else if (place.field->type() == FieldDescriptor::TYPE_STRING)
      texts.push_back(isList
                          ? reflection.GetRepeatedString(
                                *place.message, place.field, place.index)
                          : reflection.GetString(*place.message, place.field));
  }

  /// Elements of a list, of which the first few are enough to change.
  static int sizeOf(const Message &message, const FieldDescriptor *field) {
    constexpr int most = 64;
    if (!field->is_repeated())
      return 1;
    return std::min(message.GetReflection()->FieldSize(message, field), most);
  }

  void changeList(const Place &place) {
    const Reflection &reflection = *place.message->GetReflection();
    int last = reflection.FieldSize(*place.message, place.field) - 1;
    switch (below(3)) {
    case 0:
      reflection.SwapElements(place.message, place.field, place.index, last);
      return reflection.RemoveLast(place.message, place.field);
    case 1:
      return reflection.SwapElements(place.message, place.field, place.index,
                                     int(below(last + 1)));
    default:
      duplicate(place);
    }
  }

  void duplicate(const Place &place) {
    const Reflection &reflection = *place.message->GetReflection();
    if (place.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Message *added = reflection.AddMessage(place.message, place.field);
      added->CopyFrom(reflection.GetRepeatedMessage(*place.message, place.field,
                                                    place.index));
    } else if (place.field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      reflection.AddInt64(place.message, place.field, number());
    } else if (place.field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
      reflection.AddFloat(place.message, place.field, real());
    } else if (place.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection.AddString(place.message, place.field, text());
    }
  }

  void changeValue(const Place &place) {
    switch (place.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      return set(place, &Reflection::SetInt64, &Reflection::SetRepeatedInt64,
                 number());
    case FieldDescriptor::CPPTYPE_INT32:
      return set(place, &Reflection::SetInt32, &Reflection::SetRepeatedInt32,
                 int32_t(number()));
    case FieldDescriptor::CPPTYPE_ENUM:
      return set(place, &Reflection::SetEnumValue,
                 &Reflection::SetRepeatedEnumValue, int(below(25)));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return set(place, &Reflection::SetFloat, &Reflection::SetRepeatedFloat,
                 real());
    case FieldDescriptor::CPPTYPE_STRING:
      return set(place, &Reflection::SetString, &Reflection::SetRepeatedString,
                 text());
    default:
      if (!place.field->is_repeated())
        place.message->GetReflection()->ClearField(place.message, place.field);
    }
  }

  template <typename T, typename Argument>
  void set(const Place &place,
           void (Reflection::*one)(Message *, const FieldDescriptor *, Argument)
               const,
           void (Reflection::*element)(Message *, const FieldDescriptor *, int,
                                       Argument) const,
           T value) {
    const Reflection &reflection = *place.message->GetReflection();
    if (place.field->is_repeated())
      (reflection.*element)(place.message, place.field, place.index, value);
    else
      (reflection.*one)(place.message, place.field, value);
  }

  int64_t number() {
    constexpr int64_t edges[] = {int64_t(1) << 20,
                                 int64_t(1) << 31,
                                 int64_t(1) << 32,
                                 int64_t(1) << 62,
                                 std::numeric_limits<int64_t>::max(),
                                 std::numeric_limits<int64_t>::min()};
    return below(8) ? int64_t(below(20)) - 3 : edges[below(std::size(edges))];
  }

  float real() {
    constexpr float values[] = {0, 1, -1, 6, 0.5f, 1.0f / 6, 1e-38f, 3.4e38f};
    size_t i = below(std::size(values) + 2);
    return i < std::size(values) ? values[i]
           : i % 2               ? std::numeric_limits<float>::infinity()
                                 : std::numeric_limits<float>::quiet_NaN();
  }

  /// An operator, another name of the model, or the same bytes changed.
  std::string text() {
    static const char *const operators[] = {
        "Add",        "Cast",      "Clip",    "Concat", "Constant",  "Conv",
        "Div",        "Expand",    "Flatten", "Gather", "Gemm",      "Mul",
        "MatMul",     "MaxPool",   "Pad",     "Range",  "Relu",      "Reshape",
        "ReduceMean", "Resize",    "Shape",   "Slice",  "Softmax",   "Split",
        "Squeeze",    "Transpose", "Sigmoid", "Sub",    "Unsqueeze", "Where"};
    size_t choice = below(8);
    if (choice < 2)
      return operators[below(std::size(operators))];
    if (choice < 7 && !texts.empty())
      return texts[below(texts.size())];
    std::string bytes = texts.empty() ? "x" : texts[below(texts.size())];
    size_t size = bytes.size();
    bytes.resize(size + 16);
    bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(bytes.data()),
                                  size, bytes.size()));
    return bytes;
  }

  std::minstd_rand random;
  std::vector<Place> places;
  std::vector<std::string> texts;
};

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  onnx::ModelProto model;
  google::protobuf::LogSilencer silencer;
  // Bytes that are no message must be tried, too.
  if (seed % 8 == 0 || !model.ParseFromArray(data, int(size)))
    return LLVMFuzzerMutate(data, size, maxSize);
  Mutator(seed).mutate(model);
  std::string bytes = model.SerializeAsString();
  if (bytes.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}
