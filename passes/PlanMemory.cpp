//===- PlanMemory.cpp - a place for every tensor of a program -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors become memrefs: inputs and outputs are arguments, weights lie packed
// in one section, the rest in the arena. The algorithm is in MemoryPlan.h, the
// weight section in WeightSection.h.
//===----------------------------------------------------------------------===//
#include "mlir/IR/Builders.h"
#include "passes/MemoryPlan.h"
#include "passes/Passes.h"
#include "passes/WeightSection.h"
#include "targets/Target.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"
} // namespace minnow

static MemRefType getMemRef(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get(type.getShape(), type.getElementType());
}

namespace {

/// Rewrites one program.
class Planner {
public:
  Planner(ProgramOp program, WeightSection &section, uint64_t alignment)
      : program(program), body(program.getBody().front()), section(section),
        alignment(alignment), builder(program.getContext()) {}

  LogicalResult run();

private:
  LogicalResult checkOutputs();
  LogicalResult checkMap(OpOperand &operand, LayoutAttr layout);
  LogicalResult placeWeights();
  void placeOutputs();
  void placeArena();
  void replaceCalls();
  void setSignature();
  Value createBuffer(MemorySpace space, uint64_t offset, MemRefType type);

  ProgramOp program;
  Block &body;
  WeightSection &section;
  uint64_t alignment;
  OpBuilder builder;
  // The memory of each activation, by its tensor.
  DenseMap<Value, Value> memory;
  // The packed weights of each operand that is one.
  DenseMap<OpOperand *, Value> weights;
};

} // namespace

/// How the kernel that gives `value` writes it; null for row-major, and for
/// what no call gives.
static LayoutAttr getWrittenLayout(Value value) {
  auto writer = value.getDefiningOp<CallOp>();
  if (!writer)
    return {};
  return SymbolTable::lookupNearestSymbolFrom<KernelOp>(writer,
                                                        writer.getKernelAttr())
      .getResultLayout(cast<OpResult>(value).getResultNumber());
}

/// Each result must be written by one call: an output's memory is the caller's
/// and nothing else may lie there.
LogicalResult Planner::checkOutputs() {
  llvm::SmallPtrSet<Value, 4> seen;
  for (auto [i, value] : llvm::enumerate(body.getTerminator()->getOperands()))
    if (!value.getDefiningOp<CallOp>() || !seen.insert(value).second)
      return program.emitOpError("result ")
             << i << " must be written by a call and be no other result too; "
             << "form-groups inserts a copy where a network needs one";
    else if (getWrittenLayout(value))
      return program.emitOpError("result ") << i << " must be row-major";
  return success();
}

Value Planner::createBuffer(MemorySpace space, uint64_t offset,
                            MemRefType type) {
  return BufferOp::create(builder, program.getLoc(), type, space, offset);
}

/// A map must lie in memory as the call behind it reads it.
LogicalResult Planner::checkMap(OpOperand &operand, LayoutAttr layout) {
  auto isUnsigned = [](LayoutAttr layout) {
    return layout && layout.getKind() == LayoutKind::Unsigned;
  };
  auto call = cast<CallOp>(operand.getOwner());
  if (layout && layout.getKind() != LayoutKind::Plain && !isUnsigned(layout))
    return call.emitOpError("operand ")
           << operand.getOperandNumber() << " is an activation with " << layout
           << "; only weights can be packed";
  if (isUnsigned(layout) != isUnsigned(getWrittenLayout(operand.get())))
    return call.emitOpError("operand ")
           << operand.getOperandNumber()
           << " is not in the layout in which it was written";
  return success();
}

/// Packs the weights by the layouts of the arguments that they are passed as.
LogicalResult Planner::placeWeights() {
  builder.setInsertionPointToStart(&body);
  DenseMap<std::pair<uint64_t, Type>, Value> buffers;
  for (auto call : body.getOps<CallOp>()) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<KernelOp>(
        call, call.getKernelAttr());
    for (OpOperand &operand : call->getOpOperands()) {
      LayoutAttr layout = kernel.getLayout(operand.getOperandNumber());
      auto get = operand.get().getDefiningOp<GetWeightOp>();
      if (!get) {
        if (failed(checkMap(operand, layout)))
          return failure();
        continue;
      }
      FailureOr<PackedWeight> packed = section.add(get, layout);
      if (failed(packed))
        return failure();
      Value &buffer = buffers[{packed->offset, packed->type}];
      if (!buffer)
        buffer =
            createBuffer(MemorySpace::Weights, packed->offset, packed->type);
      weights[&operand] = buffer;
    }
  }
  return success();
}

/// Makes the results arguments, after the inputs.
void Planner::placeOutputs() {
  for (Value result : body.getTerminator()->getOperands())
    memory[result] =
        body.addArgument(getMemRef(result.getType()), result.getLoc());
}

