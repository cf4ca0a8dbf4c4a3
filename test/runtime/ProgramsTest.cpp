//===- ProgramsTest.cpp - minnow-run and minnow-bench as users call them
//----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exit codes and messages: 0 done, 1 the request is at fault, 2 a comparison
// failed.
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <sys/wait.h>

using namespace minnow;
using namespace minnow::test;

namespace {

struct Result {
  int code;
  std::string text; // both streams
};

Result call(const std::string &command) {
  FILE *pipe = popen((PROGRAMS "/" + command + " 2>&1").c_str(), "r");
  Result result = {-1, ""};
  char buffer[4096];
  while (size_t count = fread(buffer, 1, sizeof(buffer), pipe))
    result.text.append(buffer, count);
  const int status = pclose(pipe);
  if (WIFEXITED(status))
    result.code = WEXITSTATUS(status);
  return result;
}

void expectCall(const std::string &command, int code, const std::string &part) {
  const Result result = call(command);
  EXPECT_EQ(result.code, code) << command << "\n" << result.text;
  EXPECT_NE(result.text.find(part), std::string::npos)
      << command << "\n"
      << result.text << "expected: " << part;
  if (code == 1) {
    EXPECT_EQ(result.text.find("error: "), 0u) << result.text;
    EXPECT_EQ(result.text.find('\n'), result.text.size() - 1) << result.text;
  }
}

/// An array file of the given floats.
class ArrayFile : public TemporaryFile {
public:
  ArrayFile(const std::vector<uint64_t> &shape,
            const std::vector<float> &values) {
    EXPECT_EQ(
        writeNpy(path.c_str(), MINNOW_TYPE_F32, shape, values.data(), nullptr),
        MINNOW_STATUS_OK);
  }
};

const std::string kModel = built("fixture-good.so");
const std::string kPhoto = fixture("photo.png");

class Run : public testing::Test {
protected:
  const ArrayFile ones{{1, 3, 2, 2}, std::vector<float>(12, 1.0f)};
  const ArrayFile scores{{1, 12}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  const ArrayFile off{{1, 12}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12.01f}};
  const ArrayFile sum{{}, {78}};
  const std::string command = "minnow-run " + kModel;
  const std::string onOnes = command + " --input " + ones.path;
};

TEST_F(Run, ComparesWithWhatIsExpected) {
  expectCall(onOnes + " --expect " + scores.path + " " + sum.path, 0,
             "error 0, tolerance 0.0001: same");
  expectCall(onOnes + " --threads 3 --expect " + off.path + " " + sum.path, 2,
             "DIFFERENT");
  expectCall(onOnes + " --tolerance 0.01 --expect " + off.path + " " + sum.path,
             0, "same");
}

TEST_F(Run, SavesOutputs) {
  const TemporaryFile first, second;
  expectCall(onOnes + " --output " + first.path + " " + second.path, 0,
             "fixture: ");
  EXPECT_EQ(readFile(first.path), readFile(scores.path));
  EXPECT_EQ(readFile(second.path), readFile(sum.path));
}

TEST_F(Run, PrintsClassesOfAPhoto) {
  const TemporaryFile saved;
  expectCall(command + " --image " + kPhoto + " --top 3 --save-input " +
                 saved.path,
             0, " %");
  NpyArray array;
  ASSERT_EQ(readNpy(saved.path.c_str(), array, nullptr), MINNOW_STATUS_OK);
  EXPECT_EQ(array.shape, (std::vector<uint64_t>{1, 3, 2, 2}));
  const TemporaryFile labels("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nlast one\n");
  expectCall(onOnes + " --labels " + labels.path, 0, "  11  last one");
  const TemporaryFile few("a\nb\n");
  expectCall(onOnes + " --labels " + few.path, 1,
             "names 2 classes, and the network has 12");
}

TEST_F(Run, NamesWhatIsWrongWithTheRequest) {
  expectCall("minnow-run", 1, "which network?");
  expectCall(command, 1, "either --input x.npy or --image");
  expectCall(command + " --bogus", 1, "--bogus");
  expectCall(onOnes + " --device gpu", 1, "unknown device 'gpu'");
  expectCall(onOnes + " --threads 1000", 1, "256 is the most");
  expectCall(onOnes + " --threads -1", 1, "--threads");
  expectCall(onOnes + " --tolerance nan", 1, "--tolerance");
  expectCall(onOnes + " --expect " + sum.path, 1,
             "names 1 files, and the network has 2");
  expectCall(command + " --input " + scores.path, 1,
             "has shape (1, 12), and 'image' has (1, 3, 2, 2)");
  expectCall(command + " --input " + kPhoto, 1, "is no .npy file");
  expectCall(command + " --image " + ones.path, 1, "neither a JPEG nor a PNG");
  expectCall("minnow-run " + kPhoto + " --input x", 1, "no compiled network");
  expectCall(onOnes + " --output /nonexistent/a /nonexistent/b", 1,
             "cannot write '/nonexistent/a'");
}

TEST_F(Run, ListsDevicesAndHelp) {
  expectCall("minnow-run --devices", 0, "cpu  ");
  expectCall("minnow-run --help", 0, "--save-input");
}

TEST(BenchProgram, PrintsTextAndJson) {
  const std::string command =
      "minnow-bench " + kModel + " --iterations 5 --warmup 1 --profile ";
  expectCall(command, 0, "scale, stem");
  expectCall(command + "--json --threads 2", 0, "\"p90_ms\": ");
  expectCall(command + "--json", 0, "\"roofline_share\": ");
  expectCall("minnow-bench " + kPhoto, 1, "no compiled network");
  expectCall("minnow-bench " + kModel + " --iterations 0", 1, "--iterations");
}

TEST(BenchProgram, WritesATrace) {
  const TemporaryFile file;
  const std::string command =
      "minnow-bench " + kModel + " --iterations 1 --threads 2 --trace ";
  expectCall(command + file.path, 0, "fixture on cpu");
  const std::string trace = readFile(file.path);
  for (const char *part :
       {"\"traceEvents\":[", "\"name\":\"inference 4\"",
        "\"name\":\"thread 1\"", "\"args\":{\"layer\":\"stem\",\"task\":5}"})
    EXPECT_NE(trace.find(part), std::string::npos) << part << "\n" << trace;
  expectCall(command + "/nonexistent/a", 1, "cannot write '/nonexistent/a'");
}

} // namespace
