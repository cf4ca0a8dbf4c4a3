//===- FoldAffine.cpp - scales and shifts of channels into filters --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A batch norm, a product and a sum with one weight a channel are all
// y = act(scale[c] * x + shift[c]). After a convolution that rescales the
// filter's output channels; before convolutions their input channels. There a
// shift cannot pass padding, whose zeros it does not move. Where a projection
// follows, as for the keys and values of attention, what the shift adds up to
// is a small map behind it. Arithmetic is in double.
//===----------------------------------------------------------------------===//
#include "passes/Fold.h"
#include "passes/PaddedProjection.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace {

/// An op as y = act(scale[c] * input + shift[c]).
struct Affine {
  Value input;
  std::vector<double> scale, shift;
  Activation activation = Activation::None;
};

} // namespace

static FailureOr<Affine> matchBatchNorm(BatchNormOp op, FoldWeights &weights) {
  auto scale = weights.read(op.getScale()),
       offset = weights.read(op.getOffset());
  auto mean = weights.read(op.getMean());
  auto variance = weights.read(op.getVariance());
  if (failed(scale) || failed(offset) || failed(mean) || failed(variance))
    return failure();
  Affine affine{op.getInput(), {}, {}};
  for (size_t c = 0; c < scale->size(); ++c) {
    double radicand =
        double((*variance)[c]) + op.getEpsilon().convertToDouble();
    if (!(radicand > 0)) {
      std::string found = std::to_string((*variance)[c]);
      weights.reportError(weights.lookup(op.getVariance()),
                          "is no variance: value " + Twine(c) + " is " + found +
                              ", must be positive");
      return failure();
    }
    affine.scale.push_back((*scale)[c] / std::sqrt(radicand));
    affine.shift.push_back((*offset)[c] - (*mean)[c] * affine.scale[c]);
  }
  return affine;
}

/// The numbers of `value`, one for each of `channels`, if it is a weight that
/// has one value, or one for each index of the last dimension.
static FailureOr<std::vector<double>>
readChannels(Value value, int64_t channels, FoldWeights &weights) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t count = type.getNumElements();
  if (count != 1 && (count != channels || type.getShape().back() != channels))
    return failure();
  auto numbers = weights.read(value);
  if (failed(numbers))
    return failure();
  std::vector<double> result(numbers->begin(), numbers->end());
  result.resize(channels, result.front());
  return result;
}

template <typename BinaryOp>
static FailureOr<Affine> matchBinary(BinaryOp op, FoldWeights &weights) {
  if (op.getLhs().getType().getRank() == 0)
    return failure();
  int64_t channels = op.getLhs().getType().getShape().back();
  auto numbers = readChannels(op.getRhs(), channels, weights);
  if (failed(numbers))
    return failure();
  Affine affine{op.getLhs(), {}, {}, op.getActivation()};
  bool isMul = std::is_same_v<BinaryOp, MulOp>;
  affine.scale = isMul ? *numbers : std::vector<double>(channels, 1.0);
  affine.shift = isMul ? std::vector<double>(channels, 0.0) : *numbers;
  return affine;
}

static FailureOr<Affine> matchAffine(BatchNormOp op, FoldWeights &weights) {
  return matchBatchNorm(op, weights);
}
static FailureOr<Affine> matchAffine(MulOp op, FoldWeights &weights) {
  return matchBinary(op, weights);
}
static FailureOr<Affine> matchAffine(AddOp op, FoldWeights &weights) {
  return matchBinary(op, weights);
}

namespace {

/// A convolution or linear op with its weights at hand. All three ops have the
/// operands input, filter and optionally bias, and the output channels last in
/// the filter.
class Convolution {
public:
  static bool isa(Operation *op) {
    return op && llvm::isa<Conv2DOp, DepthwiseConv2DOp, LinearOp>(op);
  }

  explicit Convolution(Operation *op) : op(op) {}

  /// Fails if filter or bias is no f32 weight.
  LogicalResult read(FoldWeights &weights) {
    auto readFilter = weights.read(op->getOperand(1));
    if (failed(readFilter))
      return failure();
    filter = std::move(*readFilter);
    bias.assign(getFilterShape().back(), 0.0);
    if (op->getNumOperands() == 2)
      return success();
    auto readBias = weights.read(op->getOperand(2));
    if (failed(readBias))
      return failure();
    bias.assign(readBias->begin(), readBias->end());
    return success();
  }

