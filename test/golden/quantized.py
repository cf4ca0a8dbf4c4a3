#!/usr/bin/env python3
#===- quantized.py - a small int8 network, compiled and by hand ----------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a hand-quantized network and compares every bit of its output.

The network has what int8 networks are made of: a stem that pads, an inverted
bottleneck with its residual unrounded, an FFN with GELU and a rounded residual,
a squeeze-excite, Mobile MQA with strided keys and values and offsets, a global average and a
classifier. It is written here as `.mlir` and, a second time, as integer
arithmetic in numpy after the descriptions in MobileOps.td: in the float form, or
for `--target etpu` and `hexagon` in the fixed one, where inputs and outputs are bytes. Ends
with 2 where an output differs.
"""

import argparse
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

F = np.float32


def clamp(v, low, high):
    return np.minimum(np.maximum(v, low), high)


class Quantized:
    """A value of the network: its SSA name, integers (NHWC), scales and zero point."""

    def __init__(self, name, data, scale, zero=0):
        self.name, self.data, self.scale, self.zero = name, data, scale, zero

    @property
    def is_sum(self):
        return self.data.dtype == np.int32

    @property
    def element(self):
        if not self.is_sum:
            return f"!quant.uniform<i8:f32, {float(self.scale):.17e}:{self.zero}>"
        scales = ", ".join(f"{float(s):.17e}" for s in self.scale)
        return f"!quant.uniform<i32:f32:{self.data.ndim - 1}, {{{scales}}}>"

    @property
    def type(self):
        return tensor_type(self.data.shape, self.element)


def tensor_type(shape, element):
    return "tensor<" + "".join(f"{d}x" for d in shape) + element + ">"


def bounds(scale, zero, act):
    low = zero if act in ("relu", "relu6") else -128
    high = min(127, int(zero + np.rint(6 / float(scale)))) if act == "relu6" else 127
    return low, high


def fma(a, b, c):
    """a * b + c of f32, rounded once but for ties within 2^-64."""
    return (a.astype(np.longdouble) * b + c).astype(F)


def round_to(v, scale, zero, act=None):
    """The float form's last steps, of v in units of `scale`."""
    return clamp(np.rint(v).astype(np.float64) + zero, *bounds(scale, zero, act)).astype(np.int8)


def multiply_high(value, factor, bits):
    return (value.astype(np.int64) * factor + (1 << (bits - 1))) >> bits


def round_fixed(h, shift, scale, zero, act=None):
    """The fixed form's last steps."""
    shift = max(shift, 0)
    return clamp(((h + ((1 << shift) >> 1)) >> shift) + zero, *bounds(scale, zero, act)).astype(np.int8)


def largest_shift(numbers, most):
    """The largest shift by which all numbers stay below 2^31."""
    return max(s for s in range(-2, most + 1) if max(numbers) * 2.0 ** s < 2 ** 31 - 1)


def requantize(terms, scale, zero, act=None, is_fixed=False):
    """The sum of terms (integers, factors as f32, zero point, whether it is a product's sum)."""
    if not is_fixed:
        total = None
        for data, factors, origin, _ in terms:
            term = (data.astype(np.int32) - origin).astype(F) * factors
            total = term if total is None else total + term
        return round_to(total, scale, zero, act)
    bits = [31 if is_sum else 15 for *_, is_sum in terms]
    scaled = [f.astype(np.float64) * 2.0 ** b for (_, f, *_), b in zip(terms, bits)]
    shift = largest_shift([f.max() for f in scaled], 15)
    h = sum(multiply_high(data.astype(np.int64) - origin << max(-shift, 0), np.floor(f * 2.0 ** shift + 0.5).astype(np.int64), b)
            for (data, _, origin, _), f, b in zip(terms, scaled, bits))
    return round_fixed(h, shift, scale, zero, act)


