//===- FuseQuantize.cpp - arithmetic between dequantize and quantize ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %y = conv2d (dequantize %x), (dequantize %w) bias (dequantize %b) : f32
//   %q = quantize %y : f32 -> q8<s_y:z_y>
// becomes
//   %q = conv2d %x, %w bias %b' : q8<s_x:z_x>, q8<s_w>, i32 -> q8<s_y:z_y>
//
// Models quantized by others are written in the first way ("QDQ"); it says
// where values are rounded, and the second way rounds them there and nowhere
// else.
//===----------------------------------------------------------------------===//
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/IntegerWeights.h"
#include "passes/Passes.h"
#include <cmath>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_FUSEQUANTIZE
#include "passes/Passes.h.inc"
} // namespace minnow

/// What `value` is dequantized from; null if it is f32 by itself.
static Value getQuantized(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return dequantize ? dequantize.getInput() : Value();
}

/// The quantized type that all users of `value` round it to; null if they do
/// not agree on one.
static RankedTensorType getRoundedType(Value value) {
  RankedTensorType type;
  for (Operation *user : value.getUsers()) {
    auto quantize = dyn_cast<QuantizeOp>(user);
    if (!quantize || (type && type != quantize.getType()))
      return {};
    type = cast<RankedTensorType>(quantize.getType());
  }
  return type;
}

/// Replaces `op`, of whose result all users are quantize ops, by `quantized`.
static void replaceRounded(PatternRewriter &rewriter, Operation *op,
                           Value quantized) {
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    rewriter.replaceOp(user, quantized);
  rewriter.eraseOp(op);
}

namespace {

//===----------------------------------------------------------------------===//
// Movement of data
//===----------------------------------------------------------------------===//

/// quantize(dequantize(x)) of one type -> x.
struct CancelPair : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Value source = getQuantized(op.getInput());
    if (!source || source.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "rounds its input");
    rewriter.replaceOp(op, source);
    return success();
  }
};

/// move(dequantize(x)) -> dequantize(move(x)).
template <typename Move> struct MoveDequantize : OpRewritePattern<Move> {
  using OpRewritePattern<Move>::OpRewritePattern;
  LogicalResult matchAndRewrite(Move op,
                                PatternRewriter &rewriter) const override {
    Value source = getQuantized(op.getInput());
    if (!source || !isQuantizedMap(source.getType()))
      return rewriter.notifyMatchFailure(op, "the input is no dequantized map");
    auto type = cast<RankedTensorType>(op.getType())
                    .clone(getQuantizedElement(source.getType()));
    auto *moved = rewriter.clone(*op);
    rewriter.modifyOpInPlace(moved, [&] {
      moved->setOperand(0, source);
      moved->getResult(0).setType(type);
    });
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), moved->getResult(0), Value(), Value());
    return success();
  }
};

/// quantize(move(x)) -> move(quantize(x)): nearer to what computes x.
template <typename Move> struct MoveQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto move = op.getInput().getDefiningOp<Move>();
    if (!move || getRoundedType(move.getResult()) != op.getType())
      return rewriter.notifyMatchFailure(op, "rounds no moved value, or others "
                                             "round that in another way");
    Type element = cast<RankedTensorType>(op.getType()).getElementType();
    Value source = move.getInput();
    auto rounded = QuantizeOp::create(
        rewriter, op.getLoc(),
        cast<RankedTensorType>(source.getType()).clone(element), source);
    auto *moved = rewriter.clone(*move);
    rewriter.modifyOpInPlace(moved, [&] {
      moved->setOperand(0, rounded);
      moved->getResult(0).setType(op.getType());
    });
    replaceRounded(rewriter, move, moved->getResult(0));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// conv2d, depthwise_conv2d and linear. A sum that is not rounded, or in more
