//===- NetworkBuilder.h - writes a network's primitives ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both importers speak of tensors in the framework's order (NCHW, filters
// [out, in, height, width]); this class writes them channels-last. It keeps the
// order of each value, so a transpose is only written where a primitive or the
// function's edge needs another order than the value has.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_NETWORKBUILDER_H
#define MINNOW_COMPILER_IMPORT_NETWORKBUILDER_H

#include "compiler/import/Faults.h"
#include "compiler/import/HostTensor.h"
#include "dialects/mobile/Mobile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <array>
#include <map>

namespace minnow::importer {

/// A value of the network. Dimension i of `value` is the network's dimension
/// `order[i]`: {0, 2, 3, 1} for an NCHW tensor that is held as NHWC.
struct Tensor {
  mlir::Value value;
  Shape order;

  /// The network's shape, e.g. NCHW.
  Shape shape() const;
  size_t rank() const { return order.size(); }
};

/// The order in which the compiler holds maps.
constexpr std::array<int64_t, 4> channelsLastOrder = {0, 2, 3, 1};

/// How a window moves over the rows and columns of a map.
struct Window {
  std::array<int64_t, 2> size;
  std::array<int64_t, 2> strides = {1, 1};
  /// top, bottom, left, right
  std::array<int64_t, 4> pad = {};
};

/// Writes one function. What a method refuses is reported as a diagnostic at
/// the current layer.
class NetworkBuilder {
public:
  NetworkBuilder(mlir::MLIRContext &context, llvm::StringRef name);

  /// Names the layer that the next primitives belong to.
  void setLayer(llvm::StringRef name);

  /// An argument of the function, with the network's shape (NCHW).
  Tensor input(llvm::StringRef name, llvm::ArrayRef<int64_t> shape);

  /// `filter` is [out, in, height, width], or [channels, 1, height, width] of a
  /// depthwise convolution; `bias`, [out], may be null.
  mlir::FailureOr<Tensor> convolution(const Tensor &x, const Weight &filter,
                                      const Weight *bias, bool depthwise,
                                      const Window &window);
  /// x [rows, in] times `filter`: [out, in] if `outFirst`, else [in, out].
  mlir::FailureOr<Tensor> linear(const Tensor &x, const Weight &filter,
                                 bool outFirst, const Weight *bias);
  /// `parameters`: scale, offset, mean, variance, each [channels].
  mlir::FailureOr<Tensor>
  batchNorm(const Tensor &x, llvm::ArrayRef<Weight> parameters, double epsilon);
  mlir::FailureOr<Tensor> activate(const Tensor &x,
                                   mobile::Activation activation);
  /// Rounds floats to `element`; and takes rounded ones as floats again.
  mlir::FailureOr<Tensor> quantize(const Tensor &x,
                                   mlir::quant::QuantizedType element);
  mlir::FailureOr<Tensor> dequantize(const Tensor &x);
  mlir::FailureOr<Tensor> pool(const Tensor &x, mobile::PoolKind kind,
                               const Window &window, bool countPad);
  /// [n, c, h, w] -> [n, c, 1, 1]
  mlir::FailureOr<Tensor> globalPool(const Tensor &x, mobile::PoolKind kind);
  /// The mean or maximum over `axes`, which ascend, at least one; their sizes
  /// become 1.
  mlir::FailureOr<Tensor> reduce(const Tensor &x, mobile::PoolKind kind,
                                 llvm::ArrayRef<int64_t> axes);
  /// Zeros around the map: top, bottom, left, right.
  mlir::FailureOr<Tensor> pad(const Tensor &x, llvm::ArrayRef<int64_t> pad);
  mlir::FailureOr<Tensor> softmax(const Tensor &x, int64_t axis);
  /// The product of the last two dimensions, NumPy's matmul: those before are
  /// equal, or 1 all in the same operand.
  mlir::FailureOr<Tensor> matmul(const Tensor &lhs, const Tensor &rhs);
  /// All [n, channels, h, w] with channels [heads][width]; one head of keys and
  /// values, or as many as divide `heads`.
  mlir::FailureOr<Tensor> attention(const Tensor &query, const Tensor &key,
                                    const Tensor &value, int64_t heads,
                                    double scale);

