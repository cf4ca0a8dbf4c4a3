//===- Mobile.h - the mobile dialect in C++ ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that MobileOps.td declares.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_DIALECTS_MOBILE_MOBILE_H
#define MINNOW_DIALECTS_MOBILE_MOBILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

// Before the generated declarations, which name it.
#include "dialects/mobile/Quantization.h"

#include "dialects/mobile/MobileDialect.h.inc"
#include "dialects/mobile/MobileEnums.h.inc"
#include "dialects/mobile/MobileInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/mobile/MobileAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/mobile/MobileOps.h.inc"

#endif // MINNOW_DIALECTS_MOBILE_MOBILE_H
