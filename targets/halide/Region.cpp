//===- Region.cpp - a kernel's region as stages ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the primitives in order. Element operations are computed where they are
// used; a value is kept in memory where a computing primitive reads it.
//===----------------------------------------------------------------------===//
#include "targets/halide/Region.h"
#include "targets/halide/FixedAttention.h"
#include "targets/halide/Integer.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace minnow;
using namespace minnow::halide;
using namespace minnow::mobile;
using Halide::Expr;
using Halide::Func;
using mlir::Operation;
using mlir::Value;

namespace {

/// A value of the region, and the stage that is computed with it because it is
/// not yet in memory (-1: none).
struct Computed {
  Tensor tensor;
  int pending = -1;
};

class Builder {
public:
  Builder(KernelOp kernel, const Form &form) : kernel(kernel), form(form) {
    pipeline.view = getView(kernel);
    isOpen = slidesTwice();
  }
  Pipeline build();

private:
  Tensor getSizes(Value value) const;
  Halide::ImageParam addParameter(unsigned index);
  Computed read(Value value);
  Weight readMatrix(Value filter);
  Weight readVector(Value vector);
  IntegerWeights readIntegerWeights(Value filter, Value bias, Value zero);
  /// The only element of a vector, or a null one's, which is 0.
  Expr readZero(Value zero);
  Expr readOperand(Value value, Value like);

  Computed visit(Operation *op);
  Computed transpose(TransposeOp op);
  Computed pad(PadOp op);
  template <typename Op> Computed binary(Op op);
  Computed pool(Pool2DOp op);
  Computed byteProduct(Operation *op);
  Computed requantize(RequantizeOp op);
  Computed dequantize(DequantizeOp op);
  Computed lookup(LookupOp op);
  Func getParameters(Value vector);
  Expr readFactor(Value scale);
  Expr readTerm(Value value, Value scale, Expr zero);
  Expr addFixedTerms(RequantizeOp op, Func parameters);
  Expr addFloatTerms(RequantizeOp op, Func parameters);
  Expr roundFloat(RequantizeOp op, Func parameters);
  Computed changeElements(const Computed &input, Expr value);
  Computed attention(AttentionOp op);
  Computed addStage(Stage stage, Operation *op = nullptr);
  bool isPooledInRegisters(Value value);
  bool isStaged(DepthwiseConv2DOp op);
  bool isCopiedOnly(Value value);
  int getPanelChannels(const Stage &stage);
  Tensor packRows(const Computed &result, Value value);
  bool storesWholeVectors(const Computed &value);
  int getTaskPart(int size, int tasks);
  void sliceOutput(const Tensor &whole);
  /// Keeps `value` in memory, because a computing primitive reads it.
  void store(Value value);

  bool slidesTwice();
  bool isFlat() const { return pipeline.view != View::Maps; }

  KernelOp kernel;
  const Form &form;
  Pipeline pipeline;
  std::vector<Halide::ImageParam> parameters;
  llvm::DenseMap<Value, Computed> values;
  bool isOpen = false; // all tensors that are in memory (Stage.h)
};

} // namespace

/// Whether `op` moves a window of several rows over what its kernel computes.
static bool slides(Operation &op) {
  int64_t height = llvm::TypeSwitch<Operation *, int64_t>(&op)
                       .Case<Conv2DOp, DepthwiseConv2DOp>([](auto conv) {
                         return getShape(conv.getFilter())[0];
                       })
                       .Case([](Pool2DOp pool) { return pool.getWindow()[0]; })
                       .Default(int64_t(1));
  Operation *source = op.getOperand(0).getDefiningOp();
  return height > 1 && source && !llvm::isa<TransposeOp>(source);
}

