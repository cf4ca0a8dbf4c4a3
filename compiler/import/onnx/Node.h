//===- Node.h - one operator of an ONNX graph -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checked access to a node's attributes. Every failure is reported with the
// node's operator and name.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_NODE_H
#define MINNOW_COMPILER_IMPORT_ONNX_NODE_H

#include "compiler/import/Faults.h"
#include "compiler/import/HostTensor.h"
#include <onnx/onnx_pb.h>

namespace minnow::importer {

class Node {
public:
  Node(const onnx::NodeProto &proto, int64_t opset, Faults &faults)
      : proto(proto), version(opset), faults(faults) {}

  /// The operator set that says what the node means.
  int64_t opset() const { return version; }

  /// The operator; outside ONNX's own domain "domain.Operator".
  std::string type() const;
  /// The node's name, or that of its first output where it has none.
  const std::string &name() const;

  size_t inputs() const { return proto.input_size(); }
  size_t outputs() const { return proto.output_size(); }
  bool hasInput(size_t i) const { return !input(i).empty(); }
  /// The name of input `i`, empty where it is left out.
  llvm::StringRef input(size_t i) const;
  llvm::StringRef output(size_t i) const { return proto.output(i); }

  /// Reports "Operator 'name': MESSAGE".
  llvm::LogicalResult fail(const llvm::Twine &message) const;
  /// "Operator 'name'", for messages.
  std::string what() const;

  /// The attribute, or `missing` where the node has none of the name; a failure
  /// if it has another type.
  mlir::FailureOr<int64_t> getInt(llvm::StringRef name, int64_t missing) const;
  mlir::FailureOr<float> getFloat(llvm::StringRef name, float missing) const;
  mlir::FailureOr<std::string> getString(llvm::StringRef name,
                                         llvm::StringRef missing) const;
  mlir::FailureOr<Shape> getInts(llvm::StringRef name,
                                 llvm::ArrayRef<int64_t> missing) const;

  /// The attribute of the name, null if there is none.
  const onnx::AttributeProto *find(llvm::StringRef name) const;

  /// `axis`, which counts from the end where it is negative, of `rank`.
  mlir::FailureOr<int64_t> normalizeAxis(int64_t axis, size_t rank) const;
  /// Different axes, in ascending order.
  mlir::FailureOr<Shape> normalizeAxes(llvm::ArrayRef<int64_t> axes,
                                       size_t rank) const;

private:
  mlir::FailureOr<const onnx::AttributeProto *>
  find(llvm::StringRef name, onnx::AttributeProto::AttributeType type) const;

  const onnx::NodeProto &proto;
  int64_t version;
  Faults &faults;
};

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_NODE_H
