#!/usr/bin/env python3
#===- node_tests.py - ONNX's own tests of the claimed operators ----------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles and runs the node tests of the `onnx` package whose operators are all
claimed, and compares with their outputs by their own tolerance.

The table of claimed operators says how. `run`: inputs of FLOAT are the
network's, and become initializers where the table asks for a constant, as do
all others. `compile`: all inputs are initializers, and the result, as a vector
with one more number so that it is never empty, is added to zeros which are the
network's input. A test passes if it does in each way in which all its operators
are claimed.

What is refused must lie beyond a limit that the table states: LIMITS says which
message is for which. node_tests.txt says of each test that it passes or why it
is refused. Ends with 1 where one of this is not so; --update writes it anew,
and the difference is to be read before it is committed.
"""

import argparse
import collections
import concurrent.futures
import difflib
import importlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as onnx_node

HERE = pathlib.Path(__file__).parent
EXPECTED = HERE / "node_tests.txt"
README = HERE.parents[1] / "README.md"
TIMEOUT = 120
ZERO, RESULT = "zero_input", "result"

# What a refusal says, and the words of the table that announce it.
LIMITS = (
    (r"only batch 1 is compiled", "batch 1"),
    (r"has the absurd shape \[.*\b0\b.*\]", "without empty dimensions"),
    (r"expected \[batch, channels, height, width\]", "2-D"),
    (r"dilations \[.*\] are not supported", "no dilations"),
    (r"its output \d, .*, is used", "the first output"),
    (r"is in training mode", "not in training mode"),
    (r"is computed at run time; it must be a constant", "a computed value by a constant"),
    (r"clips to ", "at run time from 0 on"),
    (r"approximate .* is not supported", "approximate 'none'"),
    (r"only constant zeros are supported", "zeros around height and width"),
    (r"blocks are not supported", "no blocks"),
    (r"only INT8 and UINT8 are supported", "UINT8"),
    (r"computed at run time can have one only", "at run time one scale"),
    (r"output .* is quantized", "no output of the network"),
)

Case = collections.namedtuple("Case", "name model inputs outputs rtol atol")
Claim = collections.namedtuple("Claim", "ways constants limits")


def claims(minnow):
    """{operator: Claim} of `minnow compile --list-ops`; constants are indices of inputs, limits a text."""
    page = subprocess.run([minnow, "compile", "--list-ops"], capture_output=True, text=True, check=True).stdout
    general, table = page.split("| operator |", 1)
    found = {}
    row = r"^\| (\w+) \| \d+ \| (.*?) \| (run|compile|both) \| (.*) \|$"
    for operator, inputs, when, limits in re.findall(row, table, re.MULTILINE):
        constants = {i for i, text in enumerate(inputs.split(", ")) if " constant" in text}
        found[operator] = Claim({"run", "compile"} if when == "both" else {when}, constants, f"{general} {limits}")
    return found


def operators(model):
    return {(node.domain, node.op_type) for node in model.graph.node}


def all_cases(claimed):
    """The tests of the claimed operators, which the package computes when their modules are imported."""
    folder = pathlib.Path(onnx_node.__file__).parent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(folder.glob("*.py")):
            if set(re.findall(r'make_node\(\s*"(\w+)"', path.read_text())) & set(claimed):
                importlib.import_module(f"{onnx_node.__name__}.{path.stem}")
    for case in onnx_node._NodeTestCases:
        if case.model is not None:
            yield Case(case.name, case.model, *case.data_sets[0], case.rtol, case.atol)


def cases(claimed):
    for case in all_cases(claimed):
        used = operators(case.model)
        ways = set.intersection(*(claimed[op].ways if not domain and op in claimed else set() for domain, op in used))
        if ways and all(isinstance(value, (np.ndarray, np.generic)) for value in [*case.inputs, *case.outputs]):
            yield case, sorted(ways)


def as_initializers(model, names, values):
    """Makes constants of the inputs of these names."""
    for name in names:
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(values[name]), name))
    kept = [value for value in model.graph.input if value.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(kept)


def opset_of(model):
    return next(item for item in model.opset_import if item.domain in ("", "ai.onnx"))


def make_running(case, claimed):
    """(model, inputs) of the way `run`; None if no input is left to run on."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    constants = {node.input[i] for node in model.graph.node
                 for i in claimed[node.op_type].constants if i < len(node.input)}
    initialized = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in initialized]
    values = dict(zip(names, case.inputs))
    constants |= {name for name in names if values[name].dtype != np.float32}
    as_initializers(model, [name for name in names if name in constants], values)
    inputs = {name: values[name] for name in names if name not in constants}
    return (model, inputs) if inputs else None


