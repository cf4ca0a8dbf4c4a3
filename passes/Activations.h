//===- Activations.h - activations of numbers -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of mobile.activate in double, for tables.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_ACTIVATIONS_H
#define MINNOW_PASSES_ACTIVATIONS_H

#include "dialects/mobile/Mobile.h"

namespace minnow {

double evaluateActivation(mobile::Activation activation, double x);

} // namespace minnow

#endif // MINNOW_PASSES_ACTIVATIONS_H
