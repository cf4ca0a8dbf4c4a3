//===- CalibrationInputs.h - a folder of photos or arrays -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_CALIBRATIONINPUTS_H
#define MINNOW_COMPILER_CALIBRATIONINPUTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace minnow {

/// The inputs for a network with one input: each file of a folder, in the order
/// of their names. Photos (.jpg, .jpeg, .png) are prepared as the network's
/// `mobile.preprocessing` says, exactly as minnow-run does; an array (.npy)
/// holds f32 of the input's shape, or several of it along the first dimension.
class CalibrationInputs {
public:
  /// Errors: a folder that cannot be read, or without such files or with others
  /// than these; a network that this does not suit.
  static llvm::Expected<CalibrationInputs> create(llvm::StringRef directory,
                                                  mlir::func::FuncOp network);

  size_t getNumFiles() const { return paths.size(); }
  llvm::ArrayRef<std::string> getPaths() const { return paths; }

  /// The inputs that the file `index` holds. Errors name the file.
  llvm::Expected<std::vector<std::vector<float>>> read(size_t index) const;

private:
  explicit CalibrationInputs(mlir::func::FuncOp network) : network(network) {}
  llvm::Expected<std::vector<float>> readPhoto(const std::string &path) const;
  llvm::Expected<std::vector<std::vector<float>>>
  readArray(const std::string &path) const;

  mlir::func::FuncOp network;
  std::vector<std::string> paths;
};

} // namespace minnow

#endif // MINNOW_COMPILER_CALIBRATIONINPUTS_H
