//===- Convert.cpp - from a planned program to layers ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %a = conv2d %x, %w bias %b zero %z : i8 -> i32
//   %y = requantize %a scale %m add %x scale %r by %p : i32 -> i8
//   %t = lookup %y in %table
// is one layer: Conv with the addend %x and a table.
//===----------------------------------------------------------------------===//
#include "targets/etpu/Convert.h"
#include "dialects/mobile/Quantization.h"
#include "passes/InlineBlocks.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace minnow;
using namespace minnow::mobile;
using llvm::cast;
using llvm::dyn_cast;
using llvm::Error;
using llvm::StringRef;
using mlir::Value;

static llvm::ArrayRef<int64_t> getShape(Value value) {
  return cast<mlir::ShapedType>(value.getType()).getShape();
}

static bool isBytes(Value value) {
  return cast<mlir::ShapedType>(value.getType()).getElementType().isInteger(8);
}

//===----------------------------------------------------------------------===//
// What the machine can do
//===----------------------------------------------------------------------===//

static bool isPermutation(TransposeOp op, llvm::ArrayRef<int64_t> order) {
  return op.getPermutation() == order;
}

template <typename Op>
static std::string explainWindow(Op op, int64_t height, int64_t width) {
  if (height > 15 || width > 15)
    return "a window of more than 15 rows or columns";
  if (op.getStrides()[0] != op.getStrides()[1] || op.getStrides()[0] > 7)
    return "strides that differ by axis, or are larger than 7";
  if (llvm::any_of(op.getPad(), [](int64_t size) { return size > 255; }))
    return "a padding of more than 255";
  return "";
}

std::string etpu::explainUnsupported(mlir::Operation *op) {
  auto convolution = [](auto conv) {
    return explainWindow(conv, getShape(conv.getFilter())[0],
                         getShape(conv.getFilter())[1]);
  };
  for (Value operand : op->getOperands())
    if (cast<mlir::ShapedType>(operand.getType()).getElementType().isF32())
      return "numbers in f32: the machine computes in integers; compile with "
             "--precision int8 --calibrate DIR";
  if (getShape(op->getResult(0))[0] != 1)
    return "more than one image at a time";
  return llvm::TypeSwitch<mlir::Operation *, std::string>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp>(convolution)
      .Case([](Pool2DOp pool) -> std::string {
        if (pool.getKind() == PoolKind::Max)
          return "the maximum over a window";
        return pool.isGlobalAverage() ? ""
                                      : explainWindow(pool, pool.getWindow()[0],
                                                      pool.getWindow()[1]);
      })
      .Case([](AttentionOp attention) -> std::string {
        if (attention.getKeyWidth() > etpu::kMaxLanes ||
            attention.getValueWidth() > etpu::kMaxLanes)
          return "heads wider than 64 channels";
        return "";
      })
      .Case([](TransposeOp transpose) -> std::string {
        if (isPermutation(transpose, {0, 2, 3, 1}) ||
            isPermutation(transpose, {0, 3, 1, 2}))
          return "";
        return "a transpose other than between NCHW and NHWC at the edges";
      })
      .Case([](ReshapeOp reshape) -> std::string {
        if (getShape(reshape.getInput()).back() ==
            getShape(reshape.getResult()).back())
          return "";
        return "a reshape that changes the channels";
      })
      .Case([](MulOp mul) -> std::string {
        auto factors = getShape(mul.getRhs());
        if (factors.size() == 4 && factors[1] * factors[2] == 1)
          return "";
        return "the product of two maps, but for one factor a channel";
      })
      .Case<LinearOp, AddOp, RequantizeOp, LookupOp>(
          [](auto) { return std::string(); })
      .Default([](mlir::Operation *other) {
        return ("'" + other->getName().getStringRef() + "'").str();
      });
}

