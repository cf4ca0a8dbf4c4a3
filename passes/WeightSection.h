//===- WeightSection.h - the packed weights of a program --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One run of bytes that holds every weight of a program in the layouts that its
// kernels want, each weight once a layout.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_WEIGHTSECTION_H
#define MINNOW_PASSES_WEIGHTSECTION_H

#include "dialects/mobile/Mobile.h"
#include "llvm/ADT/MapVector.h"

namespace minnow {

/// Where a weight lies in its section, and what shape it has there.
struct PackedWeight {
  uint64_t offset;
  mlir::MemRefType type;
};

class WeightSection {
public:
  WeightSection(mlir::ModuleOp module, uint64_t alignment)
      : symbols(module), alignment(alignment) {}

  /// The place of the weight that `get` reads in `layout` (null: row-major), a
  /// multiple of the alignment. Reports a weight without numbers.
  llvm::FailureOr<PackedWeight> add(mobile::GetWeightOp get,
                                    mobile::LayoutAttr layout);

  uint64_t getBytes() const { return bytes; }

  /// Packs all that was added into one `mobile.weight` of i8 named `name` at
  /// the end of the module.
  void emit(llvm::StringRef name, mlir::Location location);

private:
  mlir::SymbolTable symbols;
  // By weight and layout, in the order of their offsets.
  llvm::MapVector<std::pair<mlir::Operation *, mobile::LayoutAttr>,
                  PackedWeight>
      entries;
  uint64_t alignment, bytes = 0;
};

} // namespace minnow

#endif // MINNOW_PASSES_WEIGHTSECTION_H
