//===- Passes.td - the passes of the reference target ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_REFERENCE_PASSES
#define MINNOW_REFERENCE_PASSES

include "mlir/Pass/PassBase.td"

def LowerToLinalg : Pass<"lower-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Rewrite kernels as functions of linalg on tensors";
  let description = [{
    Each `mobile.kernel` becomes a `func.func` of the same name: named linalg
    ops where there are some, `linalg.generic` else. Arguments with a
    `mobile.layout` take their physical shape and are unpacked first. Nothing is
    scheduled. The module must hold kernels alone: a program that calls one is an
    error, and so is any element type but f32, i8 and i32.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect",
  ];
}

def ChannelsInnermost : Pass<"channels-innermost", "::mlir::func::FuncOp"> {
  let summary = "Order the loops of sums so that channels run innermost";
  let description = [{
    Where an op reduces and its result and an operand have the same last
    dimension, the loop over that becomes the innermost one, which LLVM can
    vectorise. No sum changes its order.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def PlanScratch : Pass<"plan-scratch", "::mlir::func::FuncOp"> {
  let summary = "Replace allocations by places in one scratch buffer";
  let description = [{
    Each static `memref.alloc` of the function becomes a `memref.view` of a last
    argument, `memref<Nxi8>`, at an offset of its own that is a multiple of 128.
    The function takes no such argument if it allocates nothing.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def ExpandCalls : Pass<"expand-calls", "::mlir::func::FuncOp"> {
  let summary = "Rewrite what LLVM would turn into library calls";
  let description = [{
    `math.exp` and `math.erf` become polynomials, `math.floor` and `math.fma`
    arithmetic, and `memref.copy` a linalg op, so that the object needs neither
    libm nor MLIR's runtime.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect"];
}

#endif // MINNOW_REFERENCE_PASSES
