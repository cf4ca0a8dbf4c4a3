//===- FoldWeights.h - reading and rewriting weight blobs -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the patterns of fold know about weights. A weight is never changed:
// folding makes a new one beside it, so one that is used twice may be folded in
// two ways; `finish` erases those that nobody uses any more and gives their
// names to what was made of them.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_FOLDWEIGHTS_H
#define MINNOW_PASSES_FOLDWEIGHTS_H

#include "dialects/mobile/Mobile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include <vector>

namespace minnow {

class FoldWeights {
public:
  explicit FoldWeights(mlir::ModuleOp module) : symbols(module) {}

  /// The weight whose value `value` is; null if it is something else.
  mobile::WeightOp lookup(mlir::Value value) const;

  /// The numbers of the f32 weight `value`, row-major. Fails on any other
  /// value, and with a diagnostic on a weight whose numbers were not printed.
  mlir::FailureOr<std::vector<float>> read(mlir::Value value);

  /// Makes a weight of `numbers` and gives its value before the insertion point
  /// of `builder`. It is called `name`, with a suffix while that name is taken.
  mlir::Value create(mlir::OpBuilder &builder, mlir::Location location,
                     llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<float> numbers);

  /// As `create`, with the numbers of `weight` under another shape; both share
  /// the blob.
  mlir::Value createReshaped(mlir::OpBuilder &builder, mlir::Location location,
                             mobile::WeightOp weight,
                             llvm::ArrayRef<int64_t> shape);

  /// The name of what belongs to a filter: "a.weight" and "bias" -> "a.bias".
  std::string getNameBeside(mobile::WeightOp filter,
                            llvm::StringRef suffix) const;

  /// Reports once that the numbers of `weight` are no good.
  void reportError(mobile::WeightOp weight, const llvm::Twine &message);
  bool hasErrors() const { return !faulty.empty(); }

  /// Erases unused weights; then names each new weight like the one that it
  /// replaced, where that is gone.
  void finish();

private:
  mlir::Value add(mlir::OpBuilder &builder, mlir::Location location,
                  llvm::StringRef name, mlir::DenseResourceElementsAttr value);
  llvm::StringRef getWantedName(llvm::StringRef name) const;
  void eraseUnused();

  mlir::SymbolTable symbols;
  /// The weights made here in order, and the name that each wants to have.
  std::vector<mobile::WeightOp> created;
  llvm::StringMap<std::string> wantedNames;
  llvm::DenseSet<mlir::Operation *> faulty;
};

} // namespace minnow

#endif // MINNOW_PASSES_FOLDWEIGHTS_H