/// than one way, becomes f32 by itself.
template <typename Product> struct FuseProduct : OpRewritePattern<Product> {
  FuseProduct(MLIRContext *context, IntegerWeights &weights, bool &failed)
      : OpRewritePattern<Product>(context), weights(weights),
        hasFailed(failed) {}

  LogicalResult matchAndRewrite(Product op,
                                PatternRewriter &rewriter) const override {
    Value input = getQuantized(op.getInput());
    Value filter = getQuantized(op.getFilter());
    if (!input || !filter || !isQuantizedMap(input.getType()))
      return rewriter.notifyMatchFailure(op, "input or filter is f32");
    if (hasFailed || op.getActivation() > Activation::Relu6)
      return rewriter.notifyMatchFailure(op, "its activation is a table");
    RankedTensorType type = getRoundedType(op.getResult());
    if (!type && op.getActivation() != Activation::None)
      return rewriter.notifyMatchFailure(op, "its activation is not rounded");
    if (failed(checkFilter(op, filter.getType())))
      return fault();
    auto result = cast<RankedTensorType>(op.getType());
    QuantizedType sum =
        getSumElement(input.getType(), filter.getType(), result.getRank() - 1);
    Value bias;
    if (op.getBias() && failed(takeBias(op, rewriter, result.clone(sum), bias)))
      return fault();
    auto fused = create(rewriter, op, type ? type : result.clone(sum), input,
                        filter, bias);
    if (type)
      replaceRounded(rewriter, op, fused);
    else
      rewriter.replaceOpWithNewOp<DequantizeOp>(op, result, fused, Value(),
                                                Value());
    return success();
  }

private:
  using QuantizedType = quant::QuantizedType;

  LogicalResult fault() const {
    hasFailed = true;
    return failure();
  }

  static Value create(PatternRewriter &rewriter, Product op, Type type,
                      Value input, Value filter, Value bias) {
    auto fused = cast<Product>(rewriter.clone(*op));
    rewriter.modifyOpInPlace(fused, [&] {
      fused.getInputMutable().assign(input);
      fused.getFilterMutable().assign(filter);
      if (bias)
        fused.getBiasMutable().assign(bias);
      fused.getResult().setType(cast<RankedTensorType>(type));
      // Quantizers drop the relu that the range implies; blocks are recognised
      // by it.
      if (fused.getActivation() == Activation::None && isQuantizedMap(type) &&
          getZeroPoint(type) == getStorageRange(type).first)
        fused.setActivation(Activation::Relu);
    });
    return fused.getResult();
  }

  static LogicalResult checkFilter(Product op, Type type) {
    QuantizedType element = getQuantizedElement(type);
    int64_t last = cast<RankedTensorType>(type).getRank() - 1;
    auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element);
    if (element.getStorageTypeIntegralWidth() != 8)
      return op.emitOpError("its filter has ")
             << element.getStorageTypeIntegralWidth()
             << " bits, its input 8; quantize both to 8 bits";
    if (perAxis && perAxis.getQuantizedDimension() != last)
      return op.emitOpError("its filter has a scale for each index of another "
                            "dimension than the output channels; quantize the "
                            "filter per output channel or per tensor");
    if (llvm::any_of(getZeroPoints(type), [](int64_t zero) { return zero; }))
      return op.emitOpError(
          "its filter has a zero point other than 0; quantize "
          "weights symmetrically");
    return success();
  }

  /// The bias as i32 of the scales of `sum`; one in f32 is rounded to it.
  LogicalResult takeBias(Product op, PatternRewriter &rewriter,
                         RankedTensorType sum, Value &bias) const {
    SmallVector<double> scales = getScales(sum);
    auto at = [](ArrayRef<double> scales, size_t channel) {
      return scales.size() > 1 ? scales[channel] : scales[0];
    };
    if (Value stored = getQuantized(op.getBias())) {
      SmallVector<double> own = getScales(stored.getType());
      for (size_t c = 0; c < std::max(own.size(), scales.size()); ++c)
        if (std::abs(at(own, c) - at(scales, c)) > 1e-4 * at(scales, c))
          return op.emitOpError("its bias has the scale ")
                 << at(own, c) << " in channel " << c << ", input times filter "
                 << at(scales, c) << "; they must be equal";
      return storedBias(op, rewriter, stored, bias);
    }
    auto numbers = weights.read<float>(op.getBias());
    if (failed(numbers))
      return failure();
    std::vector<int32_t> rounded;
    for (auto [c, number] : llvm::enumerate(*numbers)) {
      double quotient = std::nearbyint(number / at(scales, c));
      if (!(std::abs(quotient) < 2147483648.0))
        return op.emitOpError("its bias of channel ")
               << c << ", " << number
               << ", does not fit into 32 bits of the scale " << at(scales, c)
               << " of input times filter";
      rounded.push_back(int32_t(quotient));
    }
    bias = weights.create(
        rewriter, op.getLoc(),
        op.getBias().template getDefiningOp<GetWeightOp>().getWeight(),
        ArrayRef<int32_t>(rounded));
    return success();
  }

  static LogicalResult storedBias(Product op, PatternRewriter &rewriter,
                                  Value stored, Value &bias) {
    auto get = stored.getDefiningOp<GetWeightOp>();
    auto type = cast<RankedTensorType>(getStorageType(stored.getType()));
    if (!get || !type.getElementType().isInteger(32))
      return op.emitOpError("its bias must be a weight of 32 bits, found ")
             << stored.getType();
    bias = GetWeightOp::create(rewriter, op.getLoc(), type, get.getWeight());
    return success();
  }

  IntegerWeights &weights;
  bool &hasFailed;
};

//===----------------------------------------------------------------------===//
// The other primitives
//===----------------------------------------------------------------------===//

/// Gives `op` the quantized `operands` and the result type `type`, to which all
/// its users round it.
void quantize(PatternRewriter &rewriter, Operation *op, ValueRange operands,
              Type type) {
  Operation *quantized = rewriter.clone(*op);
  rewriter.modifyOpInPlace(quantized, [&] {
    quantized->setOperands(operands);
    quantized->getResult(0).setType(type);
  });
  replaceRounded(rewriter, op, quantized->getResult(0));
}

