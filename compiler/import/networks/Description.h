//===- Description.h - a network as data ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contents of models/NAME.json; models/README.md has the schema.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_NETWORKS_DESCRIPTION_H
#define MINNOW_COMPILER_IMPORT_NETWORKS_DESCRIPTION_H

#include "compiler/import/Faults.h"
#include "compiler/import/HostTensor.h"
#include "dialects/mobile/Mobile.h"

namespace minnow::importer {

struct Layer {
  enum class Kind { Convolution, Linear, GlobalAveragePool, SqueezeExcite };
  Kind kind;
  int64_t in = 0, out = 0, kernel = 1, stride = 1, groups = 1;
  /// state_dict keys; `norm` is the prefix of four. Empty where there is none.
  std::string weight, bias, norm;
  mobile::Activation activation = mobile::Activation::None;
  /// SqueezeExcite: from the average to the factors.
  std::vector<Layer> excite;

  bool isDepthwise() const { return groups > 1; }
  /// The shape of `weight` in the state_dict.
  Shape weightShape() const;
};

/// What a block of kind mqa has besides; models/README.md has its meaning.
struct Attention {
  int64_t in = 0, heads = 1;
  /// Prefix of the batch norm before all branches; empty where there is none.
  std::string norm;
  std::vector<Layer> query, key, value, output;
};

struct Block {
  std::string kind;
  int64_t out = 0;
  bool residual = false;
  std::string layerScale;
  /// Empty if there is attention instead.
  std::vector<Layer> layers;
  std::optional<Attention> attention;
};

struct Preprocessing {
  int64_t resize = 0;
  std::string interpolation;
  std::vector<double> mean, std;
};

struct Description {
  std::string name;
  Shape input;
  double epsilon = 0;
  bool samePadding = false;
  std::optional<Preprocessing> preprocessing;
  std::vector<Block> blocks;

  /// Key and shape of every tensor of the state_dict, in order.
  std::vector<std::pair<std::string, Shape>> tensors() const;
};

/// The suffixes that follow the prefix of a batch norm: scale, offset, mean and
/// variance.
constexpr llvm::StringLiteral normSuffixes[] = {"weight", "bias",
                                                "running_mean", "running_var"};

/// The description of the network `name` in `directory`, or of the file `name`
/// if it ends in .json. Adds a fault that lists the known names if there is
/// none.
mlir::FailureOr<Description> readDescription(llvm::StringRef directory,
                                             llvm::StringRef name,
                                             Faults &faults);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_NETWORKS_DESCRIPTION_H
