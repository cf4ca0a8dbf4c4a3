//===- EtpuDialect.cpp - the dialect of EX1b's instructions ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/etpu/Etpu.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace minnow::etpu::ir;

#include "dialects/etpu/EtpuDialect.cpp.inc"
#include "dialects/etpu/EtpuEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/etpu/EtpuAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/etpu/EtpuOps.cpp.inc"

void EtpuDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/etpu/EtpuAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/etpu/EtpuOps.cpp.inc"
      >();
}
