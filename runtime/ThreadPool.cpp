//===- ThreadPool.cpp - runs the tasks of one kernel call
//-------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Why a claim is safe: it decrements a ticket only while that holds the
// generation the worker has seen and a count above zero. The caller writes the
// next job after all tasks of this one are done, hence claimed; so a worker
// that read any field of a later job holds a ticket that no longer compares
// equal. Nobody waits for a worker that has claimed nothing.
//===----------------------------------------------------------------------===//
#include "runtime/ThreadPool.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace minnow {
namespace {

/// Long enough to bridge the gaps between the kernels of a network, short
/// enough that an idle pool costs nothing worth mentioning.
constexpr std::chrono::microseconds kSpinTime(50);

void futexWait(std::atomic<uint32_t> &word, uint32_t seen) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAIT_PRIVATE,
          seen, nullptr, nullptr, 0);
}

void futexWake(std::atomic<uint32_t> &word, uint32_t waiters) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAKE_PRIVATE,
          waiters, nullptr, nullptr, 0);
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

} // namespace

std::unique_ptr<ThreadPool> ThreadPool::create(uint32_t count,
                                               minnow_error *error) {
  std::unique_ptr<ThreadPool> pool(new (std::nothrow) ThreadPool(count));
  if (pool && pool->start())
    return pool;
  fail(error, MINNOW_STATUS_NO_RESOURCES,
       "cannot start %u threads: ask for fewer", count);
  return nullptr;
}

ThreadPool::ThreadPool(uint32_t count) {
  interface.self = this;
  interface.count = count;
  interface.parallel_for = [](void *self, uint32_t tasks, minnow_task fn,
                              void *closure) {
    static_cast<ThreadPool *>(self)->parallelFor(tasks, fn, closure);
  };
  hasCores = availableCores() >= count;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof(cores), &cores);
}

uint32_t ThreadPool::availableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
}

bool ThreadPool::start() {
  shares.reset(new (std::nothrow) Share[count()]);
  if (!shares)
    return false;
  // Workers keep their address: each is handed to its thread.
  workers.reserve(count() - 1);
  for (uint32_t thread = 1; thread < count(); ++thread) {
    workers.push_back({this, thread, {}});
    auto entry = [](void *argument) -> void * {
      auto *worker = static_cast<Worker *>(argument);
      worker->pool->work(worker->thread);
      return nullptr;
    };
    Worker &worker = workers.back();
    if (pthread_create(&worker.handle, nullptr, entry, &worker) != 0) {
      workers.pop_back();
      return false;
    }
  }
  return true;
}

ThreadPool::~ThreadPool() {
  stopping.store(true);
  epoch.fetch_add(1);
  futexWake(epoch, kMaxThreads);
  for (Worker &worker : workers)
    pthread_join(worker.handle, nullptr);
}

void ThreadPool::parallelFor(uint32_t tasks, minnow_task fn, void *closure) {
  if (tasks <= 1 || count() == 1) {
    for (uint32_t task = 0; task < tasks; ++task)
      fn(closure, task, 0);
    return;
  }
  publish(tasks, fn, closure);
  drain(0);
  waitForOthers();
}

/// The first task of a thread's share.
uint32_t ThreadPool::firstTask(uint32_t tasks, uint32_t thread) const {
  return static_cast<uint32_t>(uint64_t(tasks) * thread / count());
}

void ThreadPool::publish(uint32_t tasks, minnow_task fn, void *closure) {
  jobFn.store(fn, std::memory_order_relaxed);
  jobClosure.store(closure, std::memory_order_relaxed);
  jobTasks.store(tasks, std::memory_order_relaxed);
  pending.store(tasks, std::memory_order_relaxed);
  noteCore(0);
  const uint64_t generation =
      (shares[0].ticket.load(std::memory_order_relaxed) >> 32) + 1;
  for (uint32_t i = 0; i < count(); ++i)
    shares[i].ticket.store(generation << 32 |
                               (firstTask(tasks, i + 1) - firstTask(tasks, i)),
                           std::memory_order_release);
  // Sequentially consistent against `parked` in waitForEpoch: either this sees
  // the worker parked, or the worker sees the new epoch.
  epoch.fetch_add(1);
  if (parked.load() > 0)
    futexWake(epoch, std::min(tasks - 1, count() - 1));
}

