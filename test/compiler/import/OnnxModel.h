//===- OnnxModel.h - ONNX models made in tests ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A test says in a few lines which graph it means, and breaks it where it
// tests a message.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_COMPILER_IMPORT_ONNXMODEL_H
#define MINNOW_TEST_COMPILER_IMPORT_ONNXMODEL_H

#include "test/compiler/import/Support.h"
#include <limits>
#include <onnx/onnx_pb.h>
#include <vector>

namespace minnow::test {

class OnnxModel {
public:
  using Dims = std::vector<int64_t>;
  using Names = std::vector<std::string>;

  /// A model of operator set `opset` with one input, "x".
  explicit OnnxModel(Dims input, int64_t opset = 17);

  onnx::GraphProto &graph() { return *proto.mutable_graph(); }
  onnx::NodeProto &node(int i) { return *graph().mutable_node(i); }
  onnx::TensorProto &initializer(const std::string &name);

  void addInput(const std::string &name, Dims dims);
  void addOutput(const std::string &name);
  /// Floats 0, 1, 2 ... of the shape.
  onnx::TensorProto &floats(const std::string &name, Dims dims);
  onnx::TensorProto &scalar(const std::string &name, float value);
  onnx::TensorProto &integers(const std::string &name, Dims values);
  onnx::NodeProto &add(const std::string &type, Names inputs,
                       const std::string &output);

  /// Writes the file, by default beside nothing else, and imports it.
  Imported import(const ImportOptions &options = {}) const;
  /// The same, as text.
  std::string importText(const ImportOptions &options = {}) const {
    return import(options).text;
  }

  onnx::ModelProto proto;
};

/// Attributes of a node; an existing one of the name is replaced.
void set(onnx::NodeProto &node, const std::string &name, int64_t value);
void set(onnx::NodeProto &node, const std::string &name,
         std::vector<int64_t> values);
void setFloat(onnx::NodeProto &node, const std::string &name, float value);
void setString(onnx::NodeProto &node, const std::string &name,
               const std::string &value);

/// x [1, 3, 8, 8] -> Conv 'conv' -> Relu -> GlobalAveragePool -> Flatten ->
/// Gemm 'gemm' -> y [1, 2]. Nodes 0 to 4; weights "w", "b", "fc" and "fc_b".
OnnxModel makeClassifier();

/// One way to break makeClassifier(), and a part of the one message expected.
struct Fault {
  const char *name;
  void (*breakModel)(OnnxModel &model);
  const char *message;
};

void expectOneMessage(const Fault &fault);

/// For the names of GoogleTest's parameters.
std::string nameOfFault(const testing::TestParamInfo<Fault> &info);
void PrintTo(const Fault &fault, std::ostream *stream);

constexpr int64_t huge = std::numeric_limits<int64_t>::max();

/// The type of the model's input.
onnx::TypeProto::Tensor &inputType(OnnxModel &model);

/// Lets the convolution's filter lie in an external file.
void setExternal(OnnxModel &model, const std::string &location,
                 const std::string &offset = "0");

} // namespace minnow::test

#endif // MINNOW_TEST_COMPILER_IMPORT_ONNXMODEL_H