  Operation *getOperation() const { return op; }

  bool isPadded() const {
    auto pad = op->getAttrOfType<DenseI64ArrayAttr>("pad");
    return pad &&
           llvm::any_of(pad.asArrayRef(), [](int64_t p) { return p != 0; });
  }

  /// y -> scale * y + shift on the result.
  void scaleOutput(const Affine &affine) {
    size_t channels = bias.size();
    for (size_t i = 0; i < filter.size(); ++i)
      filter[i] = float(filter[i] * affine.scale[i % channels]);
    for (size_t o = 0; o < channels; ++o)
      bias[o] = bias[o] * affine.scale[o] + affine.shift[o];
  }

  /// x -> scale * x + shift on the input.
  void scaleInput(const Affine &affine) {
    for (size_t i = 0; i < filter.size(); ++i) {
      bias[i % bias.size()] += filter[i] * affine.shift[getInputChannel(i)];
      filter[i] = float(filter[i] * affine.scale[getInputChannel(i)]);
    }
  }

  /// Gives the op its new weights; a bias only if it has or needs one.
  void write(PatternRewriter &rewriter, FoldWeights &weights) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    WeightOp old = weights.lookup(op->getOperand(1));
    std::string biasName = weights.getNameBeside(old, "bias");
    bool hasBias = op->getNumOperands() == 3;
    if (hasBias)
      biasName = weights.lookup(op->getOperand(2)).getSymName().str();
    Value newFilter = weights.create(rewriter, op->getLoc(), old.getSymName(),
                                     getFilterShape(), filter);
    Value newBias;
    std::vector<float> rounded(bias.begin(), bias.end());
    if (hasBias || llvm::any_of(bias, [](double b) { return b != 0; }))
      newBias = weights.create(rewriter, op->getLoc(), biasName,
                               {int64_t(bias.size())}, rounded);
    rewriter.modifyOpInPlace(op, [&] {
      op->setOperand(1, newFilter);
      if (newBias)
        llvm::TypeSwitch<Operation *>(op)
            .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp>(
                [&](auto conv) { conv.getBiasMutable().assign(newBias); });
    });
  }

private:
  ArrayRef<int64_t> getFilterShape() const {
    return cast<RankedTensorType>(op->getOperand(1).getType()).getShape();
  }
  size_t getInputChannel(size_t i) const {
    if (llvm::isa<DepthwiseConv2DOp>(op))
      return i % bias.size();
    return i / bias.size() % getFilterShape().drop_back().back();
  }

  Operation *op;
  std::vector<float> filter;
  std::vector<double> bias;
};

/// affine(convolution(x)) -> convolution(x).
template <typename OpTy> struct FoldIntoProducer : OpRewritePattern<OpTy> {
  FoldIntoProducer(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern<OpTy>(context, /*benefit=*/3), weights(weights) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Operation *producer = op->getOperand(0).getDefiningOp();
    if (!Convolution::isa(producer) ||
        getFusedActivation(producer) != Activation::None)
      return rewriter.notifyMatchFailure(
          op, "the input is no result of a convolution without activation");
    if (!producer->hasOneUse())
      return rewriter.notifyMatchFailure(
          op, "the convolution's result has other users");
    auto affine = matchAffine(op, weights);
    if (failed(affine))
      return rewriter.notifyMatchFailure(op, "is not by one weight a channel");
    Convolution convolution(producer);
    if (failed(convolution.read(weights)))
      return rewriter.notifyMatchFailure(producer, "filter is no f32 weight");
    convolution.scaleOutput(*affine);
    convolution.write(rewriter, weights);
    rewriter.modifyOpInPlace(
        producer, [&] { setFusedActivation(producer, affine->activation); });
    rewriter.replaceOp(op, producer->getResult(0));
    return success();
  }

  FoldWeights &weights;
};

