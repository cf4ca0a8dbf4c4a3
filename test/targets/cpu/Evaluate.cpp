//===- Evaluate.cpp - primitives by plain loops ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of MobileOps.td, written down in double precision with nothing
// in common with the compiler's own way.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Harness.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/ADT/bit.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace minnow;
using namespace minnow::mobile;
using mlir::Operation;
using mlir::Value;

namespace {

struct Array {
  std::vector<int64_t> shape;
  std::vector<double> data;

  explicit Array(Value value) : Array() {
    shape = llvm::cast<mlir::RankedTensorType>(value.getType()).getShape();
    data.resize(llvm::product_of(shape));
  }
  Array() = default;
  double &at(int64_t row, int64_t column, int64_t channel) {
    return data[(row * shape[2] + column) * shape[3] + channel];
  }
  bool hasPosition(int64_t row, int64_t column) const {
    return row >= 0 && row < shape[1] && column >= 0 && column < shape[2];
  }
};

} // namespace

static double activate(Activation activation, double x) {
  double gate = std::min(std::max(x / 6 + 0.5, 0.0), 1.0);
  switch (activation) {
  case Activation::None:
    return x;
  case Activation::Relu:
    return std::max(x, 0.0);
  case Activation::Relu6:
    return std::min(std::max(x, 0.0), 6.0);
  case Activation::HardSwish:
    return x * gate;
  case Activation::HardSigmoid:
    return gate;
  case Activation::Sigmoid:
    return 1 / (1 + std::exp(-x));
  case Activation::Silu:
    return x / (1 + std::exp(-x));
  case Activation::Gelu:
    return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::Erf:
    return std::erf(x);
  }
  return NAN;
}

/// Calls `tap(row, column, i, j)` for each tap inside of the input of `op`'s
/// window at (y, x), and `outside(i, j)` for the others.
template <typename Op, typename F, typename G>
static void forTaps(Op op, const Array &input, int64_t height, int64_t width,
                    int64_t y, int64_t x, F tap, G outside) {
  for (int64_t i = 0; i < height; ++i)
    for (int64_t j = 0; j < width; ++j) {
      int64_t row = y * op.getStrides()[0] + i - op.getPad()[0];
      int64_t column = x * op.getStrides()[1] + j - op.getPad()[2];
      input.hasPosition(row, column) ? tap(row, column, i, j) : outside(i, j);
    }
}

template <typename Op, typename F>
static void forTaps(Op op, const Array &input, int64_t height, int64_t width,
                    int64_t y, int64_t x, F tap) {
  forTaps(op, input, height, width, y, x, tap, [](int64_t, int64_t) {});
}

/// Fills `out` with `compute(y, x, channel)`.
template <typename F> static Array fill(Value result, F compute) {
  Array out(result);
  for (int64_t y = 0; y < out.shape[1]; ++y)
    for (int64_t x = 0; x < out.shape[2]; ++x)
      for (int64_t o = 0; o < out.shape[3]; ++o)
        out.at(y, x, o) = compute(y, x, o);
  return out;
}

static Array convolve(Conv2DOp op, Array &in, Array &filter, Array *bias,
                      double zero) {
  auto &size = filter.shape;
  return fill(op.getResult(), [&](int64_t y, int64_t x, int64_t o) {
    double sum = bias ? bias->data[o] : 0;
    forTaps(
        op, in, size[0], size[1], y, x,
        [&](int64_t row, int64_t column, int64_t i, int64_t j) {
          double *w = &filter.data[(i * size[1] + j) * size[2] * size[3]];
          double *source = &in.at(row, column, 0);
          for (int64_t k = 0; k < size[2]; ++k)
            sum += source[k] * w[k * size[3] + o];
        },
        [&](int64_t i, int64_t j) {
          double *w = &filter.data[(i * size[1] + j) * size[2] * size[3]];
          for (int64_t k = 0; k < size[2]; ++k)
            sum += zero * w[k * size[3] + o];
        });
    return activate(op.getActivation(), sum);
  });
}

static Array convolveDepthwise(DepthwiseConv2DOp op, Array &in, Array &filter,
                               Array *bias, double zero) {
  auto &size = filter.shape;
  return fill(op.getResult(), [&](int64_t y, int64_t x, int64_t o) {
    double sum = bias ? bias->data[o] : 0;
    forTaps(
        op, in, size[0], size[1], y, x,
        [&](int64_t row, int64_t column, int64_t i, int64_t j) {
          sum += in.at(row, column, o) *
                 filter.data[(i * size[1] + j) * size[2] + o];
        },
        [&](int64_t i, int64_t j) {
          sum += zero * filter.data[(i * size[1] + j) * size[2] + o];
        });
    return activate(op.getActivation(), sum);
  });
}

