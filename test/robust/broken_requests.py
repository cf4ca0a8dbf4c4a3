#===- broken_requests.py - command lines and modules with faults ---------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""CASES: {name: what writes files into a folder and returns the arguments}."""

from broken_changes import good_model
from broken_networks import NETWORK, written

import json


def good(*options):
    """The good ONNX model with these options."""
    def case(folder):
        (folder / "model.onnx").write_bytes(good_model().SerializeToString())
        return [folder / "model.onnx", *options]
    return case


def symbolic(*options):
    """The same with an input of unknown height and width."""
    def case(folder):
        model = good_model()
        for i, name in ((2, "h"), (3, "w")):
            model.graph.input[0].type.tensor_type.shape.dim[i].dim_param = name
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        return [folder / "model.onnx", *options]
    return case


def network(*options):
    return lambda folder: [written(folder, json.dumps(NETWORK))[0], *options]


def words(*arguments):
    return lambda folder: arguments


def to(output, *options):
    """The good model written to `output` in the folder for outputs."""
    return lambda folder: [*good(*options)(folder), "-o", folder / "out" / output]


def over_a_folder(folder):
    (folder / "x.mlir").mkdir()
    return [*good()(folder), "-o", folder / "x.mlir", "--stop-after", "import"]


OPTIONS = {
    "no model": words(),
    "unknown option": good("--fast"),
    "two models": good("second.onnx"),
    "missing model": words("none.onnx"),
    "unknown network": words("mobilenet_v9"),
    "path as a name": words("../models/mobilenet_v2"),
    "unknown suffix": words("model.tflite"),
    "a suffix alone": words(".onnx"),
    "input-shape of numbers only": good("--input-shape", "1,3,8,8"),
    "input-shape without numbers": good("--input-shape", "x:"),
    "input-shape of a word": good("--input-shape", "x:1,3,a,8"),
    "input-shape of zero": good("--input-shape", "x:1,3,0,8"),
    "input-shape negative": good("--input-shape", "x:1,3,-8,8"),
    "input-shape beyond 64 bits": good("--input-shape", "x:1,3,99999999999999999999,8"),
    "input-shape huge": symbolic("--input-shape", "x:1,3,4000000000,4000000000"),
    "input-shape of another input": good("--input-shape", "image:1,3,8,8"),
    "input-shape against the model": good("--input-shape", "x:1,3,9,8"),
    "input-shape of rank 3": good("--input-shape", "x:3,8,8"),
    "input-shape of two batches": symbolic("--input-shape", "x:2,3,8,8"),
    "input-shape missing": symbolic(),
    "input-shape twice": symbolic("--input-shape", "x:1,3,8,8", "--input-shape", "x:1,3,9,9"),
    "input-shape of a network's other input": network("--weights", "random:1", "--input-shape", "x:1,3,8,8"),
    "input-shape of a network's other channels": network("--weights", "random:1", "--input-shape", "input:1,4,8,8"),
    "input-shape beside a name": good("--input-shape", ":1,3,8,8"),
    "cpu unknown": good("--cpu", "pentium9"),
    "cpu empty feature": good("--cpu", "haswell+"),
    "cpu unknown feature": good("--cpu", "haswell+warp"),
    "cpu of a feature alone": good("--cpu", "+avx2"),
    "cpu of another machine": good("--cpu", "cortex-a76", "--triple", "x86_64-linux-gnu"),
    "cpu with a comma": good("--cpu", "haswell,avx2"),
    "triple unknown": good("--triple", "klingon"),
    "triple of no such system": good("--triple", "x86_64-unknown-beos9", "--cpu", "haswell"),
    "triple of a microcontroller": good("--triple", "msp430-none-elf"),
    "triple of the web": good("--triple", "wasm32-unknown-unknown"),
    "target unknown": good("--target", "tpu"),
    "precision unknown": good("--precision", "f8"),
    "optimize unknown": good("--optimize", "luck"),
    "stop-after unknown": good("--stop-after", "lunch"),
    "jobs negative": good("--jobs", "-1"),
    "jobs of a word": good("--jobs", "many"),
    "weights with ONNX": good("--weights", "random:1"),
    "weights with no seed": network("--weights", "random:"),
    "weights with a word as seed": network("--weights", "random:dice"),
    "weights with a negative seed": network("--weights", "random:-1"),
    "weights with a seed beyond 64 bits": network("--weights", "random:18446744073709551616"),
    "weights not given": network(),
    "weights given twice": network("--weights", "random:1", "--weights", "random:2"),
    "output without a suffix": to("x"),
    "output of an unknown suffix": to("x.exe"),
    "output that stop-after does not write": to("x.so", "--stop-after", "fold"),
    "output in no folder": to("none/x.mlir", "--stop-after", "import"),
    "output over a folder": over_a_folder,
}


