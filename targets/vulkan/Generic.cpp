//===- Generic.cpp - any primitive, the slow way --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One invocation computes one number of the result from the primitive's
// definition, with loops for its sums. Right for every shape, fast for none;
// only element operations on whole quads are also the fast way.
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Kernels.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::vulkan;
using namespace minnow::mobile;
using llvm::ArrayRef;
using mlir::Operation;
using mlir::Value;
using mlir::ValueRange;
using Values = Shader::Values;

static ArrayRef<int64_t> getShape(Value value) {
  return llvm::cast<mlir::ShapedType>(value.getType()).getShape();
}

/// A grid of at least `invocations`, in workgroups along x and then y.
static Grid makeGrid(int64_t invocations) {
  constexpr int64_t kMostGroups = 32768;
  int64_t groups = llvm::divideCeil(invocations, kInvocations);
  int64_t x = std::min(groups, kMostGroups);
  return {uint32_t(x), uint32_t(llvm::divideCeil(groups, x)), 1};
}

/// The number of this invocation in such a grid.
static Value getInvocation(Shader &shader, const Grid &grid) {
  Value group =
      shader.add(shader.mul(shader.getGroup(1), grid.x), shader.getGroup(0));
  return shader.add(shader.mul(group, kInvocations), shader.getThread());
}

//===----------------------------------------------------------------------===//
// Element operations
//===----------------------------------------------------------------------===//

llvm::Expected<Written> vulkan::writeElements(KernelOp kernel, const Gpu &gpu,
                                              const ShaderPlan &) {
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  int64_t quads = getShape(result).back() / 4;
  int64_t count = mlir::ShapedType::getNumElements(getShape(result)) / 4;
  Grid grid = makeGrid(count);
  Shader shader(kernel, gpu,
                llvm::SmallVector<unsigned>(kernel.getNumArguments() + 1, 4),
                kInvocations);
  Value at = getInvocation(shader, grid);
  shader.ifThen(shader.isInside(at, count), [&] {
    shader.store(shader.evaluate(result, shader.div(at, quads),
                                 shader.rem(at, quads), quads),
                 at);
  });
  return shader.finish(grid);
}

//===----------------------------------------------------------------------===//
// Any one primitive
//===----------------------------------------------------------------------===//

namespace {

/// Writes the number at `at` of a primitive's result.
class NumberWriter {
public:
  NumberWriter(Shader &shader, Operation *op, ArrayRef<Value> at)
      : shader(shader), op(op), at(at) {}

  /// Null for a primitive that is not known.
  Value write();

private:
  Value write(Conv2DOp conv);
  Value write(DepthwiseConv2DOp conv);
  Value write(LinearOp linear);
  Value write(MatmulOp matmul);
  Value write(Pool2DOp pool);
  Value write(SoftmaxOp softmax);
  Value write(AttentionOp attention);
  Value write(BatchNormOp norm);
  Value write(PadOp pad);
  Value write(TransposeOp transpose);
  Value write(ReshapeOp reshape);

  /// The number of `tensor` at `indices`; of dimensions of size 1 the only one.
  Value load(Value tensor, ArrayRef<Value> indices);
  Value loadIf(Value condition, Value tensor, ArrayRef<Value> indices);
  /// sum += body(i), for i from 0 to `count`.
  Value sum(int64_t count, Value init,
            llvm::function_ref<Value(Value, Value)> body);
  /// One tap of a filter, and what it reads of the input.
  struct Tap {
    Value i, j;   // in the filter
    Value y, x;   // in the input
    Value inside; // whether that lies in the map
  };
  /// sum = body(tap, sum), from 0 over all taps of `window`.
  Value sumTaps(const Window &window,
                llvm::function_ref<Value(const Tap &, Value)> body);
  Value finish(Operation *conv, Value value);
  Value getLogit(AttentionOp attention, Value query, Value head, Value key);

  Shader &shader;
  Operation *op;
  ArrayRef<Value> at;
};

} // namespace

Value NumberWriter::load(Value tensor, ArrayRef<Value> indices) {
  auto shape = getShape(tensor);
  Value flat = shader.index(0);
  for (auto [i, size] : llvm::enumerate(shape)) {
    flat = shader.mul(flat, size);
    if (size != 1)
      flat = shader.add(flat, indices[indices.size() - shape.size() + i]);
  }
  return shader.load(tensor, flat);
}

Value NumberWriter::loadIf(Value condition, Value tensor,
                           ArrayRef<Value> indices) {
  Values safe;
  for (Value index : indices)
    safe.push_back(shader.select(condition, index, shader.index(0)));
  return shader.select(condition, load(tensor, safe), shader.number(0));
}

Value NumberWriter::sum(int64_t count, Value init,
                        llvm::function_ref<Value(Value, Value)> body) {
  return shader.loop(count, init, [&](Value i, ValueRange values) {
    return Values{body(i, values[0])};
  })[0];
}

Value NumberWriter::finish(Operation *conv, Value value) {
  if (Value bias = getBias(conv))
    value = shader.addf(value, load(bias, at));
  return shader.activate(value, getActivation(conv));
}

