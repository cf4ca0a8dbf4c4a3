//===- Shader.cpp - builds one compute shader -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gpu, scf, arith and memref on the way in, MLIR's conversion to SPIR-V at the
// end. What that conversion makes worse than needed (maxima that mind NaN) is
// written as SPIR-V from the start.
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Shader.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRVPass.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRVPass.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::vulkan;
using namespace minnow::mobile;

//===----------------------------------------------------------------------===//
// Begin
//===----------------------------------------------------------------------===//

/// SPIR-V 1.3 as each Vulkan 1.1 device takes it, with what the GPU has more.
static spirv::TargetEnvAttr getEnvironment(MLIRContext *context,
                                           const Gpu &gpu) {
  SmallVector<spirv::Capability> capabilities = {spirv::Capability::Shader};
  SmallVector<spirv::Extension> extensions = {
      spirv::Extension::SPV_KHR_storage_buffer_storage_class};
  if (gpu.half) {
    capabilities.append({spirv::Capability::Float16,
                         spirv::Capability::StorageBuffer16BitAccess});
    extensions.push_back(spirv::Extension::SPV_KHR_16bit_storage);
  }
  if (gpu.cluster > 1)
    capabilities.append({spirv::Capability::GroupNonUniform,
                         spirv::Capability::GroupNonUniformShuffle});
  auto triple = spirv::VerCapExtAttr::get(spirv::Version::V_1_3, capabilities,
                                          extensions, context);
  return spirv::TargetEnvAttr::get(triple,
                                   spirv::getDefaultResourceLimits(context),
                                   spirv::ClientAPI::Vulkan);
}