/// Whether two windows slide in turn, strip by strip. Halide keeps the rows
/// that the second has read before, but computes those of the first anew,
/// unless what it reads knows no first and no last row.
bool Builder::slidesTwice() {
  mlir::Block &block = kernel.getBody().front();
  auto sizes =
      halide::getSizes(block.getTerminator()->getOperand(0), pipeline.view);
  return pipeline.view == View::Maps && sizes &&
         kernel.getScheduleAttr().getStrip() < sizes->rows &&
         llvm::count_if(block.without_terminator(), slides) > 1 &&
         findWholeValues(kernel).empty();
}

/// The sizes of `value` in the kernel's view.
Tensor Builder::getSizes(Value value) const {
  auto sizes = halide::getSizes(value, pipeline.view);
  if (!sizes)
    throw Unsupported("a batch of more than one");
  return {{}, int(sizes->channels), int(sizes->columns), int(sizes->rows)};
}

/// Whether `value` is read as a vector of parameters in every view.
static bool isParameterVector(Value value) {
  return getShape(value).size() == 1 &&
         llvm::any_of(value.getUsers(), [](Operation *user) {
           return llvm::isa<RequantizeOp, DequantizeOp, LookupOp, Pool2DOp,
                            AttentionOp>(user);
         });
}

static Halide::Type getElementType(Value value) {
  mlir::Type type =
      llvm::cast<mlir::RankedTensorType>(value.getType()).getElementType();
  if (type.isF32())
    return Halide::Float(32);
  if (type.isInteger(8) || type.isInteger(32))
    return Halide::Int(type.getIntOrFloatBitWidth());
  throw Unsupported("elements that are not f32, i8 or i32");
}

/// Declares argument `index` with its sizes and strides as constants.
Halide::ImageParam Builder::addParameter(unsigned index) {
  Value value = kernel.getBody().getArgument(index);
  std::vector<int> sizes;
  Halide::Type type = getElementType(value);
  auto shape = getShape(value);
  LayoutAttr layout = kernel.getLayout(index);
  if (Dots::find(layout) || Taps::find(layout)) {
    auto physical = layout.getPhysicalShape(shape);
    type = Halide::Int(8 * physical.pop_back_val());
    if (auto dots = Dots::find(layout); dots && dots->offset)
      type = Halide::UInt(8);
    for (int64_t size : llvm::reverse(physical))
      sizes.push_back(size);
  } else if (layout) {
    auto physical = layout.getPhysicalShape(shape);
    bool isVector = shape.size() == 1;
    if (isVector)
      sizes = {int(product(physical))};
    else
      for (int64_t size : llvm::reverse(physical))
        sizes.push_back(size);
  } else if (llvm::any_of(value.getUsers(), [&](Operation *user) {
               return isComputing(user) && user->getNumOperands() > 1 &&
                      !llvm::isa<AttentionOp>(user) &&
                      user->getOperand(1) == value;
             })) {
    for (int64_t size : llvm::reverse(shape)) // a filter
      sizes.push_back(size);
  } else if (shape.size() == 1 &&
             (pipeline.view != View::Elements || isParameterVector(value))) {
    sizes = {int(shape[0])};
  } else {
    Tensor tensor = getSizes(value);
    sizes = {tensor.channels, tensor.columns, tensor.rows};
  }
  Halide::ImageParam parameter(type, sizes.size(),
                               "argument" + std::to_string(index));
  parameter.set_host_alignment(std::max(form.alignment, int(type.bytes())));
  int stride = 1;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    parameter.dim(i).set_bounds(0, size).set_stride(stride);
    stride *= size;
  }
  return parameter;
}

Computed Builder::read(Value value) {
  auto found = values.find(value);
  if (found != values.end())
    return found->second;
  auto argument = llvm::cast<mlir::BlockArgument>(value);
  Tensor tensor = getSizes(value);
  if (parameters[argument.getArgNumber()].dimensions() != 3)
    throw Unsupported("an argument that is both a map and a weight");
  Func parameter = parameters[argument.getArgNumber()];
  tensor.func = parameter;
  if (isOpen) {
    tensor.func = Func("open");
    tensor.func(c, x, y) =
        parameter(c, x, Halide::clamp(y, 0, tensor.rows - 1));
  }
  tensor.stored = true;
  tensor.isOpen = isOpen;
  return {tensor, -1};
}

