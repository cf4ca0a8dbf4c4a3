//===- ThreadPoolTest.cpp - the tasks of a kernel call
//----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every task once, results visible, thread indices exclusive, over many jobs of
// changing size so that late workers meet later jobs.
//===----------------------------------------------------------------------===//
#include "runtime/ThreadPool.h"
#include "runtime/Session.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <numeric>
#include <unistd.h>

using namespace minnow;
using namespace minnow::test;

namespace {

struct Job {
  std::vector<uint32_t> runs;
  std::vector<std::atomic<int>> busy;
  std::atomic<int> clashes{0};
  uint32_t salt = 0;

  Job(uint32_t tasks, uint32_t threads) : runs(tasks), busy(threads) {}

  static void run(void *self, uint32_t task, uint32_t thread) {
    Job &job = *static_cast<Job *>(self);
    job.clashes += job.busy.at(thread).exchange(1);
    // Not atomic on purpose: each task is one thread's, and the pool must make
    // it visible to the caller.
    job.runs.at(task) += job.salt;
    job.busy[thread] = 0;
  }
};

class Pool : public testing::TestWithParam<uint32_t> {};

TEST_P(Pool, RunsEachTaskOnce) {
  const auto pool = ThreadPool::create(GetParam(), nullptr);
  ASSERT_TRUE(pool);
  for (uint32_t round = 0; round < 5000; ++round) {
    const uint32_t tasks = round % 37;
    Job job(tasks, pool->count());
    job.salt = round + 1;
    pool->parallelFor(tasks, Job::run, &job);
    ASSERT_EQ(std::accumulate(job.runs.begin(), job.runs.end(), 0u),
              tasks * job.salt);
    for (uint32_t runs : job.runs)
      ASSERT_EQ(runs, job.salt);
    ASSERT_EQ(job.clashes, 0);
  }
}

TEST_P(Pool, WakesParkedWorkers) {
  const auto pool = ThreadPool::create(GetParam(), nullptr);
  ASSERT_TRUE(pool);
  for (int round = 0; round < 20; ++round) {
    Job job(64, pool->count());
    job.salt = 1;
    pool->abi()->parallel_for(pool->abi()->self, 64, Job::run, &job);
    EXPECT_EQ(std::accumulate(job.runs.begin(), job.runs.end(), 0u), 64u);
    usleep(2000); // longer than workers spin
  }
}

TEST_P(Pool, CallerWaitsForSlowTasks) {
  const auto pool = ThreadPool::create(GetParam(), nullptr);
  ASSERT_TRUE(pool);
  std::atomic<int> done{0};
  auto slow = [](void *self, uint32_t, uint32_t) {
    usleep(3000);
    ++*static_cast<std::atomic<int> *>(self);
  };
  pool->parallelFor(7, slow, &done);
  EXPECT_EQ(done, 7);
}

TEST_P(Pool, EndsWithoutHavingWorked) {
  EXPECT_TRUE(ThreadPool::create(GetParam(), nullptr));
}

INSTANTIATE_TEST_SUITE_P(Threads, Pool, testing::Values(1, 2, 3, 4));

TEST(UseThreads, RunsTheTasksThere) {
  Session session;
  ASSERT_EQ(session.open(built("fixture-good.so").c_str(), 1, nullptr),
            MINNOW_STATUS_OK);
  uint32_t seen = 0;
  const minnow_threads counting = {
      &seen, 1, [](void *self, uint32_t tasks, minnow_task fn, void *closure) {
        *static_cast<uint32_t *>(self) += tasks;
        for (uint32_t task = 0; task < tasks; ++task)
          fn(closure, task, 0);
      }};
  double elapsed = 0;
  ASSERT_EQ(minnow_context_use_threads(session.context(), &counting, nullptr),
            MINNOW_STATUS_OK);
  ASSERT_EQ(session.run(elapsed, nullptr), MINNOW_STATUS_OK);
  EXPECT_EQ(seen, 6u);
  minnow_context_use_threads(session.context(), nullptr, nullptr);
  ASSERT_EQ(session.run(elapsed, nullptr), MINNOW_STATUS_OK);
  EXPECT_EQ(seen, 6u);
}

TEST(UseThreads, RefusesMoreThanTheContextHas) {
  Session session;
  ASSERT_EQ(session.open(built("fixture-good.so").c_str(), 1, nullptr),
            MINNOW_STATUS_OK);
  const auto pool = ThreadPool::create(2, nullptr);
  minnow_error error = {};
  EXPECT_EQ(minnow_context_use_threads(session.context(), pool->abi(), &error),
            MINNOW_STATUS_BAD_ARGUMENT);
  EXPECT_STREQ(error.message,
               "2 threads given to a context that was made for 1 to 1");
}

} // namespace
