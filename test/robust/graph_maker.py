#===- graph_maker.py - random networks as ONNX ---------------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks that nobody would train: odd sizes, widths off every vector, windows
and strides that differ by axis, blocks and loose primitives in any order.

make(seed) always gives the same model. Weights are scaled so that values stay
near 1 however deep the network is: an error is one of the compiler, not of
numbers that cancel.
"""

import math
import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTHS = (1, 2, 3, 5, 7, 8, 12, 13, 16, 17, 19, 24, 31, 32, 33, 40, 48, 63, 65)
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 14, 15, 16, 17, 19, 21, 23)
# Elements of one map: more would only make a run longer.
MAX_ELEMENTS = 1 << 15


class GraphMaker:
    """Builds one model; `x` below is the name of a map, [1, C, H, W]."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.nodes, self.weights, self.shapes = [], [], {}
        self.opset = self.random.choice((11, 12, 13, 15, 17, 18, 20, 21, 22))

    # Names and numbers.

    def emit(self, op, inputs, shape, **attributes):
        """Adds a node and returns its output's name."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"{op.lower()}_{len(self.nodes)}", **attributes))
        self.shapes[name] = list(shape)
        return name

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def normal(self, shape, scale=1.0, offset=0.0):
        return self.constant((self.numbers.standard_normal(shape) * scale + offset).astype(np.float32))

    def chance(self, share):
        return self.random.random() < share

    def width(self):
        return self.random.choice(WIDTHS)

    # Single operators.

    def convolution(self, x, out, kernel=(1, 1), strides=(1, 1), depthwise=False, bias=None):
        _, channels, *size = self.shapes[x]
        out = channels if depthwise else out
        filters = (out, 1 if depthwise else channels, *kernel)
        inputs = [x, self.normal(filters, math.sqrt(1.5 / math.prod(filters[1:])))]
        if self.chance(0.7) if bias is None else bias:
            inputs.append(self.normal((out,), 0.2))
        x, attributes, size = self.pad(x, size, kernel, strides)
        inputs[0] = x
        if depthwise or self.chance(0.2):
            attributes["group"] = channels if depthwise else 1
        if self.chance(0.8):
            attributes["kernel_shape"] = list(kernel)
        return self.emit("Conv", inputs, (1, out, *size), strides=list(strides), **attributes)

    def pad(self, x, size, kernel, strides, ops=True):
        """Makes the window fit: (input, attributes of the node, size of its result)."""
        kind = self.random.choice(("same", "some", "auto", "op") if ops else ("same", "some"))
        if kind == "auto":
            steps = [-(-n // s) for n, s in zip(size, strides)]
            return x, {"auto_pad": self.random.choice(("SAME_UPPER", "SAME_LOWER"))}, steps
        pads = [0] * 4
        for axis, (n, k) in enumerate(zip(size, kernel)):
            most = k - 1
            before = most // 2 if kind == "same" else self.random.randint(0, most)
            after = most - most // 2 if kind == "same" else self.random.randint(0, most)
            after += max(0, k - n - before - after)
            pads[axis], pads[2 + axis] = before, after
        result = [(n + pads[i] + pads[2 + i] - k) // s + 1 for i, (n, k, s) in enumerate(zip(size, kernel, strides))]
        if kind != "op":
            return x, {"pads": pads}, result
        _, channels, *_ = self.shapes[x]
        all_pads = np.array([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64)
        padded = [n + pads[i] + pads[2 + i] for i, n in enumerate(size)]
        return self.emit("Pad", [x, self.constant(all_pads)], (1, channels, *padded)), {}, result

    def batch_norm(self, x):
        channels = self.shapes[x][1]
        positive = (0.5 + self.numbers.random(channels)).astype(np.float32)
        return self.emit("BatchNormalization",
                         [x, self.normal((channels,), 0.2, 1.0), self.normal((channels,), 0.2),
                          self.normal((channels,), 0.2), self.constant(positive)], self.shapes[x])

    def activation(self, x):
        kinds = ["Relu", "Relu", "Clip", "HardSigmoid", "Sigmoid", "Silu"]
        kind = self.random.choice(kinds + ["HardSwish"] * (self.opset >= 14) + ["Gelu"] * (self.opset >= 20))
        shape = self.shapes[x]
        if kind == "Clip":
            return self.emit("Clip", [x, self.constant(np.float32(0)), self.constant(np.float32(6))], shape)
        if kind == "HardSigmoid":
            slope = {"alpha": 1 / 6, "beta": 0.5} if self.chance(0.5) else {"alpha": self.random.uniform(0.1, 0.5)}
            return self.emit(kind, [x], shape, **slope)
        if kind == "Silu":
            return self.emit("Mul", [x, self.emit("Sigmoid", [x], shape)], shape)
        return self.emit(kind, [x], shape)

    def finish(self, x, activate=True):
        """What may follow a convolution."""
        if self.chance(0.4):
            x = self.batch_norm(x)
        return self.activation(x) if activate and self.chance(0.8) else x

    def kernel(self):
        k = self.random.choice((1, 3, 3, 3, 5, 5, 7))
        return (k, self.random.choice((1, 3, 5, 7))) if self.chance(0.15) else (k, k)

    def strides(self, x):
        if max(self.shapes[x][2:]) < 4 or self.chance(0.65):
            return 1, 1
        return self.random.choice(((2, 2), (2, 2), (2, 2), (1, 2), (2, 1), (3, 3)))

    # Blocks and loose primitives: each takes a map and returns one.

    def plain(self, x):
        return self.finish(self.convolution(x, self.width(), self.kernel(), self.strides(x)))

    def depthwise(self, x):
        return self.finish(self.convolution(x, 0, self.kernel(), self.strides(x), depthwise=True))

    def residual(self, x, y):
        if self.chance(0.2):
            y = self.emit("Mul", [y, self.normal((self.shapes[y][1], 1, 1), 0.3)], self.shapes[y])
        if self.shapes[x] == self.shapes[y] and self.chance(0.8):
            y = self.emit("Add", self.random.sample([x, y], 2), self.shapes[y])
        return y

    def inverted_bottleneck(self, x):
        """UIB: each depthwise convolution may be missing."""
        y = x
        if self.chance(0.4):
            y = self.finish(self.convolution(y, 0, self.kernel(), depthwise=True), activate=self.chance(0.2))
        y = self.finish(self.convolution(y, self.shapes[x][1] * self.random.choice((1, 2, 3, 4))))
        if self.chance(0.7):
            y = self.finish(self.convolution(y, 0, self.kernel(), self.strides(x), depthwise=True))
        return self.project(x, y)

    def fused_inverted_bottleneck(self, x):
        wide = self.shapes[x][1] * self.random.choice((1, 2, 4))
        return self.project(x, self.finish(self.convolution(x, wide, (3, 3), self.strides(x))))

    def project(self, x, y):
        out = self.shapes[x][1] if self.chance(0.6) else self.width()
        return self.residual(x, self.finish(self.convolution(y, out), activate=self.chance(0.2)))

    def squeeze_excite(self, x):
        channels = self.shapes[x][1]
        y = self.emit("GlobalAveragePool", [x], (1, channels, 1, 1))
        y = self.activation(self.convolution(y, self.width()))
        y = self.emit(self.random.choice(("Sigmoid", "Relu")), [self.convolution(y, channels)], (1, channels, 1, 1))
        return self.emit("Mul", self.random.sample([x, y], 2), self.shapes[x])

    def pool(self, x):
        _, channels, *size = self.shapes[x]
        kernel = (self.random.randint(1, 3), self.random.randint(1, 3))
        strides = self.strides(x)
        _, attributes, size = self.pad(x, size, kernel, strides, ops=False)
        kind = self.random.choice(("MaxPool", "AveragePool"))
        # A window of padding alone has no maximum.
        pads = attributes["pads"]
        if any(p >= k for p, k in zip(pads, kernel * 2)):
            return x
        if kind == "AveragePool" and self.chance(0.5):
            attributes["count_include_pad"] = 1
        return self.emit(kind, [x], (1, channels, *size), kernel_shape=list(kernel), strides=list(strides),
                         **attributes)

    def elementwise(self, x):
        shape = self.shapes[x]
        other = self.random.choice([name for name in self.shapes if self.shapes[name] == shape])
        if self.chance(0.4):
            sizes = self.random.choice(((1,), (shape[1], 1, 1), (1, 1, 1, shape[3]), tuple(shape), ()))
            if self.chance(0.2):
                divisor = (0.5 + self.numbers.random(sizes)).astype(np.float32)
                return self.emit("Div", [x, self.constant(divisor)], shape)
            other = self.normal(sizes, 0.3, 1.0)
        return self.emit(self.random.choice(("Add", "Mul", "Sub")), self.random.sample([x, other], 2), shape)

    def nothing(self, x):
        """Operators that move or rename what goes through them."""
        _, channels, height, width = shape = self.shapes[x]
        kind = self.random.choice(("Identity", "Dropout", "Transpose", "Reshape"))
        if kind == "Reshape":
            flat = self.emit(kind, [x, self.constant(np.array([1, channels, -1], np.int64))],
                             (1, channels, height * width))
            return self.emit(kind, [flat, self.constant(np.array(shape, np.int64))], shape)
        if kind != "Transpose":
            return self.emit(kind, [x], shape)
        turned = self.emit(kind, [x], (1, height, width, channels), perm=[0, 2, 3, 1])
        if self.chance(0.5):
            turned = self.emit("Relu", [turned], self.shapes[turned])
        return self.emit(kind, [turned], shape, perm=[0, 3, 1, 2])

    def attention(self, x):
        """Mobile MQA as exporters write it, or multi-head attention; keys and
        values of every position or of every other."""
        _, channels, height, width = self.shapes[x]
        heads, key_width, value_width = (self.random.choice(sizes) for sizes in ((1, 2, 3, 4), (4, 8, 13), (4, 8, 11)))
        shared = self.chance(0.6)
        z = self.batch_norm(x) if self.chance(0.5) else x
        query = self.positions(self.convolution(z, heads * key_width, bias=False), heads, last=1)
        memory = z
        if min(height, width) > 3 and self.chance(0.4):
            memory = self.batch_norm(self.convolution(z, 0, (3, 3), (2, 2), depthwise=True))
        own = 1 if shared else heads
        key = self.positions(self.convolution(memory, own * key_width, bias=False), own, last=0)
        value = self.positions(self.convolution(memory, own * value_width, bias=False), own, last=1)
        scale = self.constant(np.float32([key_width**-0.5]))
        query = self.emit("Mul", [query, scale], self.shapes[query])
        logits = self.emit("MatMul", [query, key], (1, heads, height * width, self.shapes[key][3]))
        weights = self.emit("Softmax", [logits], self.shapes[logits], axis=-1)
        joined = self.emit("MatMul", [weights, value], (1, heads, height * width, value_width))
        joined = self.emit("Transpose", [joined], (1, height * width, heads, value_width), perm=[0, 2, 1, 3])
        shape = (1, height, width, heads * value_width)
        joined = self.emit("Reshape", [joined, self.constant(np.array(shape, np.int64))], shape)
        joined = self.emit("Transpose", [joined], (1, shape[3], height, width), perm=[0, 3, 1, 2])
        return self.residual(x, self.convolution(joined, channels))

    def positions(self, x, heads, last):
        """[1, heads * width, h, w] as [1, heads, positions, width], or, with `last` 0,
        with its last two dimensions swapped."""
        _, channels, height, width = self.shapes[x]
        shape = (1, heads, channels // heads, height * width)
        x = self.emit("Reshape", [x, self.constant(np.array(shape, np.int64))], shape)
        return self.emit("Transpose", [x], (1, heads, shape[3], shape[2]), perm=[0, 1, 3, 2]) if last else x

    # The whole.

    def head(self, x):
        """A classifier behind the last map, or nothing."""
        channels, classes = self.shapes[x][1], self.width()
        # Before operator set 13 a softmax was over all dimensions from its axis on.
        kind = self.random.choice(("none", "gemm", "matmul", "map" if self.opset >= 13 else "none"))
        if kind == "map":
            return self.emit("Softmax", [x], self.shapes[x], axis=self.random.choice((1, -3)))
        if kind == "none":
            return x
        x = self.emit("GlobalAveragePool", [x], (1, channels, 1, 1))
        x = self.emit("Flatten", [x], (1, channels))
        scale = math.sqrt(2 / channels)
        if kind == "gemm":
            turned = self.chance(0.5)
            filters = (classes, channels) if turned else (channels, classes)
            x = self.emit("Gemm", [x, self.normal(filters, scale), self.normal((classes,), 0.2)], (1, classes),
                          transB=int(turned))
        else:
            x = self.emit("MatMul", [x, self.normal((channels, classes), scale)], (1, classes))
            x = self.emit("Add", [x, self.normal((classes,), 0.2)], (1, classes))
        return self.emit("Softmax", [x], (1, classes), axis=-1) if self.chance(0.3) else x

    def make(self):
        blocks = (self.inverted_bottleneck,) * 4 + (self.fused_inverted_bottleneck, self.plain, self.plain,
                                                    self.depthwise, self.squeeze_excite, self.pool,
                                                    self.elementwise, self.nothing, self.attention)
        shape = [1, self.random.choice(WIDTHS[:12]), self.random.choice(SIZES[3:]), self.random.choice(SIZES[3:])]
        self.shapes["x"] = shape
        x = self.plain("x")
        for _ in range(self.random.randint(1, 5)):
            y = self.random.choice(blocks)(x)
            # A result that is too large is left to nobody; dead nodes are a test, too.
            if math.prod(self.shapes[y]) <= MAX_ELEMENTS:
                x = y
        outputs = [self.head(x)]
        if x != outputs[0] and self.chance(0.2):
            outputs.append(x)
        return self.model(shape, outputs)

    def model(self, shape, outputs):
        def value(name):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name])
        # The shapes of all values, so that a failing model can be cut anywhere.
        between = [value(name) for name in self.shapes if name not in ("x", *outputs)]
        graph = helper.make_graph(self.nodes, "random", [value("x")], [value(name) for name in outputs], self.weights,
                                  value_info=between)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)
        onnx.checker.check_model(model)
        return model


def make(seed):
    """The model number `seed`."""
    return GraphMaker(seed).make()


def make_inputs(model, seed):
    """{name: array} for the inputs of a model, normally distributed."""
    numbers = np.random.default_rng(seed)
    return {value.name: numbers.standard_normal(shape_of(value)).astype(np.float32) for value in model.graph.input}


def shape_of(value):
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]