def make_compiling(case):
    """(model, inputs) of the way `compile`."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    values = dict(zip([value.name for value in model.graph.input], case.inputs))
    as_initializers(model, list(values), values)
    outputs = list(model.graph.output)
    del model.graph.output[:]
    inputs = {}
    for i, (output, expected) in enumerate(zip(outputs, case.outputs)):
        name = output.name
        if expected.dtype != np.float32:
            model.graph.node.append(helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT))
            name = f"{name}_float"
        inputs[f"{ZERO}{i}"] = np.zeros(expected.size + 1, np.float32)
        model.graph.node.extend([
            helper.make_node("Reshape", [name, "flat_shape"], [f"{name}_flat"]),
            helper.make_node("Concat", [f"{name}_flat", "last"], [f"{name}_more"], axis=0),
            helper.make_node("Add", [f"{ZERO}{i}", f"{name}_more"], [f"{RESULT}{i}"])])
        for values, what in ((model.graph.input, ZERO), (model.graph.output, RESULT)):
            values.append(helper.make_tensor_value_info(f"{what}{i}", TensorProto.FLOAT, [expected.size + 1]))
    model.graph.initializer.extend([numpy_helper.from_array(np.array([-1]), "flat_shape"),
                                    numpy_helper.from_array(np.zeros(1, np.float32), "last")])
    opset_of(model).version = max(opset_of(model).version, 13)
    return model, inputs


def expectations(case, way):
    """The numbers that a way must give, one array for each output."""
    if way == "run":
        return case.outputs
    return [np.append(np.ravel(output), 0) for output in case.outputs]


def call(*command):
    """What is wrong with a program's end, or None."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT)
    if result.returncode == 0:
        return None
    if result.returncode != 1:
        return f"ended with {result.returncode}: {result.stderr}"
    return result.stderr.strip()


def check(programs, case, way, claimed):
    """"passes", what the compiler says in refusal, or "FAILS: ..."."""
    made = make_running(case, claimed) if way == "run" else make_compiling(case)
    if made is None:
        return None
    model, inputs = made
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        onnx.save(model, folder / "model.onnx")
        said = call(programs / "minnow", "compile", folder / "model.onnx", "-o", folder / "net.so", "--no-cache", "-j1")
        if said:
            message = said.replace(f"{folder}/", "").removeprefix("model.onnx: ")
            return message if message.startswith("error: ") else f"FAILS: {message}"
        for i, value in enumerate(inputs.values()):
            np.save(folder / f"x{i}.npy", np.asarray(value, np.float32))
        outputs = [folder / f"y{i}.npy" for i in range(len(case.outputs))]
        said = call(programs / "minnow-run", folder / "net.so", "--output", *outputs,
                    "--input", *(folder / f"x{i}.npy" for i in range(len(inputs))))
        if said:
            return f"FAILS: {said}"
        for path, expected in zip(outputs, expectations(case, way)):
            try:
                np.testing.assert_allclose(np.load(path), np.asarray(expected, np.float32), case.rtol, case.atol)
            except AssertionError as error:
                return "FAILS: " + " ".join(str(error).split())
    return "passes"


def is_stated(refusal, case, claimed):
    """Whether the table says, for all operators or for one of these, what is refused."""
    stated = " ".join(claimed[op].limits for _, op in operators(case.model))
    return any(re.search(said, refusal) and words in stated for said, words in LIMITS)


def outcome(programs, case, ways, claimed):
    """What becomes of a test, one line: in all ways alike, or the first refusal."""
    said = {way: check(programs, case, way, claimed) for way in ways}
    said = {way: text for way, text in said.items() if text}
    worst = [text for text in said.values() if text.startswith("FAILS")]
    passing = [way for way, text in said.items() if text == "passes"]
    if worst:
        return worst[0]
    if len(passing) == len(said):
        return "passes"
    refusal = next(text for text in said.values() if text != "passes")
    first = refusal.splitlines()[0].removeprefix("error: ")
    if not is_stated(first, case, claimed):
        return f"FAILS: the table does not state this limit: {first}"
    return f"{'passes ' + passing[0] + ', else ' if passing else ''}refused: {first}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", help="names of single tests; all by default")
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--update", action="store_true", help="write node_tests.txt anew")
    arguments = parser.parse_args()
    claimed = claims(arguments.programs / "minnow")
    chosen = [(case, ways) for case, ways in cases(claimed) if not arguments.tests or case.name in arguments.tests]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(lambda item: outcome(arguments.programs, *item, claimed), chosen)
        lines = sorted(f"{case.name}: {text}" for (case, _), text in zip(chosen, said))
    if arguments.tests:
        print(*lines, sep="\n")
        return
    passing = sum(line.endswith(": passes") for line in lines)
    lines.insert(0, f"All {passing} tests within the limits of the claimed operators pass; {len(lines) - passing} more are "
                    "refused, by these limits.")
    text = "\n".join(lines) + "\n"
    if arguments.update:
        EXPECTED.write_text(text)
    difference = list(difflib.unified_diff(EXPECTED.read_text().splitlines(), text.splitlines(), "expected", "found",
                                           lineterm="", n=0))
    print(*difference, sep="\n")
    print(lines[0])
    failing = [line for line in lines if ": FAILS" in line]
    if f"all {passing} of ONNX's node tests" not in README.read_text():
        failing.append(f"README.md does not say that all {passing} of ONNX's node tests within the limits pass")
    print(*failing, sep="\n")
    sys.exit(1 if difference or failing else 0)


if __name__ == "__main__":
    main()