Shader::Shader(KernelOp kernel, const Gpu &gpu, ArrayRef<unsigned> widths,
               unsigned invocations, unsigned sharedQuads)
    : context(*kernel.getContext()), gpu(gpu), builder(&context),
      location(builder.getUnknownLoc()), invocations(invocations) {
  context.loadDialect<gpu::GPUDialect, spirv::SPIRVDialect, scf::SCFDialect,
                      arith::ArithDialect, math::MathDialect,
                      vector::VectorDialect, memref::MemRefDialect>();
  module = ModuleOp::create(location);
  (*module)->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                     builder.getUnitAttr());
  (*module)->setAttr(spirv::getTargetEnvAttrName(),
                     getEnvironment(&context, gpu));
  builder.setInsertionPointToEnd(module->getBody());
  auto device = gpu::GPUModuleOp::create(builder, location, "shader");
  builder.setInsertionPointToStart(device.getBody());

  auto storage = [&](spirv::StorageClass kind) {
    return spirv::StorageClassAttr::get(&context, kind);
  };
  SmallVector<Type> types;
  for (auto [i, type] : llvm::enumerate(llvm::concat<const Type>(
           kernel.getArgumentTypes(), kernel.getResultTypes()))) {
    int64_t count = cast<ShapedType>(type).getNumElements();
    bool isArgument = i < kernel.getNumArguments();
    isHalf.push_back(gpu.half &&
                     !(isArgument ? kernel.getArgAttr(i, kEdgeAttrName)
                                  : kernel.getResultAttr(0, kEdgeAttrName)));
    Type element =
        isHalf.back() ? Type(builder.getF16Type()) : builder.getF32Type();
    if (widths[i] == 4)
      element = VectorType::get({4}, element);
    types.push_back(
        MemRefType::get({count / widths[i]}, element, AffineMap(),
                        storage(spirv::StorageClass::StorageBuffer)));
  }
  function = gpu::GPUFuncOp::create(builder, location, "main",
                                    builder.getFunctionType(types, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                    builder.getUnitAttr());
  function->setAttr(
      spirv::getEntryPointABIAttrName(),
      spirv::getEntryPointABIAttr(&context, {int32_t(invocations), 1, 1}));
  builder.setInsertionPointToStart(&function.getBody().front());
  // The conversion takes an allocation, but no attribution of the function.
  if (sharedQuads)
    shared = memref::AllocOp::create(
        builder, location,
        MemRefType::get({sharedQuads}, getQuadType(), AffineMap(),
                        storage(spirv::StorageClass::Workgroup)));
  for (auto [i, argument] : llvm::enumerate(kernel.getBody().getArguments()))
    arguments[argument] = i;
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

Value Shader::index(int64_t value) {
  return arith::ConstantIndexOp::create(builder, location, value);
}
Value Shader::add(Value a, Value b) {
  return arith::AddIOp::create(builder, location, a, b);
}
Value Shader::sub(Value a, Value b) {
  return arith::SubIOp::create(builder, location, a, b);
}
Value Shader::mul(Value a, Value b) {
  return arith::MulIOp::create(builder, location, a, b);
}
Value Shader::div(Value a, int64_t b) {
  return b == 1 ? a : arith::DivUIOp::create(builder, location, a, index(b));
}
Value Shader::rem(Value a, int64_t b) {
  return b == 1 ? index(0)
                : arith::RemUIOp::create(builder, location, a, index(b));
}
Value Shader::min(Value a, Value b) {
  return arith::MinSIOp::create(builder, location, a, b);
}
Value Shader::isInside(Value a, int64_t b) {
  // As unsigned, what is negative is larger than any size.
  return arith::CmpIOp::create(builder, location, arith::CmpIPredicate::ult, a,
                               index(b));
}
Value Shader::both(Value a, Value b) {
  return arith::AndIOp::create(builder, location, a, b);
}
Value Shader::select(Value condition, Value a, Value b) {
  // Before SPIR-V 1.4 a vector needs a vector of conditions.
  if (auto type = dyn_cast<VectorType>(a.getType()))
    condition = vector::BroadcastOp::create(
        builder, location,
        VectorType::get(type.getShape(), builder.getI1Type()), condition);
  return arith::SelectOp::create(builder, location, condition, a, b);
}
Value Shader::getThread() {
  return gpu::ThreadIdOp::create(builder, location, gpu::Dimension::x);
}
Value Shader::getGroup(unsigned dim) {
  return gpu::BlockIdOp::create(builder, location,
                                static_cast<gpu::Dimension>(dim));
}
Value Shader::getClusterLane() {
  return rem(gpu::LaneIdOp::create(builder, location, /*upper_bound=*/nullptr),
             gpu.cluster);
}
Value Shader::getClusterBase() {
  Value lane =
      gpu::LaneIdOp::create(builder, location, /*upper_bound=*/nullptr);
  return sub(lane, rem(lane, gpu.cluster));
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Type Shader::getQuadType() {
  return VectorType::get({4}, builder.getF32Type());
}
Value Shader::number(double value) {
  return arith::ConstantOp::create(builder, location,
                                   builder.getF32FloatAttr(value));
}
Value Shader::quad(double value) {
  auto attribute =
      DenseElementsAttr::get(cast<VectorType>(getQuadType()), float(value));
  return arith::ConstantOp::create(builder, location, attribute);
}
Value Shader::constantLike(Value like, double value) {
  return isa<VectorType>(like.getType()) ? quad(value) : number(value);
}
Value Shader::splat(Value value) {
  return vector::BroadcastOp::create(builder, location, getQuadType(), value);
}
Value Shader::extract(Value quad, unsigned place) {
  return vector::ExtractOp::create(builder, location, quad, int64_t(place));
}
Value Shader::addf(Value a, Value b) {
  return arith::AddFOp::create(builder, location, a, b);
}
Value Shader::subf(Value a, Value b) {
  return arith::SubFOp::create(builder, location, a, b);
}
Value Shader::divf(Value a, Value b) {
  return arith::DivFOp::create(builder, location, a, b);
}
Value Shader::sqrt(Value a) {
  return spirv::GLSqrtOp::create(builder, location, a);
}
Value Shader::mulf(Value a, Value b) {
  return arith::MulFOp::create(builder, location, a, b);
}
unsigned Shader::countNumbers(Value value) {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? vector.getNumElements() : 1;
}
Value Shader::fma(Value a, Value b, Value c) {
  multiplyAdds += repeats * countNumbers(c);
  return math::FmaOp::create(builder, location, a, b, c);
}
Value Shader::maxf(Value a, Value b) {
  return spirv::GLFMaxOp::create(builder, location, a, b);
}
Value Shader::exp(Value a) {
  return spirv::GLExpOp::create(builder, location, a);
}
Value Shader::shuffle(Value value, Value lane) {
  Value id =
      arith::IndexCastOp::create(builder, location, builder.getI32Type(), lane);
  return spirv::GroupNonUniformShuffleOp::create(
      builder, location, spirv::Scope::Subgroup, value, id);
}

/// erf(x): Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26;
/// the error is at most 1.5e-7.
static Value makeErf(Shader &shader, OpBuilder &builder, Location location,
                     Value x) {
  auto constant = [&](double value) { return shader.constantLike(x, value); };
  Value size = spirv::GLFAbsOp::create(builder, location, x);
  Value t =
      arith::DivFOp::create(builder, location, constant(1),
                            shader.fma(size, constant(0.3275911), constant(1)));
  Value sum = constant(1.061405429);
  for (double next : {-1.453152027, 1.421413741, -0.284496736, 0.254829592})
    sum = shader.fma(sum, t, constant(next));
  Value tail = shader.mulf(
      shader.mulf(sum, t),
      shader.exp(arith::NegFOp::create(builder, location, shader.mulf(x, x))));
  Value erf = arith::SubFOp::create(builder, location, constant(1), tail);
  return shader.mulf(erf, spirv::GLFSignOp::create(builder, location, x));
}

Value Shader::activate(Value x, Activation activation) {
  auto constant = [&](double value) { return constantLike(x, value); };
  auto clamp = [&](Value value, double most) -> Value {
    return spirv::GLFMinOp::create(builder, location, maxf(value, constant(0)),
                                   constant(most));
  };
  auto sigmoid = [&]() -> Value {
    Value power = exp(arith::NegFOp::create(builder, location, x));
    return arith::DivFOp::create(builder, location, constant(1),
                                 addf(power, constant(1)));
  };
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::Relu:
    return maxf(x, constant(0));
  case Activation::Relu6:
    return clamp(x, 6);
  case Activation::HardSigmoid:
    return clamp(fma(x, constant(1.0 / 6), constant(0.5)), 1);
  case Activation::HardSwish:
    return mulf(x, clamp(fma(x, constant(1.0 / 6), constant(0.5)), 1));
  case Activation::Sigmoid:
    return sigmoid();
  case Activation::Silu:
    return mulf(x, sigmoid());
  case Activation::Erf:
    return makeErf(*this, builder, location, x);
  case Activation::Gelu: {
    Value erf = makeErf(*this, builder, location,
                        mulf(x, constant(0.70710678118654752)));
    return mulf(mulf(x, constant(0.5)), addf(erf, constant(1)));
  }
  }
  llvm_unreachable("an activation without a shader");
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

Shader::Values Shader::loop(Value to, double average, ValueRange init,
                            LoopBody body) {
  llvm::SaveAndRestore inside(repeats, repeats * average);
  auto loop = scf::ForOp::create(
      builder, location, index(0), to, index(1), init,
      [&](OpBuilder &inner, Location, Value i, ValueRange values) {
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPoint(inner.getInsertionBlock(),
                                  inner.getInsertionPoint());
        scf::YieldOp::create(builder, location, body(i, values));
      });
  return Values(loop.getResults());
}

Shader::Values Shader::loop(int64_t to, ValueRange init, LoopBody body) {
  if (to == 1)
    return body(index(0), init);
  return loop(index(to), to, init, body);
}

void Shader::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto branch = scf::IfOp::create(builder, location, condition,
                                  /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  body();
}

void Shader::barrier() { gpu::BarrierOp::create(builder, location); }

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Shader::load(mlir::Value argument, Value at) {
  unsigned index = arguments.lookup(argument);
  Value value = memref::LoadOp::create(builder, location,
                                       function.getArgument(index), at);
  loads += repeats * countNumbers(value);
  if (!isHalf[index])
    return value;
  Type type =
      isa<VectorType>(value.getType()) ? getQuadType() : builder.getF32Type();
  return arith::ExtFOp::create(builder, location, type, value);
}
void Shader::store(Value value, Value at) {
  if (isHalf.back()) {
    Type type = builder.getF16Type();
    if (isa<VectorType>(value.getType()))
      type = VectorType::get({4}, type);
    value = arith::TruncFOp::create(builder, location, type, value);
  }
  memref::StoreOp::create(builder, location, value,
                          function.getArgument(arguments.size()), at);
}
Value Shader::loadShared(Value at) {
  return memref::LoadOp::create(builder, location, shared, at);
}
void Shader::storeShared(Value value, Value at) {
  memref::StoreOp::create(builder, location, value, shared, at);
}

static int64_t countRows(Type type) {
  auto shape = cast<ShapedType>(type).getShape();
  return ShapedType::getNumElements(shape.drop_back());
}

Value Shader::evaluate(mlir::Value tensor, Value row, Value quad,
                       int64_t quads) {
  if (Value known = defined.lookup(tensor))
    return known;
  Value value;
  auto operand = [&](unsigned i) {
    return evaluate(tensor.getDefiningOp()->getOperand(i), row, quad, quads);
  };
  Operation *op = tensor.getDefiningOp();
  if (!op)
    value = load(tensor, countRows(tensor.getType()) == 1
                             ? quad
                             : add(mul(row, quads), quad));
  else if (auto sum = dyn_cast<AddOp>(op))
    value = activate(addf(operand(0), operand(1)), sum.getActivation());
  else if (auto product = dyn_cast<MulOp>(op))
    value = activate(mulf(operand(0), operand(1)), product.getActivation());
  else if (auto activation = dyn_cast<ActivateOp>(op))
    value = activate(operand(0), activation.getActivation());
  else
    value = evaluate(cast<ReshapeOp>(op).getInput(), row, quad, quads);
  defined[tensor] = value;
  return value;
}

bool vulkan::isElementwise(Operation *op, std::string *why) {
  auto fail = [&](const char *reason) {
    if (why)
      *why = reason;
    return false;
  };
  auto type = cast<ShapedType>(op->getResult(0).getType());
  if (!isa<AddOp, MulOp, ActivateOp, ReshapeOp>(op))
    return fail("a primitive that is no element operation");
  if (type.getRank() == 0 || type.getShape().back() % 4 != 0)
    return fail("a row that is no whole number of quads");
  for (Value operand : op->getOperands()) {
    auto from = cast<ShapedType>(operand.getType());
    if (from.getRank() == 0 || from.getShape().back() != type.getShape().back())
      return fail("an operand with rows of another length");
    if (countRows(from) != countRows(type) && countRows(from) != 1)
      return fail("an operand that is repeated over some positions only");
  }
  return true;
}

//===----------------------------------------------------------------------===//
// End
//===----------------------------------------------------------------------===//

llvm::Expected<Written> Shader::finish(Grid grid) {
  auto words = serialize();
  if (!words)
    return words.takeError();
  double all = double(grid.x) * grid.y * grid.z * invocations;
  return Written{std::move(*words),
                 grid,
                 {uint64_t(all * loads), uint64_t(all * multiplyAdds)}};
}

llvm::Expected<std::string> Shader::serialize() {
  gpu::ReturnOp::create(builder, location);
  std::string messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    messages += (messages.empty() ? "" : "; ") + diagnostic.str();
  });
  auto fail = [&](const char *what) {
    return llvm::createStringError(std::string(what) + ": " + messages);
  };
  PassManager passes(&context);
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addNestedPass<gpu::GPUModuleOp>(createConvertMathToSPIRVPass());
  passes.addPass(createConvertGPUToSPIRVPass(/*mapMemorySpace=*/false));
  auto &inner = passes.nest<spirv::ModuleOp>();
  inner.addPass(spirv::createSPIRVLowerABIAttributesPass());
  inner.addPass(createCanonicalizerPass());
  inner.addPass(createCSEPass());
  inner.addPass(spirv::createSPIRVUpdateVCEPass());
  if (failed(passes.run(*module)))
    return fail("the shader does not become SPIR-V");
  SmallVector<uint32_t, 0> words;
  auto modules = module->getOps<spirv::ModuleOp>();
  if (modules.empty() || failed(spirv::serialize(*modules.begin(), words)))
    return fail("the shader does not serialize");
  return std::string(reinterpret_cast<const char *>(words.data()),
                     words.size() * sizeof(uint32_t));
}
