//===- Object.cpp - the object of a kernel by Halide ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halide's function takes halide_buffer_t's; a small wrapper around it takes
// the kernel's pointers. All sizes are constants of the code, so the wrapper
// fills in nothing but the pointers.
//===----------------------------------------------------------------------===//
#include "targets/halide/Object.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "targets/halide/Kernel.h"
#include "targets/llvm/Object.h"

using namespace minnow;
using namespace minnow::halide;
using namespace mlir;

namespace {

/// What is to know of halide_buffer_t.
struct BufferLayout {
  int64_t bytes, host;
};
constexpr BufferLayout kBuffer64 = {56, 16}, kBuffer32 = {40, 12};

/// Builds the module of the wrapper.
class Wrapper {
public:
  Wrapper(MLIRContext *context, bool is64)
      : layout(is64 ? kBuffer64 : kBuffer32), builder(context),
        location(builder.getUnknownLoc()), module(ModuleOp::create(location)),
        pointer(LLVM::LLVMPointerType::get(context)), i32(builder.getI32Type()),
        i64(builder.getI64Type()) {
    builder.setInsertionPointToEnd(module->getBody());
  }

  OwningOpRef<ModuleOp> build(StringRef symbol, StringRef inner,
                              unsigned buffers, int64_t taskBytes);

private:
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, location, i64,
                                    builder.getI64IntegerAttr(value));
  }
  Value offset(Value base, Value bytes) {
    return LLVM::GEPOp::create(builder, location, pointer, builder.getI8Type(),
                               base, bytes);
  }
  Value makeBuffer(Value pointers, unsigned index, Value taskOffset);

  BufferLayout layout;
  OpBuilder builder;
  Location location;
  OwningOpRef<ModuleOp> module;
  Type pointer, i32, i64;
};

} // namespace

/// A halide_buffer_t on the stack for pointer `index`, moved by `taskOffset`
/// bytes if it is given.
Value Wrapper::makeBuffer(Value pointers, unsigned index, Value taskOffset) {
  Value slot =
      LLVM::GEPOp::create(builder, location, pointer, pointer, pointers,
                          ArrayRef<LLVM::GEPArg>{int32_t(index)});
  Value host = LLVM::LoadOp::create(builder, location, pointer, slot);
  if (taskOffset)
    host = offset(host, taskOffset);
  Value buffer =
      LLVM::AllocaOp::create(builder, location, pointer, builder.getI8Type(),
                             constant(layout.bytes), /*alignment=*/8);
  LLVM::MemsetOp::create(builder, location, buffer,
                         LLVM::ConstantOp::create(builder, location,
                                                  builder.getI8Type(),
                                                  builder.getI8IntegerAttr(0)),
                         constant(layout.bytes), /*isVolatile=*/false);
  LLVM::StoreOp::create(builder, location, host,
                        offset(buffer, constant(layout.host)));
  return buffer;
}

OwningOpRef<ModuleOp> Wrapper::build(StringRef symbol, StringRef inner,
                                     unsigned buffers, int64_t taskBytes) {
  SmallVector<Type> innerTypes = {pointer, i32};
  innerTypes.append(buffers, pointer);
  auto innerFunction = LLVM::LLVMFuncOp::create(
      builder, location, inner, LLVM::LLVMFunctionType::get(i32, innerTypes));
  auto function = LLVM::LLVMFuncOp::create(
      builder, location, symbol,
      LLVM::LLVMFunctionType::get(i32, {pointer, i32, pointer}));
  builder.setInsertionPointToStart(function.addEntryBlock(builder));
  Value context = function.getArgument(0), task = function.getArgument(1),
        pointers = function.getArgument(2);
  Value taskOffset = LLVM::MulOp::create(
      builder, location, LLVM::ZExtOp::create(builder, location, i64, task),
      constant(taskBytes));
  SmallVector<Value> operands = {context, task};
  for (unsigned i = 0; i < buffers; ++i)
    operands.push_back(
        makeBuffer(pointers, i, i + 1 == buffers ? taskOffset : Value()));
  auto call = LLVM::CallOp::create(builder, location, innerFunction, operands);
  LLVM::ReturnOp::create(builder, location, call.getResult());
  return std::move(module);
}

/// The tasks that the schedule of `kernel` divides it into.
static uint32_t getTasks(mobile::KernelOp kernel) {
  mobile::ScheduleAttr schedule = kernel.getScheduleAttr();
  return schedule.getSplit() == mobile::SplitAxis::None ? 1
                                                        : schedule.getTasks();
}

bool halide::hasStages(const Form &form, mobile::KernelOp kernel,
                       std::string *why) {
  llvm::Error error = checkKernel(kernel, form);
  bool isFast = !error;
  std::string message = llvm::toString(std::move(error));
  if (!isFast && why)
    *why = message;
  return isFast;
}

llvm::Expected<KernelCode> halide::emitObject(const Form &form,
                                              const TargetSpec &spec,
                                              mobile::KernelOp kernel,
                                              StringRef symbol) {
  std::string inner = (symbol + "_halide").str();
  auto code = compile(kernel, form, inner);
  if (!code)
    return code.takeError();
  if (code->isBitcode) {
    auto compiled = compileBitcode(code->object, inner, spec);
    if (!compiled)
      return compiled.takeError();
    code->object = std::move(*compiled);
  }

  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<LLVM::LLVMDialect>();
  unsigned buffers = kernel.getNumArguments() + kernel.getNumResults();
  auto module = Wrapper(&context, form.pointerBytes == 8)
                    .build(symbol, inner, buffers, code->taskBytes);
  auto wrapper = compileToObject(*module, spec);
  if (!wrapper)
    return wrapper.takeError();
  auto object = linkRelocatable({*wrapper, code->object}, {symbol});
  if (!object)
    return object.takeError();
  KernelCode result;
  result.object = std::move(*object);
  result.scratchBytes = code->scratchBytes;
  result.tasks = getTasks(kernel);
  return result;
}