Weight Builder::readVector(Value vector) {
  if (!vector)
    return [](Expr, Expr) { return Expr(0.f); };
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(vector);
  if (!argument)
    throw Unsupported("weights that are computed in the kernel");
  Func parameter = parameters[argument.getArgNumber()];
  return [=](Expr channel, Expr) { return parameter(channel); };
}

Weight Builder::readMatrix(Value filter) {
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(filter);
  if (!argument)
    throw Unsupported("weights that are computed in the kernel");
  auto shape = getShape(filter);
  Func parameter = parameters[argument.getArgNumber()];
  if (LayoutAttr layout = kernel.getLayout(argument.getArgNumber())) {
    int panel = layout.getSizes()[0];
    return [=](Expr channel, Expr k) {
      return parameter(channel % panel, k, channel / panel);
    };
  }
  if (shape.size() == 2)
    return [=](Expr channel, Expr k) { return parameter(channel, k); };
  int channels = shape[2], columns = shape[1];
  return [=](Expr channel, Expr k) {
    return parameter(channel, k % channels, (k / channels) % columns,
                     k / (channels * columns));
  };
}

Expr Builder::readZero(Value zero) {
  return zero ? readVector(zero)(0, 0) : Expr(int8_t(0));
}

IntegerWeights Builder::readIntegerWeights(Value filter, Value bias,
                                           Value zero) {
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(filter);
  if (!argument)
    throw Unsupported("weights that are computed in the kernel");
  unsigned index = argument.getArgNumber();
  LayoutAttr layout = kernel.getLayout(index);
  bool isTaps = llvm::isa<DepthwiseConv2DOp>(*filter.user_begin());
  if (isTaps ? !Taps::find(layout) : !Dots::find(layout))
    throw Unsupported("weights of bytes without their layout");
  Weight vector = bias ? readVector(bias) : [](Expr, Expr) { return Expr(0); };
  return {parameters[index], layout, vector, readZero(zero)};
}

/// The element of the second operand of an element operation, repeated over the
/// dimensions in which it is 1.
Expr Builder::readOperand(Value value, Value like) {
  auto shape = getShape(value);
  if (shape.size() == 1 && pipeline.view != View::Elements)
    return readVector(value)(c, 0);
  if (getShape(like).size() != shape.size())
    throw Unsupported("operands of different ranks");
  Tensor tensor = read(value).tensor;
  auto index = [](int size, const Halide::Var &var) {
    return size == 1 ? Expr(0) : Expr(var);
  };
  return tensor.func(index(tensor.channels, c), index(tensor.columns, x),
                     index(tensor.rows, y));
}

template <typename Op> Computed Builder::binary(Op op) {
  Computed lhs = read(op.getLhs()), rhs;
  if (!llvm::isa<mlir::BlockArgument>(op.getRhs()))
    rhs = read(op.getRhs());
  if (lhs.pending >= 0 && rhs.pending >= 0 && lhs.pending != rhs.pending)
    throw Unsupported("an element operation on two values that are computed "
                      "at once");
  Expr a = lhs.tensor.func(c, x, y), b = readOperand(op.getRhs(), op.getLhs());
  Func value("element");
  value(c, x, y) = activate(
      op.getActivation(), llvm::isa<AddOp>(op.getOperation()) ? a + b : a * b);
  Computed result = lhs;
  result.tensor.func = value;
  result.tensor.stored = result.tensor.columnsFirst = false;
  result.pending = std::max(lhs.pending, rhs.pending);
  return result;
}