namespace {

//===----------------------------------------------------------------------===//
// The converter
//===----------------------------------------------------------------------===//

/// What a value became.
struct Operand {
  enum Kind { None, Input, Map, Sum, Weight } kind = None;
  int index = -1;               // of the input, the tensor or the sum
  bool isChannelsFirst = false; // Map: the value is its transpose to NCHW
  uint64_t offset = 0;          // Weight: in the section
};

class Converter {
public:
  explicit Converter(const Assembly &assembly)
      : assembly(assembly), program(assembly.program) {}
  llvm::Expected<etpu::Network> run();

private:
  Error convertCall(CallOp call);
  Error convert(mlir::Operation *op);
  template <typename Op> Error convertWindow(Op op, etpu::LayerKind kind);
  Error convert(LinearOp op);
  Error convert(Pool2DOp op);
  Error convert(AddOp op);
  Error convert(MulOp op);
  Error convert(RequantizeOp op);
  Error convert(LookupOp op);
  Error convert(AttentionOp op);
  Error convert(TransposeOp op);
  Error finish();

  /// The tensor of a value of bytes; -1 if it is none.
  int getMap(Value value);
  int addTensor(Value value);
  int addMap(Value value) {
    values[value] = {Operand::Map, addTensor(value)};
    return values[value].index;
  }
  template <typename T> std::vector<T> read(Value weight);
  etpu::Layer makeLayer(etpu::LayerKind kind, int input);
  void addSum(mlir::Operation *op, etpu::Layer layer, Value bias);
  Error refuse(mlir::Operation *op, const llvm::Twine &what) {
    return llvm::createStringError(
        "the layer '" + getLayerName(currentCall.getLoc()) + "' asks for " +
        what + ", which the etpu machine has no instructions for");
  }

  const Assembly &assembly;
  ProgramOp program;
  etpu::Network network;
  std::vector<etpu::Layer> sums; // layers whose rounding has not come yet
  // Of those that are a map less its zero point: the zero point.
  llvm::DenseMap<int, int8_t> widened;
  llvm::DenseMap<Value, Operand> buffers, values; // of program and kernel
  std::vector<Operand> inputs;                    // by input, once it is read
  CallOp currentCall;
  uint16_t call = 0;
};

} // namespace

/// The numbers of a weight, which lie row by row.
template <typename T> std::vector<T> Converter::read(Value weight) {
  Operand operand = values.lookup(weight);
  size_t count = cast<mlir::ShapedType>(weight.getType()).getNumElements();
  std::vector<T> numbers(count);
  if (operand.kind == Operand::Weight)
    std::memcpy(numbers.data(), assembly.weights.data() + operand.offset,
                count * sizeof(T));
  return numbers;
}

/// [1, channels], [1, rows, columns, channels], or with positions in one.
int Converter::addTensor(Value value) {
  llvm::ArrayRef<int64_t> shape = getShape(value);
  etpu::Tensor tensor;
  tensor.channels = shape.back();
  tensor.rows = shape.size() > 2 ? shape[1] : 1;
  tensor.columns = shape.size() > 3 ? shape[2] : 1;
  network.tensors.push_back(tensor);
  return network.tensors.size() - 1;
}

int Converter::getMap(Value value) {
  Operand &operand = values[value];
  if (operand.kind == Operand::Input) {
    Operand &input = inputs[operand.index];
    if (input.kind == Operand::None)
      input = {Operand::Map, addTensor(value)};
    operand = input;
  }
  return operand.kind == Operand::Map && !operand.isChannelsFirst
             ? operand.index
             : -1;
}

etpu::Layer Converter::makeLayer(etpu::LayerKind kind, int input) {
  etpu::Layer layer;
  layer.kind = kind;
  // Kernels that several layers share have no names.
  layer.name = getLayerName(currentCall.getLoc()).str();
  layer.call = call;
  layer.input = input;
  return layer;
}

/// A product that waits for its rounding.
void Converter::addSum(mlir::Operation *op, etpu::Layer layer, Value bias) {
  layer.biases.assign(getShape(op->getResult(0)).back(), 0);
  if (bias)
    layer.biases = read<int32_t>(bias);
  values[op->getResult(0)] = {Operand::Sum, int(sums.size())};
  sums.push_back(std::move(layer));
}

//===----------------------------------------------------------------------===//
// Primitives
//===----------------------------------------------------------------------===//

template <typename Op> static void setPads(Op op, etpu::Layer &layer) {
  layer.stride = op.getStrides()[0];
  layer.padTop = op.getPad()[0];
  layer.padBottom = op.getPad()[1];
  layer.padLeft = op.getPad()[2];
  layer.padRight = op.getPad()[3];
}