Value NumberWriter::sumTaps(
    const Window &window, llvm::function_ref<Value(const Tap &, Value)> body) {
  int64_t taps = window.kernelHeight * window.kernelWidth;
  return sum(taps, shader.number(0), [&](Value tap, Value total) {
    Value i = shader.div(tap, window.kernelWidth),
          j = shader.rem(tap, window.kernelWidth);
    Value y = shader.add(shader.add(shader.mul(at[1], window.strideHeight), i),
                         -window.padTop);
    Value x = shader.add(shader.add(shader.mul(at[2], window.strideWidth), j),
                         -window.padLeft);
    Value inside = shader.both(shader.isInside(y, window.inputHeight),
                               shader.isInside(x, window.inputWidth));
    return body({i, j, y, x, inside}, total);
  });
}

Value NumberWriter::write(Conv2DOp conv) {
  Window window = getWindow(conv);
  return finish(
      conv, sumTaps(window, [&](const Tap &tap, Value total) {
        return sum(window.inputChannels, total, [&](Value c, Value total) {
          return shader.fma(
              loadIf(tap.inside, conv.getInput(), {at[0], tap.y, tap.x, c}),
              load(conv.getFilter(), {tap.i, tap.j, c, at[3]}), total);
        });
      }));
}

Value NumberWriter::write(DepthwiseConv2DOp conv) {
  return finish(
      conv, sumTaps(getWindow(conv), [&](const Tap &tap, Value total) {
        return shader.fma(
            loadIf(tap.inside, conv.getInput(), {at[0], tap.y, tap.x, at[3]}),
            load(conv.getFilter(), {tap.i, tap.j, at[3]}), total);
      }));
}

Value NumberWriter::write(LinearOp linear) {
  Value total =
      sum(getShape(linear.getInput())[1], shader.number(0),
          [&](Value k, Value total) {
            return shader.fma(load(linear.getInput(), {at[0], k}),
                              load(linear.getFilter(), {k, at[1]}), total);
          });
  return finish(linear, total);
}

Value NumberWriter::write(MatmulOp matmul) {
  return sum(getShape(matmul.getLhs()).back(), shader.number(0),
             [&](Value k, Value total) {
               Values left(at), right(at);
               left.back() = k;
               right[right.size() - 2] = k;
               return shader.fma(load(matmul.getLhs(), left),
                                 load(matmul.getRhs(), right), total);
             });
}

Value NumberWriter::write(Pool2DOp pool) {
  auto input = getShape(pool.getInput());
  auto window = pool.getWindow(), strides = pool.getStrides(),
       pad = pool.getPad();
  bool isMax = pool.getKind() == PoolKind::Max;
  Values init = {shader.number(isMax ? -3.402823466e38 : 0), shader.number(0)};
  Values results = shader.loop(
      window[0] * window[1], init, [&](Value tap, ValueRange values) {
        Value y = shader.add(shader.add(shader.mul(at[1], strides[0]),
                                        shader.div(tap, window[1])),
                             -pad[0]);
        Value x = shader.add(shader.add(shader.mul(at[2], strides[1]),
                                        shader.rem(tap, window[1])),
                             -pad[2]);
        Value inside = shader.both(shader.isInside(y, input[1]),
                                   shader.isInside(x, input[2]));
        Value loaded = loadIf(inside, pool.getInput(), {at[0], y, x, at[3]});
        if (isMax)
          loaded = shader.select(inside, loaded, init[0]);
        Value next = isMax ? shader.maxf(values[0], loaded)
                           : shader.addf(values[0], loaded);
        Value one = shader.select(inside, shader.number(1), shader.number(0));
        return Values{next, shader.addf(values[1], one)};
      });
  if (isMax)
    return results[0];
  Value count = pool.getCountPad()
                    ? shader.number(double(window[0] * window[1]))
                    : results[1];
  return shader.divf(results[0], count);
}

Value NumberWriter::write(SoftmaxOp softmax) {
  int64_t count = getShape(softmax.getInput()).back();
  auto input = [&](Value i) {
    Values indices(at);
    indices.back() = i;
    return load(softmax.getInput(), indices);
  };
  Value most = sum(count, input(shader.index(0)), [&](Value i, Value most) {
    return shader.maxf(most, input(i));
  });
  auto power = [&](Value x) { return shader.exp(shader.subf(x, most)); };
  Value total = sum(count, shader.number(0), [&](Value i, Value total) {
    return shader.addf(total, power(input(i)));
  });
  return shader.divf(power(input(at.back())), total);
}

/// scale * query . key, positions as flat numbers.
Value NumberWriter::getLogit(AttentionOp attention, Value query, Value head,
                             Value key) {
  int64_t width = attention.getKeyWidth(),
          group = attention.getHeads() / attention.getKeyHeads();
  int64_t keyWidth = getShape(attention.getQuery())[2],
          keysWidth = getShape(attention.getKey())[2];
  Value total = sum(width, shader.number(0), [&](Value d, Value total) {
    Value q =
        load(attention.getQuery(),
             {at[0], shader.div(query, keyWidth), shader.rem(query, keyWidth),
              shader.add(shader.mul(head, width), d)});
    Value k =
        load(attention.getKey(),
             {at[0], shader.div(key, keysWidth), shader.rem(key, keysWidth),
              shader.add(shader.mul(shader.div(head, group), width), d)});
    return shader.fma(q, k, total);
  });
  return shader.mulf(total,
                     shader.number(attention.getScale().convertToDouble()));
}

