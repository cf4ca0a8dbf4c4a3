//===- AttentionMatcher.cpp - attention among products --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Digits are first those of each operand's source. Those of the query are then
// given places in the result's map, [positions][heads][width], and the logits
// followed from the first product to the second with these.
//===----------------------------------------------------------------------===//
#include "passes/AttentionMatcher.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

/// The bases of the digits of the logits: the map that the attention gives, and
/// the index of the keys, which ends in the softmax.
enum Base : unsigned { kResult, kKeys };

static Digits getKeyDigits(int64_t count) {
  return count == 1 ? Digits() : Digits{{count, 1, kKeys}};
}

static Digits concatenate(ArrayRef<Digits> parts) {
  Digits all;
  for (const Digits &part : parts)
    all.append(part);
  return all;
}

bool AttentionMatcher::fail(const Twine &reason) {
  why = reason.str();
  return false;
}

//===----------------------------------------------------------------------===//
// The two products
//===----------------------------------------------------------------------===//

/// The constant that `op` multiplies all of its input with; nothing if it does
/// something else.
std::optional<double> AttentionMatcher::getFactor(Operation *op) {
  auto mul = dyn_cast_or_null<MulOp>(op);
  if (!mul || mul.getActivation() != Activation::None ||
      cast<RankedTensorType>(mul.getRhs().getType()).getNumElements() != 1)
    return std::nullopt;
  auto factor = weights.read(mul.getRhs());
  if (failed(factor))
    return std::nullopt;
  return factor->front();
}

/// Fills the chain from `operand`, one of the second product, back to the
/// first. Fails without a reason where it meets no softmax.
bool AttentionMatcher::walkBack(Value operand) {
  chain.clear();
  bool inLogits = false;
  for (Value at = operand;; at = chain.back()->getOperand(0)) {
    Operation *op = at.getDefiningOp();
    bool moves = isa_and_nonnull<ReshapeOp, TransposeOp>(op);
    if (!inLogits && !moves && !isa_and_nonnull<SoftmaxOp>(op))
      return false;
    if ((first = dyn_cast_or_null<MatmulOp>(op)))
      break;
    if (inLogits && !moves && !getFactor(op))
      return fail("the softmax must read a product with at most one constant "
                  "factor, not " +
                  (op ? "'" + op->getName().getStringRef().str() + "'"
                      : std::string("an input")));
    inLogits |= isa<SoftmaxOp>(op);
    chain.push_back(op);
  }
  std::reverse(chain.begin(), chain.end());
  return (first->hasOneUse() &&
          llvm::all_of(chain, [](Operation *op) { return op->hasOneUse(); })) ||
         fail("the logits or the weights are used elsewhere too");
}

bool AttentionMatcher::findProducts() {
  weightsAreLhs = walkBack(second.getLhs());
  return weightsAreLhs || (why.empty() && walkBack(second.getRhs()));
}

/// Finds which dimension of the logits the softmax is over; the operand that
/// it comes from is the key.
bool AttentionMatcher::findKeys() {
  auto shape = first.getResult().getType().getShape();
  View logits = View::ofShape(shape);
  auto softmax = llvm::find_if(chain, llvm::IsaPred<SoftmaxOp>);
  for (Operation *op : ArrayRef(chain.begin(), softmax))
    if (!logits.apply(op))
      return fail("the logits are reshaped across heads, queries and keys");
  View plain = View::ofShape(shape);
  Digits last = mergeDigits(logits.dims.back());
  queryIsLhs = last == plain.dims.back();
  return queryIsLhs || last == plain.dims[shape.size() - 2] ||
         fail("the softmax is not over the keys");
}

ProductOperand AttentionMatcher::read(MatmulOp product, bool lhs, bool scaled) {
  auto through = [&](Operation *op) { return scaled && getFactor(op); };
  return {traceView(lhs ? product.getLhs() : product.getRhs(), through), lhs};
}

//===----------------------------------------------------------------------===//
// The meaning of the digits
//===----------------------------------------------------------------------===//

/// Where the key has a size other than 1 before its matrix, each index has keys
/// of its own, and must be one of the query too.
bool AttentionMatcher::placeHeads() {
  for (auto [q, k] : llvm::zip(query.getPrefix(), key.getPrefix())) {
    if (k.empty())
      continue;
    if (getSize(q) != getSize(k))
      return fail("one head of queries has several of keys");
    keyHeads.append(q);
  }
  return true;
}

/// The query's other digits share their keys, so that they may be heads or
/// positions alike: what comes from the channels becomes a head.
void AttentionMatcher::placeRest() {
  auto type = cast<RankedTensorType>(query.traced.source.getType());
  int64_t channels = type.getShape().empty() ? 1 : type.getShape().back();
  Digits rest = query.getFree();
  for (auto [q, k] : llvm::zip(query.getPrefix(), key.getPrefix()))
    if (k.empty())
      rest.append(q);
  llvm::sort(
      rest, [](const Digit &a, const Digit &b) { return a.stride > b.stride; });
  for (const Digit &digit : rest)
    (digit.size * digit.stride <= channels ? sharingHeads : positions)
        .push_back(digit);
}