Computed Builder::transpose(TransposeOp op) {
  auto permutation = op.getPermutation();
  if (permutation.size() != 4 || permutation[0] != 0)
    throw Unsupported("a transpose of other than the dimensions of one map");
  Computed input = read(op.getInput());
  Expr outer[4] = {0, y, x, c}, inner[4];
  for (int i : {1, 2, 3})
    inner[permutation[i]] = outer[i];
  Func value("transpose");
  value(c, x, y) = input.tensor.func(inner[3], inner[2], inner[1]);
  Tensor result = getSizes(op.getResult());
  result.func = value;
  result.stored = input.tensor.stored; // another view of the same memory
  result.columnsFirst = permutation[2] == 3;
  return {result, input.pending};
}

Computed Builder::pad(PadOp op) {
  Tensor input = read(op.getInput()).tensor;
  Expr column = x - int(op.getPad()[2]), row = y - int(op.getPad()[0]);
  Expr inside =
      column >= 0 && column < input.columns && row >= 0 && row < input.rows;
  Func value("pad");
  value(c, x, y) =
      Halide::select(inside,
                     input.func(c, Halide::clamp(column, 0, input.columns - 1),
                                Halide::clamp(row, 0, input.rows - 1)),
                     op.getZero() ? readZero(op.getZero()) : Expr(0.f));
  Tensor result = getSizes(op.getResult());
  result.func = value;
  return {result, read(op.getInput()).pending};
}

Computed Builder::addStage(Stage stage, Operation *op) {
  stage.op = op;
  pipeline.stages.push_back(stage);
  return {stage.result, int(pipeline.stages.size()) - 1};
}

void Builder::store(Value value) {
  Computed computed = read(value);
  if (computed.tensor.stored)
    return;
  if (computed.pending < 0) {
    Stage copy;
    computed = addStage(copy);
    computed.tensor = read(value).tensor;
  }
  Stage &stage = pipeline.stages[computed.pending];
  stage.root = computed.tensor.func;
  stage.rootValue = value;
  computed.tensor.isOpen = isOpen;
  stage.result = computed.tensor;
  if (endsInPanel(kernel, stage.op, form))
    stage.result.channels = getPanelChannels(stage);
  computed.tensor.stored = true;
  values[value] = {computed.tensor, -1};
}

/// Whether `value` is the tiles of a matrix product that its only user, a
/// global pool, can sum up as they come.
bool Builder::isPooledInRegisters(Value value) {
  if (!isFlat() || !value.hasOneUse())
    return false;
  auto pool = llvm::dyn_cast<Pool2DOp>(*value.user_begin());
  Computed computed = read(value);
  return pool && pool.isGlobalAverage() && computed.pending >= 0 &&
         !pipeline.stages[computed.pending].isInteger &&
         pipeline.stages[computed.pending].kind == StageKind::Matrix;
}

/// Whether `value` is no sum, and its only user copies what it reads anyway.
bool Builder::isCopiedOnly(Value value) {
  return value.hasOneUse() && read(value).pending < 0 &&
         copiesInput(*value.user_begin(), form);
}

Computed Builder::pool(Pool2DOp op) {
  Computed input = read(op.getInput());
  return addStage(buildPool(op, input.tensor, readZero(op.getZero()), isFlat()),
                  op);
}

Computed Builder::byteProduct(Operation *op) {
  if (auto conv = llvm::dyn_cast<DepthwiseConv2DOp>(op)) {
    auto weights =
        readIntegerWeights(conv.getFilter(), conv.getBias(), conv.getZero());
    return addStage(buildIntegerDepthwise(conv, read(conv.getInput()).tensor,
                                          weights, form),
                    op);
  }
  auto conv = llvm::dyn_cast<Conv2DOp>(op);
  Value bias = conv ? conv.getBias() : llvm::cast<LinearOp>(op).getBias();
  auto weights = readIntegerWeights(op->getOperand(1), bias,
                                    conv ? conv.getZero() : Value());
  Tensor input = read(op->getOperand(0)).tensor;
  return addStage(buildIntegerMatrix(op, input, weights, form, isFlat()), op);
}

/// A value whose elements are `value`, a function of those of `input`.
Computed Builder::changeElements(const Computed &input, Expr value) {
  Func func("element");
  func(c, x, y) = value;
  Computed result = input;
  result.tensor.func = func;
  result.tensor.stored = result.tensor.columnsFirst = false;
  return result;
}

