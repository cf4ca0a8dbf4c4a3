#===- externalize.py - takes seeded weights out of exported graphs -------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Replaces weights inside an ONNX graph by references to an external file.

Exporters rename what they fold (onnx::Conv_123), so a tensor's origin is found
by its values: the seeded formula makes every tensor unlike every other.
"""

import numpy as np
import onnx
from onnx import numpy_helper

import fill
import network

ALIGNMENT = 64
# Exporters fold in float32, fill.py in float64.
FOLD_TOLERANCE = 1e-5


def _origins(net, weights):
    """[(table entry without place, flat array)]: all that an initializer can be."""
    found = [({"rule": "tensor", "key": key}, value) for key, value in weights.items()]
    for block in net["blocks"]:
        for layer in network.layers(block):
            if layer["op"] == "conv2d" and "norm" in layer:
                for rule in ("folded_weight", "folded_bias"):
                    entry = {"rule": rule, "key": layer["weight"], "norm": layer["norm"]}
                    found.append((entry, fill.value(entry, weights, net["batch_norm_epsilon"])))
    return [(entry, value.ravel()) for entry, value in found]


def _origin(values, origins):
    """The entry whose array `values` is, or None for a constant of the graph."""
    for entry, candidate in origins:
        if candidate.size == values.size and np.allclose(values, candidate, rtol=FOLD_TOLERANCE, atol=FOLD_TOLERANCE):
            return entry
    return None


def _strip(model):
    """Removes the exporter's notes for debuggers, most of a dynamo file's bytes."""
    graph = model.graph
    for item in [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]:
        item.ClearField("doc_string")
        item.ClearField("metadata_props")


def _point_outside(tensor, data, offset, length):
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, text in (("location", data), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=text)


def externalize(model, net, weights, seed, data):
    """Empties `model` of seeded weights; returns the table that fill.py reads.

    `data` is the plain name of the external file. Raises ValueError if a float
    tensor that is no scalar comes from nowhere in `net`.
    """
    _strip(model)
    origins, entries, offset = _origins(net, weights), [], 0
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size == 1:
            continue
        entry = _origin(values.ravel(), origins)
        if entry is None:
            raise ValueError(f"{net['name']}: the origin of {tensor.name} {list(tensor.dims)} is unknown")
        _point_outside(tensor, data, offset, values.nbytes)
        entries.append({"name": tensor.name, "offset": offset, **entry})
        offset += -(-values.nbytes // ALIGNMENT) * ALIGNMENT
    return {"network": net["name"], "seed": seed, "data": data, "tensors": entries}