/// The first product's result, the query's digits as they lie in the
/// attention's result.
View AttentionMatcher::getLogits() const {
  int64_t stride = getSize(value.getFree());
  SmallVector<std::pair<Digit, Digit>> places;
  for (const Digits *digits : {&sharingHeads, &keyHeads, &positions})
    for (const Digit &digit : llvm::reverse(*digits)) {
      places.push_back({digit, {digit.size, stride, kResult}});
      stride *= digit.size;
    }
  auto place = [&](const Digits &digits) {
    Digits placed;
    for (const Digit &digit : digits)
      for (const auto &[from, to] : places)
        if (from == digit)
          placed.push_back(to);
    return placed;
  };
  View logits;
  for (const Digits &digits : query.getPrefix())
    logits.dims.push_back(place(digits));
  logits.dims.push_back(place(query.getFree()));
  logits.dims.push_back(getKeyDigits(getSize(key.getFree())));
  if (!queryIsLhs)
    std::swap(logits.dims.back(), logits.dims[logits.dims.size() - 2]);
  return logits;
}

/// Follows the logits to the second product, which must sum over the keys.
bool AttentionMatcher::followWeights() {
  attended = getLogits();
  for (Operation *op : chain)
    if (!attended.apply(op))
      return fail("the logits are reshaped across heads, queries and keys");
  size_t summed = attended.dims.size() - (weightsAreLhs ? 1 : 2);
  return mergeDigits(attended.dims[summed]) ==
             getKeyDigits(getSize(key.getFree())) ||
         fail("the second product does not sum over the keys");
}

/// Values must have the same heads as keys.
bool AttentionMatcher::checkValues() {
  Digits expected, found;
  View logits = getLogits();
  for (auto [heads, k] : llvm::zip(logits.dims, key.getPrefix()))
    if (!k.empty())
      expected.append(heads);
  for (auto [heads, v] : llvm::zip(attended.dims, value.getPrefix()))
    if (!v.empty()) {
      found.append(heads);
      if (getSize(heads) != getSize(v))
        return fail("one head of queries has several of values");
    }
  return mergeDigits(expected) == mergeDigits(found) ||
         fail("keys and values have different heads");
}

bool AttentionMatcher::match() {
  if (!findProducts())
    return false;
  for (Value operand :
       {first.getLhs(), first.getRhs(), second.getLhs(), second.getRhs()})
    if (llvm::is_contained(cast<RankedTensorType>(operand.getType()).getShape(),
                           0))
      return fail("a product is empty");
  if (!findKeys())
    return false;
  query = read(first, queryIsLhs, /*scaled=*/true);
  key = read(first, !queryIsLhs, /*scaled=*/true);
  value = read(second, !weightsAreLhs, /*scaled=*/false);
  for (auto *ops : {&chain, &query.traced.chain, &key.traced.chain})
    for (Operation *op : *ops)
      scale *= getFactor(op).value_or(1);
  if (!placeHeads())
    return false;
  placeRest();
  return followWeights() && checkValues();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// The height and width of the map whose positions `digits` are, or a column.
static std::array<int64_t, 2> getSizes(const TracedView &traced,
                                       const Digits &digits) {
  auto shape = cast<RankedTensorType>(traced.source.getType()).getShape();
  int64_t count = getSize(digits);
  if (shape.size() == 4 && shape[1] * shape[2] == count)
    return {shape[1], shape[2]};
  return {count, 1};
}

/// `operand` as a map of `size` positions, in the order of its digits.
static Value writeMap(OpBuilder &builder, Location location,
                      const TracedView &traced, const Digits &positions,
                      const Digits &channels, std::array<int64_t, 2> size) {
  View view;
  view.dims = {{}, positions, {}, channels};
  View split = view;
  if (split.reshape({1, size[0], size[1], getSize(channels)}))
    return materialize(builder, location, traced.source, split);
  Value column = materialize(builder, location, traced.source, view);
  auto type = cast<RankedTensorType>(column.getType());
  return ReshapeOp::create(
      builder, location,
      RankedTensorType::get({1, size[0], size[1], getSize(channels)},
                            type.getElementType()),
      column);
}

Value AttentionMatcher::write(OpBuilder &builder) {
  Location location = second.getLoc();
  auto querySize = getSizes(query.traced, positions);
  auto keySize = getSizes(key.traced, key.getFree());
  Digits width = query.getSummed(), keyWidth = key.getSummed();
  Value queryMap =
      writeMap(builder, location, query.traced, positions,
               concatenate({keyHeads, sharingHeads, width}), querySize);
  Digits heads = concatenate(key.getPrefix());
  Value keyMap = writeMap(builder, location, key.traced, key.getFree(),
                          concatenate({heads, keyWidth}), keySize);
  heads = concatenate(value.getPrefix());
  Value valueMap = writeMap(builder, location, value.traced, value.getSummed(),
                            concatenate({heads, value.getFree()}), keySize);

  auto type = cast<RankedTensorType>(queryMap.getType());
  int64_t count = getSize(keyHeads) * getSize(sharingHeads);
  int64_t valueWidth = getSize(value.getFree());
  Value result = AttentionOp::create(
      builder, location,
      type.clone({1, querySize[0], querySize[1], count * valueWidth}), queryMap,
      keyMap, valueMap, ValueRange(), count, APFloat(scale));

  View product;
  product.dims.assign(attended.dims.begin(), attended.dims.end() - 2);
  Digits rows = attended.dims[attended.dims.size() - (weightsAreLhs ? 2 : 1)];
  Digits columns = View::ofShape({valueWidth}).dims.front();
  product.dims.push_back(weightsAreLhs ? rows : columns);
  product.dims.push_back(weightsAreLhs ? columns : rows);
  return materialize(builder, location, result, product);
}