/// A thread's own share, then what the others have left.
void ThreadPool::drain(uint32_t thread) {
  uint32_t done = 0;
  for (uint32_t i = 0; i < count(); ++i) {
    const uint32_t owner = (thread + i) % count();
    done += drainShare(owner, thread);
  }
  if (done)
    finish(done);
}

/// Returns how many tasks it did.
uint32_t ThreadPool::drainShare(uint32_t owner, uint32_t thread) {
  std::atomic<uint64_t> &ticket = shares[owner].ticket;
  uint32_t done = 0;
  uint64_t seen = ticket.load(std::memory_order_acquire);
  while (const uint32_t left = static_cast<uint32_t>(seen)) {
    const minnow_task fn = jobFn.load(std::memory_order_relaxed);
    void *closure = jobClosure.load(std::memory_order_relaxed);
    const uint32_t tasks = jobTasks.load(std::memory_order_relaxed);
    if (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
      continue;
    fn(closure, firstTask(tasks, owner + 1) - left, thread);
    ++done;
    seen = ticket.load(std::memory_order_acquire);
  }
  return done;
}

void ThreadPool::finish(uint32_t done) {
  if (pending.fetch_sub(done) == done && callerParked.load())
    futexWake(pending, 1);
}

void ThreadPool::waitForOthers() {
  if (spin([&] { return pending.load(std::memory_order_acquire) == 0; }))
    return;
  callerParked.store(true);
  while (const uint32_t left = pending.load())
    futexWait(pending, left);
  callerParked.store(false);
}

void ThreadPool::work(uint32_t thread) {
  while (true) {
    // Read before draining: a job published after the last look at the ticket
    // has then moved the epoch, and is not slept through.
    const uint32_t seen = epoch.load();
    if (stopping.load())
      return;
    if (hasCores)
      keepApart(thread);
    drain(thread);
    waitForEpoch(seen);
  }
}

void ThreadPool::noteCore(uint32_t thread) {
  std::atomic<int> &core = shares[thread].core;
  const int now = sched_getcpu();
  if (core.load(std::memory_order_relaxed) != now)
    core.store(now, std::memory_order_relaxed);
}

/// Leaves a core that a thread of a smaller number is on. Schedulers that pack
/// threads to save power let two of them wait for each other on one core while
/// others are idle.
void ThreadPool::keepApart(uint32_t thread) {
  noteCore(thread);
  const int mine = shares[thread].core.load(std::memory_order_relaxed);
  bool isShared = false;
  for (uint32_t i = 0; i < thread; ++i)
    isShared |= shares[i].core.load(std::memory_order_relaxed) == mine;
  if (!isShared)
    return;
  cpu_set_t free = cores;
  for (uint32_t i = 0; i < thread; ++i)
    if (const int taken = shares[i].core.load(std::memory_order_relaxed);
        taken >= 0 && taken < CPU_SETSIZE)
      CPU_CLR(taken, &free);
  // Else the system says where the thread runs.
  if (sched_setaffinity(0, sizeof(free), &free) == 0)
    noteCore(thread);
}

void ThreadPool::waitForEpoch(uint32_t seen) {
  if (spin([&] { return epoch.load(std::memory_order_acquire) != seen; }))
    return;
  parked.fetch_add(1);
  while (epoch.load() == seen)
    futexWait(epoch, seen);
  parked.fetch_sub(1);
}

template <typename Done> bool ThreadPool::spin(Done done) const {
  // With fewer cores than threads, spinning keeps off the core just the thread
  // that is waited for.
  const auto end = std::chrono::steady_clock::now() +
                   (hasCores ? kSpinTime : kSpinTime.zero());
  do {
    for (int i = 0; i < 16; ++i) {
      if (done())
        return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

} // namespace minnow
