//===- Model.h - an ONNX file and its tensors -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the protobuf and the numbers, which lie in the file or beside it. A
// model may come from anywhere: every length and path is checked here.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_MODEL_H
#define MINNOW_COMPILER_IMPORT_ONNX_MODEL_H

#include "compiler/import/Faults.h"
#include "compiler/import/HostTensor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include <onnx/onnx_pb.h>

namespace minnow::importer {

class Model {
public:
  /// The operator sets that the converters know.
  static constexpr int64_t minOpset = 11, maxOpset = 28;

  Model(std::string path, Faults &faults)
      : path(std::move(path)), faults(faults) {}

  /// Reads the file; after a failure only the destructor may be called.
  llvm::LogicalResult read();

  const onnx::GraphProto &graph() const { return proto.graph(); }
  size_t fileSize() const { return bytes; }
  /// The version of ONNX's own operator set.
  int64_t opset() const { return version; }

  /// The numbers of `tensor`: floats of 16 bits are widened, integers of any
  /// width become 64-bit ones. `what` names the tensor in messages.
  mlir::FailureOr<HostTensor> tensor(const onnx::TensorProto &tensor,
                                     llvm::StringRef what);

private:
  llvm::LogicalResult checkOpset();
  mlir::FailureOr<llvm::StringRef> rawBytes(const onnx::TensorProto &tensor,
                                            llvm::StringRef what,
                                            size_t expected);
  mlir::FailureOr<llvm::StringRef>
  externalBytes(const onnx::TensorProto &tensor, llvm::StringRef what,
                size_t expected);
  mlir::FailureOr<llvm::StringRef> externalFile(llvm::StringRef location,
                                                llvm::StringRef what);

  std::string path;
  Faults &faults;
  onnx::ModelProto proto;
  size_t bytes = 0;
  int64_t version = 0;
  llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> externalFiles;
};

/// The name of an element type, as ONNX spells it.
std::string elementTypeName(int32_t type);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_MODEL_H
