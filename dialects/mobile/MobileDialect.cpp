//===- MobileDialect.cpp - registration of the mobile dialect -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect, its enumerations and attributes; the ops are beside this file.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Mobile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace minnow::mobile;

#include "dialects/mobile/MobileDialect.cpp.inc"
#include "dialects/mobile/MobileEnums.cpp.inc"
#include "dialects/mobile/MobileInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/mobile/MobileAttrs.cpp.inc"

void MobileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/mobile/MobileAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/mobile/MobileOps.cpp.inc"
      >();
}
