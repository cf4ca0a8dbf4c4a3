//===- Object.h - LLVM modules to objects, objects to one -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every target that emits machine code needs: code generation by LLVM for
// the machine of a TargetSpec, and linking by lld, both in this process.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_LLVM_OBJECT_H
#define MINNOW_TARGETS_LLVM_OBJECT_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/Target.h"

namespace minnow {

/// Checks the triple, CPU and features of `spec` and completes them. An empty
/// triple is the host's, or where the host knows no such CPU, that of the
/// architecture that does; an empty CPU is the least that the triple's programs
/// are for; "native" is the host's CPU and features; `armv8.2-a` is that
/// version without a model. An error names what is unknown and what would do.
llvm::Expected<TargetSpec> resolveMachine(const TargetSpec &spec);

/// The subtarget features of a resolved `spec` that are on, by LLVM's names.
llvm::Expected<std::vector<std::string>> getFeatures(const TargetSpec &spec);

/// Compiles a module of the LLVM dialect at -O3 to a relocatable ELF object,
/// position independent, each function in a section of its own.
llvm::Expected<std::string> compileToObject(mlir::ModuleOp module,
                                            const TargetSpec &spec);

/// Compiles LLVM bitcode that is optimized already to an object with the one
/// global function `symbol`. Weak functions are parts of a runtime that the
/// program gives: only their declarations stay.
llvm::Expected<std::string> compileBitcode(llvm::StringRef bitcode,
                                           llvm::StringRef symbol,
                                           const TargetSpec &spec);

/// An object that holds `bytes` as read-only data under the global `symbol`, in
/// the ELF section `section` if one is named.
llvm::Expected<std::string> makeDataObject(llvm::StringRef symbol,
                                           llvm::ArrayRef<char> bytes,
                                           unsigned alignment,
                                           const TargetSpec &spec,
                                           llvm::StringRef section = "");

/// Links objects to one relocatable object. With `keepGlobal` all symbols that
/// are defined in it but are not listed become local.
llvm::Expected<std::string>
linkRelocatable(llvm::ArrayRef<llvm::StringRef> objects,
                llvm::ArrayRef<llvm::StringRef> keepGlobal = {});

/// Links objects to a shared library that exports just its global symbols and
/// needs no other library but what it may find in the process (memcpy).
llvm::Expected<std::string> linkShared(llvm::ArrayRef<llvm::StringRef> objects,
                                       llvm::StringRef soname);

/// Links objects to a program at fixed addresses that begins at `_start`.
llvm::Expected<std::string>
linkExecutable(llvm::ArrayRef<llvm::StringRef> objects);

/// An ar archive that holds `object` under the file name `member`.
llvm::Expected<std::string> makeArchive(llvm::StringRef object,
                                        llvm::StringRef member);

} // namespace minnow

#endif // MINNOW_TARGETS_LLVM_OBJECT_H
