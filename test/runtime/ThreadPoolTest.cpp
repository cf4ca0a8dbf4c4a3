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

/// Tasks that each wait until as many are running as there are threads.
struct Meeting {
  std::vector<std::atomic<int>> firstTask, core; // by thread
  std::atomic<uint32_t> running{0};

  explicit Meeting(uint32_t threads) : firstTask(threads), core(threads) {
    for (auto &first : firstTask)
      first = -1;
  }

  static void run(void *self, uint32_t task, uint32_t thread) {
    auto &meeting = *static_cast<Meeting *>(self);
    int none = -1;
    meeting.firstTask[thread].compare_exchange_strong(none, int(task));
    for (++meeting.running; meeting.running < meeting.firstTask.size();)
      usleep(1);
    meeting.core[thread] = sched_getcpu();
  }
};

TEST_P(Pool, BeginsWithRunsOfNeighbours) {
  const auto pool = ThreadPool::create(GetParam(), nullptr);
  ASSERT_TRUE(pool);
  for (uint32_t tasks : {12u, 13u}) {
    Meeting meeting(pool->count());
    pool->parallelFor(tasks, Meeting::run, &meeting);
    for (uint32_t i = 0; i < pool->count(); ++i)
      EXPECT_EQ(uint32_t(meeting.firstTask[i]), tasks * i / pool->count());
  }
}

TEST(KeepsApart, FromTheCallersCore) {
  if (ThreadPool::availableCores() < 2)
    GTEST_SKIP() << "one core only";
  const auto pool = ThreadPool::create(2, nullptr);
  ASSERT_TRUE(pool);
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  int worker = -1;
  for (int round = 0; round < 3; ++round) {
    Meeting meeting(2);
    pool->parallelFor(2, Meeting::run, &meeting);
    EXPECT_NE(meeting.core[1], worker);
    // The caller goes to where the worker is, which has to leave.
    worker = meeting.core[1];
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(worker, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  }
  sched_setaffinity(0, sizeof(all), &all);
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
