//===- Target.cpp - target specifications and the registry ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Specs as attributes, and the list of targets that this build has.
//===----------------------------------------------------------------------===//
#include "targets/Target.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace minnow;

DictionaryAttr TargetSpec::toAttribute(MLIRContext *context) const {
  Builder builder(context);
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("name", builder.getStringAttr(name)),
       builder.getNamedAttr("triple", builder.getStringAttr(triple)),
       builder.getNamedAttr("cpu", builder.getStringAttr(cpu)),
       builder.getNamedAttr("features", builder.getStringAttr(features))});
}

TargetSpec TargetSpec::of(ModuleOp module) {
  TargetSpec spec;
  auto attribute = module->getAttrOfType<DictionaryAttr>(kTargetAttrName);
  if (!attribute)
    return spec;
  auto read = [&](StringRef key, std::string &field) {
    if (auto value = attribute.getAs<StringAttr>(key))
      field = value.str();
  };
  read("name", spec.name);
  read("triple", spec.triple);
  read("cpu", spec.cpu);
  read("features", spec.features);
  return spec;
}