/// The numbers of an argument that is read one by one.
Func Builder::getParameters(Value vector) {
  return parameters[llvm::cast<mlir::BlockArgument>(vector).getArgNumber()];
}

/// The factor of each channel, or the one of all.
Expr Builder::readFactor(Value scale) {
  return readVector(scale)(getShape(scale)[0] == 1 ? Expr(0) : c, 0);
}

/// One term of a mobile.requantize: less its zero point, times its factor.
Expr Builder::readTerm(Value value, Value scale, Expr zero) {
  Expr element = read(value).tensor.func(c, x, y);
  if (element.type() == Halide::Int(8))
    element = Halide::cast<int32_t>(element) - zero;
  return Halide::cast<float>(element) * readFactor(scale);
}

/// Whether the bytes of `value` are stored in vectors of as many channels as a
/// register has bytes.
bool Builder::storesWholeVectors(const Computed &value) {
  if (value.pending < 0)
    return value.tensor.channels % (4 * form.vectorFloats) == 0;
  StageAttr attribute = getStageAttr(kernel, pipeline.stages[value.pending].op);
  return pipeline.stages[value.pending].isInteger &&
         attribute.getVectors() % 4 == 0;
}

Expr Builder::addFixedTerms(RequantizeOp op, Func parameters) {
  auto scale = [&](Value term, Value factor, RequantizeOp::Parameter zero) {
    return scaleFixed(read(term).tensor.func(c, x, y), readFactor(factor),
                      parameters(int(zero)), parameters);
  };
  Expr sum = scale(op.getInput(), op.getScale(), RequantizeOp::InputZero);
  if (op.getAddend())
    sum += scale(op.getAddend(), op.getAddendScale(), RequantizeOp::AddendZero);
  return sum;
}

/// The sum of two terms in the float form of mobile.requantize, which has the
/// zero point of the result.
Expr Builder::addFloatTerms(RequantizeOp op, Func parameters) {
  Expr shift = parameters(int(RequantizeOp::Shift));
  auto isByte = [&](Expr element) { return element.type() == Halide::Int(8); };
  auto number = [&](Expr element) {
    if (isByte(element))
      element = Halide::cast<int32_t>(element) - shift;
    return Halide::cast<float>(element);
  };
  auto getNumber = [&](RequantizeOp::Parameter zero) {
    return Halide::cast<float>(parameters(int(zero)) - shift);
  };
  Expr input = read(op.getInput()).tensor.func(c, x, y);
  Expr addend = read(op.getAddend()).tensor.func(c, x, y);
  Expr outer = readFactor(op.getScale());
  Expr inner = readFactor(op.getAddendScale());
  // Zero points of sums are 0.
  Expr zeros =
      isByte(addend) ? inner * getNumber(RequantizeOp::AddendZero) : Expr(0.f);
  if (isByte(input))
    zeros = fma(outer, getNumber(RequantizeOp::InputZero), zeros, form);
  Expr offset = Halide::strict_float(getNumber(RequantizeOp::Zero) - zeros);
  return fma(number(input), outer, fma(number(addend), inner, offset, form),
             form);
}

/// The byte of one or two terms in the float form.
Expr Builder::roundFloat(RequantizeOp op, Func parameters) {
  bool isSum = bool(op.getAddend());
  Expr value = isSum ? addFloatTerms(op, parameters)
                     : readTerm(op.getInput(), op.getScale(),
                                parameters(int(RequantizeOp::InputZero)));
  if (op.getUnbounded())
    value = holdInWord(value);
  Expr behind =
      parameters(int(isSum ? RequantizeOp::Shift : RequantizeOp::Zero));
  return roundToByte(Halide::strict_float(value), behind, parameters, form);
}

