//===- Entry.cpp - the entry code of a native program ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Straight-line code: for each `mobile.call` the addresses of its buffers are
// stored, then its tasks are run (minnow_dispatch). Every address is an input,
// an output, or a constant offset from the arena's or the weights' base.
//===----------------------------------------------------------------------===//
#include "targets/llvm/Entry.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"
#include "runtime/abi/minnow_abi.h"
#include "targets/llvm/Object.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;
using llvm::Expected;

static constexpr llvm::StringLiteral kWeightsSymbol = "minnow_weights";
static constexpr llvm::StringLiteral kDescriptionSymbol = "minnow_description";

namespace {

/// Builds the functions of the entry module. Field numbers of `getField` are
/// those of the structs in runtime/abi/minnow_abi.h.
class EntryBuilder {
public:
  EntryBuilder(ModuleOp module, const Assembly &assembly, unsigned alignment)
      : assembly(assembly), alignment(alignment), program(assembly.program),
        module(module), builder(module.getContext()),
        loc(builder.getUnknownLoc()),
        ptr(LLVM::LLVMPointerType::get(module.getContext())),
        i32(builder.getI32Type()), i64(builder.getI64Type()),
        argumentsType(structOf({ptr, ptr, ptr, ptr, ptr, ptr})),
        closureType(structOf({ptr, ptr, ptr, i64})),
        programType(structOf({i32, i32, ptr, i64, ptr, i64, ptr})) {}

  void build() {
    declareExternals();
    buildRun();
    buildModel();
    buildTypedRun();
    buildQuery();
  }

private:
  const Assembly &assembly;
  unsigned alignment;
  ProgramOp program;
  ModuleOp module;
  OpBuilder builder;
  Location loc;
  Type ptr, i32, i64, argumentsType, closureType, programType;
  llvm::DenseMap<Value, Value> addresses;
  static constexpr StringLiteral kRunSymbol = "minnow_run_arguments";

  Type structOf(ArrayRef<Type> types) {
    return LLVM::LLVMStructType::getLiteral(module.getContext(), types);
  }
  std::string modelSymbol() { return (program.getName() + "_model").str(); }

  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, type, value);
  }
  Value addressOf(StringRef symbol) {
    return LLVM::AddressOfOp::create(builder, loc, ptr, symbol);
  }
  Value field(Type type, Value base, int32_t index) {
    return LLVM::GEPOp::create(builder, loc, ptr, type, base,
                               ArrayRef<LLVM::GEPArg>{0, index});
  }
  Value loadField(Type type, Value base, int32_t index) {
    return LLVM::LoadOp::create(builder, loc, ptr, field(type, base, index));
  }
  void store(Value value, Value address) {
    LLVM::StoreOp::create(builder, loc, value, address);
  }
  /// The address `offset` bytes after `base`.
  Value atByte(Value base, int64_t offset) {
    return LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base,
                               ValueRange{constant(i64, offset)});
  }
  /// Place `index` of an array of pointers.
  Value element(Value base, int64_t index) {
    return LLVM::GEPOp::create(builder, loc, ptr, ptr, base,
                               ArrayRef<LLVM::GEPArg>{int32_t(index)});
  }
  Value allocate(Type type, int64_t count = 1) {
    return LLVM::AllocaOp::create(builder, loc, ptr, type,
                                  constant(i64, count));
  }

  LLVM::LLVMFuncOp beginFunction(StringRef name, Type result,
                                 ArrayRef<Type> inputs) {
    builder.setInsertionPointToEnd(module.getBody());
    auto function = LLVM::LLVMFuncOp::create(
        builder, loc, name, LLVM::LLVMFunctionType::get(result, inputs));
    builder.setInsertionPointToStart(function.addEntryBlock(builder));
    return function;
  }

  void declareExternals();
  void buildRun();
  void buildCall(CallOp call, int64_t index, Value arguments, Value buffers,
                 Value closure);
  void checkArguments(LLVM::LLVMFuncOp function, ArrayRef<Value> pointers,
                      ArrayRef<Value> aligned);
  void buildModel();
  void buildTypedRun();
  void buildQuery();
};

} // namespace

void EntryBuilder::declareExternals() {
  builder.setInsertionPointToEnd(module.getBody());
  auto kernelType = LLVM::LLVMFunctionType::get(i32, {ptr, i32, ptr});
  for (auto &[name, code] : assembly.kernels)
    LLVM::LLVMFuncOp::create(builder, loc, code.symbol, kernelType);
  for (StringRef symbol : {kWeightsSymbol, kDescriptionSymbol})
    LLVM::GlobalOp::create(builder, loc, builder.getI8Type(),
                           /*isConstant=*/true, LLVM::Linkage::External, symbol,
                           Attribute());
}

