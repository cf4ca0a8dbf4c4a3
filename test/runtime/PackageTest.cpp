//===- PackageTest.cpp - packages, good, wrong and hostile ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A device of the test's own adds the package's weights to its input, so that a
// package which loads must also give the right numbers.
//===----------------------------------------------------------------------===//
#include "runtime/abi/package.h"
#include "runtime/Device.h"
#include "runtime/Session.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

// Not a using-directive: GoogleTest brings in the C++ library's own `abi`.
namespace minnow {
namespace {

using namespace minnow::test;

constexpr uint32_t kElements = 16;

class AddContext : public DeviceContext {
public:
  explicit AddContext(const float *weights) : weights(weights) {}
  minnow_status run(const void *const *inputs, void *const *outputs,
                    const CallTimes *times, minnow_error *) override {
    for (uint32_t i = 0; i < kElements; ++i)
      static_cast<float *>(outputs[0])[i] =
          static_cast<const float *>(inputs[0])[i] + weights[i];
    if (times)
      times->callTook(times->self, 0, 12.5);
    return MINNOW_STATUS_OK;
  }

private:
  const float *weights;
};

class AddProgram : public DeviceProgram {
public:
  explicit AddProgram(std::string_view bytes) : bytes(bytes) {}
  minnow_status createContext(std::unique_ptr<DeviceContext> &context,
                              minnow_error *) const override {
    context = std::make_unique<AddContext>(
        reinterpret_cast<const float *>(bytes.data()));
    return MINNOW_STATUS_OK;
  }
  const char *getDeviceName() const override { return "the adder"; }

private:
  std::string_view bytes;
};

const minnow_driver kAdder = {
    "adder", [] { return std::string("adder  in this test\n"); },
    [](const Package &package, const Description &, const char *which,
       std::unique_ptr<DeviceProgram> &program,
       minnow_error *error) -> minnow_status {
      std::string_view bytes;
      if (*which)
        return fail(error, MINNOW_STATUS_UNSUPPORTED, "there is no adder %s",
                    which);
      if (minnow_status status = package.find("weights", 64, bytes, error))
        return status;
      if (bytes.size() != kElements * sizeof(float))
        return fail(error, MINNOW_STATUS_BAD_FILE, "wrong weights");
      program = std::make_unique<AddProgram>(bytes);
      return MINNOW_STATUS_OK;
    },
    nullptr};

std::string buildDescription(const char *target) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<uint32_t> dims = {kElements};
  std::vector<flatbuffers::Offset<abi::Tensor>> tensors = {
      abi::CreateTensorDirect(builder, "x", abi::DataType::F32, &dims)};
  std::vector<flatbuffers::Offset<abi::Call>> calls = {
      abi::CreateCallDirect(builder, 0, "layer", 1)};
  std::vector<flatbuffers::Offset<abi::EntryPoint>> entries = {
      abi::CreateEntryPointDirect(builder, "main", &tensors, &tensors, 0, 0, 64,
                                  &calls)};
  std::vector<flatbuffers::Offset<abi::Kernel>> kernels = {
      abi::CreateKernelDirect(builder, "add", 16, 192, false)};
  std::vector<flatbuffers::Offset<flatbuffers::String>> requirements;
  builder.Finish(abi::CreateProgramDirect(builder, MINNOW_ABI_VERSION, "net",
                                          target, &requirements, &kernels,
                                          &entries, 64, "test"),
                 abi::ProgramIdentifier());
  return {reinterpret_cast<const char *>(builder.GetBufferPointer()),
          builder.GetSize()};
}

std::string buildPackage(const char *target = "adder") {
  const std::string description = buildDescription(target);
  float weights[kElements];
  for (uint32_t i = 0; i < kElements; ++i)
    weights[i] = float(i) / 4;
  const std::string_view bytes(reinterpret_cast<const char *>(weights),
                               sizeof(weights));
  return abi::writePackage({{"description", description, 16},
                            {"other", "12345", 256},
                            {"weights", bytes, 64}});
}

/// What is said of the file, "" if it loads and adds rightly.
std::string tryPackage(const std::string &content, const char *device = "") {
  const TemporaryFile file(content);
  Session session;
  minnow_error error = {};
  if (session.open(file.path.c_str(), 1, &error, device)) {
    EXPECT_EQ(std::strchr(error.message, '\n'), nullptr);
    EXPECT_GT(std::strlen(error.message), 10u);
    return error.message;
  }
  static_cast<float *>(session.input(0))[3] = 1;
  double elapsed = 0;
  EXPECT_EQ(session.run(elapsed, nullptr), MINNOW_STATUS_OK);
  EXPECT_EQ(static_cast<const float *>(session.output(0))[3], 1.75f);
  EXPECT_EQ(static_cast<const float *>(session.output(0))[15], 3.75f);
  return "";
}

void expectFault(const std::string &content, const std::string &part,
                 const char *device = "") {
  const std::string message = tryPackage(content, device);
  EXPECT_NE(message.find(part), std::string::npos)
      << "message: '" << message << "', expected: '" << part << "'";
}

class PackageTest : public testing::Test {
protected:
  PackageTest() { minnow_add_driver(&kAdder); }