/// convolution(affine(x)) -> convolution(x), for all that read it.
template <typename OpTy> struct FoldIntoConsumers : OpRewritePattern<OpTy> {
  FoldIntoConsumers(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern<OpTy>(context, /*benefit=*/2), weights(weights) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Operation *> users;
    for (OpOperand &use : op->getUses()) {
      if (!Convolution::isa(use.getOwner()) || use.getOperandNumber() != 0 ||
          use.getOwner()->getBlock() != op->getBlock())
        return rewriter.notifyMatchFailure(
            op, "a user is no convolution beside it");
      users.push_back(use.getOwner());
    }
    auto affine = matchAffine(op, weights);
    if (users.empty() || failed(affine) ||
        affine->activation != Activation::None)
      return rewriter.notifyMatchFailure(
          op, "is not by one weight a channel, or has an activation");
    llvm::sort(users, [](Operation *a, Operation *b) {
      return a->isBeforeInBlock(b);
    });
    if (failed(foldIntoAll(op, users, *affine, rewriter)))
      return failure();
    rewriter.replaceOp(op, affine->input);
    return success();
  }

private:
  LogicalResult foldIntoAll(OpTy op, ArrayRef<Operation *> users,
                            const Affine &affine,
                            PatternRewriter &rewriter) const {
    bool shifts = llvm::any_of(affine.shift, [](double s) { return s != 0; });
    SmallVector<Convolution> convolutions(users.begin(), users.end());
    SmallVector<std::pair<Conv2DOp, std::vector<float>>> offsets;
    for (Convolution &convolution : convolutions) {
      if (failed(convolution.read(weights)))
        return rewriter.notifyMatchFailure(op, "a filter is no f32 weight");
      if (!shifts || !convolution.isPadded())
        continue;
      auto padded = PaddedProjection::match(convolution.getOperation());
      if (!padded)
        return rewriter.notifyMatchFailure(
            op, "the shift would not apply to a convolution's padding");
      auto numbers = padded->run(affine.shift, weights);
      if (failed(numbers))
        return rewriter.notifyMatchFailure(op, "a filter is no f32 weight");
      offsets.push_back({padded->projection, std::move(*numbers)});
    }
    Affine scaling = affine;
    scaling.shift.assign(affine.shift.size(), 0.0);
    for (Convolution &convolution : convolutions) {
      convolution.scaleInput(convolution.isPadded() ? scaling : affine);
      convolution.write(rewriter, weights);
    }
    for (auto &[projection, numbers] : offsets)
      addOffsets(projection, numbers, rewriter);
    return success();
  }

  void addOffsets(Conv2DOp projection, ArrayRef<float> numbers,
                  PatternRewriter &rewriter) const {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointAfter(projection);
    WeightOp filter = weights.lookup(projection.getFilter());
    Value offsets = weights.create(rewriter, projection.getLoc(),
                                   weights.getNameBeside(filter, "offsets"),
                                   projection.getType().getShape(), numbers);
    Value sum =
        AddOp::create(rewriter, projection.getLoc(), projection.getType(),
                      projection, offsets, Activation::None);
    rewriter.replaceAllUsesExcept(projection, sum, sum.getDefiningOp());
  }

  FoldWeights &weights;
};

/// batch_norm(x) -> scale * x + shift.
struct SplitBatchNorm : OpRewritePattern<BatchNormOp> {
  SplitBatchNorm(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern(context, /*benefit=*/1), weights(weights) {}

  LogicalResult matchAndRewrite(BatchNormOp op,
                                PatternRewriter &rewriter) const override {
    auto affine = matchAffine(op, weights);
    if (failed(affine))
      return rewriter.notifyMatchFailure(op,
                                         "its statistics are no f32 weights");
    auto create = [&](Value like, const std::vector<double> &numbers) {
      std::vector<float> rounded(numbers.begin(), numbers.end());
      return weights.create(rewriter, op.getLoc(),
                            weights.lookup(like).getSymName(),
                            {int64_t(rounded.size())}, rounded);
    };
    Value scale = create(op.getScale(), affine->scale);
    Value product = MulOp::create(rewriter, op.getLoc(), op.getType(),
                                  affine->input, scale, Activation::None);
    Value shift = create(op.getOffset(), affine->shift);
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getType(), product, shift,
                                       Activation::None);
    return success();
  }

  FoldWeights &weights;
};

} // namespace

void minnow::populateFoldAffine(RewritePatternSet &patterns,
                                FoldWeights &weights) {
  patterns.add<FoldIntoProducer<BatchNormOp>, FoldIntoProducer<MulOp>,
               FoldIntoProducer<AddOp>, FoldIntoConsumers<BatchNormOp>,
               FoldIntoConsumers<MulOp>, FoldIntoConsumers<AddOp>>(
      patterns.getContext(), weights);
}

void minnow::populateSplitBatchNorm(RewritePatternSet &patterns,
                                    FoldWeights &weights) {
  patterns.add<SplitBatchNorm>(patterns.getContext(), weights);
}
