//===- Schedule.cpp - over the engines, with tokens -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What depends on what follows from the memory that instructions touch. List
// scheduling with the machine's cycles gives each engine its order. Tokens come
// last, like registers: an instruction waits for the last instruction of
// another engine that it depends on, unless its engine has waited for that one
// already. So the tokens of a pair of engines are given and taken in the same
// order, and one counting semaphore for each pair is enough.
//===----------------------------------------------------------------------===//
#include "targets/etpu/Schedule.h"
#include <map>
#include <set>

using namespace minnow;
using namespace minnow::etpu;

namespace {

/// Finds the earlier tasks that a task must come after.
class Dependences {
public:
  void visit(uint32_t task, const Operation &op,
             std::vector<uint32_t> &predecessors) {
    visitRegions(op, [&](const Region &region) {
      if (region.begin < region.end &&
          (unsigned(region.space) < unsigned(Space::Dram) || region.isWrite))
        touch(task, region, predecessors);
    });
    std::sort(predecessors.begin(), predecessors.end());
    predecessors.erase(std::unique(predecessors.begin(), predecessors.end()),
                       predecessors.end());
  }

private:
  /// A piece of memory between neighbouring boundaries.
  struct Piece {
    int64_t writer = -1;
    std::vector<uint32_t> readers; // since it was written
  };
  std::map<uint64_t, Piece> spaces[kSpaces];

  /// Makes `at` a boundary.
  static std::map<uint64_t, Piece>::iterator
  split(std::map<uint64_t, Piece> &pieces, uint64_t at) {
    if (pieces.empty())
      pieces[0];
    auto next = pieces.lower_bound(at);
    if (next != pieces.end() && next->first == at)
      return next;
    return pieces.emplace_hint(next, at, std::prev(next)->second);
  }

  void touch(uint32_t task, const Region &region,
             std::vector<uint32_t> &predecessors) {
    auto &pieces = spaces[unsigned(region.space)];
    auto first = split(pieces, region.begin), last = split(pieces, region.end);
    for (auto it = first; it != last; ++it) {
      Piece &piece = it->second;
      if (piece.writer >= 0 && piece.writer != task)
        predecessors.push_back(piece.writer);
      if (!region.isWrite) {
        if (piece.readers.empty() || piece.readers.back() != task)
          piece.readers.push_back(task);
        continue;
      }
      for (uint32_t reader : piece.readers)
        if (reader != task)
          predecessors.push_back(reader);
      piece.readers.clear();
      piece.writer = task;
    }
    // What was written as one needs no boundaries inside.
    if (region.isWrite && first != last)
      pieces.erase(std::next(first), last);
  }
};

/// When each task begins, if engines take what is ready in the given order.
class ListScheduler {
public:
  ListScheduler(const Machine &machine, const std::vector<Task> &tasks,
                const std::vector<std::vector<uint32_t>> &predecessors)
      : machine(machine), tasks(tasks), predecessors(predecessors) {}

  /// The tasks in the order of their starts.
  std::vector<uint32_t> run();
  uint64_t getCycles() const {
    return done.empty() ? 0 : *std::max_element(done.begin(), done.end());
  }

private:
  struct Queue {
    std::set<uint32_t> tasks;                      // all predecessors begun
    std::set<std::pair<uint64_t, uint32_t>> times; // the same by readiness
    uint64_t free = 0;

    void insert(uint32_t task, uint64_t time) {
      tasks.insert(task);
      times.insert({time, task});
    }
  };

  void release(uint32_t task);

  const Machine &machine;
  const std::vector<Task> &tasks;
  const std::vector<std::vector<uint32_t>> &predecessors;
  std::vector<uint64_t> ready, done;
  Queue queues[kEngines];
};

} // namespace

void ListScheduler::release(uint32_t task) {
  unsigned engine = unsigned(getEngine(tasks[task].op.code));
  uint64_t prepare = getCost(machine, tasks[task].op).prepare;
  uint64_t time = 0;
  for (uint32_t before : predecessors[task]) {
    uint64_t end = done[before];
    // Weights must be there a little earlier.
    if (getEngine(tasks[before].op.code) == Engine::DmaIn)
      end += prepare;
    time = std::max(time, end);
  }
  ready[task] = time;
  queues[engine].insert(task, time);
}

std::vector<uint32_t> ListScheduler::run() {
  std::vector<std::vector<uint32_t>> successors(tasks.size());
  std::vector<uint32_t> missing(tasks.size());
  ready.assign(tasks.size(), 0);
  done.assign(tasks.size(), 0);
  for (uint32_t task = 0; task < tasks.size(); ++task) {
    missing[task] = predecessors[task].size();
    for (uint32_t before : predecessors[task])
      successors[before].push_back(task);
    if (!missing[task])
      release(task);
  }
  std::vector<uint32_t> order;
  uint64_t dramFree = 0;
  while (order.size() < tasks.size()) {
    uint64_t best = ~uint64_t(0);
    unsigned chosen = 0;
    for (unsigned engine = 0; engine < kEngines; ++engine) {
      Queue &queue = queues[engine];
      if (queue.tasks.empty())
        continue;
      uint64_t time = std::max(queue.free, queue.times.begin()->first);
      if (Engine(engine) <= Engine::DmaOut)
        time = std::max(time, dramFree);
      if (time < best) {
        best = time;
        chosen = engine;
      }
    }
    // The earliest in the reference order of those that are ready by then.
    Queue &queue = queues[chosen];
    uint32_t task = 0;
    for (uint32_t candidate : queue.tasks)
      if (ready[candidate] <= best) {
        task = candidate;
        break;
      }
    queue.tasks.erase(task);
    queue.times.erase({ready[task], task});
    Cost cost = getCost(machine, tasks[task].op);
    queue.free = best + cost.busy;
    if (Engine(chosen) <= Engine::DmaOut)
      dramFree = queue.free;
    done[task] = queue.free + cost.latency;
    order.push_back(task);
    for (uint32_t next : successors[task])
      if (--missing[next] == 0)
        release(next);
  }
  return order;
}