Computed Builder::requantize(RequantizeOp op) {
  Func parameters = getParameters(op.getParameters());
  Computed input = read(op.getInput());
  if (Value addend = op.getAddend()) {
    int pending = read(addend).pending;
    if (input.pending >= 0 && pending >= 0 && input.pending != pending)
      throw Unsupported("an element operation on two values that are computed "
                        "at once");
    input.pending = std::max(input.pending, pending);
  }
  Expr byte = op.getForm() == RequantizeForm::Fixed
                  ? roundFixed(addFixedTerms(op, parameters), parameters,
                               storesWholeVectors(input))
                  : roundFloat(op, parameters);
  Computed result = changeElements(input, byte);
  result.tensor.columnsFirst = input.tensor.columnsFirst;
  return result;
}

Computed Builder::dequantize(DequantizeOp op) {
  Expr zero = op.getZero() ? readZero(op.getZero()) : Expr(0);
  return changeElements(read(op.getInput()),
                        readTerm(op.getInput(), op.getScale(), zero));
}

Computed Builder::lookup(LookupOp op) {
  Computed input = read(op.getInput());
  Expr index = Halide::cast<int32_t>(input.tensor.func(c, x, y)) + 128;
  return changeElements(input, readVector(op.getTable())(index, 0));
}

Computed Builder::attention(AttentionOp op) {
  llvm::SmallVector<Func, 3> numbers;
  for (Value value : op.getParameters())
    numbers.push_back(getParameters(value));
  if (numbers.size() == 3)
    return addStage(buildFixedAttention(op, read(op.getQuery()).tensor,
                                        read(op.getKey()).tensor,
                                        read(op.getValue()).tensor, numbers,
                                        form),
                    op);
  if (!numbers.empty())
    return addStage(buildByteAttention(op, read(op.getQuery()).tensor,
                                       read(op.getKey()).tensor,
                                       read(op.getValue()).tensor,
                                       {numbers[0], numbers[1]}, form,
                                       getStageAttr(kernel, op)),
                    op);
  return addStage(buildAttention(op, read(op.getQuery()).tensor,
                                 read(op.getKey()).tensor,
                                 read(op.getValue()).tensor, form.vectorFloats,
                                 getStageAttr(kernel, op)),
                  op);
}

/// Whether a depthwise convolution reads a copy of a block of its input: where
/// it is alone in its kernel, its channels are outside, and the block of a
/// strip's rows fits the nearest cache.
bool Builder::isStaged(DepthwiseConv2DOp op) {
  StageAttr attribute = getStageAttr(kernel, op);
  auto isComputed = [](Operation &each) { return isComputing(&each); };
  bool isAlone = llvm::count_if(kernel.getBody().front().without_terminator(),
                                isComputed) == 1;
  if (!isAlone || form.multipliesByLane || !attribute ||
      attribute.getOrder() != LoopOrder::ChannelsOuter)
    return false;
  auto result = getShape(op.getResult());
  int64_t channels =
      std::gcd(result[3], int64_t(form.vectorFloats)) * attribute.getVectors();
  int64_t strip = std::gcd(result[1], kernel.getScheduleAttr().getStrip());
  return getBlockBytes(op, strip, channels) <= kMostBlockBytes;
}

