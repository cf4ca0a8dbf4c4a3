//===- Node.cpp - one operator of an ONNX graph ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An attribute of an unexpected type is an error, not a default: its value
// would silently be another.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Node.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace minnow::importer;
using mlir::failed, mlir::FailureOr;
using onnx::AttributeProto;

std::string Node::type() const {
  if (proto.domain().empty() || proto.domain() == "ai.onnx")
    return proto.op_type();
  return proto.domain() + "." + proto.op_type();
}

const std::string &Node::name() const {
  if (proto.name().empty() && proto.output_size() > 0)
    return proto.output(0);
  return proto.name();
}

StringRef Node::input(size_t i) const {
  return i < inputs() ? StringRef(proto.input(i)) : StringRef();
}

std::string Node::what() const { return type() + " " + quote(name()); }

LogicalResult Node::fail(const Twine &message) const {
  return faults.add(what() + ": " + message);
}

const AttributeProto *Node::find(StringRef name) const {
  for (const AttributeProto &attribute : proto.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

FailureOr<const AttributeProto *>
Node::find(StringRef name, AttributeProto::AttributeType type) const {
  const AttributeProto *attribute = find(name);
  if (!attribute || attribute->type() == type)
    return attribute;
  return fail("attribute " + quote(name) + " is not of the type " +
              onnx::AttributeProto_AttributeType_Name(type));
}

FailureOr<int64_t> Node::getInt(StringRef name, int64_t missing) const {
  auto attribute = find(name, AttributeProto::INT);
  if (failed(attribute))
    return failure();
  return *attribute ? (*attribute)->i() : missing;
}

FailureOr<float> Node::getFloat(StringRef name, float missing) const {
  auto attribute = find(name, AttributeProto::FLOAT);
  if (failed(attribute))
    return failure();
  return *attribute ? (*attribute)->f() : missing;
}

FailureOr<std::string> Node::getString(StringRef name,
                                       StringRef missing) const {
  auto attribute = find(name, AttributeProto::STRING);
  if (failed(attribute))
    return failure();
  return *attribute ? (*attribute)->s() : missing.str();
}

FailureOr<Shape> Node::getInts(StringRef name,
                               ArrayRef<int64_t> missing) const {
  auto attribute = find(name, AttributeProto::INTS);
  if (failed(attribute))
    return failure();
  if (!*attribute)
    return Shape(missing);
  return Shape((*attribute)->ints().begin(), (*attribute)->ints().end());
}

FailureOr<int64_t> Node::normalizeAxis(int64_t axis, size_t rank) const {
  int64_t size = rank;
  if (axis < -size || axis >= size)
    return fail("axis " + Twine(axis) + " does not exist in " + Twine(rank) +
                " dimensions");
  return axis < 0 ? axis + size : axis;
}

FailureOr<Shape> Node::normalizeAxes(ArrayRef<int64_t> axes,
                                     size_t rank) const {
  Shape result;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normal = normalizeAxis(axis, rank);
    if (failed(normal))
      return failure();
    if (is_contained(result, *normal))
      return fail("axis " + Twine(axis) + " is given twice");
    result.push_back(*normal);
  }
  sort(result);
  return result;
}
