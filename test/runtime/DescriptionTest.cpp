//===- DescriptionTest.cpp - descriptions, good, wrong and hostile
//----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each test changes one field of a description and expects to read of it.
//===----------------------------------------------------------------------===//
#include "runtime/Description.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

// Not a using-directive: GoogleTest brings in the C++ library's own `abi`.
namespace minnow {
namespace {

using namespace minnow::test;

using Strings = std::vector<std::string>;

/// The fields that tests change; a correct description as it stands.
struct Fields {
  uint32_t version = MINNOW_ABI_VERSION;
  std::string target = "cpu";
  Strings requirements;
  std::vector<uint32_t> dims = {1, 3, 8, 8};
  std::string layout = "nchw";
  uint8_t type = 0;
  float scale = 0;
  uint32_t kernel = 0;
  uint32_t alignment = 64;
  uint64_t arena = 1024, scratch = 64;
  uint32_t entries = 1;
  bool withPreprocessing = true;
  uint32_t resize = 8;
  std::string interpolation = "bicubic";
  std::vector<float> mean = {0, 0, 0};
  std::vector<float> std = {1, 1, 1};
};

flatbuffers::Offset<abi::EntryPoint>
buildEntry(flatbuffers::FlatBufferBuilder &builder, const Fields &fields) {
  auto tensor = abi::CreateTensorDirect(
      builder, "x", static_cast<abi::DataType>(fields.type), &fields.dims,
      fields.layout.c_str(), fields.scale, 0);
  std::vector<flatbuffers::Offset<abi::Tensor>> tensors = {tensor};
  std::vector<flatbuffers::Offset<abi::Call>> calls = {
      abi::CreateCallDirect(builder, fields.kernel, "layer", 1)};
  flatbuffers::Offset<abi::Preprocessing> how = 0;
  if (fields.withPreprocessing)
    how = abi::CreatePreprocessingDirect(builder, fields.resize,
                                         fields.interpolation.c_str(),
                                         &fields.mean, &fields.std);
  return abi::CreateEntryPointDirect(builder, "main", &tensors, &tensors,
                                     fields.arena, fields.scratch,
                                     fields.alignment, &calls, how);
}

AlignedBytes build(const Fields &fields) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<abi::EntryPoint>> entries;
  for (uint32_t i = 0; i < fields.entries; ++i)
    entries.push_back(buildEntry(builder, fields));
  std::vector<flatbuffers::Offset<abi::Kernel>> kernels = {
      abi::CreateKernelDirect(builder, "kernel", 10, 20, false)};
  std::vector<flatbuffers::Offset<flatbuffers::String>> requirements;
  for (const std::string &name : fields.requirements)
    requirements.push_back(builder.CreateString(name));
  builder.Finish(abi::CreateProgramDirect(builder, fields.version, "net",
                                          fields.target.c_str(), &requirements,
                                          &kernels, &entries, 0, "test"),
                 abi::ProgramIdentifier());
  return AlignedBytes(
      {reinterpret_cast<const char *>(builder.GetBufferPointer()),
       builder.GetSize()});
}

std::string readError(AlignedBytes bytes) {
  Description description;
  minnow_error error = {};
  if (!readDescription(bytes.data(), bytes.size(), description, &error) &&
      !checkCpu(description, &error))
    return "";
  return error.message;
}

void expectError(const std::function<void(Fields &)> &change,
                 const std::string &part) {
  Fields fields;
  change(fields);
  const std::string message = readError(build(fields));
  EXPECT_NE(message.find(part), std::string::npos)
      << "message: '" << message << "', expected: '" << part << "'";
}

TEST(Description, GoodOnesAreRead) {
  EXPECT_EQ(readError(build({})), "");
  Fields other;
  other.withPreprocessing = false;
  other.dims = {};
  other.layout = "";
  other.alignment = 0;
  EXPECT_EQ(readError(build(other)), "");
}

TEST(Description, MachineIsChecked) {
  expectError([](Fields &f) { f.version = 7; },
              "ABI version 7, this runtime 1");
  expectError([](Fields &f) { f.target = "vulkan"; }, "for 'vulkan'");
  expectError([](Fields &f) { f.requirements = {"avx9000", "warp"}; },
              "needs avx9000, warp, which this");
  expectError([](Fields &f) { f.entries = 2; }, "2 entry points");
  expectError([](Fields &f) { f.entries = 0; }, "0 entry points");
}

TEST(Description, TensorsAreChecked) {
  expectError([](Fields &f) { f.type = 9; }, "unknown element type");
  expectError([](Fields &f) { f.dims = {1, 0, 8, 8}; }, "zero or overflows");
  expectError([](Fields &f) { f.dims = {~0u, ~0u, ~0u, 1}; },
              "zero or overflows");
  expectError([](Fields &f) { f.dims = {1u << 31, 1u << 30, 1, 1}; },
              "zero or overflows");
  expectError([](Fields &f) { f.dims.assign(9, 1); }, "too many dimensions");
  expectError([](Fields &f) { f.layout = "chwn"; }, "layout is unknown");
  expectError([](Fields &f) { f.dims = {3, 8, 8}; }, "layout is unknown");
  expectError([](Fields &f) { f.scale = NAN; }, "scale is not a number");
}

TEST(Description, TablesAreChecked) {
  expectError([](Fields &f) { f.kernel = 1; }, "not in the table");
  expectError([](Fields &f) { f.alignment = 48; }, "alignment");
  expectError([](Fields &f) { f.alignment = 8192; }, "alignment");
}

TEST(Description, PreprocessingIsChecked) {
  expectError([](Fields &f) { f.mean = {0, 0}; }, "3 means");
  expectError([](Fields &f) { f.std = {1, 0, 1}; }, "positive stds");
  expectError([](Fields &f) { f.interpolation = "nearest"; }, "interpolation");
  expectError([](Fields &f) { f.resize = 7; }, "resize is below");
  expectError([](Fields &f) { f.resize = 1u << 30; }, "above 16384");
  expectError([](Fields &f) { f.dims = {1, 4, 8, 8}; }, "one RGB image");
  expectError([](Fields &f) { f.layout = ""; }, "without image layout");
  expectError([](Fields &f) { f.type = MINNOW_TYPE_U8; }, "without scale");
}

TEST(Description, WorkspaceOverflowIsSeen) {
  Fields fields;
  fields.arena = ~uint64_t(0) - 10;
  AlignedBytes bytes = build(fields);
  Description description;
  ASSERT_EQ(readDescription(bytes.data(), bytes.size(), description, nullptr),
            MINNOW_STATUS_OK);
  uint64_t size = 0;
  EXPECT_FALSE(workspaceBytes(description, 1, size));
}

TEST(Description, MisalignedOrMissingIsRefused) {
  AlignedBytes bytes = build({});
  Description description;
  EXPECT_EQ(readDescription(nullptr, 100, description, nullptr),
            MINNOW_STATUS_BAD_FILE);
  EXPECT_EQ(readDescription(bytes.data() + 4, 100, description, nullptr),
            MINNOW_STATUS_BAD_FILE);
  EXPECT_EQ(readDescription(bytes.data(), 4, description, nullptr),
            MINNOW_STATUS_BAD_FILE);
}

/// Reads all that a caller can ask for; the sanitizers watch.
void useAll(const Description &description) {
  size_t used = description.program->name()->size();
  for (const auto *tensors : {&description.inputs, &description.outputs})
    for (const minnow_tensor_info &tensor : *tensors) {
      used += std::string(tensor.name).size() + tensor.elements;
      for (uint32_t i = 0; i < tensor.rank; ++i)
        used += tensor.dims[i];
    }
  for (const abi::Call *call : *description.entry->calls())
    used += description.program->kernels()->Get(call->kernel())->name()->size();
  EXPECT_GT(used, 0u);
}

TEST(Description, MutatedBytesDoNoHarm) {
  const AlignedBytes good = build({});
  std::mt19937 random(11);
  int accepted = 0;
  for (int round = 0; round < 50000; ++round) {
    AlignedBytes bytes = good;
    for (unsigned i = 0; i <= random() % 3; ++i)
      bytes.data()[random() % bytes.size()] = static_cast<uint8_t>(random());
    const size_t size =
        random() % 4 ? bytes.size() : random() % (bytes.size() + 1);
    Description description;
    if (readDescription(bytes.data(), size, description, nullptr))
      continue;
    ++accepted;
    useAll(description);
  }
  EXPECT_GT(accepted, 0);
}

} // namespace
} // namespace minnow