/// Returns MINNOW_BAD_ARGUMENT from `function` if one of `pointers` is null, or
/// one of `aligned` is not.
void EntryBuilder::checkArguments(LLVM::LLVMFuncOp function,
                                  ArrayRef<Value> pointers,
                                  ArrayRef<Value> aligned) {
  Value null = LLVM::ZeroOp::create(builder, loc, ptr);
  Value bits = constant(i64, 0);
  for (Value pointer : aligned)
    bits = LLVM::OrOp::create(
        builder, loc, bits,
        LLVM::PtrToIntOp::create(builder, loc, i64, pointer));
  Value low =
      LLVM::AndOp::create(builder, loc, bits, constant(i64, alignment - 1));
  Value bad = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, low,
                                   constant(i64, 0));
  for (Value pointer : pointers) {
    Value isNull = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::eq,
                                        pointer, null);
    bad = LLVM::OrOp::create(builder, loc, bad, isNull);
  }
  Block *entry = builder.getInsertionBlock();
  Block *fail = function.addBlock(), *go = function.addBlock();
  builder.setInsertionPointToEnd(fail);
  LLVM::ReturnOp::create(builder, loc, constant(i32, MINNOW_BAD_ARGUMENT));
  builder.setInsertionPointToEnd(entry);
  LLVM::CondBrOp::create(builder, loc, bad, fail, go);
  builder.setInsertionPointToEnd(go);
}

void EntryBuilder::buildCall(CallOp call, int64_t index, Value arguments,
                             Value buffers, Value closure) {
  for (auto [i, operand] : llvm::enumerate(call.getOperands()))
    store(addresses.lookup(operand), element(buffers, i));
  const KernelCode &code =
      assembly.kernels[assembly.getKernelIndex(call.getKernel())].second;
  int64_t tasks = code.tasks;
  store(addressOf(code.symbol), closure);
  LLVM::CallOp::create(builder, loc, TypeRange(), "minnow_dispatch",
                       ValueRange{closure, constant(i32, tasks), arguments,
                                  constant(i32, index)});
}

/// `int32_t run(const minnow_arguments *)`: all calls in program order.
void EntryBuilder::buildRun() {
  LLVM::LLVMFuncOp run = beginFunction(kRunSymbol, i32, {ptr});
  Value arguments = run.getArgument(0);
  Value inputs = loadField(argumentsType, arguments, 0);
  Value outputs = loadField(argumentsType, arguments, 1);
  Value workspace = loadField(argumentsType, arguments, 2);
  Value weights = loadField(argumentsType, arguments, 3);
  checkArguments(run, {inputs, outputs, workspace, weights}, workspace);

  int64_t inputCount = program.getNumInputs();
  for (BlockArgument argument : program.getArguments()) {
    int64_t index = argument.getArgNumber();
    bool isInput = index < inputCount;
    Value slot = element(isInput ? inputs : outputs,
                         isInput ? index : index - inputCount);
    addresses[argument] = LLVM::LoadOp::create(builder, loc, ptr, slot);
  }
  size_t most = 0;
  for (auto call : program.getOps<CallOp>())
    most = std::max<size_t>(most, call.getOperands().size());
  Value buffers = allocate(ptr, most), closure = allocate(closureType);
  store(buffers, field(closureType, closure, 1));
  store(atByte(workspace, assembly.getArenaBytes()),
        field(closureType, closure, 2));
  store(constant(i64, assembly.scratchBytes), field(closureType, closure, 3));

  int64_t index = 0;
  for (Operation &op : program.getBody().front()) {
    if (auto buffer = dyn_cast<BufferOp>(op))
      addresses[buffer.getResult()] =
          atByte(buffer.getSpace() == MemorySpace::Arena ? workspace : weights,
                 buffer.getOffset());
    else if (auto call = dyn_cast<CallOp>(op))
      buildCall(call, index++, arguments, buffers, closure);
  }
  LLVM::ReturnOp::create(builder, loc, constant(i32, MINNOW_OK));
}