# Modules.

def module(text, name="x.mlir", *options):
    """A module that is compiled as far as it goes."""
    def case(folder):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return [folder / name, "-o", folder / "out" / "x.so", *options]
    return case


def function(body, result="tensor<1x4x4x8xf32>", weights=""):
    """A module of one function of a map [1, 4, 4, 8]."""
    return module(f"""{weights}
func.func @net(%x: tensor<1x4x4x8xf32> {{mobile.name = "x"}}) -> ({result} {{mobile.name = "y"}}) {{
  {body}
}}
""")


CONVOLUTION = """%f = mobile.get_weight @f : tensor<1x1x8x8xf32>
  %y = mobile.conv2d %x, %f : tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x4x4x8xf32>
  return %y : tensor<1x4x4x8xf32>"""
RETURN = "  return %x : tensor<1x4x4x8xf32>"
WEIGHT = "mobile.weight @f dense_resource<f> : tensor<1x1x8x8xf32>"
BYTES = """{-# dialect_resources: { builtin: { f: "0x04000000%s" } } #-}"""

def program(body):
    """A planned program of 4 numbers with an arena of 64 bytes."""
    return module(f"""module attributes {{mobile.stage = "plan-memory"}} {{
mobile.program @net(%x: memref<4xf32>, %y: memref<4xf32>)
    attributes {{arena_bytes = 64 : i64, weights_bytes = 0 : i64}} {{
  {body}
  mobile.yield
}}
}}""")


PASS = "func.func @net(%x: TYPE) -> TYPE { return %x : TYPE }"

MODULES = {
    "missing": words("none.mlir"),
    "missing bytecode": words("none.mlirbc"),
    "empty": module(""),
    "nonsense": module("nonsense"),
    "binary": module(bytes(range(256))),
    "of bytecode cut off": module(b"ML\xefR\x0dMLIR22\x00", "x.mlirbc"),
    "of two functions": module("func.func @a() { return }\nfunc.func @b() { return }"),
    "of an unknown dialect": function('"tosa.abs"(%x) : (tensor<1x4x4x8xf32>) -> ()\n' + RETURN),
    "of an unknown operator": function("%y = mobile.warp %x\n" + RETURN),
    "without a result": function("return"),
    "of an undefined value": function("return %z : tensor<1x4x4x8xf32>"),
    "of no such weight": function(CONVOLUTION),
    "of a weight of another type": function(CONVOLUTION, weights=WEIGHT.replace("1x1x8x8", "8")),
    "of a weight left out": function(CONVOLUTION, weights=WEIGHT),
    "of a weight cut off": function(CONVOLUTION, weights=WEIGHT + "\n" + BYTES % "0000803F"),
    "of a weight of indices": function(CONVOLUTION, weights=WEIGHT.replace("8xf32", "8xindex")),
    "of a convolution that does not fit": function(
        CONVOLUTION.replace("1x1x8x8", "1x1x9x8"), weights=WEIGHT.replace("1x1x8x8", "1x1x9x8")),
    "of a dynamic input": module(PASS.replace("TYPE", "tensor<?x4xf32>")),
    "of an input of two bytes": module(PASS.replace("TYPE", "tensor<1x4xi16>")),
    "of a memref": module(PASS.replace("TYPE", "memref<1x4xf32>")),
    "of a number": module(PASS.replace("TYPE", "i32")),
    "of a function without a body": module("func.func private @net(tensor<4xf32>) -> tensor<4xf32>"),
    "of a function of nothing": module("func.func @net() { return }"),
    "of a function that calls itself": function("""%y = call @net(%x) : (tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
  return %y : tensor<1x4x4x8xf32>"""),
    "of a program without kernels": module(
        "mobile.program @net(%x: tensor<4xf32>) -> tensor<4xf32> { mobile.yield %x : tensor<4xf32> }"),
    "of a call of no kernel": program("mobile.call @k(%x, %y) : (memref<4xf32>, memref<4xf32>) -> ()"),
    "of a buffer beyond the arena": program("%a = mobile.buffer arena at 64 : memref<4xf32>"),
    "of a buffer before the arena": program("%a = mobile.buffer arena at -64 : memref<4xf32>"),
    "of a buffer off its alignment": program("%a = mobile.buffer arena at 3 : memref<4xf32>"),
    "of a huge buffer": program("%a = mobile.buffer arena at 0 : memref<4611686018427387905x4xf32>"),
    "of an unknown stage": module("module attributes {mobile.stage = \"lunch\"} { func.func @net() { return } }"),
    "with weights beside": module("module {}", "x.mlir", "--weights", "random:1"),
}

CASES = {**OPTIONS, **{f"module {name}": case for name, case in MODULES.items()}}
