//===- Shader.h - builds one compute shader ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A gpu.func in the making: arithmetic on indices and on values, loops, buffers
// by the kernel's arguments. A buffer is read as numbers or as quads, vectors
// of four neighbouring channels; SPIR-V has no other way to load four at once.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_VULKAN_SHADER_H
#define MINNOW_TARGETS_VULKAN_SHADER_H

#include "dialects/mobile/Mobile.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Builders.h"
#include "targets/Target.h"
#include "targets/vulkan/Gpu.h"
#include "llvm/Support/Error.h"

namespace minnow::vulkan {

/// Workgroups of a dispatch.
struct Grid {
  uint32_t x = 1, y = 1, z = 1;
};

/// A shader that is written, with its dispatch.
struct Written {
  std::string words; // of SPIR-V
  Grid grid;
  KernelCounts counts; // of all invocations
};

class Shader {
public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value>;

  /// Begins the shader of `kernel`. Argument i, and after them the result, is
  /// read by widths[i] numbers at once, 1 or 4. `sharedQuads` of workgroup
  /// memory are behind loadShared and storeShared.
  Shader(mobile::KernelOp kernel, const Gpu &gpu,
         llvm::ArrayRef<unsigned> widths, unsigned invocations,
         unsigned sharedQuads = 0);

  const Gpu &getGpu() const { return gpu; }

  //===--------------------------------------------------------------------===//
  // Indices
  //===--------------------------------------------------------------------===//

  Value index(int64_t value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b) { return b ? add(a, index(b)) : a; }
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b) { return b == 1 ? a : mul(a, index(b)); }
  Value div(Value a, int64_t b);
  Value rem(Value a, int64_t b);
  Value min(Value a, Value b);
  /// 0 <= a < b, for an `a` that may be negative.
  Value isInside(Value a, int64_t b);
  Value both(Value a, Value b);
  Value select(Value condition, Value a, Value b);

  Value getThread();            // in the workgroup
  Value getGroup(unsigned dim); // the workgroup
  /// This lane's number in its cluster, and the first lane of that.
  Value getClusterLane();
  Value getClusterBase();

  //===--------------------------------------------------------------------===//
  // Values: f32, or quads of them
  //===--------------------------------------------------------------------===//

  mlir::Type getQuadType();
  Value number(double value);
  Value quad(double value);
  /// `value` in all four places.
  Value splat(Value value);
  Value extract(Value quad, unsigned place);
  Value addf(Value a, Value b);
  Value subf(Value a, Value b);
  Value mulf(Value a, Value b);
  Value divf(Value a, Value b);
  Value sqrt(Value a);
  /// a * b + c, rounded as the device likes.
  Value fma(Value a, Value b, Value c);
  Value maxf(Value a, Value b);
  Value exp(Value a);
  Value activate(Value value, mobile::Activation activation);
  /// A constant of the type of `like`.
  Value constantLike(Value like, double value);
  /// The value that lane `lane` of the subgroup gives for `value`.
  Value shuffle(Value value, Value lane);

  //===--------------------------------------------------------------------===//
  // Control
  //===--------------------------------------------------------------------===//

  using LoopBody = llvm::function_ref<Values(Value, mlir::ValueRange)>;
  /// for (i = 0; i < to; ++i) values = body(i, values). `average` is how often
  /// that is on average, for the counts.
  Values loop(Value to, double average, mlir::ValueRange init, LoopBody body);
  Values loop(int64_t to, mlir::ValueRange init, LoopBody body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  void barrier();

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  /// Element `at` (a number or a quad) of an argument of the kernel.
  Value load(mlir::Value argument, Value at);
  /// To the kernel's result.
  void store(Value value, Value at);
  Value loadShared(Value at);
  void storeShared(Value value, Value at);

  /// What a value of the kernel is at this place: set by those who compute it,
  /// asked by `evaluate`.
  void define(mlir::Value tensor, Value value) { defined[tensor] = value; }
  void forget() { defined.clear(); }
  /// The quad `quad` of row `row` of a map that is made by element operations
  /// from what is defined and from arguments; all have `quads` quads a row.
  Value evaluate(mlir::Value tensor, Value row, Value quad, int64_t quads);

  /// Ends the shader, which `grid` workgroups run.
  llvm::Expected<Written> finish(Grid grid);

private:
  llvm::Expected<std::string> serialize();
  /// How many numbers `value` is.
  static unsigned countNumbers(Value value);
  mlir::MLIRContext *getContext() { return &context; }

  mlir::MLIRContext &context;
  const Gpu &gpu;
  mlir::OpBuilder builder;
  mlir::Location location;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::gpu::GPUFuncOp function;
  Value shared;
  llvm::SmallVector<bool> isHalf; // by argument, the result last
  unsigned invocations;           // of a workgroup
  double repeats = 1; // of what is written here, by the loops around
  double loads = 0, multiplyAdds = 0; // of one invocation
  llvm::DenseMap<mlir::Value, unsigned> arguments;
  llvm::DenseMap<mlir::Value, Value> defined;
};

/// Whether `Shader::evaluate` can make `op` of values with the shape of the
/// last one, or of one number a channel; if not, `why` says why.
bool isElementwise(mlir::Operation *op, std::string *why = nullptr);

} // namespace minnow::vulkan

#endif // MINNOW_TARGETS_VULKAN_SHADER_H
