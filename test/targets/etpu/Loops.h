//===- Loops.h - a network of bytes by plain loops --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiled programs are compared with: every layer in full, in the
// fixed form, from no code of the compiler or the simulator but the last
// steps of the arithmetic (runtime/abi/etpu.h).
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_ETPU_LOOPS_H
#define MINNOW_TEST_TARGETS_ETPU_LOOPS_H

#include "targets/etpu/Network.h"

namespace minnow::etpu {

/// [row][column][channel].
using Map = std::vector<int8_t>;

/// All maps of a network with one input, by tensor.
std::vector<Map> evaluate(const Network &network, const Map &input);

} // namespace minnow::etpu

#endif // MINNOW_TEST_TARGETS_ETPU_LOOPS_H