Computed Builder::visit(Operation *op) {
  if (isIntegerProduct(op))
    return byteProduct(op);
  return llvm::TypeSwitch<Operation *, Computed>(op)
      .Case([&](Conv2DOp conv) {
        return addStage(buildConvolution(conv, read(conv.getInput()).tensor,
                                         readMatrix(conv.getFilter()),
                                         readVector(conv.getBias()), isFlat(),
                                         getTermsAtOnce(kernel, conv, form)),
                        conv);
      })
      .Case([&](DepthwiseConv2DOp conv) {
        auto filter = llvm::dyn_cast<mlir::BlockArgument>(conv.getFilter());
        if (!filter)
          throw Unsupported("weights that are computed in the kernel");
        return addStage(buildDepthwise(conv, read(conv.getInput()).tensor,
                                       parameters[filter.getArgNumber()],
                                       readVector(conv.getBias()),
                                       isStaged(conv)),
                        conv);
      })
      .Case([&](LinearOp linear) {
        return addStage(buildLinear(linear, read(linear.getInput()).tensor,
                                    readMatrix(linear.getFilter()),
                                    readVector(linear.getBias())),
                        linear);
      })
      .Case([&](Pool2DOp op) { return pool(op); })
      .Case([&](SoftmaxOp softmax) {
        return addStage(buildSoftmax(read(softmax.getInput()).tensor), softmax);
      })
      .Case([&](AttentionOp op) { return attention(op); })
      .Case([&](RequantizeOp op) { return requantize(op); })
      .Case([&](DequantizeOp op) { return dequantize(op); })
      .Case([&](LookupOp op) { return lookup(op); })
      .Case([&](AddOp add) { return binary(add); })
      .Case([&](MulOp mul) { return binary(mul); })
      .Case([&](TransposeOp op) { return transpose(op); })
      .Case([&](PadOp op) { return pad(op); })
      .Case([&](ActivateOp op) {
        Computed result = read(op.getInput());
        Func value("activate");
        value(c, x, y) =
            activate(op.getActivation(), result.tensor.func(c, x, y));
        result.tensor.func = value;
        result.tensor.stored = false;
        return result;
      })
      .Case([&](ReshapeOp reshape) {
        Computed result = read(reshape.getInput());
        Tensor sizes = getSizes(reshape.getResult());
        if (sizes.channels != result.tensor.channels ||
            sizes.columns != result.tensor.columns ||
            sizes.rows != result.tensor.rows)
          throw Unsupported("a reshape that moves elements to other channels");
        return result;
      })
      .Default([](Operation *other) -> Computed {
        throw Unsupported("no stage for " +
                          other->getName().getStringRef().str());
      });
}

/// The elements of one task among `size`. Only channels of one product may be
/// left over: each task but the last has whole panels then, for a tile of bytes
/// must not lie in two of them.
int Builder::getTaskPart(int size, int tasks) {
  bool isProduct = kernel.getScheduleAttr().getSplit() == SplitAxis::Channels &&
                   pipeline.stages.size() == 1 &&
                   pipeline.stages[0].kind == StageKind::Matrix;
  int panel = 1;
  if (isProduct)
    panel = getStageAttr(kernel, pipeline.stages[0].op).getVectors() *
            form.vectorFloats;
  int part = llvm::alignTo(llvm::divideCeil(size, tasks), panel);
  bool isWhole = part * tasks == size;
  if (isWhole || (isProduct && part * (tasks - 1) < size))
    return part;
  if (size % tasks || (isProduct && pipeline.stages[0].isInteger))
    throw Unsupported(std::to_string(tasks) + " tasks do not divide " +
                      std::to_string(size));
  return size / tasks;
}

/// Makes the output the slice of `whole` that the task names.
void Builder::sliceOutput(const Tensor &whole) {
  ScheduleAttr schedule = kernel.getScheduleAttr();
  int sizes[3] = {whole.channels, whole.columns, whole.rows};
  int split = pipeline.view == View::Elements              ? 0
              : schedule.getSplit() == SplitAxis::Channels ? 0
              : pipeline.view == View::Pixels              ? 1
                                                           : 2;
  int tasks = schedule.getSplit() == SplitAxis::None ? 1 : schedule.getTasks();
  int part = getTaskPart(sizes[split], tasks);
  pipeline.isCut = part * tasks != sizes[split];
  pipeline.output = Func("output");
  Expr first[3] = {0, 0, 0}, extents[3];
  int stride = 1, strides[3];
  for (int i = 0; i < 3; ++i) {
    strides[i] = stride;
    extents[i] = sizes[i];
    if (i == split && tasks > 1) {
      first[i] = pipeline.task * part;
      pipeline.taskStride = int64_t(part) * stride;
      extents[i] =
          pipeline.isCut ? Halide::min(part, sizes[i] - first[i]) : Expr(part);
    }
    stride *= sizes[i];
  }
  sizes[split] = part;
  pipeline.output(c, x, y) =
      whole.func(c + first[0], x + first[1], y + first[2]);
  pipeline.output.output_buffer().set_host_alignment(
      std::max(form.alignment, int(whole.func.type().bytes())));
  for (int i = 0; i < 3; ++i)
    pipeline.output.output_buffer()
        .dim(i)
        .set_bounds(0, extents[i])
        .set_stride(strides[i]);
  pipeline.result = {pipeline.output, sizes[0], sizes[1], sizes[2]};
}

