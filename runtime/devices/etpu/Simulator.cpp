//===- Simulator.cpp - EX1b, cycle by cycle -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Discrete events. Of all that could happen next (the sequencer dispatches, an
// engine begins its first instruction) the earliest is done; what is not yet
// known to be possible depends on something later, so the order is that of
// time. An instruction takes effect when it begins: this is exact, because one
// that begins while another still works on the same memory is refused.
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Simulator.h"

#include <deque>

using namespace minnow;
using namespace minnow::etpu;

const char *etpu::getName(Stall stall) {
  static const char *const kNames[kStalls] = {
      "DMA in", "DMA out",   "matrix", "depthwise",
      "vector", "sequencer", "DRAM",   "weights"};
  return kNames[unsigned(stall)];
}

void Work::add(const Operation &op) {
  const Instruction &code = op.code;
  uint64_t channels =
      op.a.channelsOf(std::min<uint32_t>(code.block, op.a.blocks - 1u));
  switch (code.opcode) {
  case Opcode::LoadW:
    dramBytes[unsigned(Segment::Weights)] += code.length;
    return;
  case Opcode::LoadA:
    dramBytes[unsigned(Segment::Weights)] += uint64_t(code.block) * code.n * 4;
    return;
  case Opcode::Load:
  case Opcode::Store:
    dramBytes[code.flags & 3] +=
        getTensorBytes(op.a, {code.block, code.block + 1u});
    return;
  case Opcode::Conv:
    macs += getPositions(code, op.a) * getContraction(code, op.a) * code.n;
    return;
  case Opcode::DwConv:
    macs += getPositions(code, op.a) * code.kernelHeight * code.kernelWidth *
            channels;
    return;
  case Opcode::Requant:
  case Opcode::Lookup:
  case Opcode::Scale:
    vectorElements += uint64_t(op.a.rows) * op.a.columns * channels;
    return;
  case Opcode::Pool:
  case Opcode::Exp:
    vectorElements += uint64_t(op.a.rows) * op.a.columns * op.a.totalChannels();
    return;
  case Opcode::RowMax:
    vectorElements += uint64_t(op.c.rows) * op.c.columns *
                      ((code.block - 1u) * kMaxLanes + code.n);
    return;
  default:
    return;
  }
}
namespace {

constexpr uint64_t kNever = ~uint64_t(0);

/// When an instruction could begin, and what kept it from beginning earlier.
struct Start {
  uint64_t time = 0, prepare = 0;
  Stall cause = Stall::OnSequencer;

  void after(uint64_t limit, Stall why) {
    if (limit > time) {
      time = limit;
      cause = why;
    }
  }
};

class Simulation {
public:
  Simulation(const Machine &machine, const Stream &stream, Memory &memory,
             bool compute, RunReport &report)
      : machine(machine), stream(stream), memory(memory), compute(compute),
        report(report) {}

  minnow_status run(minnow_error *error);

private:
  struct Queue {
    struct Entry {
      uint32_t step;
      uint64_t dispatched;
    };
    std::deque<Entry> entries;
    uint64_t free = 0;   // the engine can begin the next instruction
    uint64_t shadow = 0; // its second set of weights can be loaded
  };
  /// A region that an instruction has in use until `done`.
  struct Use {
    Region region;
    Engine engine;
    uint64_t done;
    uint32_t slot;
  };

  uint64_t getDispatchTime();
  bool findStart(unsigned engine, Start &start) const;
  minnow_status begin(unsigned engine, const Start &start, minnow_error *error);
  void dispatch(uint64_t time);
  void fetch(uint64_t time);
  void takeTokens(const Instruction &code, unsigned engine);
  minnow_status checkHazards(const Step &step, const Start &start,
                             minnow_error *error);

  const Machine &machine;
  const Stream &stream;
  Memory &memory;
  const bool compute;
  RunReport &report;

