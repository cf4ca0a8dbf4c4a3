//===- Region.cpp - a kernel's region as stages ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the primitives in order. Element operations are computed where they are
// used; a value is kept in memory where a computing primitive reads it.
//===----------------------------------------------------------------------===//
#include "targets/halide/Builder.h"
#include "targets/halide/FixedAttention.h"
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
  value(c, x, y) =
      activate(op.getActivation(),
               llvm::isa<AddOp>(op.getOperation()) ? a + b : a * b, form);
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
  Expr inside = column >= 0 && column < input.columns && input.hasRow(row);
  Func value("pad");
  value(c, x, y) =
      Halide::select(inside,
                     input.func(c, Halide::clamp(column, 0, input.columns - 1),
                                input.clampRow(row)),
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
  // Bytes between two products lie as these multiply them.
  if (form.dotOperand == DotOperand::Unsigned && form.packsInLlvm() &&
      isOfBytes(computed.tensor.func) && readsNumbers(value)) {
    Func bytes("unsigned");
    bytes(c, x, y) = addOffset(computed.tensor.func(c, x, y));
    computed.tensor.func = bytes;
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

/// What a window reads outside of its map, as the map's bytes are.
template <typename Op> Expr Builder::readBorder(Op op) {
  Expr zero = readZero(op.getZero());
  Halide::Type type = read(op.getInput()).tensor.func.type();
  return type == Halide::UInt(8) ? addOffset(zero) : zero;
}

Computed Builder::byteProduct(Operation *op) {
  if (auto conv = llvm::dyn_cast<DepthwiseConv2DOp>(op)) {
    auto weights =
        readIntegerWeights(conv.getFilter(), conv.getBias(), readBorder(conv));
    return addStage(buildIntegerDepthwise(conv, read(conv.getInput()).tensor,
                                          weights, form),
                    op);
  }
  auto conv = llvm::dyn_cast<Conv2DOp>(op);
  Value bias = conv ? conv.getBias() : llvm::cast<LinearOp>(op).getBias();
  auto weights = readIntegerWeights(op->getOperand(1), bias,
                                    conv ? readBorder(conv) : readZero({}));
  Tensor input = read(op->getOperand(0)).tensor;
  return addStage(buildIntegerMatrix(op, input, weights, form, isFlat()), op);
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
  if (!computesOnce(kernel) || form.multipliesByLane || !attribute ||
      attribute.getOrder() != LoopOrder::ChannelsOuter)
    return false;
  auto result = getShape(op.getResult());
  int64_t channels =
      std::gcd(result[3], int64_t(form.vectorFloats)) * attribute.getVectors();
  int64_t strip = std::gcd(result[1], kernel.getScheduleAttr().getStrip());
  return getBlockBytes(op, strip, channels) <= kMostBlockBytes;
}

/// Whether the sums of `op` are in that form, as its schedule asks for.
bool Builder::isWinograd(Conv2DOp op) {
  StageAttr stage = getStageAttr(kernel, op);
  if (!stage || stage.getForm() != ProductForm::Winograd)
    return false;
  ScheduleAttr schedule = kernel.getScheduleAttr();
  int64_t rows = getShape(op.getResult())[1];
  if (schedule.getSplit() == SplitAxis::Rows)
    rows /= schedule.getTasks();
  int64_t strip = std::gcd(rows, schedule.getStrip());
  // Of what comes before it Halide takes more rows to be live than one pair
  // reads if there is one strip only.
  bool isFirst = llvm::isa<mlir::BlockArgument>(op.getInput());
  if (!suitsWinograd(kernel, op) || strip % 2 || (strip == rows && !isFirst))
    throw Unsupported("form winograd of other than a window of 3 x 3 that "
                      "moves by 2, in strips of pairs of rows");
  return true;
}

Computed Builder::visit(Operation *op) {
  if (isIntegerProduct(op))
    return byteProduct(op);
  return llvm::TypeSwitch<Operation *, Computed>(op)
      .Case([&](Conv2DOp conv) {
        if (isWinograd(conv))
          return addStage(buildWinograd(conv, read(conv.getInput()).tensor,
                                        readMatrix(conv.getFilter()),
                                        readVector(conv.getBias()), form),
                          conv);
        return addStage(buildConvolution(conv, read(conv.getInput()).tensor,
                                         readMatrix(conv.getFilter()),
                                         readVector(conv.getBias()), isFlat(),
                                         getTermsAtOnce(kernel, conv, form),
                                         form),
                        conv);
      })
      .Case([&](DepthwiseConv2DOp conv) {
        auto filter = llvm::dyn_cast<mlir::BlockArgument>(conv.getFilter());
        if (!filter)
          throw Unsupported("weights that are computed in the kernel");
        return addStage(buildDepthwise(conv, read(conv.getInput()).tensor,
                                       parameters[filter.getArgNumber()],
                                       readVector(conv.getBias()),
                                       isStaged(conv), form),
                        conv);
      })
      .Case([&](LinearOp linear) {
        return addStage(buildLinear(linear, read(linear.getInput()).tensor,
                                    readMatrix(linear.getFilter()),
                                    readVector(linear.getBias()), form),
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
            activate(op.getActivation(), result.tensor.func(c, x, y), form);
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
  Expr element = whole.func(c + first[0], x + first[1], y + first[2]);
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  pipeline.output(c, x, y) =
      kernel.isUnsigned(result) ? addOffset(element) : element;
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