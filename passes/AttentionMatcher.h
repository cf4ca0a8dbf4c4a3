//===- AttentionMatcher.h - attention among products ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention is two products of computed matrices around a softmax. What lies
// between them and the maps they come from is read as views (View.h), so the
// exporter's choice of reshapes and transposes, which product is transposed and
// where the scale stands make no difference.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_ATTENTIONMATCHER_H
#define MINNOW_PASSES_ATTENTIONMATCHER_H

#include "passes/FoldWeights.h"
#include "passes/View.h"

namespace minnow {

/// An operand of a product: [prefix.., rows, columns]. The product sums over
/// its columns if it is the left one, over its rows if it is the right one.
struct ProductOperand {
  TracedView traced;
  bool isLhs = true;

  llvm::ArrayRef<Digits> getPrefix() const {
    return llvm::ArrayRef(traced.view.dims).drop_back(2);
  }
  const Digits &getSummed() const { return getDim(isLhs ? 1 : 2); }
  const Digits &getFree() const { return getDim(isLhs ? 2 : 1); }

private:
  const Digits &getDim(size_t fromEnd) const {
    return traced.view.dims[traced.view.dims.size() - fromEnd];
  }
};

/// Recognises the attention whose second product is given, and writes it.
class AttentionMatcher {
public:
  AttentionMatcher(mobile::MatmulOp product, FoldWeights &weights)
      : second(product), weights(weights) {}

  /// Whether it is one. If not, the reason says why; it is empty where there is
  /// no softmax before the product at all.
  bool match();
  llvm::StringRef getReason() const { return why; }

  /// Writes the attention before the insertion point and gives what replaces
  /// the product.
  mlir::Value write(mlir::OpBuilder &builder);

private:
  bool fail(const llvm::Twine &reason);
  bool walkBack(mlir::Value operand);
  std::optional<double> getFactor(mlir::Operation *op);
  bool findProducts();
  bool findKeys();
  ProductOperand read(mobile::MatmulOp product, bool lhs, bool scaled);
  bool placeHeads();
  void placeRest();
  View getLogits() const;
  bool followWeights();
  bool checkValues();

  mobile::MatmulOp first, second;
  FoldWeights &weights;
  std::string why;

  /// What lies between the products, in order of dataflow, and which operand of
  /// the second it becomes.
  llvm::SmallVector<mlir::Operation *> chain;
  bool weightsAreLhs = true;
  bool queryIsLhs = true;
  double scale = 1;

  ProductOperand query, key, value;
  /// The query's digits by their meaning: heads with keys of their own, heads
  /// that share keys, positions.
  Digits keyHeads, sharingHeads, positions;
  /// The dimensions of `second`'s operand of weights.
  View attended;
};

} // namespace minnow

#endif // MINNOW_PASSES_ATTENTIONMATCHER_H
