//===- LowerToLinalg.cpp - kernels to functions of linalg -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass: turns the kernel itself into a function, unpacks its arguments and
// applies the patterns of the files beside this one.
//===----------------------------------------------------------------------===//
#include "targets/reference/Passes.h"
#include "targets/reference/Patterns.h"

namespace minnow {
#define GEN_PASS_DEF_LOWERTOLINALG
#include "targets/reference/Passes.h.inc"
} // namespace minnow

using namespace mlir;
using namespace minnow;

/// Checks what the patterns rely on, so that they cannot fail.
static LogicalResult checkElementTypes(mobile::KernelOp kernel) {
  auto isLowered = [](Type type) {
    Type element = cast<RankedTensorType>(type).getElementType();
    return element.isF32() || element.isSignlessInteger(8) ||
           element.isSignlessInteger(32);
  };
  WalkResult result = kernel.walk([&](Operation *op) {
    for (Type type :
         llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()),
                                  llvm::to_vector(op->getResultTypes())))
      if (!isLowered(type)) {
        op->emitOpError("has a value of ")
            << type << "; reference kernels take elements of f32, i8 and i32";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// The kernel's argument types as they lie in memory.
static SmallVector<Type> getPhysicalTypes(mobile::KernelOp kernel) {
  SmallVector<Type> types;
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    if (mobile::LayoutAttr layout = kernel.getLayout(i))
      tensor = tensor.clone(layout.getPhysicalShape(tensor.getShape()));
    types.push_back(tensor);
  }
  return types;
}

/// The values that `yield` gives, a copy where one is given again: each result
/// of a function becomes a buffer of its own.
static SmallVector<Value> getDistinctResults(mobile::YieldOp yield,
                                             OpBuilder &builder) {
  SmallVector<Value> results;
  for (Value value : yield.getOperands()) {
    if (llvm::is_contained(results, value)) {
      auto type = cast<RankedTensorType>(value.getType());
      Value empty = makeEmpty(builder, yield.getLoc(), type);
      value = linalg::CopyOp::create(builder, yield.getLoc(), value, empty)
                  .getResult(0);
    }
    results.push_back(value);
  }
  return results;
}

/// The logical tensors of the physical arguments of `block`.
static SmallVector<Value> unpackArguments(mobile::KernelOp kernel, Block &block,
                                          OpBuilder &builder) {
  SmallVector<Value> arguments;
  for (auto [i, argument] : llvm::enumerate(block.getArguments())) {
    auto type = cast<RankedTensorType>(kernel.getArgumentTypes()[i]);
    mobile::LayoutAttr layout = kernel.getLayout(i);
    arguments.push_back(
        layout ? unpack(builder, kernel.getLoc(), argument, layout, type)
               : argument);
  }
  return arguments;
}

/// Replaces `kernel` by a function that takes its operands in physical layout;
/// the primitives inside stay as they are.
static void makeFunction(mobile::KernelOp kernel) {
  OpBuilder builder(kernel);
  Location location = kernel.getLoc();
  auto type = builder.getFunctionType(getPhysicalTypes(kernel),
                                      kernel.getResultTypes());
  auto function =
      func::FuncOp::create(builder, location, kernel.getSymName(), type);
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);

  SmallVector<Value> arguments = unpackArguments(kernel, *block, builder);
  Block &body = kernel.getBody().front();
  for (auto [from, to] : llvm::zip(body.getArguments(), arguments))
    from.replaceAllUsesWith(to);
  block->getOperations().splice(block->end(), body.getOperations());

  auto yield = cast<mobile::YieldOp>(block->back());
  builder.setInsertionPoint(yield);
  for (OpOperand &operand : yield->getOpOperands())
    if (auto layout = kernel.getResultLayout(operand.getOperandNumber()))
      operand.set(unpack(builder, location, operand.get(), layout,
                         cast<RankedTensorType>(operand.get().getType())));
  func::ReturnOp::create(builder, yield.getLoc(),
                         getDistinctResults(yield, builder));
  yield.erase();
  kernel.erase();
}

namespace {
struct LowerToLinalg : minnow::impl::LowerToLinalgBase<LowerToLinalg> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto call : module.getOps<mobile::ProgramOp>()) {
      call.emitOpError("calls kernels; lower-to-linalg takes a module that "
                       "holds kernels alone");
      return signalPassFailure();
    }
    for (auto kernel :
         llvm::make_early_inc_range(module.getOps<mobile::KernelOp>())) {
      if (failed(checkElementTypes(kernel)))
        return signalPassFailure();
      makeFunction(kernel);
    }
    lowerPrimitives();
  }

  void lowerPrimitives() {
    RewritePatternSet patterns(&getContext());
    populateConvolutionPatterns(patterns);
    populateElementwisePatterns(patterns);
    populateAttentionPatterns(patterns);
    populateShapePatterns(patterns);
    populateQuantizedPatterns(patterns);
    ConversionTarget target(getContext());
    target.addIllegalDialect<mobile::MobileDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
