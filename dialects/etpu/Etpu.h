//===- Etpu.h - the dialect of EX1b's instructions --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_DIALECTS_ETPU_ETPU_H
#define MINNOW_DIALECTS_ETPU_ETPU_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"

#include "dialects/etpu/EtpuDialect.h.inc"
#include "dialects/etpu/EtpuEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/etpu/EtpuAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/etpu/EtpuOps.h.inc"

#endif // MINNOW_DIALECTS_ETPU_ETPU_H