class Network:
    """Writes the module and computes it at once."""

    def __init__(self, seed, is_fixed=False):
        self.is_fixed = is_fixed
        self.random = np.random.default_rng(seed)
        self.weights, self.lines, self.resources, self.count = [], [], [], 0

    def name(self):
        self.count += 1
        return f"%v{self.count}"

    def emit(self, line):
        name = self.name()
        self.lines.append(f"  {name} = {line}")
        return name

    def weight(self, data, element=None):
        symbol = f"w{len(self.weights)}"
        stored = {"int8": "i8", "int32": "i32"}[data.dtype.name]
        self.weights.append(
            f"mobile.weight @{symbol} dense_resource<{symbol}> : {tensor_type(data.shape, stored)}")
        self.resources.append(f'  {symbol}: "0x40000000{data.tobytes().hex().upper()}"')
        kind = tensor_type(data.shape, element or stored)
        return self.emit(f"mobile.get_weight @{symbol} : {kind}"), kind

    def scales(self, size):
        return [F(s) for s in 2.0 ** self.random.uniform(-9, -6, size)]

    def round_sum(self, total, x, act):
        """A result of the right range for the sum of a product, and its factors."""
        real = total.data * np.array(total.scale, np.float64)
        spread = 3 * real.std()
        scale, zero = (F(spread / 255), -128) if act in ("relu", "relu6") else (F(spread / 127), 3)
        factors = np.array([s / scale for s in total.scale], F)
        data = requantize([(total.data, factors, 0, True)], scale, zero, act, self.is_fixed)
        return Quantized(None, data, scale, zero)

    def product(self, kind, x, out=None, size=1, stride=1, pad=(0, 0, 0, 0), act=None, unrounded=False):
        channels = x.data.shape[-1]
        out = out or channels
        shape = {"conv2d": (size, size, channels, out), "depthwise_conv2d": (size, size, channels),
                 "linear": (channels, out)}[kind]
        filters = self.random.integers(-127, 128, shape).astype(np.int8)
        scales = self.scales(out)
        bias = self.random.integers(-2000, 2000, out).astype(np.int32)
        axis = len(shape) - 1
        element = "!quant.uniform<i8<-127:127>:f32:%d, {%s}>" % (
            axis, ", ".join(f"{float(s):.17e}" for s in scales))
        w, w_type = self.weight(filters, element)
        b, b_type = self.weight(bias)
        total = Quantized(None, self.sum(kind, x, filters, bias, stride, pad),
                          [F(F(x.scale) * s) for s in scales])
        via = ""
        if unrounded:
            y = total
        elif act == "gelu":
            middle = self.round_sum(total, x, None)
            via = f" via {middle.element}"
            y = self.look_up(middle)
        else:
            y = self.round_sum(total, x, act)
        window = "" if kind == "linear" else f" stride [{stride}, {stride}] pad {list(pad)}"
        y.name = self.emit(
            f"mobile.{kind} {x.name}, {w} bias {b}{window}" + (f" act {act}" if act else "") + via +
            f" : {x.type}, {w_type}, {b_type} -> {y.type}")
        return y

    @staticmethod
    def sum(kind, x, filters, bias, stride, pad):
        data = x.data.astype(np.int64) - x.zero
        if kind == "linear":
            return (data @ filters.astype(np.int64) + bias).astype(np.int32)
        data = np.pad(data, ((0, 0), pad[:2], pad[2:], (0, 0)))
        size = filters.shape[0]
        rows = (data.shape[1] - size) // stride + 1
        columns = (data.shape[2] - size) // stride + 1
        total = np.zeros((1, rows, columns, len(bias)), np.int64) + bias
        for i in range(size):
            for j in range(size):
                part = data[:, i:i + rows * stride:stride, j:j + columns * stride:stride][:, :rows, :columns]
                tap = filters[i, j].astype(np.int64)
                total += part @ tap if kind == "conv2d" else part * tap
        return total.astype(np.int32)

    @staticmethod
    def look_up(x):
        scale, zero = F(float(x.scale) * 0.6), -100
        table = []
        for i in range(-128, 128):
            v = (i - x.zero) * float(x.scale)
            v = v / 2 * (1 + math.erf(v * math.sqrt(0.5)))
            table.append(min(127, max(-128, round(v / float(scale)) + zero)))
        return Quantized(None, np.array(table, np.int8)[x.data.astype(int) + 128], scale, zero)

    def add(self, x, r):
        scale = F(max(np.abs((t.data - t.zero) * np.array(t.scale, np.float64)).max() for t in (x, r)) / 100)
        terms = [(t.data, np.array(t.scale if t.is_sum else [t.scale], F) / scale, t.zero, t.is_sum) for t in (x, r)]
        y = Quantized(None, requantize(terms, scale, -7, None, self.is_fixed), scale, -7)
        y.name = self.emit(f"mobile.add {x.name}, {r.name} : {x.type}, {r.type} -> {y.type}")
        return y

    def mul(self, x, factors):
        """By one factor a channel."""
        product = (x.data.astype(np.int32) - x.zero) * (factors.data.astype(np.int32) - factors.zero)
        step = F(x.scale) * F(factors.scale)
        scale = F(np.abs(product).max() * float(step) / 100)
        data = requantize([(product, np.array([step / scale], F), 0, True)], scale, 9, None, self.is_fixed)
        y = Quantized(None, data, scale, 9)
        y.name = self.emit(f"mobile.mul {x.name}, {factors.name} : {x.type}, {factors.type} -> {y.type}")
        return y

    def symmetric(self, x, offsets=False):
        """Rounds a sum to zero point 0; with a weight of its own shape added first where asked."""
        if offsets:
            extra = self.random.integers(-3000, 3000, x.data.shape).astype(np.int32)
            name, kind = self.weight(extra, x.element)
            total = Quantized(None, x.data + extra, x.scale)
            operands = f"mobile.add {x.name}, {name} : {x.type}, {kind}"
        y = self.round_sum(total, x, None)
        factors = np.array([s / y.scale for s in x.scale], F)
        y.data, y.zero = requantize([(total.data, factors, 0, True)], y.scale, 0, None, self.is_fixed), 0
        y.name = self.emit(f"{operands} -> {y.type}")
        return y

    def attention(self, q, k, v, heads, scale):
        width = q.data.shape[-1] // heads
        y = Quantized(None, None, F(float(v.scale) * 0.8), 5)
        keys = k.data.reshape(-1, width).astype(np.int32)
        values = v.data.reshape(-1, v.data.shape[-1]).astype(np.int32)
        step = float(q.scale) * float(k.scale) * scale
        ratio = float(v.scale) / float(y.scale)
        parts = []
        for h in range(heads):
            queries = q.data.reshape(-1, heads, width)[:, h].astype(np.int32)
            logits = queries @ keys.T
            d = logits.max(1, keepdims=True) - logits
            if self.is_fixed:
                parts.append(self.average_fixed(d, values, step, ratio, y))
                continue
            s0, s1 = F(step * math.log2(math.e)), F(ratio)
            t = np.maximum(-d.astype(F) * s0, F(-31))
            n = np.rint(t)
            r = t - n
            bits = [0x3C1D0166, 0x3D64FE23, 0x3E7601BC, 0x3F317096, 0x3F800000]
            c = np.array(bits, np.uint32).view(F)
            e = np.full(r.shape, c[0], F)
            for coefficient in c[1:]:
                e = fma(e, r, coefficient)
            p = np.rint(np.ldexp(e, n.astype(np.int32) + 14)).astype(np.int32)
            factor = s1 / p.sum(1, keepdims=True).astype(F)
            parts.append((p @ values).astype(F) * factor)
        total = np.stack(parts, 1).reshape(*q.data.shape[:3], -1)
        y.data = total if self.is_fixed else round_to(total, y.scale, y.zero)
        y.name = self.emit(f"mobile.attention {q.name}, {k.name}, {v.name} heads {heads} scale {scale:.17e} : "
                           f"{q.type}, {k.type}, {v.type} -> {y.type}")
        return y

    @staticmethod
    def average_fixed(d, values, step, ratio, y):
        table = np.array([math.floor(255 * math.exp(-i / 40) + 0.5) for i in range(256)])
        index = multiply_high(d, math.floor(step * 40 * 2.0 ** 31 + 0.5), 31)
        p = table[np.minimum(index, 255)]
        shift = largest_shift([ratio * 2.0 ** 24], 7)
        reciprocal = (2 ** 32 - 1) // p.sum(1, keepdims=True)
        factor = multiply_high(reciprocal, math.floor(ratio * 2.0 ** (24 + shift) + 0.5), 31)
        return round_fixed(multiply_high((p @ values) << 6, factor, 31), shift, y.scale, y.zero)

    def pool(self, x):
        rows, columns = x.data.shape[1:3]
        total = (x.data.astype(np.int32) - x.zero).sum((1, 2), keepdims=True).astype(np.int32)
        y = Quantized(None, None, F(float(x.scale) * 0.7), -20)
        factor = np.array([F(x.scale / F(y.scale * F(rows * columns)))], F)
        y.data = requantize([(total, factor, 0, True)], y.scale, y.zero, None, self.is_fixed)
        y.name = self.emit(f"mobile.pool2d average {x.name} window [{rows}, {columns}] : {x.type} -> {y.type}")
        return y

    def build(self, image):
        """The module's text and, for `image`, f32 NCHW, the input and output of the program."""
        x = Quantized(None, None, F(0.021), -4)
        x.data = round_to(image * F(1 / x.scale), x.scale, x.zero)
        x.name = self.emit(f"mobile.quantize %x : {tensor_type(image.shape, 'f32')} -> {x.type}")
        name, before, stored = x.name, x.type, x.data
        x = Quantized(None, x.data.transpose(0, 2, 3, 1), x.scale, x.zero)
        x.name = self.emit(f"mobile.transpose {name} [0, 2, 3, 1] : {before} -> {x.type}")
        x = self.product("conv2d", x, 8, 3, 2, (0, 1, 0, 1), "relu6")
        # Inverted bottleneck.
        t = self.product("conv2d", x, 24, act="relu")
        t = self.product("depthwise_conv2d", t, size=5, pad=(2, 2, 2, 2), act="relu6")
        x = self.add(self.product("conv2d", t, 8, unrounded=True), x)
        # FFN, its residual rounded twice.
        t = self.product("conv2d", x, 32, act="gelu")
        x = self.add(self.product("conv2d", t, 8), x)
        # Squeeze-excite.
        t = self.product("conv2d", self.pool(x), 4, act="relu")
        x = self.mul(x, self.product("conv2d", t, 8, act="gelu"))
        # Mobile MQA: 2 heads of 4.
        q = self.product("conv2d", x, 8, unrounded=True)
        q = self.symmetric(q, offsets=True)
        kv = []
        for _ in range(2):
            t = self.product("depthwise_conv2d", x, size=3, stride=2, pad=(1, 1, 1, 1))
            kv.append(self.symmetric(self.product("conv2d", t, 4, unrounded=True), offsets=True))
        t = self.attention(q, *kv, 2, 2.0 ** -9 if self.is_fixed else 0.5)
        x = self.add(self.product("conv2d", t, 8, unrounded=True), x)
        x = self.pool(x)
        flat = Quantized(None, x.data.reshape(1, -1), x.scale, x.zero)
        flat.name = self.emit(f"mobile.reshape {x.name} : {x.type} -> {flat.type}")
        y = self.product("linear", flat, 10)
        result = tensor_type(y.data.shape, "f32")
        out = self.emit(f"mobile.dequantize {y.name} : {y.type} -> {result}")
        text = "\n".join(self.weights) + f"\nfunc.func @net(%x: {tensor_type(image.shape, 'f32')}) -> {result} {{\n"
        text += "\n".join(self.lines) + f"\n  return {out} : {result}\n}}\n"
        text += "{-# dialect_resources: { builtin: {\n" + ",\n".join(self.resources) + "\n} } #-}\n"
        if self.is_fixed:
            return text, stored, y.data
        return text, image, (y.data.astype(np.int32) - y.zero).astype(F) * F(y.scale)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", default="cpu", choices=["cpu", "etpu", "hexagon"])
    parser.add_argument("--save", type=pathlib.Path, help="folder to leave net.mlir, x.npy and y.npy in")
    arguments = parser.parse_args()
    image = np.random.default_rng(arguments.seed + 1000).uniform(-2, 2, (1, 3, 13, 13)).astype(F)
    is_fixed = arguments.target != "cpu"
    text, given, expected = Network(arguments.seed, is_fixed).build(image)
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.save or pathlib.Path(folder)
        (folder / "net.mlir").write_text(text)
        np.save(folder / "x.npy", given)
        np.save(folder / "y.npy", expected)
        program = folder / ("net" + {"cpu": ".so", "etpu": ".mnw", "hexagon": ".elf"}[arguments.target])
        for command in (["minnow", "compile", folder / "net.mlir", "--target", arguments.target, "-o", program],
                        ["minnow-run", program, "--input", folder / "x.npy",
                         "--output", folder / "out.npy"]):
            status = subprocess.run([arguments.programs / command[0], *command[1:]]).returncode
            if status:
                sys.exit(status)
        actual = np.load(folder / "out.npy").reshape(expected.shape)
    if not np.array_equal(actual, expected):
        print(f"{(actual != expected).sum()} of {expected.size} outputs differ:\n{actual}\n{expected}")
        sys.exit(2)
    print(f"all {expected.size} outputs equal")


if __name__ == "__main__":
    main()
