#===- graph_reducer.py - the smallest part of a model that still fails ---===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cuts nodes off a failing model: behind an output, before an input, and out of
the middle where shapes allow, for as long as the rest still fails."""

import time

import onnx
from onnx.utils import Extractor

from graph_maker import shape_of


def cuts(model):
    """Smaller models than `model`, the smallest first."""
    graph = model.graph
    inputs = [value.name for value in graph.input]
    outputs = [value.name for value in graph.output]
    written = [node.output[0] for node in graph.node]
    extractor = Extractor(model)
    for name in written[:-1]:
        yield extractor.extract_model(inputs, [name])
    for name in outputs if len(outputs) > 1 else ():
        yield extractor.extract_model(inputs, [name])
    for name in reversed([name for name in written if name not in outputs]):
        smaller = extractor.extract_model(inputs + [name], outputs)
        drop_unread_inputs(smaller)
        yield smaller
    yield from bypasses(model)


def drop_unread_inputs(model):
    read = {name for node in model.graph.node for name in node.input}
    kept = [value for value in model.graph.input if value.name in read]
    del model.graph.input[:]
    model.graph.input.extend(kept)


def bypasses(model):
    """The model without one node whose result has the shape of an operand."""
    shapes = {value.name: shape_of(value)
              for value in (*model.graph.input, *model.graph.value_info, *model.graph.output)}
    outputs = {value.name for value in model.graph.output}
    for index, node in enumerate(model.graph.node):
        same = [name for name in node.input if shapes.get(name) == shapes[node.output[0]]]
        if not same or node.output[0] in outputs:
            continue
        smaller = onnx.ModelProto()
        smaller.CopyFrom(model)
        del smaller.graph.node[index]
        for reader in smaller.graph.node:
            for i, name in enumerate(reader.input):
                if name == node.output[0]:
                    reader.input[i] = same[0]
        yield smaller


def reduce(model, fails, seconds):
    """The smallest model found in `seconds` for which `fails(model)` holds, as
    it does for `model`. Stops at one that no single cut makes smaller."""
    end = time.monotonic() + seconds
    shrinking = True
    while shrinking:
        shrinking = False
        for smaller in cuts(model):
            if time.monotonic() > end:
                return model
            if len(smaller.graph.node) < len(model.graph.node) and smaller.graph.input and fails(smaller):
                model, shrinking = smaller, True
                break
    return model