  /// Elementwise with NumPy's broadcasting, of which one side must have the
  /// shape of the result. OpTy is mobile::AddOp or mobile::MulOp.
  template <typename OpTy>
  mlir::FailureOr<Tensor> binary(const Tensor &lhs, const Tensor &rhs);
  template <typename OpTy>
  mlir::FailureOr<Tensor> binary(const Tensor &lhs, const Weight &rhs);

  /// Renames dimensions; writes nothing.
  Tensor transpose(const Tensor &x, llvm::ArrayRef<int64_t> permutation);
  /// `shape` must have as many elements as `x`.
  mlir::FailureOr<Tensor> reshape(const Tensor &x,
                                  llvm::ArrayRef<int64_t> shape);

  mlir::func::FuncOp getFunction() { return function; }

  /// Ends the function with its named results, in the network's order, and
  /// removes primitives and weights that none of them needs.
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  finish(llvm::ArrayRef<std::pair<std::string, Tensor>> results);

private:
  template <typename OpTy>
  mlir::FailureOr<mlir::Value> create(mlir::ValueRange operands,
                                      typename OpTy::Properties properties);
  mlir::LogicalResult checkSize(mlir::Type type);
  mlir::Value weightValue(const Weight &weight, llvm::ArrayRef<int64_t> order,
                          llvm::ArrayRef<int64_t> shape);
  mobile::WeightOp addWeight(const Weight &weight,
                             llvm::ArrayRef<int64_t> order,
                             llvm::ArrayRef<int64_t> shape);
  mlir::Type quantizedElement(const Weight &weight,
                              llvm::ArrayRef<int64_t> order,
                              llvm::ArrayRef<int64_t> shape);
  mlir::FailureOr<mlir::Value> vectorValue(const Weight &weight);
  mlir::FailureOr<mlir::Value> arranged(const Tensor &x,
                                        llvm::ArrayRef<int64_t> order);
  mlir::FailureOr<mlir::Value> channelsLast(const Tensor &x);
  mlir::FailureOr<Tensor> elementwiseForm(const Tensor &x);
  mlir::FailureOr<Tensor> multiply(const Tensor &lhs, const Tensor &rhs);
  mlir::FailureOr<mlir::Value> reshaped(mlir::Value value,
                                        llvm::ArrayRef<int64_t> shape);
  mlir::LogicalResult refuse(const llvm::Twine &message);
  void eraseUnused();

  mlir::OpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  mlir::Location location;
  /// Names in use, and the weight for each tensor and form of it.
  llvm::StringSet<> symbols;
  std::map<std::tuple<std::shared_ptr<const HostTensor>, std::vector<int64_t>,
                      std::vector<int64_t>>,
           mobile::WeightOp>
      weights;
  /// Values that hold another one in a different order, so that it is
  /// transposed once.
  std::map<std::pair<void *, std::vector<int64_t>>, mlir::Value> arrangements;
};

template <typename OpTy>
mlir::FailureOr<mlir::Value>
NetworkBuilder::create(mlir::ValueRange operands,
                       typename OpTy::Properties properties) {
  // The op's own builders end the program where inference fails.
  llvm::SmallVector<mlir::Type, 1> types;
  if (mlir::failed(OpTy::inferReturnTypes(builder.getContext(), location,
                                          operands, {}, &properties, {},
                                          types)) ||
      mlir::failed(checkSize(types.front())))
    return mlir::failure();
  auto op = OpTy::create(builder, location, types, operands, properties);
  if (mlir::failed(mlir::verify(op)))
    return mlir::failure();
  return mlir::Value(op.getResult());
}

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_NETWORKBUILDER_H
