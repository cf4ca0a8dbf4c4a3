//===- HexagonTarget.cpp - the Hexagon DSP as a target --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integers only: int8 networks, rounded in the fixed form. Kernels are Halide's
// bitcode and LLVM's objects, or the reference's where Halide takes none; the
// entry code is that of every native program. Beside the object comes what
// makes it a program by itself (runtime/hexagon/start.c).
//===----------------------------------------------------------------------===//
#include "mlir/Parser/Parser.h"
#include "runtime/abi/hexagon.h"
#include "targets/cost/Machines.h"
#include "targets/halide/Object.h"
#include "targets/hexagon/Kernels.h"
#include "targets/hexagon/RuntimeObjects.h"
#include "targets/llvm/Entry.h"
#include "targets/llvm/Object.h"
#include "targets/reference/Emit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace minnow;
using llvm::Expected;
using llvm::StringRef;

/// Products of two vectors, to compare with: --cpu hexagonv66+vector-dots.
static constexpr llvm::StringLiteral kVectorDots = "+vector-dots";

namespace {

class HexagonTarget : public Target {
public:
  HexagonTarget(const cost::Machine &costs, const TargetSpec &spec)
      : spec(spec), form(hexagon::getForm(spec.features == kVectorDots)),
        costs(costs) {}

  const TargetSpec &getSpec() const override { return spec; }
  const cost::Machine &getMachine() const override { return costs; }
  std::vector<std::string> getOutputs() const override {
    return {".elf", ".o", ".a"};
  }
  unsigned getBufferAlignment() const override { return 128; }
  std::string getLinkNote() const override {
    return "Tensors are aligned as the workspace is; up to 256 bytes behind an "
           "input may be read.\n * It expects memset, memcpy and memmove of "
           "the C "
           "library. The calling thread holds "
           "an HVX context of 128 bytes (qurt_hvx_lock), and\n * so does each "
           "of `threads`.";
  }
  std::vector<std::string> getRequirements() const override {
    return {"hvxv66", "hvx-length128b"};
  }
  mobile::RequantizeForm getRequantizeForm() const override {
    return mobile::RequantizeForm::Fixed;
  }
  bool canFuse(llvm::ArrayRef<mlir::Operation *> ops,
               std::string *why) const override {
    return hexagon::canFuse(ops, why);
  }
  void schedule(mobile::KernelOp kernel) const override {
    hexagon::schedule(kernel, form, costs);
  }
  bool isFast(mobile::KernelOp kernel, std::string *why) const override {
    return halide::hasStages(form, kernel, why);
  }
  Expected<KernelCode> emit(mobile::KernelOp kernel,
                            StringRef symbol) const override;
  Expected<ProgramCode> assemble(const Assembly &assembly) const override;

private:
  TargetSpec spec;
  const halide::Form &form;
  // In LLVM's words. Small data would be reached from a register that nobody
  // sets.
  TargetSpec machine = {"hexagon", "hexagon-unknown-none-elf", "hexagonv66",
                        "-small-data"};
  const cost::Machine &costs;
};

} // namespace

/// Of a kernel with floats, the operation that has them; null if there is none.
static mlir::Operation *findFloats(mobile::KernelOp kernel) {
  for (mlir::Operation &op : kernel.getBody().front().without_terminator())
    for (mlir::Type type :
         llvm::concat<const mlir::Type>(llvm::to_vector(op.getOperandTypes()),
                                        llvm::to_vector(op.getResultTypes())))
      if (mlir::cast<mlir::ShapedType>(type).getElementType().isF32())
        return &op;
  return nullptr;
}

Expected<KernelCode> HexagonTarget::emit(mobile::KernelOp kernel,
                                         StringRef symbol) const {
  if (mlir::Operation *op = findFloats(kernel))
    return llvm::createStringError(
        "'" + op->getName().getStringRef() +
        "' computes floats, and the Hexagon target integers only; quantize the "
        "network (--precision int8 --calibrate FOLDER)");
  return emitElseReference(halide::emitObject(form, machine, kernel, symbol),
                           machine, kernel, symbol);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

template <size_t Size>
static StringRef toString(const unsigned char (&bytes)[Size]) {
  return {reinterpret_cast<const char *>(bytes), Size};
}

/// The globals of start.c: sizes, and memory for all that they are of.
static std::string describeSizes(const Assembly &assembly, unsigned alignment) {
  mobile::ProgramOp program = assembly.program;
  uint64_t workspace = assembly.getArenaBytes() + assembly.scratchBytes;
  uint64_t memory = workspace + alignment + hexagon::kBytesBehind;
  unsigned inputs = program.getNumInputs(), count = program.getNumArguments();
  std::vector<uint64_t> numbers = {inputs, count - inputs, workspace};
  for (mlir::Type type : program.getArgumentTypes()) {
    numbers.push_back(mobile::getByteSize(type));
    memory += llvm::alignTo(numbers.back(), alignment);
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "llvm.mlir.global external constant @minnow_sizes(dense<["
         << llvm::join(
                llvm::map_range(numbers,
                                [](uint64_t n) { return std::to_string(n); }),
                ", ")
         << "]> : tensor<" << numbers.size() << "xi32>) : !llvm.array<"
         << numbers.size() << " x i32>\n"
         << "llvm.mlir.global external @minnow_memory() {alignment = "
         << alignment << " : i64} : !llvm.array<" << memory
         << " x i8> {\n  %zero = llvm.mlir.zero : !llvm.array<" << memory
         << " x i8>\n  llvm.return %zero : !llvm.array<" << memory
         << " x i8>\n}\n";
  return text;
}

Expected<ProgramCode> HexagonTarget::assemble(const Assembly &assembly) const {
  StringRef support = toString(hexagon::kSupportObject);
  NativeParts parts;
  parts.support = "llvm.func @minnow_dispatch(!llvm.ptr, i32, !llvm.ptr, i32)";
  parts.objects = support;
  parts.alignment = getBufferAlignment();
  parts.bytesBehind = hexagon::kBytesBehind;
  parts.descriptionSection = abi::kDescriptionElfSection;
  auto object = assembleObject(assembly, machine, parts);
  if (!object)
    return object.takeError();
  auto sizes = mlir::parseSourceString<mlir::ModuleOp>(
      describeSizes(assembly, getBufferAlignment()),
      assembly.program->getContext());
  auto tables = compileToObject(*sizes, machine);
  if (!tables)
    return tables.takeError();
  auto startup = linkRelocatable({toString(hexagon::kStartObject),
                                  toString(hexagon::kMemoryObject), *tables});
  if (!startup)
    return startup.takeError();
  ProgramCode program;
  program.object = std::move(*object);
  program.startup = std::move(*startup);
  return program;
}

namespace minnow::hexagon {
Expected<std::unique_ptr<Target>> create(const TargetSpec &spec) {
  bool isFeature = spec.features.empty() || spec.features == kVectorDots;
  if (!spec.triple.empty() || !isFeature)
    return llvm::createStringError("--target hexagon takes neither a triple "
                                   "nor features; leave them out");
  if (!spec.cpu.empty() && spec.cpu != "hexagonv66")
    return llvm::createStringError("unknown cpu '" + spec.cpu +
                                   "' for hexagon; there is hexagonv66");
  const cost::Machine *costs = cost::chooseMachine("hexagon", "hexagonv66", {});
  if (!costs)
    return llvm::createStringError("no machine description fits Hexagon");
  return std::make_unique<HexagonTarget>(
      *costs, TargetSpec{"hexagon", "", "hexagonv66", spec.features});
}
} // namespace minnow::hexagon
