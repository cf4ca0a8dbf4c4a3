//===- ProductRounding.h - weights of products to 8 bits --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The second half of the quantizer: all maps have their types, and with them
// the sums their scales.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_PRODUCTROUNDING_H
#define MINNOW_PASSES_PRODUCTROUNDING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/FilterRounding.h"
#include "passes/IntegerWeights.h"
#include "passes/Quantize.h"

namespace minnow {

/// Rounds the filters of a network's products, and makes their biases and
/// offsets numbers of the sums.
class ProductRounding {
public:
  ProductRounding(mlir::func::FuncOp network,
                  const QuantizationOptions &options,
                  const Calibration *calibration)
      : network(network), options(options), calibration(calibration),
        builder(network.getContext()) {}

  /// Adds a product whose input is of 8 bits. With `isUnrounded` its result
  /// becomes a sum, to which `offsets`, if not null, adds a weight.
  void add(mlir::Operation *op, bool isUnrounded, mobile::AddOp offsets);
  size_t getNumProducts() const { return products.size(); }

  /// Reads the weights, rounds all filters at once, and writes them. Weights
  /// that are not finite are diagnosed.
  mlir::LogicalResult run();

private:
  struct Product {
    mlir::Operation *op;
    bool isUnrounded;
    mobile::AddOp offsets;
    std::vector<float> filter, bias, offset; // in f32
    RoundedFilter rounded;
    const Product *source; // of a depthwise one: what makes its input

    unsigned getChannels() const;
  };

  mlir::LogicalResult read(IntegerWeights &weights);
  void findSources();
  std::vector<float> getMostFactors(const Product &product) const;
  void round(Product &product);
  void freeNames();
  mlir::Type makeFilterType(const Product &product) const;
  void writeFilter(const Product &product, IntegerWeights &weights);
  void writeBias(const Product &product, llvm::StringRef filterName,
                 llvm::ArrayRef<double> scales, IntegerWeights &weights);
  void write(const Product &product, IntegerWeights &weights);

  mlir::func::FuncOp network;
  const QuantizationOptions &options;
  const Calibration *calibration;
  mlir::OpBuilder builder;
  std::vector<Product> products;
};

} // namespace minnow

#endif // MINNOW_PASSES_PRODUCTROUNDING_H
