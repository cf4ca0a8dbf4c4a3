//===- MobileInterfaces.td - what all primitives answer -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MOBILE_INTERFACES
#define MOBILE_INTERFACES

include "mlir/IR/OpBase.td"

def PrimitiveOpInterface : OpInterface<"PrimitiveOpInterface"> {
  let cppNamespace = "::minnow::mobile";
  let description = [{
    A primitive is one tensor computation with one result. Blocks and kernels
    are made of primitives, and whatever treats them alike (the cost model, the
    partition into kernels, reports) asks this interface.
  }];
  let verify = [{ return ::minnow::mobile::verifyQuantization($_op); }];
  let methods = [
    InterfaceMethod<
      "The multiply-accumulates of one execution: convolutions, matrix products "
      "and attention count, everything else is 0 (the paper's convention).",
      "uint64_t", "getMacs", (ins), "", "return 0;">,
  ];
}

#endif // MOBILE_INTERFACES