/// `const minnow_program NAME_model`.
void EntryBuilder::buildModel() {
  builder.setInsertionPointToEnd(module.getBody());
  auto global = LLVM::GlobalOp::create(
      builder, loc, programType,
      /*isConstant=*/true, LLVM::Linkage::External, modelSymbol(), Attribute());
  builder.createBlock(&global.getInitializerRegion());
  Value fields[] = {constant(i32, MINNOW_ABI_VERSION),
                    constant(i32, 0),
                    addressOf(kDescriptionSymbol),
                    constant(i64, assembly.description.size()),
                    addressOf(kWeightsSymbol),
                    constant(i64, assembly.weights.size()),
                    addressOf(kRunSymbol)};
  Value value = LLVM::UndefOp::create(builder, loc, programType);
  for (auto [i, part] : llvm::enumerate(fields))
    value = LLVM::InsertValueOp::create(builder, loc, value, part, i);
  LLVM::ReturnOp::create(builder, loc, value);
}

/// `int32_t NAME_run(inputs.., outputs.., workspace, threads)`.
void EntryBuilder::buildTypedRun() {
  size_t count = program.getNumArguments();
  SmallVector<Type> types(count + 2, ptr);
  LLVM::LLVMFuncOp function =
      beginFunction((program.getName() + "_run").str(), i32, types);
  auto tensors = function.getArguments().take_front(count);
  // Larger vectors than a line's are loaded from tensors as well.
  SmallVector<Value> aligned = {function.getArgument(count)};
  if (alignment > 64)
    aligned.append(tensors.begin(), tensors.end());
  checkArguments(function, SmallVector<Value>(tensors), aligned);
  Value pointers = allocate(ptr, count);
  for (auto [i, tensor] : llvm::enumerate(tensors))
    store(tensor, element(pointers, i));
  Value arguments = allocate(argumentsType);
  Value fields[] = {pointers,
                    element(pointers, program.getNumInputs()),
                    function.getArgument(count),
                    addressOf(kWeightsSymbol),
                    function.getArgument(count + 1),
                    LLVM::ZeroOp::create(builder, loc, ptr)};
  for (auto [i, value] : llvm::enumerate(fields))
    store(value, field(argumentsType, arguments, i));
  auto call = LLVM::CallOp::create(builder, loc, TypeRange(i32), kRunSymbol,
                                   ValueRange{arguments});
  LLVM::ReturnOp::create(builder, loc, call.getResult());
}

/// `const minnow_program *minnow_query_program(uint32_t abi_version)`.
void EntryBuilder::buildQuery() {
  LLVM::LLVMFuncOp query = beginFunction("minnow_query_program", ptr, {i32});
  Value same = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::eq,
                                    query.getArgument(0),
                                    constant(i32, MINNOW_ABI_VERSION));
  Value result =
      LLVM::SelectOp::create(builder, loc, same, addressOf(modelSymbol()),
                             LLVM::ZeroOp::create(builder, loc, ptr));
  LLVM::ReturnOp::create(builder, loc, result);
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

static Expected<std::string> compileEntry(const Assembly &assembly,
                                          const TargetSpec &machine,
                                          const NativeParts &parts) {
  MLIRContext *context = assembly.program->getContext();
  context->loadDialect<LLVM::LLVMDialect>();
  auto entry = parseSourceString<ModuleOp>(parts.support, context);
  EntryBuilder(*entry, assembly, parts.alignment).build();
  return compileToObject(*entry, machine);
}

static Expected<std::string> packWeights(const Assembly &assembly,
                                         const TargetSpec &machine,
                                         const NativeParts &parts) {
  if (!parts.bytesBehind)
    return makeDataObject(kWeightsSymbol, assembly.weights, parts.alignment,
                          machine);
  std::vector<char> weights = assembly.weights.vec();
  weights.resize(weights.size() + parts.bytesBehind);
  return makeDataObject(kWeightsSymbol, weights, parts.alignment, machine);
}

Expected<std::string> minnow::assembleObject(const Assembly &assembly,
                                             const TargetSpec &machine,
                                             const NativeParts &parts) {
  auto entry = compileEntry(assembly, machine, parts);
  if (!entry)
    return entry.takeError();
  auto weights = packWeights(assembly, machine, parts);
  if (!weights)
    return weights.takeError();
  auto description = makeDataObject(kDescriptionSymbol, assembly.description,
                                    16, machine, parts.descriptionSection);
  if (!description)
    return description.takeError();
  std::vector<llvm::StringRef> objects = {*entry, *weights, *description};
  llvm::append_range(objects, parts.objects);
  for (auto &[name, kernel] : assembly.kernels)
    objects.push_back(kernel.object);
  return linkRelocatable(objects);
}