  /// The package with `change` done to its header and table, which are then
  /// summed up anew.
  template <typename Change> std::string changed(Change change) {
    std::string file = buildPackage();
    auto &header = *reinterpret_cast<abi::PackageHeader *>(&file[0]);
    auto *table = reinterpret_cast<abi::PackageSection *>(&file[32]);
    change(header, table);
    // More sections than the file holds are refused before their checksum.
    if (32 + header.sections * sizeof(*table) <= file.size())
      header.checksum = abi::checksumOf(header, table);
    return file;
  }
};

using Header = abi::PackageHeader;
using Section = abi::PackageSection;

TEST_F(PackageTest, RunsOnItsDevice) {
  EXPECT_EQ(tryPackage(buildPackage()), "");
  EXPECT_EQ(tryPackage(buildPackage(), "adder"), "");
  EXPECT_NE(deviceList().find("adder  in this test"), std::string::npos);
  expectFault(buildPackage(), "no adder 7", "adder:7");
  expectFault(buildPackage(), "cannot run on 'cpu'", "cpu");
  expectFault(buildPackage("gpu"), "runs only 'cpu', 'adder'");
}

TEST_F(PackageTest, GivesTheTimesOfItsCalls) {
  const TemporaryFile file(buildPackage());
  Session session;
  ASSERT_EQ(session.open(file.path.c_str(), 1, nullptr), MINNOW_STATUS_OK);
  double sum = 0, elapsed = 0;
  minnow_context_time(
      session.context(),
      [](void *self, uint32_t, double us) {
        *static_cast<double *>(self) += us;
      },
      &sum);
  ASSERT_EQ(session.run(elapsed, nullptr), MINNOW_STATUS_OK);
  minnow_context_time(session.context(), nullptr, nullptr);
  ASSERT_EQ(session.run(elapsed, nullptr), MINNOW_STATUS_OK);
  EXPECT_EQ(sum, 12.5);
}

TEST_F(PackageTest, SaysWhatIsWrong) {
  expectFault(buildPackage().substr(0, 20), "cut off");
  expectFault(buildPackage().substr(0, buildPackage().size() - 1), "its size");
  expectFault(changed([](Header &h, Section *) { h.version = 9; }),
              "version 9, this runtime reads 1");
  expectFault(changed([](Header &h, Section *) { h.sections = 65; }),
              "number of its sections");
  expectFault(changed([](Header &, Section *s) { s[1].alignment = 48; }),
              "no power of two");
  expectFault(changed([](Header &, Section *s) { s[1].offset += 256; }),
              "outside of the file or over another");
  expectFault(changed([](Header &, Section *s) { s[2].bytes = 1 << 30; }),
              "outside of the file");
  expectFault(changed([](Header &, Section *s) { s[2].checksum ^= 1; }),
              "section's checksum");
  expectFault(changed([](Header &, Section *s) { s[2].name[0] = 'W'; }),
              "no section 'weights'");
  expectFault(changed([](Header &, Section *s) { s[2].bytes -= 4; }),
              "section's checksum");
  std::string flipped = buildPackage();
  flipped[12] = 4;
  expectFault(flipped, "checksum of its header");
}

/// One file: flips of bits, a cut, or bytes over others.
std::string mutate(std::string file, std::mt19937 &random) {
  switch (random() % 3) {
  case 0:
    for (unsigned i = 0; i <= random() % 3; ++i)
      file[random() % file.size()] ^= char(1 << random() % 8);
    break;
  case 1:
    file.resize(random() % file.size());
    break;
  default:
    for (unsigned i = 0, at = random() % file.size(); i < 16; ++i)
      file[(at + i) % file.size()] = char(random());
  }
  return file;
}

TEST_F(PackageTest, MutatedFilesAreRefused) {
  const std::string good = buildPackage();
  std::mt19937 random(7);
  for (int round = 0; round < 1000; ++round) {
    const std::string file = mutate(good, random);
    EXPECT_EQ(tryPackage(file).empty(), file == good) << "round " << round;
  }
}

} // namespace
} // namespace minnow
