//===- Target.cpp - target specifications and the registry ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Specs as attributes, and the list of targets that this build has.
//===----------------------------------------------------------------------===//
#include "targets/Target.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace minnow;

// One entry a target, from targets/CMakeLists.txt; each has a function `create`
// in the namespace of its name.
#define MINNOW_TARGET(NAME)                                                    \
  namespace minnow::NAME {                                                     \
  llvm::Expected<std::unique_ptr<Target>> create(const TargetSpec &);          \
  }
#include "targets/Registry.inc"
#undef MINNOW_TARGET

namespace {
struct RegistryEntry {
  StringRef name;
  llvm::Expected<std::unique_ptr<Target>> (*create)(const TargetSpec &);
};
const RegistryEntry kRegistry[] = {
#define MINNOW_TARGET(NAME) {#NAME, minnow::NAME::create},
#include "targets/Registry.inc"
#undef MINNOW_TARGET
};
} // namespace

std::vector<std::string> minnow::getTargetNames() {
  std::vector<std::string> names;
  for (const RegistryEntry &entry : kRegistry)
    names.push_back(entry.name.str());
  return names;
}

llvm::Expected<std::unique_ptr<Target>>
minnow::createTarget(const TargetSpec &spec) {
  for (const RegistryEntry &entry : kRegistry)
    if (entry.name == spec.name)
      return entry.create(spec);
  return llvm::createStringError("unknown target '" + spec.name +
                                 "'; there is " +
                                 llvm::join(getTargetNames(), ", "));
}

std::unique_ptr<Target> minnow::createTarget(ModuleOp module) {
  auto target = createTarget(TargetSpec::of(module));
  if (target)
    return std::move(*target);
  module.emitError(llvm::toString(target.takeError()));
  return nullptr;
}

bool Target::isFast(mobile::KernelOp, std::string *) const { return true; }

llvm::Error Target::tune(ArrayRef<mobile::KernelOp>, StringRef) const {
  return llvm::createStringError("target '" + getSpec().name +
                                 "' cannot measure its kernels; leave --tune "
                                 "out");
}

DictionaryAttr TargetSpec::toAttribute(MLIRContext *context) const {
  Builder builder(context);
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("name", builder.getStringAttr(name)),
       builder.getNamedAttr("triple", builder.getStringAttr(triple)),
       builder.getNamedAttr("cpu", builder.getStringAttr(cpu)),
       builder.getNamedAttr("features", builder.getStringAttr(features))});
}

size_t Assembly::getKernelIndex(StringRef name) const {
  return llvm::find_if(
             kernels,
             [&](const auto &kernel) { return kernel.first == name; }) -
         kernels.begin();
}

uint64_t Assembly::getArenaBytes() const {
  mobile::ProgramOp op = program;
  return llvm::alignTo<128>(op.getArenaBytes().value_or(0));
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