namespace {

/// Gives the tasks, in the order of the stream, their tokens.
void addTokens(std::vector<Task> &tasks, const std::vector<uint32_t> &order,
               const std::vector<std::vector<uint32_t>> &predecessors) {
  std::vector<uint32_t> position(tasks.size()); // among those of its engine
  uint32_t counts[kEngines] = {};
  int64_t waited[kEngines][kEngines]; // [by][for]
  for (auto &row : waited)
    std::fill(row, row + kEngines, -1);
  for (uint32_t task : order) {
    Instruction &code = tasks[task].op.code;
    unsigned engine = unsigned(getEngine(code));
    position[task] = counts[engine]++;
    int64_t last[kEngines];
    uint32_t giver[kEngines];
    std::fill(last, last + kEngines, -1);
    for (uint32_t before : predecessors[task]) {
      unsigned other = unsigned(getEngine(tasks[before].op.code));
      if (int64_t(position[before]) > last[other]) {
        last[other] = position[before];
        giver[other] = before;
      }
    }
    for (unsigned other = 0; other < kEngines; ++other) {
      if (other == engine || last[other] <= waited[engine][other])
        continue;
      waited[engine][other] = last[other];
      code.waits |= 1u << other;
      tasks[giver[other]].op.code.signals |= 1u << engine;
    }
  }
}

/// Writes slots; descriptors stay in registers as long as there are enough.
class SlotWriter {
public:
  void add(Task &task) {
    Instruction &code = task.op.code;
    ++turn;
    switch (code.opcode) {
    case Opcode::Load:
    case Opcode::Store:
    case Opcode::DwConv:
    case Opcode::Pool:
      code.a = getRegister(task.op.a, task.call);
      break;
    case Opcode::Conv:
      code.a = getRegister(task.op.a, task.call);
      if (code.flags & kFlagStationary)
        code.b = getRegister(task.op.b, task.call);
      break;
    case Opcode::Requant:
      code.a = getRegister(task.op.a, task.call);
      if (code.flags & kFlagAddend)
        code.b = getRegister(task.op.b, task.call);
      if (code.flags & (kFlagBytes | kFlagRows))
        code.c = getRegister(task.op.c, task.call);
      break;
    case Opcode::Lookup:
    case Opcode::Scale:
      code.a = getRegister(task.op.a, task.call);
      code.b = getRegister(task.op.b, task.call);
      break;
    case Opcode::RowMax:
      code.c = getRegister(task.op.c, task.call);
      break;
    case Opcode::Exp:
      code.a = getRegister(task.op.a, task.call);
      code.c = getRegister(task.op.c, task.call);
      break;
    default:
      break;
    }
    addInstruction(code, task.call);
  }

  Slots finish() {
    Instruction halt;
    halt.kernelHeight = halt.kernelWidth = halt.stride = 0;
    halt.engine = Engine::DmaIn;
    addInstruction(halt, 0);
    return std::move(slots);
  }

private:
  struct Register {
    Descriptor tensor;
    uint64_t lastTurn = 0;
    bool isSet = false;
  };
  Register registers[kRegisters];
  uint64_t turn = 0;
  Slots slots;

  void addSlot(const void *bytes, uint16_t call) {
    slots.code.append(static_cast<const char *>(bytes), kSlotBytes);
    slots.calls.append(reinterpret_cast<const char *>(&call), sizeof call);
  }

  void addInstruction(const Instruction &code, uint16_t call) {
    uint64_t words[2];
    encode(code, words);
    addSlot(words, call);
  }

  uint8_t getRegister(const Descriptor &tensor, uint16_t call) {
    unsigned oldest = 0;
    for (unsigned i = 0; i < kRegisters; ++i) {
      if (registers[i].isSet &&
          std::memcmp(&registers[i].tensor, &tensor, sizeof tensor) == 0) {
        registers[i].lastTurn = turn;
        return i;
      }
      if (registers[i].lastTurn < registers[oldest].lastTurn)
        oldest = i;
    }
    registers[oldest] = {tensor, turn, true};
    Instruction set;
    set.opcode = Opcode::SetD;
    set.engine = Engine::DmaIn;
    set.kernelHeight = set.kernelWidth = set.stride = 0;
    set.a = oldest;
    addInstruction(set, call);
    const char *bytes = reinterpret_cast<const char *>(&tensor);
    addSlot(bytes, call);
    addSlot(bytes + kSlotBytes, call);
    return oldest;
  }
};

} // namespace

Slots etpu::schedule(const Machine &machine, std::vector<Task> tasks) {
  std::vector<std::vector<uint32_t>> predecessors(tasks.size());
  Dependences dependences;
  for (uint32_t task = 0; task < tasks.size(); ++task)
    dependences.visit(task, tasks[task].op, predecessors[task]);
  ListScheduler scheduler(machine, tasks, predecessors);
  std::vector<uint32_t> order = scheduler.run();
  addTokens(tasks, order, predecessors);
  SlotWriter writer;
  for (uint32_t task : order)
    writer.add(tasks[task]);
  Slots slots = writer.finish();
  slots.cycles = scheduler.getCycles();
  return slots;
}