static Array pool(Pool2DOp op, Array &in, const Array *zero) {
  auto window = op.getWindow();
  if (zero)
    return fill(op.getResult(), [&](int64_t y, int64_t x, int64_t o) {
      double sum = 0;
      forTaps(op, in, window[0], window[1], y, x,
              [&](int64_t row, int64_t column, int64_t, int64_t) {
                sum += in.at(row, column, o) - zero->data[0];
              });
      return sum;
    });
  return fill(op.getResult(), [&](int64_t y, int64_t x, int64_t o) {
    double sum = 0, largest = -std::numeric_limits<double>::infinity();
    int64_t count = 0;
    forTaps(op, in, window[0], window[1], y, x,
            [&](int64_t row, int64_t column, int64_t, int64_t) {
              sum += in.at(row, column, o);
              largest = std::max(largest, in.at(row, column, o));
              ++count;
            });
    if (op.getKind() == PoolKind::Max)
      return largest;
    return sum / (op.getCountPad() ? window[0] * window[1] : count);
  });
}

static Array multiply(LinearOp op, Array &in, Array &filter, Array *bias) {
  Array out(op.getResult());
  int64_t depth = filter.shape[0], columns = filter.shape[1];
  for (size_t i = 0; i < out.data.size(); ++i) {
    int64_t m = i / columns, n = i % columns;
    double sum = bias ? bias->data[n] : 0;
    for (int64_t k = 0; k < depth; ++k)
      sum += in.data[m * depth + k] * filter.data[k * columns + n];
    out.data[i] = activate(op.getActivation(), sum);
  }
  return out;
}

template <typename Op> static Array combine(Op op, Array &lhs, Array &rhs) {
  Array out(op.getResult());
  std::vector<int64_t> shape = rhs.shape;
  shape.insert(shape.begin(), out.shape.size() - shape.size(), 1);
  for (size_t i = 0; i < out.data.size(); ++i) {
    int64_t rest = i, index = 0, stride = 1;
    for (int64_t d = int64_t(shape.size()) - 1; d >= 0; --d) {
      if (shape[d] != 1)
        index += rest % out.shape[d] * stride;
      stride *= shape[d];
      rest /= out.shape[d];
    }
    double a = lhs.data[i], b = rhs.data[index];
    out.data[i] =
        activate(op.getActivation(), std::is_same_v<Op, AddOp> ? a + b : a * b);
  }
  return out;
}

static Array transpose(TransposeOp op, Array &in) {
  Array out(op.getResult());
  size_t rank = in.shape.size();
  for (size_t i = 0; i < out.data.size(); ++i) {
    std::vector<int64_t> position(rank);
    int64_t rest = i;
    for (size_t d = rank; d-- > 0; rest /= out.shape[d])
      position[op.getPermutation()[d]] = rest % out.shape[d];
    int64_t index = 0;
    for (size_t d = 0; d < rank; ++d)
      index = index * in.shape[d] + position[d];
    out.data[i] = in.data[index];
  }
  return out;
}

static Array pad(PadOp op, Array &in) {
  return fill(op.getResult(), [&](int64_t y, int64_t x, int64_t o) {
    int64_t row = y - op.getPad()[0], column = x - op.getPad()[2];
    return in.hasPosition(row, column) ? in.at(row, column, o) : 0.0;
  });
}

static Array softmax(SoftmaxOp op, Array &in) {
  Array out(op.getResult());
  int64_t length = in.shape.back();
  for (size_t first = 0; first < in.data.size(); first += length) {
    double largest = in.data[first], sum = 0;
    for (int64_t i = 0; i < length; ++i)
      largest = std::max(largest, in.data[first + i]);
    for (int64_t i = 0; i < length; ++i)
      sum += std::exp(in.data[first + i] - largest);
    for (int64_t i = 0; i < length; ++i)
      out.data[first + i] = std::exp(in.data[first + i] - largest) / sum;
  }
  return out;
}

/// The last steps of a requantisation.
static double roundByte(float value, double zero,
                        const std::vector<double> &parameters) {
  double rounded = double(std::nearbyintf(value)) + zero;
  return std::clamp(rounded, parameters[RequantizeOp::Low],
                    parameters[RequantizeOp::High]);
}

