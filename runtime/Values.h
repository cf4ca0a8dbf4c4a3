//===- Values.h - numbers in and out of a network
//---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between a tensor's stored form and real numbers, and what is asked of
// results: error, probabilities, the largest.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_VALUES_H
#define MINNOW_RUNTIME_VALUES_H

#include "runtime/minnow.h"

#include <vector>

namespace minnow {

/// The real numbers that `elements` stored at `data` mean. A scale of 0 means
/// that integers are what they are.
std::vector<float> toFloats(minnow_type type, float scale, int32_t zeroPoint,
                            uint64_t elements, const void *data);
std::vector<float> toFloats(const minnow_tensor_info &tensor, const void *data);

/// Stores `values` (tensor.elements) at `data` in the tensor's form, integers
/// rounded to nearest even and clamped.
void fromFloats(const std::vector<float> &values,
                const minnow_tensor_info &tensor, void *data);

/// max |ours - reference| / max |reference|, or the plain difference for a
/// reference of zeros. Infinite when either holds a NaN or an infinity, so that
/// no tolerance lets it pass. Equal lengths.
double relativeError(const std::vector<float> &ours,
                     const std::vector<float> &reference);

/// exp(x) / sum exp(x), computed so that it does not overflow.
std::vector<float> softmax(const std::vector<float> &logits);

/// Indices of the `count` largest values, largest first, equal ones in order.
std::vector<uint32_t> largest(const std::vector<float> &values, uint32_t count);

} // namespace minnow

#endif // MINNOW_RUNTIME_VALUES_H
