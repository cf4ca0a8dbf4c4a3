//===- LoaderTest.cpp - loading and running a program
//-----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The hand-made network runs on any number of threads; what is no program gives
// one clear line.
//===----------------------------------------------------------------------===//
#include "runtime/Session.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace minnow;
using namespace minnow::test;

namespace {

std::string loadError(const std::string &path) {
  minnow_model *model = nullptr;
  minnow_error error = {};
  if (minnow_model_load(path.c_str(), &model, &error) == MINNOW_STATUS_OK)
    minnow_model_free(model);
  EXPECT_EQ(std::strchr(error.message, '\n'), nullptr);
  return error.message;
}

void expectLoadError(const std::string &path, const std::string &part) {
  const std::string message = loadError(path);
  EXPECT_NE(message.find(part), std::string::npos)
      << "message: '" << message << "', expected: '" << part << "'";
}

TEST(Loader, DescribesTheProgram) {
  Session session;
  minnow_error error = {};
  ASSERT_EQ(session.open(built("fixture-good.so").c_str(), 2, &error),
            MINNOW_STATUS_OK)
      << error.message;
  const minnow_model_info info = minnow_model_describe(session.model());
  EXPECT_STREQ(info.name, "fixture");
  EXPECT_STREQ(info.compiler, "by hand");
  EXPECT_EQ(info.calls, 2u);
  EXPECT_EQ(info.weights_bytes, 48u);
  EXPECT_EQ(minnow_context_workspace_bytes(session.context()), 64u + 2 * 64u);
  ASSERT_EQ(session.inputs().size(), 1u);
  EXPECT_STREQ(session.inputs()[0].layout, "nchw");
  EXPECT_EQ(session.inputs()[0].bytes, 48u);
  ASSERT_EQ(session.outputs().size(), 2u);
  EXPECT_EQ(session.outputs()[1].rank, 0u);
  EXPECT_EQ(session.outputs()[1].elements, 1u);
  minnow_kernel_info kernel;
  ASSERT_EQ(minnow_model_kernel(session.model(), 1, &kernel), MINNOW_STATUS_OK);
  EXPECT_TRUE(kernel.is_reference);
  EXPECT_EQ(minnow_model_kernel(session.model(), 2, &kernel),
            MINNOW_STATUS_BAD_ARGUMENT);
  minnow_preprocessing_info how;
  ASSERT_EQ(minnow_model_preprocessing(session.model(), &how),
            MINNOW_STATUS_OK);
  EXPECT_EQ(how.resize, 4u);
}

TEST(Loader, RunsOnAnyNumberOfThreads) {
  for (uint32_t threads : {1, 2, 3, 4}) {
    Session session;
    ASSERT_EQ(session.open(built("fixture-good.so").c_str(), threads, nullptr),
              MINNOW_STATUS_OK);
    auto *image = static_cast<float *>(session.input(0));
    for (int i = 0; i < 12; ++i)
      image[i] = float(i);
    for (int round = 0; round < 100; ++round) {
      double elapsed = 0;
      ASSERT_EQ(session.run(elapsed, nullptr), MINNOW_STATUS_OK);
      const auto *scores = static_cast<const float *>(session.output(0));
      for (int i = 0; i < 12; ++i)
        ASSERT_EQ(scores[i], float(i * (i + 1)));
      ASSERT_EQ(*static_cast<const float *>(session.output(1)), 572.0f);
    }
  }
}

TEST(Loader, CallsTheProfilerInOrder) {
  Session session;
  ASSERT_EQ(session.open(built("fixture-good.so").c_str(), 2, nullptr),
            MINNOW_STATUS_OK);
  std::vector<uint32_t> calls;
  minnow_context_profile(
      session.context(),
      [](void *self, uint32_t call) {
        static_cast<std::vector<uint32_t> *>(self)->push_back(call);
      },
      &calls);
  double elapsed = 0;
  ASSERT_EQ(session.run(elapsed, nullptr), MINNOW_STATUS_OK);
  EXPECT_EQ(calls, (std::vector<uint32_t>{0, 1}));
}

TEST(Loader, BadPointersAreRefused) {
  Session session;
  ASSERT_EQ(session.open(built("fixture-good.so").c_str(), 1, nullptr),
            MINNOW_STATUS_OK);
  minnow_error error = {};
  EXPECT_EQ(minnow_context_run(session.context(), nullptr, nullptr, &error),
            MINNOW_STATUS_BAD_ARGUMENT);
  EXPECT_STREQ(error.message, "the pointer of input 'image' is null or not "
                              "aligned to 4 bytes");
  const void *inputs[] = {static_cast<char *>(session.input(0)) + 1};
  EXPECT_EQ(minnow_context_run(session.context(), inputs, nullptr, nullptr),
            MINNOW_STATUS_BAD_ARGUMENT);
}

TEST(Loader, TooManyThreadsAreRefused) {
  Session session;
  minnow_error error = {};
  EXPECT_EQ(session.open(built("fixture-good.so").c_str(), 100000, &error),
            MINNOW_STATUS_BAD_ARGUMENT);
  EXPECT_STREQ(error.message, "100000 threads asked for, 256 is the most");
}

TEST(Loader, FilesThatAreNoProgram) {
  expectLoadError("/nonexistent/x.so",
                  "cannot open '/nonexistent/x.so': No such file");
  expectLoadError("/tmp", "'/tmp' is not a regular file");
  const TemporaryFile empty;
  expectLoadError(empty.path, "is an empty file");
  const TemporaryFile text("hello, world\n");
  expectLoadError(text.path, "is no compiled network");
  const TemporaryFile archive("!<arch>\n...");
  expectLoadError(archive.path, "is an archive");
  expectLoadError(fixture("photo.png"), "is no compiled network");
}

TEST(Loader, LibrariesThatAreNoProgram) {
  expectLoadError(built("fixture-no-query.so"),
                  "a shared library but not one of Minnow's");
  expectLoadError(built("fixture-other-abi.so"), "another ABI version");
  expectLoadError(built("fixture-cut.so"),
                  "description is corrupt: it is not a whole FlatBuffer");
}

TEST(Loader, TruncatedAndForeignLibraries) {
  const std::string whole = readFile(built("fixture-good.so"));
  ASSERT_GT(whole.size(), 4096u);
  for (size_t size : {size_t(5), size_t(63), size_t(64), size_t(4096),
                      whole.size() / 2, whole.size() - 1}) {
    const TemporaryFile cut(whole.substr(0, size));
    expectLoadError(cut.path, "truncated");
  }
  std::string foreign = whole;
  foreign[18] = char(164); // e_machine: Hexagon
  foreign[19] = 0;
  const TemporaryFile other(foreign);
  expectLoadError(other.path, "another machine (ELF machine 164)");
  std::string relocatable = whole;
  relocatable[16] = 1; // e_type: ET_REL
  const TemporaryFile object(relocatable);
  expectLoadError(object.path, "an object file");
}

TEST(Loader, ErrorIsOptional) {
  minnow_model *model = nullptr;
  EXPECT_EQ(minnow_model_load("/nonexistent", &model, nullptr),
            MINNOW_STATUS_BAD_FILE);
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(minnow_model_load(nullptr, nullptr, nullptr),
            MINNOW_STATUS_BAD_ARGUMENT);
}

} // namespace