  Queue queues[kEngines];
  std::deque<uint64_t> tokens[kEngines][kEngines]; // [from][to]
  std::vector<Use> uses;
  uint32_t next = 0; // to be dispatched
  uint64_t dispatched = 0;
  uint32_t dispatchedSlot = 0;
  uint64_t dramFree = 0;
  std::vector<uint64_t> pieces; // of the program: when each is there
};

} // namespace

/// Asks DRAM for the next piece of the program.
void Simulation::fetch(uint64_t time) {
  uint64_t from = pieces.size() * uint64_t(kFetchBytes);
  uint64_t total = uint64_t(stream.slots) * kSlotBytes;
  if (from >= total)
    return;
  uint64_t bytes = std::min<uint64_t>(kFetchBytes, total - from);
  Cost cost = getTransferCost(machine, bytes);
  dramFree = std::max(time, dramFree) + cost.busy;
  pieces.push_back(dramFree + cost.latency);
  report.programBytes += bytes;
}

/// When the sequencer can dispatch the next instruction; kNever if it is done
/// or has to wait for room in a queue.
uint64_t Simulation::getDispatchTime() {
  if (next == stream.steps.size())
    return kNever;
  const Step &step = stream.steps[next];
  if (step.op.code.opcode == Opcode::Halt)
    return kNever;
  Engine engine = getEngine(step.op.code);
  if (queues[unsigned(engine)].entries.size() >= machine.queueDepth)
    return kNever;
  uint32_t piece = uint64_t(step.slot) * kSlotBytes / kFetchBytes;
  while (pieces.size() <= piece)
    fetch(pieces.empty() ? 0 : pieces.back());
  uint64_t slots = next ? step.slot - dispatchedSlot : step.slot + 1;
  return std::max(dispatched + slots, pieces[piece]);
}

void Simulation::dispatch(uint64_t time) {
  const Step &step = stream.steps[next];
  // The piece after the one at work is asked for as soon as work on this
  // begins.
  uint32_t piece = uint64_t(step.slot) * kSlotBytes / kFetchBytes;
  if (pieces.size() == piece + 1)
    fetch(time);
  queues[unsigned(getEngine(step.op.code))].entries.push_back({next, time});
  dispatched = time;
  dispatchedSlot = step.slot;
  ++next;
}

/// Whether the first instruction of an engine's queue has all its tokens, and
/// when it could begin.
bool Simulation::findStart(unsigned engine, Start &start) const {
  const Queue &queue = queues[engine];
  if (queue.entries.empty())
    return false;
  const Operation &op = stream.steps[queue.entries.front().step].op;
  const Instruction &code = op.code;
  Cost cost = getCost(machine, op);
  start.time = queue.free;
  start.after(queue.entries.front().dispatched, Stall::OnSequencer);
  // Weights that come from DRAM are loaded as soon as that token is there; what
  // is in activation memory only with all the others.
  bool isStationary =
      code.opcode == Opcode::Conv && (code.flags & kFlagStationary);
  uint64_t weights = std::max(queue.shadow, queue.entries.front().dispatched);
  for (unsigned from = 0; from < kEngines; ++from) {
    if (!(code.waits >> from & 1))
      continue;
    if (tokens[from][engine].empty())
      return false;
    uint64_t time = tokens[from][engine].front();
    start.after(time, Stall(from));
    if (isStationary || Engine(from) == Engine::DmaIn)
      weights = std::max(weights, time);
  }
  start.prepare = weights;
  if (cost.prepare)
    start.after(weights + cost.prepare, Stall::OnWeights);
  if ((Engine(engine) == Engine::DmaIn || Engine(engine) == Engine::DmaOut) &&
      code.opcode != Opcode::Sync)
    start.after(dramFree, Stall::OnDram);
  return true;
}