Value NumberWriter::write(AttentionOp attention) {
  int64_t width = attention.getValueWidth(), keys = attention.getNumKeys(),
          group = attention.getHeads() / attention.getKeyHeads();
  int64_t keysWidth = getShape(attention.getKey())[2];
  Value query =
      shader.add(shader.mul(at[1], getShape(attention.getQuery())[2]), at[2]);
  Value head = shader.div(at[3], width), e = shader.rem(at[3], width);
  auto logit = [&](Value key) { return getLogit(attention, query, head, key); };
  Value most = sum(keys, logit(shader.index(0)), [&](Value key, Value most) {
    return shader.maxf(most, logit(key));
  });
  Values sums = shader.loop(
      keys, {shader.number(0), shader.number(0)},
      [&](Value key, ValueRange sums) {
        Value weight = shader.exp(shader.subf(logit(key), most));
        Value value =
            load(attention.getValue(),
                 {at[0], shader.div(key, keysWidth), shader.rem(key, keysWidth),
                  shader.add(shader.mul(shader.div(head, group), width), e)});
        return Values{shader.fma(weight, value, sums[0]),
                      shader.addf(sums[1], weight)};
      });
  return shader.divf(sums[0], sums[1]);
}

Value NumberWriter::write(BatchNormOp norm) {
  Value spread = shader.sqrt(
      shader.addf(load(norm.getVariance(), at),
                  shader.number(norm.getEpsilon().convertToDouble())));
  Value centred =
      shader.subf(load(norm.getInput(), at), load(norm.getMean(), at));
  return shader.fma(shader.divf(centred, spread), load(norm.getScale(), at),
                    load(norm.getOffset(), at));
}

Value NumberWriter::write(PadOp pad) {
  auto input = getShape(pad.getInput());
  Value y = shader.add(at[1], -pad.getPad()[0]),
        x = shader.add(at[2], -pad.getPad()[2]);
  return loadIf(
      shader.both(shader.isInside(y, input[1]), shader.isInside(x, input[2])),
      pad.getInput(), {at[0], y, x, at[3]});
}

Value NumberWriter::write(TransposeOp transpose) {
  Values indices(at);
  for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
    indices[from] = at[i];
  return load(transpose.getInput(), indices);
}

Value NumberWriter::write(ReshapeOp reshape) {
  Value flat = shader.index(0);
  for (auto [index, size] : llvm::zip(at, getShape(reshape.getResult())))
    flat = shader.add(shader.mul(flat, size), index);
  return shader.load(reshape.getInput(), flat);
}

Value NumberWriter::write() {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<AddOp>([&](AddOp sum) {
        return shader.activate(
            shader.addf(load(sum.getLhs(), at), load(sum.getRhs(), at)),
            sum.getActivation());
      })
      .Case<MulOp>([&](MulOp product) {
        return shader.activate(
            shader.mulf(load(product.getLhs(), at), load(product.getRhs(), at)),
            product.getActivation());
      })
      .Case<ActivateOp>([&](ActivateOp activate) {
        return shader.activate(load(activate.getInput(), at),
                               activate.getActivation());
      })
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp, MatmulOp, Pool2DOp,
            SoftmaxOp, AttentionOp, BatchNormOp, PadOp, TransposeOp, ReshapeOp>(
          [&](auto primitive) { return write(primitive); })
      .Default([](Operation *) { return Value(); });
}

llvm::Expected<Written> vulkan::writeGeneric(KernelOp kernel, const Gpu &gpu,
                                             const ShaderPlan &plan) {
  auto shape = getShape(plan.main->getResult(0));
  int64_t count = mlir::ShapedType::getNumElements(shape);
  Grid grid = makeGrid(count);
  Shader shader(kernel, gpu,
                llvm::SmallVector<unsigned>(kernel.getNumArguments() + 1, 1),
                kInvocations);
  Value flat = getInvocation(shader, grid);
  bool isKnown = true;
  shader.ifThen(shader.isInside(flat, count), [&] {
    Values at(shape.size());
    Value rest = flat;
    for (size_t i = shape.size(); i-- > 0;) {
      at[i] = shader.rem(rest, shape[i]);
      rest = shader.div(rest, shape[i]);
    }
    Value value = NumberWriter(shader, plan.main, at).write();
    isKnown = bool(value);
    if (isKnown)
      shader.store(value, flat);
  });
  if (!isKnown ||
      !llvm::hasSingleElement(kernel.getBody().front().without_terminator()))
    return llvm::createStringError("no shader is written for " +
                                   plan.main->getName().getStringRef());
  return shader.finish(grid);
}
