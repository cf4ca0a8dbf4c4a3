//===- AllocationTest.cpp - nothing is allocated by an inference
//------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This executable's malloc counts. Sanitizers bring a malloc of their own, so
// the test does without under them.
//===----------------------------------------------------------------------===//
#include "runtime/Session.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS 0
#else
#define COUNTS_ALLOCATIONS 1
#endif

static std::atomic<uint64_t> allocations{0};

#if COUNTS_ALLOCATIONS
extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
  ++allocations;
  return __libc_realloc(block, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void **block, size_t alignment, size_t size) {
  ++allocations;
  *block = __libc_memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}
}
#endif

using namespace minnow;
using namespace minnow::test;

namespace {

TEST(Allocation, NoneDuringAnInference) {
  if (!COUNTS_ALLOCATIONS)
    GTEST_SKIP() << "the sanitizer's malloc does not count";
  const uint64_t start = allocations;
  std::free(std::malloc(100));
  ASSERT_GT(allocations, start) << "malloc is not this file's";
  for (uint32_t threads : {1, 3}) {
    Session session;
    ASSERT_EQ(session.open(built("fixture-good.so").c_str(), threads, nullptr),
              MINNOW_STATUS_OK);
    const uint64_t before = allocations;
    double elapsed = 0;
    int failures = 0;
    for (int round = 0; round < 200; ++round)
      failures += session.run(elapsed, nullptr) != MINNOW_STATUS_OK;
    EXPECT_EQ(allocations - before, 0u);
    EXPECT_EQ(failures, 0);
  }
}

} // namespace
