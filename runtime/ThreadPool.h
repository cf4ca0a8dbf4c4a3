//===- ThreadPool.h - runs the tasks of one kernel call
//---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A network is some fifty kernel calls of 10-500 us each, so handing out tasks
// must cost well below a microsecond, and a worker that the system has taken
// off its core must hold up nobody: the others do its tasks. Each thread begins
// with a run of neighbours of its own, the same share of each kernel, so that
// it finds in its core's caches what it has written. Workers spin for a bounded
// time, then park.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_THREADPOOL_H
#define MINNOW_RUNTIME_THREADPOOL_H

#include "runtime/Error.h"
#include "runtime/abi/minnow_abi.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <pthread.h>
#include <sched.h>
#include <vector>

namespace minnow {

/// `count` threads, the caller of parallelFor being number 0. One caller at a
/// time; tasks must not call parallelFor. Allocates only when made.
class ThreadPool {
public:
  static constexpr uint32_t kMaxThreads = 256;

  /// Makes a pool of `count` threads, 1 <= count <= kMaxThreads. Null, with
  /// `error` filled, when the system gives no more threads.
  static std::unique_ptr<ThreadPool> create(uint32_t count,
                                            minnow_error *error);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// Calls fn(closure, task, thread) once for each task below `tasks`, and
  /// returns when all are done. What tasks have written is then visible to the
  /// caller.
  void parallelFor(uint32_t tasks, minnow_task fn, void *closure);

  uint32_t count() const { return interface.count; }

  /// This pool as compiled programs see it; lives as long as the pool.
  const minnow_threads *abi() const { return &interface; }

  /// Cores that this process may run on.
  static uint32_t availableCores();

private:
  struct Worker {
    ThreadPool *pool;
    uint32_t thread;
    pthread_t handle;
  };

  /// The tasks that a thread begins with.
  struct alignas(64) Share {
    // Generation of the job (upper half) and tasks not yet claimed (lower
    // half), in one word so that a claim for a past generation fails.
    std::atomic<uint64_t> ticket{0};
    // The core that the thread was last seen on.
    std::atomic<int> core{-1};
  };

  explicit ThreadPool(uint32_t count);
  bool start();
  void publish(uint32_t tasks, minnow_task fn, void *closure);
  void drain(uint32_t thread);
  uint32_t drainShare(uint32_t owner, uint32_t thread);
  uint32_t firstTask(uint32_t tasks, uint32_t thread) const;
  void noteCore(uint32_t thread);
  void keepApart(uint32_t thread);
  void finish(uint32_t done);
  void waitForOthers();
  void work(uint32_t thread);
  void waitForEpoch(uint32_t seen);
  template <typename Done> bool spin(Done done) const;

  minnow_threads interface;
  cpu_set_t cores; // that the pool may run on
  bool hasCores;   // one for each thread
  std::vector<Worker> workers;

  // The job. Written only while no task is left to claim; a worker that comes
  // late may read a mixture, but can then no longer claim with it.
  std::atomic<minnow_task> jobFn{nullptr};
  std::atomic<void *> jobClosure{nullptr};
  std::atomic<uint32_t> jobTasks{0};

  std::unique_ptr<Share[]> shares; // by thread
  // Tasks not yet done; a futex for the caller.
  alignas(64) std::atomic<uint32_t> pending{0};
  std::atomic<bool> callerParked{false};
  // Counts publications; a futex for the workers.
  alignas(64) std::atomic<uint32_t> epoch{0};
  std::atomic<uint32_t> parked{0};
  std::atomic<bool> stopping{false};
};

} // namespace minnow

#endif // MINNOW_RUNTIME_THREADPOOL_H