/// One row of attention: the query's channels [q, q + width) against all keys.
static void attendRow(AttentionOp op, const double *q, Array &keys,
                      Array &values, int64_t group, double *out) {
  int64_t count = op.getNumKeys(), width = op.getKeyWidth();
  int64_t keyStride = keys.shape[3], valueStride = values.shape[3];
  std::vector<double> logits(count);
  for (int64_t m = 0; m < count; ++m) {
    for (int64_t d = 0; d < width; ++d)
      logits[m] += q[d] * keys.data[m * keyStride + group * width + d];
    logits[m] *= op.getScale().convertToDouble();
  }
  double largest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (double &logit : logits)
    sum += logit = std::exp(logit - largest);
  for (int64_t e = 0; e < op.getValueWidth(); ++e) {
    out[e] = 0;
    for (int64_t m = 0; m < count; ++m)
      out[e] += logits[m] / sum *
                values.data[m * valueStride + group * op.getValueWidth() + e];
  }
}

/// 2^14 * 2^-(below * scale) as an integer; every step is rounded to f32.
static double getByteWeight(double below, float scale) {
  float t = std::max(-float(below) * scale, -31.0f), n = std::nearbyintf(t);
  float r = t - n, power = llvm::bit_cast<float>(0x3C1D0166);
  for (uint32_t bits : {0x3D64FE23u, 0x3E7601BCu, 0x3F317096u, 0x3F800000u})
    power = std::fma(power, r, llvm::bit_cast<float>(bits));
  return std::nearbyintf(std::ldexp(power, int(n) + 14));
}

/// As attendRow, on bytes: `by` are the scales and the parameters.
static void attendByteRow(AttentionOp op, const double *q, Array &keys,
                          Array &values, llvm::ArrayRef<Array *> by,
                          int64_t group, double *out) {
  int64_t count = op.getNumKeys(), width = op.getKeyWidth();
  int64_t keyStride = keys.shape[3], valueStride = values.shape[3];
  std::vector<double> weights(count);
  for (int64_t m = 0; m < count; ++m)
    for (int64_t d = 0; d < width; ++d)
      weights[m] += q[d] * keys.data[m * keyStride + group * width + d];
  double largest = *std::max_element(weights.begin(), weights.end()), sum = 0;
  for (double &weight : weights)
    sum += weight = getByteWeight(largest - weight, by[0]->data[0]);
  float factor = float(by[0]->data[1]) / float(sum);
  for (int64_t e = 0; e < op.getValueWidth(); ++e) {
    double all = 0;
    for (int64_t m = 0; m < count; ++m)
      all += weights[m] *
             values.data[m * valueStride + group * op.getValueWidth() + e];
    volatile float value = float(all) * factor;
    out[e] = roundByte(value, by[1]->data[RequantizeOp::Zero], by[1]->data);
  }
}

static Array attend(AttentionOp op, llvm::ArrayRef<Array *> in) {
  Array out(op.getResult());
  Array &query = *in[0], &keys = *in[1], &values = *in[2];
  int64_t heads = op.getHeads(), members = heads / op.getKeyHeads();
  for (int64_t n = 0; n < op.getNumQueries(); ++n)
    for (int64_t h = 0; h < heads; ++h) {
      const double *q = &query.data[(n * heads + h) * op.getKeyWidth()];
      double *row = &out.data[(n * heads + h) * op.getValueWidth()];
      if (op.getParameters().empty())
        attendRow(op, q, keys, values, h / members, row);
      else
        attendByteRow(op, q, keys, values, in.drop_front(3), h / members, row);
    }
  return out;
}

/// One term of a requantisation: every step is rounded to f32.
static float getTerm(const Array &in, size_t i, bool isByte, const Array &scale,
                     double zero) {
  float value = float(in.data[i] - (isByte ? zero : 0));
  return value * float(scale.data[i % scale.data.size()]);
}

static bool isByte(Value value) {
  return llvm::cast<mlir::ShapedType>(value.getType())
      .getElementType()
      .isInteger(8);
}