template <typename Op>
Error Converter::convertWindow(Op op, etpu::LayerKind kind) {
  int input = getMap(op.getInput());
  if (input < 0)
    return refuse(op, "a product of a map in NCHW");
  etpu::Layer layer = makeLayer(kind, input);
  layer.kernelHeight = getShape(op.getFilter())[0];
  layer.kernelWidth = getShape(op.getFilter())[1];
  setPads(op, layer);
  if (op.getZero())
    layer.padValue = read<int8_t>(op.getZero())[0];
  layer.weights = read<int8_t>(op.getFilter());
  addSum(op, std::move(layer), op.getBias());
  return Error::success();
}

Error Converter::convert(LinearOp op) {
  int input = getMap(op.getInput());
  if (input < 0)
    return refuse(op, "a product of a map in NCHW");
  etpu::Layer layer = makeLayer(etpu::LayerKind::Conv, input);
  layer.weights = read<int8_t>(op.getFilter());
  addSum(op, std::move(layer), op.getBias());
  return Error::success();
}

/// Sums of x - zero: the zero point goes to the bias. A window is a depthwise
/// product with ones.
Error Converter::convert(Pool2DOp op) {
  int input = getMap(op.getInput());
  if (input < 0)
    return refuse(op, "an average of a map in NCHW");
  int32_t zero = op.getZero() ? read<int8_t>(op.getZero())[0] : 0;
  bool isGlobal = op.isGlobalAverage();
  etpu::Layer layer = makeLayer(
      isGlobal ? etpu::LayerKind::Pool : etpu::LayerKind::DwConv, input);
  uint32_t channels = network.tensors[input].channels;
  int32_t count = op.getWindow()[0] * op.getWindow()[1];
  if (!isGlobal) {
    layer.kernelHeight = op.getWindow()[0];
    layer.kernelWidth = op.getWindow()[1];
    setPads(op, layer);
    layer.padValue = zero;
    layer.weights.assign(size_t(count) * channels, 1);
  }
  addSum(op, std::move(layer), {});
  for (int32_t &bias : sums.back().biases)
    bias = -zero * count;
  if (count == 1)
    widened[sums.size() - 1] = zero;
  return Error::success();
}

/// A sum and a weight, one a channel or one an element.
Error Converter::convert(AddOp op) {
  Operand sum = values.lookup(op.getLhs());
  if (sum.kind != Operand::Sum ||
      values.lookup(op.getRhs()).kind != Operand::Weight)
    return refuse(op, "the sum of two sums that are not rounded");
  etpu::Layer layer = sums[sum.index];
  std::vector<int32_t> numbers = read<int32_t>(op.getRhs());
  if (numbers.size() == layer.biases.size())
    for (size_t c = 0; c < numbers.size(); ++c)
      layer.biases[c] += numbers[c];
  else if (layer.kind == etpu::LayerKind::Conv && layer.offsets.empty())
    layer.offsets = std::move(numbers);
  else
    return refuse(op, "a sum of more terms");
  values[op.getResult()] = {Operand::Sum, int(sums.size())};
  sums.push_back(std::move(layer));
  return Error::success();
}

/// Of two maps less their zero points.
Error Converter::convert(MulOp op) {
  Operand map = values.lookup(op.getLhs()),
          factors = values.lookup(op.getRhs());
  if (map.kind != Operand::Sum || factors.kind != Operand::Sum ||
      !widened.count(map.index) || !widened.count(factors.index))
    return refuse(op, "the product of two sums that are not rounded");
  etpu::Layer layer = makeLayer(etpu::LayerKind::Scale, sums[map.index].input);
  layer.key = sums[factors.index].input;
  layer.padValue = widened[map.index];
  layer.keyZero = widened[factors.index];
  addSum(op, std::move(layer), {});
  return Error::success();
}

static etpu::RequantHeader makeHeader(llvm::ArrayRef<int32_t> parameters) {
  etpu::RequantHeader header;
  header.zero = parameters[RequantizeOp::Zero];
  header.low = parameters[RequantizeOp::Low];
  header.high = parameters[RequantizeOp::High];
  header.inputZero = parameters[RequantizeOp::InputZero];
  header.addendZero = parameters[RequantizeOp::AddendZero];
  header.shift = parameters[RequantizeOp::Shift];
  return header;
}

