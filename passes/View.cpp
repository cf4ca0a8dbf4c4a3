//===- View.cpp - reshapes and transposes as one change of index ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Digits of size 1 are never kept, so equal views have equal digits once runs
// are merged.
//===----------------------------------------------------------------------===//
#include "passes/View.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

static ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Digits
//===----------------------------------------------------------------------===//

int64_t minnow::getSize(ArrayRef<Digit> digits) {
  int64_t size = 1;
  for (const Digit &digit : digits)
    size *= digit.size;
  return size;
}

Digits minnow::mergeDigits(ArrayRef<Digit> digits) {
  Digits merged;
  for (const Digit &digit : digits) {
    if (!merged.empty() && merged.back().base == digit.base &&
        merged.back().stride == digit.size * digit.stride)
      merged.back() = {merged.back().size * digit.size, digit.stride,
                       digit.base};
    else
      merged.push_back(digit);
  }
  return merged;
}

/// Takes digits that make up an index of `size` off the front of `digits`,
/// which are in reverse order, and cuts one in two where it must. False where
/// none fits.
static bool takeDigits(Digits &digits, int64_t size, Digits &taken) {
  while (size > 1) {
    if (digits.empty())
      return false;
    Digit &next = digits.back();
    if (size % next.size == 0) {
      size /= next.size;
      taken.push_back(next);
      digits.pop_back();
    } else if (next.size % size == 0) {
      next.size /= size;
      taken.push_back({size, next.stride * next.size, next.base});
      size = 1;
    } else {
      return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

View View::ofShape(ArrayRef<int64_t> shape) {
  View view;
  view.dims.resize(shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0; stride *= shape[dim])
    if (shape[dim] != 1)
      view.dims[dim].push_back({shape[dim], stride});
  return view;
}

SmallVector<int64_t> View::getShape() const {
  return llvm::map_to_vector(
      dims, [](const Digits &digits) { return getSize(digits); });
}

Digits View::getDigits() const {
  Digits all;
  for (const Digits &digits : dims)
    all.append(digits);
  return all;
}

bool View::reshape(ArrayRef<int64_t> shape) {
  // The digits as they are may suit the new shape, or only their merged runs.
  for (bool merge : {false, true}) {
    Digits left = merge ? mergeDigits(getDigits()) : getDigits();
    std::reverse(left.begin(), left.end());
    SmallVector<Digits> result(shape.size());
    if (llvm::all_of_zip(shape, result, [&](int64_t size, Digits &taken) {
          return takeDigits(left, size, taken);
        })) {
      dims = std::move(result);
      return true;
    }
  }
  return false;
}

void View::transpose(ArrayRef<int64_t> permutation) {
  dims =
      llvm::map_to_vector(permutation, [&](int64_t dim) { return dims[dim]; });
}

bool View::apply(Operation *op) {
  if (auto reshapeOp = dyn_cast<ReshapeOp>(op))
    return reshape(reshapeOp.getType().getShape());
  if (auto transposeOp = dyn_cast<TransposeOp>(op))
    transpose(transposeOp.getPermutation());
  return true;
}

TracedView minnow::traceView(Value value,
                             llvm::function_ref<bool(Operation *)> through) {
  SmallVector<Operation *> chain;
  Value source = value;
  while (Operation *op = source.getDefiningOp()) {
    if (!isa<ReshapeOp, TransposeOp>(op) && !through(op))
      break;
    // Digits without values cannot be told apart.
    if (llvm::is_contained(getShape(source), 0))
      break;
    chain.push_back(op);
    source = op->getOperand(0);
  }
  TracedView traced{source, View::ofShape(getShape(source)), {}};
  for (Operation *op : llvm::reverse(chain)) {
    traced.chain.push_back(op);
    if (!traced.view.apply(op)) {
      Value result = op->getResult(0);
      traced = {result, View::ofShape(getShape(result)), {}};
    }
  }
  return traced;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {

/// How a view is written: as a reshape to `from`, a transpose, and a reshape to
/// the view's shape, of which those that change nothing are left out.
struct Steps {
  SmallVector<int64_t> source, from, permutation, to;

  SmallVector<int64_t> getTransposed() const {
    return llvm::map_to_vector(permutation,
                               [&](int64_t dim) { return from[dim]; });
  }
  bool transposes() const { return !llvm::is_sorted(permutation); }
  unsigned count() const {
    return transposes() ? (source != from) + 1 + (getTransposed() != to)
                        : source != to;
  }
};

} // namespace

/// `digit` cut where a dimension of the row-major tensor with `strides` ends.
static Digits splitAt(Digit digit, ArrayRef<int64_t> strides) {
  Digits pieces;
  for (int64_t stride : strides)
    if (stride > digit.stride && stride < digit.stride * digit.size &&
        stride % digit.stride == 0 &&
        digit.size % (stride / digit.stride) == 0) {
      int64_t inner = stride / digit.stride;
      pieces.push_back({digit.size / inner, stride, digit.base});
      digit.size = inner;
    }
  pieces.push_back(digit);
  return pieces;
}

/// The steps that transpose `shape` itself; nothing if the view cuts one of its
/// dimensions.
static std::optional<Steps> transposeSource(ArrayRef<int64_t> shape,
                                            const View &view) {
  SmallVector<int64_t> strides(shape.size(), 1), ones;
  for (size_t dim = shape.size(); dim-- > 1;)
    strides[dim - 1] = strides[dim] * shape[dim];
  for (size_t dim = 0; dim < shape.size(); ++dim)
    if (shape[dim] == 1)
      ones.push_back(dim);
  std::reverse(ones.begin(), ones.end());

  Steps steps{
      llvm::to_vector(shape), llvm::to_vector(shape), {}, view.getShape()};
  for (const Digits &digits : view.dims) {
    // Dimensions of size 1 stand where the result wants one.
    if (digits.empty() && !ones.empty())
      steps.permutation.push_back(ones.pop_back_val());
    for (const Digit &digit : mergeDigits(digits))
      for (const Digit &piece : splitAt(digit, strides)) {
        auto dim =
            llvm::find_if(llvm::seq<size_t>(0, shape.size()), [&](size_t i) {
              return shape[i] == piece.size && strides[i] == piece.stride;
            });
        if (dim == llvm::seq<size_t>(0, shape.size()).end())
          return std::nullopt;
        steps.permutation.push_back(*dim);
      }
  }
  while (!ones.empty())
    steps.permutation.push_back(ones.pop_back_val());
  return steps;
}

/// The steps over the fewest dimensions that the view keeps together.
static Steps transposeRuns(ArrayRef<int64_t> shape, const View &view) {
  Digits runs = mergeDigits(view.getDigits()), ordered = runs;
  llvm::sort(ordered, [](const Digit &a, const Digit &b) {
    return a.stride > b.stride;
  });
  Steps steps{llvm::to_vector(shape), {}, {}, view.getShape()};
  for (const Digit &digit : ordered)
    steps.from.push_back(digit.size);
  for (const Digit &digit : runs)
    steps.permutation.push_back(llvm::find(ordered, digit) - ordered.begin());
  return steps;
}

static Steps planSteps(ArrayRef<int64_t> shape, const View &view) {
  Steps runs = transposeRuns(shape, view);
  auto whole = transposeSource(shape, view);
  return whole && whole->count() <= runs.count() ? *whole : runs;
}

static Value write(OpBuilder &builder, Location location, Value value,
                   const Steps &steps) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  auto reshape = [&](ArrayRef<int64_t> shape) {
    if (getShape(value) != shape)
      value = ReshapeOp::create(builder, location,
                                RankedTensorType::get(shape, element), value);
  };
  if (steps.transposes()) {
    reshape(steps.from);
    value = TransposeOp::create(
        builder, location,
        RankedTensorType::get(steps.getTransposed(), element), value,
        steps.permutation);
  }
  reshape(steps.to);
  return value;
}

Value minnow::materialize(OpBuilder &builder, Location location, Value source,
                          const View &view) {
  return write(builder, location, source, planSteps(getShape(source), view));
}

namespace {

template <typename OpTy> struct SimplifyView : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    TracedView traced = traceView(op.getResult());
    Steps steps = planSteps(getShape(traced.source), traced.view);
    if (steps.count() >= traced.chain.size())
      return rewriter.notifyMatchFailure(op, "no shorter chain does the same");
    rewriter.replaceOp(op, write(rewriter, op.getLoc(), traced.source, steps));
    return success();
  }
};

} // namespace

void minnow::populateSimplifyViews(RewritePatternSet &patterns) {
  patterns.add<SimplifyView<ReshapeOp>, SimplifyView<TransposeOp>>(
      patterns.getContext());
}
