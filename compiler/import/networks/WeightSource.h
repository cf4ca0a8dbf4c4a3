//===- WeightSource.h - where a named network's weights come from -*- C++ -*-=//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trained weights from a file, or numbers from a seed for tests.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_NETWORKS_WEIGHTSOURCE_H
#define MINNOW_COMPILER_IMPORT_NETWORKS_WEIGHTSOURCE_H

#include "compiler/import/Faults.h"
#include "compiler/import/HostTensor.h"

namespace minnow::importer {

/// Keys and shapes as in a framework's state_dict.
using TensorList = std::vector<std::pair<std::string, Shape>>;

class WeightSource {
public:
  virtual ~WeightSource() = default;

  /// Adds faults unless the source has exactly the tensors `wanted`.
  virtual llvm::LogicalResult check(const TensorList &wanted) = 0;

  /// The floats of a tensor that check() has seen.
  virtual HostTensor read(llvm::StringRef key,
                          llvm::ArrayRef<int64_t> shape) = 0;
};

/// Opens what --weights says: a .safetensors file or "random:SEED".
mlir::FailureOr<std::unique_ptr<WeightSource>>
openWeights(llvm::StringRef weights, Faults &faults);

/// The tensor of `key` by the formula of models/README.md; nothing if no rule
/// of it fits the key and shape.
std::optional<HostTensor>
seededTensor(llvm::StringRef key, llvm::ArrayRef<int64_t> shape, uint64_t seed);

/// The file of trained weights at `path`, opened and checked.
mlir::FailureOr<std::unique_ptr<WeightSource>>
openSafetensors(llvm::StringRef path, Faults &faults);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_NETWORKS_WEIGHTSOURCE_H
