//===- NpyFuzzer.cpp - the reader of .npy under the fuzzer ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is read is whole: as many bytes as shape and type say.
//===----------------------------------------------------------------------===//
#include "runtime/Description.h"
#include "runtime/Npy.h"
#include "test/fuzz/Support.h"

using namespace minnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  NpyArray array;
  minnow_error error = {};
  if (parseNpy(data, size, "input", array, &error)) {
    fuzz::checkMessage(error.message);
    return 0;
  }
  uint64_t bytes = bytesOf(array.type);
  for (uint64_t dim : array.shape)
    bytes *= dim;
  if (bytes != array.data.size())
    fuzz::fail("data is not of the shape", shapeText(array.shape));
  return 0;
}