/// Places what neither the caller nor the weights hold. A buffer lives from the
/// call that writes it to the last that reads it, both included, so that no
/// call writes where it reads.
void Planner::placeArena() {
  DenseMap<Operation *, int64_t> steps;
  for (auto [step, call] : llvm::enumerate(body.getOps<CallOp>()))
    steps[call] = step;

  SmallVector<Value> values;
  std::vector<BufferLife> lives;
  for (auto call : body.getOps<CallOp>())
    for (Value result : call.getResults()) {
      if (memory.contains(result))
        continue;
      BufferLife life{steps[call], steps[call], 0};
      for (Operation *user : result.getUsers())
        life.last = std::max(life.last, steps[user]);
      MemRefType type = getMemRef(result.getType());
      // Buffers lie end to end, so whole multiples of the alignment keep it.
      life.bytes = llvm::alignTo(
          type.getNumElements() * type.getElementTypeBitWidth() / 8, alignment);
      values.push_back(result);
      lives.push_back(life);
    }

  MemoryPlan plan = planMemory(lives);
  for (auto [value, offset] : llvm::zip(values, plan.offsets)) {
    builder.setInsertionPoint(value.getDefiningOp());
    memory[value] =
        createBuffer(MemorySpace::Arena, offset, getMemRef(value.getType()));
  }
  program.setArenaBytes(plan.totalBytes);
}

/// Replaces each call by one over memory; the results are its last operands.
void Planner::replaceCalls() {
  SmallVector<Operation *> old;
  for (Operation &op : body)
    if (isa<CallOp, GetWeightOp, YieldOp>(op))
      old.push_back(&op);
  for (Operation *op : old) {
    auto call = dyn_cast<CallOp>(op);
    if (!call)
      continue;
    SmallVector<Value> operands;
    for (OpOperand &operand : call->getOpOperands()) {
      Value weight = weights.lookup(&operand);
      operands.push_back(weight ? weight : memory.lookup(operand.get()));
    }
    for (Value result : call.getResults())
      operands.push_back(memory.lookup(result));
    builder.setInsertionPoint(call);
    CallOp::create(builder, call.getLoc(), TypeRange(), call.getKernel(),
                   operands);
  }
  for (Operation *op : llvm::reverse(old))
    op->erase();
  builder.setInsertionPointToEnd(&body);
  YieldOp::create(builder, program.getLoc(), ValueRange());
}

/// The arguments are the inputs, then the outputs, which say that they are; the
/// attributes of the results go with them.
void Planner::setSignature() {
  ArrayAttr results = program.getResAttrsAttr();
  unsigned inputs = program.getNumArguments();
  program.setFunctionType(
      builder.getFunctionType(body.getArgumentTypes(), TypeRange()));
  program.removeResAttrsAttr();
  SmallVector<DictionaryAttr> attributes;
  if (ArrayAttr arguments = program.getArgAttrsAttr())
    llvm::append_range(attributes, arguments.getAsRange<DictionaryAttr>());
  attributes.resize(inputs, builder.getDictionaryAttr({}));
  for (unsigned i = 0; i + inputs < body.getNumArguments(); ++i) {
    NamedAttrList output(results ? cast<DictionaryAttr>(results[i])
                                 : builder.getDictionaryAttr({}));
    output.set("mobile.output", builder.getUnitAttr());
    attributes.push_back(output.getDictionary(builder.getContext()));
  }
  program.setAllArgAttrs(attributes);
}

LogicalResult Planner::run() {
  if (failed(checkOutputs()))
    return failure();
  for (BlockArgument argument : body.getArguments()) {
    argument.setType(getMemRef(argument.getType()));
    memory[argument] = argument;
  }
  if (failed(placeWeights()))
    return failure();
  placeOutputs();
  placeArena();
  replaceCalls();
  setSignature();
  program.setWeightsBytes(section.getBytes());
  return success();
}

namespace {

struct PlanMemory : minnow::impl::PlanMemoryBase<PlanMemory> {
  using PlanMemoryBase::PlanMemoryBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto programs = llvm::to_vector(module.getOps<ProgramOp>());
    llvm::erase_if(programs, [](ProgramOp p) { return p.isPlanned(); });
    auto weights = llvm::to_vector(module.getOps<WeightOp>());
    auto target = createTarget(module);
    if (!target)
      return signalPassFailure();
    uint64_t alignment = target->getBufferAlignment();
    for (ProgramOp program : programs) {
      WeightSection section(module, alignment);
      if (failed(Planner(program, section, alignment).run()))
        return signalPassFailure();
      section.emit((program.getSymName() + ".weights").str(), program.getLoc());
    }
    for (WeightOp weight : weights)
      weight.erase();
  }
};

} // namespace
