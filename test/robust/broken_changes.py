#===- broken_changes.py - a good ONNX model and ways to break it ---------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A change takes the model, or the model and the folder that it will lie in, and
may return the bytes of the file instead of leaving a model to be written."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

def good_model():
    """x [1, 3, 8, 8] -> Conv 'conv' -> c [1, 4, 4, 4] -> Relu 'relu' -> r ->
    GlobalAveragePool 'pool' -> p -> Flatten 'flat' -> f [1, 4] -> Gemm 'fc' -> y [1, 2]."""
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", kernel_shape=[3, 3], strides=[2, 2],
                              pads=[1, 1, 1, 1]),
             helper.make_node("Relu", ["c"], ["r"], "relu"),
             helper.make_node("GlobalAveragePool", ["r"], ["p"], "pool"),
             helper.make_node("Flatten", ["p"], ["f"], "flat"),
             helper.make_node("Gemm", ["f", "fc_w", "fc_b"], ["y"], "fc", transB=1)]
    weights = [number(name, shape) for name, shape in
               (("w", (4, 3, 3, 3)), ("b", (4,)), ("fc_w", (2, 4)), ("fc_b", (2,)))]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "good", [value("x", TensorProto.FLOAT, [1, 3, 8, 8])],
                              [value("y", TensorProto.FLOAT, [1, 2])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


# What changes are made of.

def number(name, shape, dtype=np.float32):
    """An initializer that counts 0, 1, 2 ... in sixteenths."""
    return numpy_helper.from_array((np.arange(np.prod(shape, dtype=int)).reshape(shape) / 16).astype(dtype), name)


def node(model, name):
    return next(node for node in model.graph.node if node.name == name)


def weight(model, name):
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def give(model, name, values, dtype=np.int64):
    """Adds a constant and returns its name."""
    model.graph.initializer.append(numpy_helper.from_array(np.array(values, dtype), name))
    return name


def attribute(name, **values):
    """Sets attributes of the node `name`."""
    def change(model):
        target = node(model, name)
        kept = [a for a in target.attribute if a.name not in values]
        del target.attribute[:]
        target.attribute.extend(kept)
        target.attribute.extend(helper.make_attribute(key, value) for key, value in values.items())
    return change


def reads(name, index, what):
    """Lets input `index` of the node `name` be `what`."""
    def change(model):
        inputs = node(model, name).input
        while len(inputs) <= index:
            inputs.append("")
        inputs[index] = what
    return change


def after(op, *others, at="relu", opset=None, **attributes):
    """Puts an operator that reads c, and `others`, between the convolution and
    the node `at`, which then reads its result. A list among the others becomes a
    constant of integers, a float one of floats."""
    def change(model):
        if opset:
            model.opset_import[0].version = opset
        inputs = [node(model, at).input[0]]
        for other in others:
            if isinstance(other, (list, float)):
                other = give(model, f"k{len(model.graph.initializer)}", other,
                             np.int64 if isinstance(other, list) else np.float32)
            inputs.append(other)
        index = list(model.graph.node).index(node(model, at))
        output = f"n{index}"
        model.graph.node.insert(index, helper.make_node(op, inputs, [output], f"new{index}", **attributes))
        node(model, at).input[0] = output
    return change


def folded(op, *inputs, **attributes):
    """Lets the shape of a Reshape behind c be computed from constants."""
    def change(model):
        names = []
        for i, value in enumerate(inputs):
            if isinstance(value, np.ndarray):
                model.graph.initializer.append(numpy_helper.from_array(value, f"k{i}"))
                value = f"k{i}"
            names.append(value)
        model.graph.node.insert(0, helper.make_node(op, names, ["shape"], "const", **attributes))
        model.graph.node.insert(2, helper.make_node("Reshape", ["c", "shape"], ["n"], "reshape"))
        node(model, "relu").input[0] = "n"
    return change


def ints(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


def input_shape(*dims):
    def change(model):
        del model.graph.input[:]
        model.graph.input.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, dims))
    return change


def input_type(kind):
    def change(model):
        model.graph.input[0].type.tensor_type.elem_type = kind
    return change


def dims(name, *sizes):
    def change(model):
        tensor = weight(model, name)
        del tensor.dims[:]
        tensor.dims.extend(sizes)
    return change


def replaced(name, *shape, dtype=np.float32):
    def change(model):
        weight(model, name).CopyFrom(number(name, shape, dtype))
    return change


def stored(name, **fields):
    """Sets fields of an initializer's message."""
    def change(model):
        tensor = weight(model, name)
        for key, value in fields.items():
            setattr(tensor, key, value)
    return change


def external(location, size=432, **entries):
    """Lets the filter lie in a file; `size` bytes of it are there if it has a name."""
    def change(model, folder):
        tensor = weight(model, "w")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in dict(location=location, **entries).items():
            tensor.external_data.add(key=key, value=value)
        if size and "/" not in location:
            (folder / location).write_bytes(bytes(size))
    return change


def linked(model, folder):
    """External data behind a link that leads out of the model's folder."""
    outside = folder.parent / "outside.bin"
    outside.write_bytes(bytes(432))
    (folder / "link.bin").symlink_to(outside)
    external("link.bin", size=0)(model, folder)


def run(*statements):
    """Several changes, one behind the other."""
    def change(model):
        for statement in statements:
            statement(model)
    return change


def do(action):
    """A change that is one expression."""
    def change(model):
        action(model)
    return change


def add(op, inputs, output, name="new", **attributes):
    return do(lambda m: m.graph.node.append(helper.make_node(op, inputs, [output], name, **attributes)))


def cyclic(model):
    node(model, "conv").input[0] = "r"


def out_of_order(model):
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([nodes[1], nodes[0], *nodes[2:]])


def self_reading(model):
    node(model, "relu").input[0] = "r"


def sparse(model):
    """A filter that is stored sparsely."""
    model.graph.initializer.remove(weight(model, "w"))
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(number("w", (1,)), numpy_helper.from_array(ints(5), "w_at"), [4, 3, 3, 3]))


def sequence_input(model):
    model.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(
        helper.make_tensor_type_proto(TensorProto.FLOAT, [1, 3, 8, 8])))


def huge_file(model, folder):
    """More bytes than protobuf takes; the file has holes, so they cost nothing."""
    with open(folder / "model.onnx", "wb") as file:
        file.truncate(2**31)


def folder_instead(model, folder):
    (folder / "model.onnx").mkdir()


def branch(model):
    """An If whose branches are one Relu each."""
    value = helper.make_tensor_value_info("t", TensorProto.FLOAT, [1, 4, 4, 4])
    body = helper.make_graph([helper.make_node("Relu", ["c"], ["t"], "inner")], "body", [], [value])
    give(model, "yes", True, bool)
    model.graph.node.insert(1, helper.make_node("If", ["yes"], ["n"], "choice", then_branch=body, else_branch=body))
    node(model, "relu").input[0] = "n"


def local_function(model):
    """A function of the model's own."""
    model.functions.append(helper.make_function("own", "Twice", ["a"], ["b"],
                                                [helper.make_node("Add", ["a", "a"], ["b"])],
                                                [helper.make_opsetid("", 17)]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    after("Twice", domain="own")(model)


def deep_chain(model):
    """Sums that read a value which nobody writes, many times over."""
    for i in range(50):
        add("Add", [f"none{i}", "c"], f"s{i}", f"sum{i}")(model)
