//===- TunedSchedules.h - measured schedules as data ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A table from kernels to schedules for one machine, as JSON:
//
//   {"machine": "znver4", "schedules": {
//     "conv2d_1x14x14x96_1x14x14x192-0a1b2c3d":
//       "<rows 4, strip 1, [<7 by 3, pixels_outer>]>"}}
//
// A key is the kernel's description and a hash of its region. The tables of
// targets/cpu/schedules are part of the compiler; `minnow compile --tune FILE`
// makes others.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_TUNEDSCHEDULES_H
#define MINNOW_TARGETS_CPU_TUNEDSCHEDULES_H

#include "dialects/mobile/Mobile.h"
#include "targets/cost/Cost.h"
#include "llvm/Support/Error.h"
#include <map>
#include <string>

namespace minnow::cpu {

class TunedSchedules {
public:
  explicit TunedSchedules(std::string machine = "")
      : machine(std::move(machine)) {}

  /// Reads a table. Bad JSON is an error that says what was expected.
  static llvm::Expected<TunedSchedules> parse(llvm::StringRef json);
  std::string print() const;

  const std::string &getMachine() const { return machine; }
  /// Null where the table has none for `kernel`, or one that does not fit it.
  mobile::ScheduleAttr lookup(mobile::KernelOp kernel) const;
  void insert(mobile::KernelOp kernel, mobile::ScheduleAttr schedule);

private:
  std::string machine;
  std::map<std::string, std::string> schedules;
};

/// The compiler's own table for `machine`, empty if there is none.
const TunedSchedules &getBuiltInSchedules(const cost::Machine &machine);

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_TUNEDSCHEDULES_H