/// Element `i` of the sum of two terms, with the zero point of the result.
static float addTerms(RequantizeOp op, llvm::ArrayRef<Array *> in, size_t i) {
  const auto &parameters = in.back()->data;
  auto factor = [&](const Array &scale) {
    return float(scale.data[i % scale.data.size()]);
  };
  float s = factor(*in[1]), t = factor(*in[3]);
  float shift = parameters[RequantizeOp::Shift];
  auto zeroOf = [&](Value term, RequantizeOp::Parameter which) {
    return isByte(term) ? float(parameters[which]) - shift : 0;
  };
  auto number = [&](Value term, const Array &array) {
    return float(array.data[i]) - (isByte(term) ? shift : 0);
  };
  float zeros = std::fma(s, zeroOf(op.getInput(), RequantizeOp::InputZero),
                         t * zeroOf(op.getAddend(), RequantizeOp::AddendZero));
  float offset = float(parameters[RequantizeOp::Zero]) - shift - zeros;
  return std::fma(number(op.getInput(), *in[0]), s,
                  std::fma(number(op.getAddend(), *in[2]), t, offset));
}

static Array requantize(RequantizeOp op, llvm::ArrayRef<Array *> in) {
  Array out(op.getResult());
  const auto &parameters = in.back()->data;
  for (size_t i = 0; i < out.data.size(); ++i) {
    out.data[i] =
        op.getAddend()
            ? roundByte(addTerms(op, in, i), parameters[RequantizeOp::Shift],
                        parameters)
            : roundByte(getTerm(*in[0], i, isByte(op.getInput()), *in[1],
                                parameters[RequantizeOp::InputZero]),
                        parameters[RequantizeOp::Zero], parameters);
  }
  return out;
}

static Array evaluateOp(Operation *op, llvm::ArrayRef<Array *> in) {
  Array *bias = nullptr;
  double zero = 0;
  llvm::TypeSwitch<Operation *>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp>([&](auto conv) {
        bias = conv.getBias() ? in[2] : nullptr;
        zero = conv.getZero() ? in.back()->data[0] : 0;
      })
      .Case(
          [&](LinearOp linear) { bias = linear.getBias() ? in[2] : nullptr; });
  return llvm::TypeSwitch<Operation *, Array>(op)
      .Case([&](Conv2DOp o) { return convolve(o, *in[0], *in[1], bias, zero); })
      .Case([&](DepthwiseConv2DOp o) {
        return convolveDepthwise(o, *in[0], *in[1], bias, zero);
      })
      .Case([&](LinearOp o) { return multiply(o, *in[0], *in[1], bias); })
      .Case([&](AddOp o) { return combine(o, *in[0], *in[1]); })
      .Case([&](MulOp o) { return combine(o, *in[0], *in[1]); })
      .Case([&](Pool2DOp o) {
        return pool(o, *in[0], o.getZero() ? in[1] : nullptr);
      })
      .Case([&](TransposeOp o) { return transpose(o, *in[0]); })
      .Case([&](PadOp o) { return pad(o, *in[0]); })
      .Case([&](SoftmaxOp o) { return softmax(o, *in[0]); })
      .Case([&](AttentionOp o) { return attend(o, in); })
      .Case([&](RequantizeOp o) { return requantize(o, in); })
      .Case([&](DequantizeOp o) {
        Array out(o.getResult());
        for (size_t i = 0; i < out.data.size(); ++i)
          out.data[i] = getTerm(*in[0], i, isByte(o.getInput()), *in[1],
                                o.getZero() ? in[2]->data[0] : 0);
        return out;
      })
      .Case([&](LookupOp o) {
        Array out(o.getResult());
        for (size_t i = 0; i < out.data.size(); ++i)
          out.data[i] = in[1]->data[int(in[0]->data[i]) + 128];
        return out;
      })
      .Case([&](ActivateOp o) {
        Array out = *in[0];
        for (double &value : out.data)
          value = activate(o.getActivation(), value);
        return out;
      })
      .Case([&](ReshapeOp o) {
        Array out(o.getResult());
        out.data = in[0]->data;
        return out;
      });
}

std::vector<double>
test::evaluate(KernelOp kernel,
               const std::vector<std::vector<double>> &arguments) {
  llvm::DenseMap<Value, std::unique_ptr<Array>> arrays;
  mlir::Block &block = kernel.getBody().front();
  for (auto [argument, values] : llvm::zip(block.getArguments(), arguments)) {
    auto array = std::make_unique<Array>(argument);
    array->data = values;
    arrays[argument] = std::move(array);
  }
  for (Operation &op : block.without_terminator()) {
    std::vector<Array *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(arrays[operand].get());
    arrays[op.getResult(0)] =
        std::make_unique<Array>(evaluateOp(&op, operands));
  }
  const Array &result = *arrays[block.getTerminator()->getOperand(0)];
  return result.data;
}
