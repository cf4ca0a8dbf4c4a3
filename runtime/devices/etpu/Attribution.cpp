//===- Attribution.cpp - whose each cycle of a run is ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Attribution.h"

using namespace minnow;
using namespace minnow::etpu;

namespace {

/// The engines by who is asked first.
constexpr Engine kOrder[kEngines] = {Engine::Matrix, Engine::Depthwise,
                                     Engine::Vector, Engine::DmaIn,
                                     Engine::DmaOut};

/// What an engine does, from one time to the next.
class Lane {
public:
  void add(const Event &event) { events.push_back(event); }
  /// The event at `time` or the next one; null behind the last.
  const Event *advance(uint64_t time) {
    while (next < events.size() && events[next].end <= time)
      ++next;
    return next < events.size() ? &events[next] : nullptr;
  }

private:
  std::vector<Event> events;
  size_t next = 0;
};

} // namespace

std::vector<CallCycles> etpu::attributeCycles(const Stream &stream,
                                              const RunReport &report,
                                              size_t calls) {
  std::vector<CallCycles> cycles(calls);
  Lane lanes[kEngines];
  for (const Event &event : report.events)
    if (event.end > event.start)
      lanes[unsigned(getEngine(stream.steps[event.step].op.code))].add(event);
  size_t last = 0; // call
  for (uint64_t time = 0, next; time < report.cycles; time = next) {
    next = report.cycles;
    const Event *owner = nullptr, *following = nullptr;
    Engine engine = Engine::Matrix;
    for (Engine each : kOrder) {
      const Event *event = lanes[unsigned(each)].advance(time);
      if (!event)
        continue;
      bool isAtWork = event->start <= time;
      next = std::min(next, isAtWork ? event->end : event->start);
      if (isAtWork && !owner) {
        owner = event;
        engine = each;
      }
      if (!isAtWork && (!following || event->start < following->start))
        following = event;
    }
    if (const Event *event = owner ? owner : following)
      last = stream.steps[event->step].call;
    if (last < calls)
      (owner ? cycles[last].byEngine[unsigned(engine)] : cycles[last].idle) +=
          next - time;
  }
  return cycles;
}
