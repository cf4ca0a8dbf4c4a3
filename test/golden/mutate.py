#!/usr/bin/env python3
#===- mutate.py - the same network, written as nobody exports it ---------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites an ONNX file so that only its dataflow stays: no names, initializers
in another order, nodes in another order of dataflow, Identity nodes and pairs of
Transposes that cancel on a third of the values. Needs onnx."""

import argparse
import random

import onnx
from onnx import helper


def rename(graph, chance):
    """Numbers in place of all names but those of the graph's inputs and outputs."""
    kept = {value.name for value in [*graph.input, *graph.output]}
    names = sorted({name for node in graph.node for name in [*node.input, *node.output]} - kept - {""})
    chance.shuffle(names)
    numbers = {name: f"v{i}" for i, name in enumerate(names)}
    for tensor in [*graph.initializer, *graph.value_info]:
        tensor.name = numbers.get(tensor.name, tensor.name)
    for node in graph.node:
        node.name = ""
        node.input[:] = [numbers.get(name, name) for name in node.input]
        node.output[:] = [numbers.get(name, name) for name in node.output]


def ranks(model):
    """{name: rank} of the values that are floats computed at run time."""
    found = onnx.shape_inference.infer_shapes(model).graph
    computed = {name for node in found.node for name in node.output if node.op_type != "Constant"}
    return {value.name: len(value.type.tensor_type.shape.dim) for value in found.value_info
            if value.name in computed and value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
            and value.type.tensor_type.HasField("shape")}


def detour(name, rank, chance):
    """Nodes that bring `name` to a new value which equals it, and its name."""
    if chance.random() < 0.5 or rank < 2:
        return [helper.make_node("Identity", [name], [f"{name}_same"])], f"{name}_same"
    order = chance.sample(range(rank), rank)
    back = [order.index(axis) for axis in range(rank)]
    return [helper.make_node("Transpose", [name], [f"{name}_there"], perm=order),
            helper.make_node("Transpose", [f"{name}_there"], [f"{name}_back"], perm=back)], f"{name}_back"


def insert_detours(model, chance):
    """Puts detours between a third of the float values and some of their users."""
    graph, known = model.graph, ranks(model)
    added = []
    for name in sorted(known):
        users = [node for node in graph.node if name in node.input]
        if not users or chance.random() > 1 / 3:
            continue
        nodes, other = detour(name, known[name], chance)
        added += nodes
        for node in chance.sample(users, chance.randint(1, len(users))):
            node.input[:] = [other if read == name else read for read in node.input]
    graph.node.extend(added)


def shuffle_nodes(graph, chance):
    """A random order in which each node comes after those that it reads."""
    written = {name for node in graph.node for name in node.output}
    waiting = {index: {name for name in node.input if name in written} for index, node in enumerate(graph.node)}
    readers = {}
    for index, names in waiting.items():
        for name in names:
            readers.setdefault(name, []).append(index)
    ready = [index for index, names in waiting.items() if not names]
    order = []
    while ready:
        index = ready.pop(chance.randrange(len(ready)))
        order.append(graph.node[index])
        for name in graph.node[index].output:
            for reader in readers.get(name, []):
                waiting[reader].discard(name)
                if not waiting[reader]:
                    ready.append(reader)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in order]
    del graph.node[:]
    graph.node.extend(nodes)


def mutate(path, seed):
    """Rewrites the ONNX file `path` in place; external data stay where they are."""
    model, chance = onnx.load(path, load_external_data=False), random.Random(seed)
    rename(model.graph, chance)
    insert_detours(model, chance)
    shuffle_nodes(model.graph, chance)
    initializers = list(model.graph.initializer)
    chance.shuffle(initializers)
    del model.graph.initializer[:]
    model.graph.initializer.extend(initializers)
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="an .onnx file, rewritten in place")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    mutate(arguments.model, arguments.seed)


if __name__ == "__main__":
    main()
