//===- NpyTest.cpp - numpy's array files
//------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What numpy writes is read, what is wrong is named, what is hostile is
// harmless.
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

using namespace minnow;
using namespace minnow::test;

namespace {

std::string npy(const std::string &header, const std::string &data,
                char major = 1) {
  std::string length(major == 1 ? 2 : 4, '\0');
  length[0] = char(header.size() & 0xff);
  length[1] = char(header.size() >> 8);
  return std::string("\x93NUMPY", 6) + major + '\0' + length + header + data;
}

std::string dictionary(const std::string &descr, const std::string &shape) {
  return "{'descr': '" + descr +
         "', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

std::string parseError(const std::string &file) {
  NpyArray array;
  minnow_error error = {};
  if (!parseNpy(reinterpret_cast<const uint8_t *>(file.data()), file.size(),
                "x.npy", array, &error))
    return "";
  return error.message;
}

void expectError(const std::string &file, const std::string &part) {
  const std::string message = parseError(file);
  EXPECT_NE(message.find(part), std::string::npos)
      << "message: '" << message << "', expected: '" << part << "'";
}

TEST(Npy, ReadsAllVersionsAndShapes) {
  for (char major : {1, 2, 3}) {
    EXPECT_EQ(parseError(npy(dictionary("<f4", "(2, 3)"), std::string(24, 'x'),
                             major)),
              "");
    EXPECT_EQ(parseError(npy(dictionary("|u1", "(5,)"), "hello", major)), "");
    EXPECT_EQ(parseError(npy(dictionary("|i1", "()"), "h", major)), "");
    EXPECT_EQ(parseError(npy(dictionary("<f4", "(0, 3)"), "", major)), "");
  }
}

TEST(Npy, WritesWhatItReads) {
  const float values[] = {1.5f, -2.0f, 3.25f, 0.0f, 5.0f, 6.0f};
  const TemporaryFile file;
  minnow_error error = {};
  ASSERT_EQ(
      writeNpy(file.path.c_str(), MINNOW_TYPE_F32, {1, 2, 3}, values, &error),
      MINNOW_STATUS_OK)
      << error.message;
  NpyArray array;
  ASSERT_EQ(readNpy(file.path.c_str(), array, &error), MINNOW_STATUS_OK);
  EXPECT_EQ(array.type, MINNOW_TYPE_F32);
  EXPECT_EQ(array.shape, (std::vector<uint64_t>{1, 2, 3}));
  ASSERT_EQ(array.data.size(), sizeof(values));
  EXPECT_EQ(std::memcmp(array.data.data(), values, sizeof(values)), 0);
  // The format wants data at a multiple of 64 bytes.
  EXPECT_EQ((readFile(file.path).size() - sizeof(values)) % 64, 0u);
}

TEST(Npy, NamesWhatIsUnsupported) {
  expectError(npy(dictionary("<f8", "(1,)"), std::string(8, 'x')),
              "type '<f8'; supported are <f4");
  expectError(npy(dictionary(">f4", "(1,)"), std::string(4, 'x')),
              "type '>f4'");
  expectError(
      npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd"),
      "Fortran order");
}

TEST(Npy, NamesWhatIsBroken) {
  expectError("", "no .npy file");
  expectError("this is text, and not short", "no .npy file");
  expectError(npy(dictionary("<f4", "(2, 3)"), "short"),
              "shape (2, 3) needs 24 bytes of data, it has 5");
  expectError(npy(dictionary("<f4", "(1,)"), "too long"), "needs 4 bytes");
  expectError(npy("{'descr': [('a', '<f4')], 'fortran_order': False, "
                  "'shape': (1,), }",
                  "abcd"),
              "header is not a dictionary");
  expectError(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, "
                  "'shape': (1,), }",
                  "abcd"),
              "header is not a dictionary");
}

TEST(Npy, SizesThatOverflowAreRefused) {
  expectError(npy(dictionary("<f4", "(4294967296, 4294967296)"), ""),
              "too many bytes");
  expectError(npy(dictionary("<f4", "(4611686018427387904,)"), ""),
              "too many bytes");
  expectError(npy(dictionary("<f4", "(99999999999999999999,)"), ""),
              "header is not a dictionary");
  expectError(npy(dictionary("<f4", "(-1,)"), ""), "header is not");
}

TEST(Npy, MutatedFilesDoNoHarm) {
  const std::string good =
      npy(dictionary("<f4", "(2, 3)"), std::string(24, '\1'));
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string file = good;
    for (unsigned i = 0; i <= random() % 4; ++i)
      file[random() % file.size()] = char(random());
    if (random() % 4 == 0)
      file.resize(random() % file.size());
    parseError(file);
  }
}

TEST(Npy, FilesThatCannotBeReadOrWritten) {
  NpyArray array;
  minnow_error error = {};
  EXPECT_EQ(readNpy("/nonexistent/x.npy", array, &error),
            MINNOW_STATUS_BAD_FILE);
  EXPECT_STREQ(error.message,
               "cannot open '/nonexistent/x.npy': No such file or directory");
  EXPECT_EQ(readNpy("/tmp", array, &error), MINNOW_STATUS_BAD_FILE);
  EXPECT_STREQ(error.message, "'/tmp' is not a regular file");
  EXPECT_EQ(writeNpy("/nonexistent/x.npy", MINNOW_TYPE_U8, {}, "x", &error),
            MINNOW_STATUS_BAD_FILE);
  EXPECT_STREQ(error.message,
               "cannot write '/nonexistent/x.npy': No such file or directory");
}

} // namespace
