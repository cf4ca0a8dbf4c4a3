//===- Target.h - what the compiler asks of a machine -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one interface between the target-independent compiler and a target. A
// target decides what can be one kernel and how it is computed, turns a kernel
// into code, and puts the codes of a program together. It is made from a
// TargetSpec, which a module carries as the attribute `mobile.target`, so that
// passes, workers and tests all get the same one.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_TARGET_H
#define MINNOW_TARGETS_TARGET_H

#include "dialects/mobile/Mobile.h"
#include "targets/cost/Cost.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace minnow {

/// Which target, for which machine; the names are LLVM's. As an attribute:
/// `{name = "cpu", triple = "x86_64-linux-gnu", cpu = "znver4", features =
/// ""}`.
struct TargetSpec {
  std::string name = "cpu";
  std::string triple;   // empty: the CPU's, else the host's
  std::string cpu;      // empty: the triple's baseline; "native": the host's
  std::string features; // "+dotprod,-avx512f"

  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  /// Reads the module's `mobile.target`; the default spec where it has none.
  static TargetSpec of(mlir::ModuleOp module);
};

/// The attribute of a module that holds its TargetSpec.
inline constexpr llvm::StringLiteral kTargetAttrName = "mobile.target";

/// What one call of a kernel executes, where a target counts it, in numbers (a
/// vector of four is four). Numbers that lanes pass on to each other, or that
/// pass through workgroup memory, are loaded once.
struct KernelCounts {
  uint64_t loads = 0; // from memory
  uint64_t multiplyAdds = 0;
};

/// What a target made of one kernel.
struct KernelCode {
  std::string symbol;        // the function's name in the object
  std::string object;        // the target's code: an ELF object for the CPU
  uint64_t scratchBytes = 0; // of the workspace, for each thread that runs it
  uint32_t tasks = 1;        // what one call divides into
  bool reference = false;    // taken by the slow way
  std::string note;          // why, if it was
  KernelCounts counts;
};

/// A part of a package `.mnw`, besides the description.
struct Section {
  std::string name; // at most 15 characters
  std::string bytes;
  unsigned alignment = 64;
};

/// A program put together: an object, or the sections of a package.
struct ProgramCode {
  std::string object;
  std::vector<Section> sections;
  std::string startup = {}; // an object with which `object` is an `.elf`
};

/// A program with all that its parts became, ready to be put together.
struct Assembly {
  mobile::ProgramOp program;                               // after plan-memory
  std::vector<std::pair<std::string, KernelCode>> kernels; // by kernel symbol
  llvm::ArrayRef<char> description; // FlatBuffer of runtime/abi
  llvm::ArrayRef<char> weights;     // the weight section
  std::string ownWeights;           // what `weights` is, where a target made it
  uint64_t scratchBytes = 0;        // of one thread: the largest of the kernels

  /// The place of the kernel `name` in `kernels`; it must be one of them.
  size_t getKernelIndex(llvm::StringRef name) const;
  /// Where the first thread's scratch begins in the workspace.
  uint64_t getArenaBytes() const;
};

class Target {
public:
  virtual ~Target() = default;

  virtual const TargetSpec &getSpec() const = 0;

  /// The machine for the cost model.
  virtual const cost::Machine &getMachine() const = 0;

  /// The kinds of files that a program for this target can be, by their
  /// suffixes: ".o", ".a", ".so" and ".elf" are made of an object, ".mnw" of
  /// sections.
  virtual std::vector<std::string> getOutputs() const {
    return {".o", ".a", ".so"};
  }

  /// A multiple at which every buffer of a program begins in its memory.
  virtual unsigned getBufferAlignment() const { return 64; }

  /// What the header beside an object says that it needs of whoever links and
  /// calls it; empty for nothing.
  virtual std::string getLinkNote() const { return ""; }

  /// What the machine must have to run the code, by the names that the
  /// runtime checks ("avx512f", "fma").
  virtual std::vector<std::string> getRequirements() const = 0;

  /// The arithmetic by which the machine rounds sums to i8: `float` for one
  /// that has f32, `fixed` for one that computes integers only. lower-quant
  /// writes mobile.requantize and mobile.attention in this form, and the target
  /// gives exactly its bits.
  virtual mobile::RequantizeForm getRequantizeForm() const {
    return mobile::RequantizeForm::Float;
  }

  /// Whether the primitives `ops`, in topological order, can be one kernel that
  /// gives the result of the last one. Of the others' results none is used
  /// outside of `ops`. A single primitive always can. If not, `why` says why.
  virtual bool canFuse(llvm::ArrayRef<mlir::Operation *> ops,
                       std::string *why = nullptr) const = 0;

  /// The multiply-accumulates of `op` that its form on this target spares, less
  /// what it does instead.
  virtual double getSavedMacs(mlir::Operation *op) const { return 0; }

  /// Sets the schedule and the layouts of the kernel's arguments.
  virtual void schedule(mobile::KernelOp kernel) const = 0;

  /// Comes when all kernels are scheduled, and chooses what concerns several:
  /// how maps lie in memory between them, what a kernel fetches for those
  /// behind it.
  virtual void connect(mlir::ModuleOp) const {}

  /// Whether `emit` has a fast way for a scheduled kernel, told without
  /// emitting it. If not, `why` says why.
  virtual bool isFast(mobile::KernelOp kernel, std::string *why) const;

  /// As `schedule` for all `kernels`, but from measurements on this machine,
  /// which must be the target. The file `table` keeps them: what it holds is
  /// not measured again, what is new is added. A target that cannot measure, or
  /// a file that cannot be read or written, is an error.
  virtual llvm::Error tune(llvm::ArrayRef<mobile::KernelOp> kernels,
                           llvm::StringRef table) const;

  /// Emits the code of a scheduled kernel as a function named `symbol`. Depends
  /// on nothing but the kernel, the spec and the symbol.
  virtual llvm::Expected<KernelCode> emit(mobile::KernelOp kernel,
                                          llvm::StringRef symbol) const = 0;

  /// Turns the weights of a program, and the types of its buffers, into what
  /// the codes of its kernels take. Comes before the description.
  virtual void convert(Assembly &) const {}

  /// Puts a program together. For the CPU: one relocatable object with the
  /// public symbols `<name>_run`, `<name>_model` and `minnow_query_program`
  /// among its global ones.
  virtual llvm::Expected<ProgramCode>
  assemble(const Assembly &assembly) const = 0;
};

/// Makes the target that `spec` names. Unknown names, CPUs, features and
/// triples are errors that list or name what would do.
llvm::Expected<std::unique_ptr<Target>> createTarget(const TargetSpec &spec);

/// The target that `module` is compiled for; null after an error, which is
/// reported at the module.
std::unique_ptr<Target> createTarget(mlir::ModuleOp module);

/// The names that createTarget knows, for messages and `--help`.
std::vector<std::string> getTargetNames();

} // namespace minnow

#endif // MINNOW_TARGETS_TARGET_H