/// The channels of all panels of a product, some of them behind its last one.
int Builder::getPanelChannels(const Stage &stage) {
  int panel = getStageAttr(kernel, stage.op).getVectors() * form.vectorFloats;
  return llvm::alignTo(getShape(stage.op->getResult(0)).back(), panel);
}

/// The bytes of `result`, a product whose channels end within a panel, as rows:
/// from pixel to pixel, each piece of a panel is written over what the one
/// before it had behind its last channel.
Tensor Builder::packRows(const Computed &result, Value value) {
  Stage &stage = pipeline.stages[result.pending];
  const Tensor &tensor = result.tensor;
  auto shape = getShape(value);
  int columns = shape[shape.size() - 2], channels = tensor.channels;
  int rows = tensor.columns * tensor.rows / columns;
  int width = getPanelChannels(stage);
  int vector = 4 * form.vectorFloats;
  int piece = width < vector ? channels : vector;
  pipeline.panels = Func("panels");
  pipeline.panels(c, x, y) = tensor.func(c, x, y);
  Halide::RDom k(0, piece, 0, int(llvm::divideCeil(width, vector)), 0, columns);
  Expr channel = width < vector ? Expr(k.x)
                                : Halide::min(k.y * piece, width - piece) + k.x;
  pipeline.row = Func("row");
  pipeline.row(c, y) = Halide::undef<int8_t>();
  pipeline.row(channel + k.z * channels, y) =
      isFlat() ? pipeline.panels(channel, y * columns + k.z, 0)
               : pipeline.panels(channel, k.z, y);
  pipeline.pieces = k;
  pipeline.pieceBytes = piece;
  stage.result = {pipeline.panels, width, columns, rows};
  Func packed("packed");
  packed(c, x, y) = pipeline.row(c, y);
  return {packed, channels * columns, 1, rows};
}

Pipeline Builder::build() {
  if (kernel.getNumResults() != 1)
    throw Unsupported("a kernel of more than one result");
  pipeline.arguments.push_back(pipeline.task);
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    parameters.push_back(addParameter(i));
    pipeline.arguments.push_back(parameters.back());
  }
  mlir::Block &block = kernel.getBody().front();
  for (Operation &op : block.without_terminator()) {
    Value value = op.getResult(0);
    values[value] = visit(&op);
    if (llvm::any_of(value.getUsers(), isComputing) &&
        !isPooledInRegisters(value) && !isCopiedOnly(value))
      store(value);
  }

  Value value = block.getTerminator()->getOperand(0);
  Computed result = read(value);
  bool isPacked = result.pending >= 0 &&
                  result.tensor.func.type() == Halide::Int(8) &&
                  endsInPanel(kernel, pipeline.stages[result.pending].op, form);
  sliceOutput(isPacked ? packRows(result, value) : result.tensor);
  if (result.pending < 0) {
    Stage copy;
    copy.kind = StageKind::Elementwise;
    result = addStage(copy);
  }
  Stage &last = pipeline.stages[result.pending];
  last.root = isPacked ? pipeline.panels : pipeline.output;
  if (!isPacked)
    last.result = pipeline.result;
  findLiveRows(kernel, pipeline);
  return std::move(pipeline);
}

Pipeline halide::buildPipeline(KernelOp kernel, const Form &form) {
  return Builder(kernel, form).build();
}