Error Converter::convert(RequantizeOp op) {
  if (op.getForm() != RequantizeForm::Fixed)
    return refuse(op, "rounding in the float form");
  Value input = op.getInput(), scale = op.getScale();
  Value addend = op.getAddend(), addendScale = op.getAddendScale();
  etpu::RequantHeader header = makeHeader(read<int32_t>(op.getParameters()));
  // The sum of the terms has no order.
  if (addend && isBytes(input) && !isBytes(addend)) {
    std::swap(input, addend);
    std::swap(scale, addendScale);
    std::swap(header.inputZero, header.addendZero);
  }
  etpu::Layer layer;
  std::vector<int32_t> factors = read<int32_t>(scale);
  Operand sum = values.lookup(input);
  if (sum.kind == Operand::Sum) {
    layer = sums[sum.index];
    layer.factors = factors.size() > 1
                        ? factors
                        : std::vector<int32_t>(layer.biases.size(), factors[0]);
  } else {
    int map = getMap(input);
    if (map < 0 || factors.size() > 1)
      return refuse(op, "rounding of a map in NCHW or by channel");
    layer = makeLayer(etpu::LayerKind::Requant, map);
    header.inputFactor = factors[0];
  }
  if (addend) {
    layer.addend = getMap(addend);
    factors = read<int32_t>(addendScale);
    if (layer.addend < 0 || factors.size() > 1)
      return refuse(op, "the sum of two sums that are not rounded");
    header.addendFactor = factors[0];
  }
  layer.header = header;
  layer.output = addMap(op.getResult());
  network.layers.push_back(std::move(layer));
  return Error::success();
}

Error Converter::convert(LookupOp op) {
  int input = getMap(op.getInput());
  if (input < 0)
    return refuse(op, "a table for a map in NCHW");
  std::vector<uint8_t> table = read<uint8_t>(op.getTable());
  // Behind the rounding that gives its operand to it alone it costs nothing.
  if (op.getInput().getDefiningOp<RequantizeOp>() &&
      op.getInput().hasOneUse() && network.layers.back().output == input) {
    network.layers.back().table = std::move(table);
    values[op.getResult()] = {Operand::Map, input};
    return Error::success();
  }
  etpu::Layer layer = makeLayer(etpu::LayerKind::Lookup, input);
  layer.table = std::move(table);
  layer.output = addMap(op.getResult());
  network.layers.push_back(std::move(layer));
  return Error::success();
}

Error Converter::convert(AttentionOp op) {
  etpu::Layer layer =
      makeLayer(etpu::LayerKind::Attention, getMap(op.getQuery()));
  layer.key = getMap(op.getKey());
  layer.value = getMap(op.getValue());
  if (layer.input < 0 || layer.key < 0 || layer.value < 0 ||
      op.getParameters().size() != 3)
    return refuse(op, "attention of maps in NCHW or in the float form");
  layer.heads = op.getHeads();
  std::vector<int32_t> multipliers = read<int32_t>(op.getParameters()[0]);
  layer.expFactor = multipliers[0];
  layer.header = makeHeader(read<int32_t>(op.getParameters()[1]));
  layer.header.inputFactor = multipliers[1];
  layer.expTable = read<uint8_t>(op.getParameters()[2]);
  layer.output = addMap(op.getResult());
  network.layers.push_back(std::move(layer));
  return Error::success();
}

/// At the edges: how the caller's memory lies.
Error Converter::convert(TransposeOp op) {
  Operand &operand = values[op.getInput()];
  if (isPermutation(op, {0, 2, 3, 1}) && operand.kind == Operand::Input) {
    Operand &input = inputs[operand.index];
    if (input.kind == Operand::None) {
      input = {Operand::Map, addTensor(op.getResult()), true};
      values[op.getResult()] = {Operand::Map, input.index};
      return Error::success();
    }
    if (input.isChannelsFirst) {
      values[op.getResult()] = {Operand::Map, input.index};
      return Error::success();
    }
  }
  if (isPermutation(op, {0, 3, 1, 2}) && getMap(op.getInput()) >= 0) {
    values[op.getResult()] = {Operand::Map, getMap(op.getInput()), true};
    return Error::success();
  }
  return refuse(op, "a transpose inside of the network");
}