/// A sum of two maps, of which one may be a sum that is not rounded before.
struct FuseAdd : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    Value lhs = getQuantized(op.getLhs()), rhs = getQuantized(op.getRhs());
    RankedTensorType type = getRoundedType(op.getResult());
    if (!lhs || !rhs || !type || op.getActivation() > Activation::Relu6 ||
        op.getLhs().getType() != op.getRhs().getType())
      return rewriter.notifyMatchFailure(
          op, "is no rounded sum of two dequantized maps");
    quantize(rewriter, op, {lhs, rhs}, type);
    return success();
  }
};

struct FusePool : OpRewritePattern<Pool2DOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(Pool2DOp op,
                                PatternRewriter &rewriter) const override {
    Value input = getQuantized(op.getInput());
    RankedTensorType type = getRoundedType(op.getResult());
    if (!input || !type || !isQuantizedMap(input.getType()))
      return rewriter.notifyMatchFailure(op, "is no rounded pool of a "
                                             "dequantized map");
    bool isPadded =
        llvm::any_of(op.getPad(), [](int64_t size) { return size != 0; });
    if (op.getKind() == PoolKind::Max
            ? getQuantizedElement(input.getType()) != type.getElementType()
            : isPadded && !op.getCountPad())
      return rewriter.notifyMatchFailure(
          op, "a maximum keeps its type, an average divides by one number");
    quantize(rewriter, op, input, type);
    return success();
  }
};

struct FuseActivate : OpRewritePattern<ActivateOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ActivateOp op,
                                PatternRewriter &rewriter) const override {
    Value input = getQuantized(op.getInput());
    RankedTensorType type = getRoundedType(op.getResult());
    if (!input || !type || !isQuantizedMap(input.getType()))
      return rewriter.notifyMatchFailure(op, "is no rounded activation of a "
                                             "dequantized map");
    quantize(rewriter, op, input, type);
    return success();
  }
};

/// dequantize(weight), which no integer product took -> a weight in f32.
struct FoldDequantizedWeight : OpRewritePattern<DequantizeOp> {
  FoldDequantizedWeight(MLIRContext *context, IntegerWeights &weights)
      : OpRewritePattern(context), weights(weights) {}

  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto get = op.getInput().getDefiningOp<GetWeightOp>();
    if (!get)
      return rewriter.notifyMatchFailure(op, "the input is no weight");
    auto type = cast<RankedTensorType>(get.getType());
    bool isByte = getQuantizedElement(type).getStorageTypeIntegralWidth() == 8;
    auto floats =
        isByte ? dequantize<int8_t>(get, type) : dequantize<int32_t>(get, type);
    if (failed(floats))
      return failure();
    rewriter.replaceOp(
        op, weights.create(rewriter, op.getLoc(), get.getWeight(),
                           ArrayRef<float>(*floats), type.getShape()));
    return success();
  }

private:
  template <typename T>
  FailureOr<std::vector<float>> dequantize(Value value,
                                           RankedTensorType type) const {
    auto numbers = weights.read<T>(value);
    if (failed(numbers))
      return failure();
    SmallVector<double> scales = getScales(type);
    SmallVector<int64_t> zeros = getZeroPoints(type);
    // Elements of one index of the quantized dimension lie together.
    int64_t together = 1;
    if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(
            getQuantizedElement(type)))
      for (int64_t size :
           type.getShape().drop_front(perAxis.getQuantizedDimension() + 1))
        together *= size;
    std::vector<float> result;
    for (auto [i, number] : llvm::enumerate(*numbers)) {
      size_t channel = i / together % scales.size();
      result.push_back(float(number - zeros[channel]) * float(scales[channel]));
    }
    return result;
  }

  IntegerWeights &weights;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct FuseQuantize : minnow::impl::FuseQuantizeBase<FuseQuantize> {
  using FuseQuantizeBase::FuseQuantizeBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    bool isQuantized =
        module.walk([](QuantizeOp) { return WalkResult::interrupt(); })
            .wasInterrupted() ||
        module.walk([](DequantizeOp) { return WalkResult::interrupt(); })
            .wasInterrupted();
    if (!isQuantized)
      return;
    IntegerWeights weights(module);
    bool hasFailed = false;
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<CancelPair, MoveDequantize<PadOp>, MoveDequantize<ReshapeOp>,
                 MoveDequantize<TransposeOp>, MoveQuantize<ReshapeOp>,
                 MoveQuantize<TransposeOp>, FuseAdd, FusePool, FuseActivate>(
        context);
    patterns.add<FuseProduct<Conv2DOp>, FuseProduct<DepthwiseConv2DOp>,
                 FuseProduct<LinearOp>>(context, weights, hasFailed);
    RewritePatternSet leftover(context);
    leftover.add<FoldDequantizedWeight>(context, weights);
    if (failed(apply(std::move(patterns))) || hasFailed ||
        failed(apply(std::move(leftover))))
      return signalPassFailure();
    weights.eraseUnused();
  }

  LogicalResult apply(RewritePatternSet patterns) {
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    return applyPatternsGreedily(getOperation(), std::move(patterns), config);
  }
};

} // namespace
