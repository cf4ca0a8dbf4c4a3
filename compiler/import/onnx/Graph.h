//===- Graph.h - walks an ONNX graph ----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keeps what each name of the graph stands for while the nodes are converted in
// order: a value of the function, or numbers known now. A name whose node could
// not be converted stands for nothing, and what reads it is passed over, so
// that each fault is reported once.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_GRAPH_H
#define MINNOW_COMPILER_IMPORT_ONNX_GRAPH_H

#include "compiler/import/NetworkBuilder.h"
#include "compiler/import/onnx/Constants.h"
#include "compiler/import/onnx/Model.h"
#include "compiler/import/onnx/Node.h"
#include <map>

namespace minnow::importer {

class Graph {
public:
  Graph(Model &model, NetworkBuilder &builder, Faults &faults);

  /// Converts all nodes. `inputs` are the values of the graph's inputs. Fails
  /// without a look at the nodes if names are ambiguous.
  llvm::LogicalResult
  convert(llvm::ArrayRef<std::pair<std::string, Tensor>> inputs);

  /// The values of the graph's outputs, or failure after a fault.
  mlir::FailureOr<std::vector<std::pair<std::string, Tensor>>> outputs();

  // What converters ask of a node's inputs. Failures are reported.

  NetworkBuilder &getBuilder() { return builder; }
  bool isConstant(const Node &node, size_t i) const;
  /// A value computed at run time.
  mlir::FailureOr<Tensor> tensor(const Node &node, size_t i);
  /// Numbers known now, of any type.
  mlir::FailureOr<HostTensorPtr> constant(const Node &node, size_t i);
  /// Numbers known now, floats.
  mlir::FailureOr<Weight> weight(const Node &node, size_t i);
  /// Integers known now, a vector or a scalar.
  mlir::FailureOr<Shape> integers(const Node &node, size_t i);
  /// Axes from input `i`, or from attribute "axes" as in older operator sets;
  /// none if neither is there.
  mlir::FailureOr<Shape> axes(const Node &node, size_t i);
  /// One float known now; `missing` if the input is left out.
  mlir::FailureOr<float> scalar(const Node &node, size_t i, float missing);

private:
  /// What a name stands for. An initializer is read when it is first needed.
  struct Meaning {
    std::optional<Tensor> tensor;
    std::shared_ptr<const HostTensor> constant;
    const onnx::TensorProto *initializer = nullptr;

    /// After a fault, which was reported where it arose.
    bool isUnknown() const { return !tensor && !constant && !initializer; }
  };

  void declareInitializers();
  void declareOutputs();
  void countUses();
  void convertNode(const Node &node);
  llvm::LogicalResult checkInputs(const Node &node);
  llvm::LogicalResult checkOutputs(const Node &node);
  mlir::FailureOr<Meaning> meaningOf(const Node &node);
  mlir::FailureOr<Meaning> fold(const Node &node, FoldRule rule);
  bool allConstant(const Node &node) const;
  void addUnsupported(const Node &node, llvm::StringRef why);
  void reportUnsupported();

  Model &model;
  NetworkBuilder &builder;
  Faults &faults;
  /// How many elements constants that are computed may still have.
  int64_t foldBudget;
  llvm::StringMap<Meaning> meanings;
  /// How many nodes and graph outputs read a name, and which node writes it.
  llvm::StringMap<unsigned> uses;
  llvm::StringMap<size_t> producers;
  /// Operators that are not supported, with the names of their nodes.
  std::map<std::string, std::vector<std::string>> unsupported;
};

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_GRAPH_H