Error Converter::convert(mlir::Operation *op) {
  if (std::string why = etpu::explainUnsupported(op); !why.empty())
    return refuse(op, why);
  return llvm::TypeSwitch<mlir::Operation *, Error>(op)
      .Case([&](Conv2DOp conv) {
        return convertWindow(conv, etpu::LayerKind::Conv);
      })
      .Case([&](DepthwiseConv2DOp conv) {
        return convertWindow(conv, etpu::LayerKind::DwConv);
      })
      .Case<LinearOp, Pool2DOp, AddOp, MulOp, RequantizeOp, LookupOp,
            AttentionOp, TransposeOp>([&](auto each) { return convert(each); })
      .Case([&](ReshapeOp reshape) {
        // Positions lie one after another in any shape.
        values[reshape.getResult()] = {Operand::Map,
                                       getMap(reshape.getInput())};
        return getMap(reshape.getInput()) < 0
                   ? refuse(reshape, "a reshape of a map in NCHW")
                   : Error::success();
      });
}

//===----------------------------------------------------------------------===//
// Program
//===----------------------------------------------------------------------===//

Error Converter::convertCall(CallOp call) {
  currentCall = call;
  auto kernel =
      program->getParentOfType<mlir::ModuleOp>().lookupSymbol<KernelOp>(
          call.getKernel());
  mlir::Block &body = kernel.getBody().front();
  values.clear();
  for (auto [argument, buffer] :
       llvm::zip(body.getArguments(), call->getOperands()))
    values[argument] = buffers.lookup(buffer);
  for (mlir::Operation &op : body.without_terminator())
    if (Error error = convert(&op))
      return error;
  auto results = call->getOperands().drop_front(body.getNumArguments());
  for (auto [value, buffer] :
       llvm::zip(body.getTerminator()->getOperands(), results))
    buffers[buffer] = values.lookup(value);
  return Error::success();
}

/// The ports, in the order of the program's arguments.
Error Converter::finish() {
  auto addPort = [&](unsigned argument, const Operand &operand,
                     std::vector<int> &tensors) {
    tensors.push_back(operand.index);
    float scale = 1;
    int32_t zero = 0;
    if (auto attribute = program.getArgAttrOfType<mlir::TypeAttr>(
            argument, kQuantizedAttrName)) {
      auto type = mlir::RankedTensorType::get({1}, attribute.getValue());
      scale = getScales(type)[0];
      zero = getZeroPoint(type);
    }
    network.scales.push_back(scale);
    network.zeros.push_back(zero);
    network.isChannelsFirst.push_back(operand.isChannelsFirst);
  };
  for (auto [i, input] : llvm::enumerate(inputs)) {
    if (input.kind != Operand::Map)
      return llvm::createStringError("an input that nothing reads cannot be "
                                     "compiled for the etpu machine");
    addPort(i, input, network.inputs);
  }
  for (unsigned i = inputs.size(); i < program.getNumArguments(); ++i) {
    Operand output = buffers.lookup(program.getBody().getArgument(i));
    if (output.kind != Operand::Map ||
        llvm::is_contained(network.outputs, output.index) ||
        llvm::is_contained(network.inputs, output.index))
      return llvm::createStringError(
          "an output that is an input, another output or not rounded to i8 "
          "cannot be compiled for the etpu machine");
    addPort(i, output, network.outputs);
  }
  return Error::success();
}

llvm::Expected<etpu::Network> Converter::run() {
  network.name = program.getName().str();
  inputs.resize(program.getNumInputs());
  for (unsigned i = 0; i < inputs.size(); ++i)
    buffers[program.getBody().getArgument(i)] = {Operand::Input, int(i)};
  for (auto buffer : program.getOps<BufferOp>())
    if (buffer.getSpace() == MemorySpace::Weights)
      buffers[buffer.getResult()] = {Operand::Weight, -1, false,
                                     uint64_t(buffer.getOffset())};
  for (auto op : program.getOps<CallOp>()) {
    if (Error error = convertCall(op))
      return error;
    ++call;
  }
  if (Error error = finish())
    return error;
  return std::move(network);
}

llvm::Expected<etpu::Network> etpu::convertProgram(const Assembly &assembly) {
  return Converter(assembly).run();
}