minnow_status Simulation::checkHazards(const Step &step, const Start &start,
                                       minnow_error *error) {
  Engine engine = getEngine(step.op.code);
  // What ended long ago cannot meet an instruction's early loading of weights.
  const uint64_t kSlack = 1 << 16;
  uses.erase(std::remove_if(uses.begin(), uses.end(),
                            [&](const Use &use) {
                              return use.done + kSlack <= start.time;
                            }),
             uses.end());
  const Use *met = nullptr;
  bool prepares = getCost(machine, step.op).prepare != 0;
  visitRegions(step.op, [&](const Region &region) {
    uint64_t time = start.time;
    if (prepares && region.space == Space::Weight)
      time = start.prepare;
    for (const Use &use : uses)
      if (use.engine != engine && use.done > time &&
          (use.region.isWrite || region.isWrite) &&
          use.region.space == region.space && use.region.begin < region.end &&
          region.begin < use.region.end)
        met = &use;
  });
  if (met)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "instruction %u touches what instruction %u still works on; a "
                "token is missing",
                step.slot, met->slot);
  return MINNOW_STATUS_OK;
}

minnow_status Simulation::begin(unsigned engine, const Start &start,
                                minnow_error *error) {
  Queue &queue = queues[engine];
  uint32_t index = queue.entries.front().step;
  const Step &step = stream.steps[index];
  const Instruction &code = step.op.code;
  if (minnow_status status = checkHazards(step, start, error))
    return status;
  Cost cost = getCost(machine, step.op);
  uint64_t end = start.time + cost.busy, done = end + cost.latency;

  EngineReport &counts = report.engines[engine];
  counts.instructions++;
  counts.busy += cost.busy;
  counts.stalls[unsigned(start.cause)] += start.time - queue.free;
  report.cycles = std::max(report.cycles, done);
  report.events.push_back({index, start.time, end, done});
  report.add(step.op);

  for (unsigned from = 0; from < kEngines; ++from)
    if (code.waits >> from & 1)
      tokens[from][engine].pop_front();
  // Results of one engine count in the order of its instructions.
  for (unsigned to = 0; to < kEngines; ++to)
    if (code.signals >> to & 1)
      tokens[engine][to].push_back(done);
  visitRegions(step.op, [&](const Region &region) {
    uses.push_back({region, Engine(engine), done, step.slot});
  });
  if (Engine(engine) == Engine::DmaIn || Engine(engine) == Engine::DmaOut)
    dramFree = std::max(dramFree, end);
  queue.free = end;
  queue.shadow = end - cost.shadow;
  // The sequencer waited for room in this queue.
  if (queue.entries.size() == machine.queueDepth &&
      next < stream.steps.size() &&
      unsigned(getEngine(stream.steps[next].op.code)) == engine)
    dispatched = std::max(dispatched, start.time);
  queue.entries.pop_front();
  if (compute)
    execute(step.op, memory);
  return MINNOW_STATUS_OK;
}

minnow_status Simulation::run(minnow_error *error) {
  while (true) {
    uint64_t best = getDispatchTime();
    int chosen = -1; // the sequencer
    Start chosenStart;
    for (unsigned engine = 0; engine < kEngines; ++engine) {
      Start start;
      if (findStart(engine, start) && start.time < best) {
        best = start.time;
        chosen = int(engine);
        chosenStart = start;
      }
    }
    if (best == kNever)
      break;
    if (chosen < 0)
      dispatch(best);
    else if (minnow_status status = begin(chosen, chosenStart, error))
      return status;
  }
  uint32_t stuck = ~0u;
  for (const Queue &queue : queues)
    if (!queue.entries.empty())
      stuck = std::min(stuck, stream.steps[queue.entries.front().step].slot);
  if (stuck != ~0u)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "instruction %u waits for a token that never comes", stuck);
  return MINNOW_STATUS_OK;
}

minnow_status etpu::simulate(const Machine &machine, const Stream &stream,
                             Memory &memory, bool compute, RunReport &report,
                             minnow_error *error) {
  return Simulation(machine, stream, memory, compute, report).run(error);
}
