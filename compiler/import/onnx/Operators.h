//===- Operators.h - the table of claimed ONNX operators --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row an operator says what is read, with which limits, and by which
// functions. Import looks operators up in it and the page OPS.md is printed
// from it, so the two cannot differ.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_OPERATORS_H
#define MINNOW_COMPILER_IMPORT_ONNX_OPERATORS_H

#include "compiler/import/onnx/Constants.h"
#include "compiler/import/onnx/Converters.h"

namespace minnow::importer {

/// A row. Without `convert` the operator is only computed at compile time,
/// without `fold` only at run time.
struct Operator {
  llvm::StringLiteral type;
  /// The operator set in which ONNX has it first, at least Model::minOpset.
  int64_t since;
  /// ONNX's names of the inputs with spaces between. Behind a name: `!` it must
  /// be known at compile time, `#` only its shape is read, `?` it may be left
  /// out, `*` there may be any number of it.
  llvm::StringLiteral signature;
  Converter convert;
  FoldRule fold;
  /// What else must hold, for people; empty if nothing.
  llvm::StringLiteral limits;

  size_t minInputs() const;
  size_t maxInputs() const;
  bool readsShapeOnly() const { return signature.contains('#'); }
};

/// The operator of the name, or null.
const Operator *findOperator(llvm::StringRef type);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_OPERATORS_H
