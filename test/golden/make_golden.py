#!/usr/bin/env python3
#===- make_golden.py - golden logits and graphs from timm ----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes logits/, graphs/ and the outputs in blocks/ (`./dev golden`).

timm's and torchvision's own modules, filled by the seeded formula, give the
logits and are exported; the network descriptions must give the same logits.
A network is refused if leaving any block out hardly moves its logits, for
then the golden test would not notice a wrong block.
"""

import argparse
import io
import json
import pathlib
import sys
import tempfile
import warnings

import numpy as np
import onnx
import timm
import torch
import torchvision

import check_graphs
import fill
import make_blocks
import network
import seeded
from check_graphs import LOGITS, SEED, error
from evaluate import Evaluator
from externalize import externalize
from make_networks import TIMM_NETWORKS

TOLERANCE = 1e-4       # what compiled networks are held to
DESCRIBED = 1e-5       # the descriptions against the original modules
BLOCK_MARGIN = 100     # a left-out block moves logits by this many tolerances
MIRROR_MARGIN = 10     # so does a mirrored or transposed input, by this many
ATTENTION_LIMIT = 8.0
OPSETS = {"torchscript": 17, "dynamo": 18}


class Refused(Exception):
    """The network is no good golden test; the message says why."""


def original(name, weights):
    """timm's or torchvision's module with seeded weights, in evaluation mode."""
    tag = TIMM_NETWORKS.get(name)
    model = timm.create_model(tag) if tag else torchvision.models.mobilenet_v2(weights=None)
    missing, surplus = model.load_state_dict(weights, strict=False)
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or surplus:
        raise Refused(f"{name}: keys differ: missing {missing}, surplus {surplus}")
    return model.eval()


def require(holds, message):
    if not holds:
        raise Refused(message)


def guard(net, weights, image, logits):
    """Prints what every block is worth and refuses a network that hides one."""
    worth = [error(Evaluator(net, weights, skip).run(image).numpy(), logits) for skip in range(len(net["blocks"]))]
    print("  left out  " + " ".join(f"{moved:.3f}" for moved in worth))
    weakest = int(np.argmin(worth))
    require(worth[weakest] >= BLOCK_MARGIN * TOLERANCE,
            f"{net['name']}: without block {weakest} the logits move by only {worth[weakest]:.1e}")
    for word, turned in (("mirrored", image.flip(3)), ("transposed", image.transpose(2, 3))):
        moved = error(Evaluator(net, weights).run(turned.contiguous()).numpy(), logits)
        print(f"  {word:10}{moved:.3f}")
        require(moved >= MIRROR_MARGIN * TOLERANCE, f"{net['name']}: hardly notices a {word} input ({moved:.1e})")


def check_description(net, weights, image, logits):
    """The description, evaluated plainly, must agree with the original module."""
    evaluator = Evaluator(net, weights)
    difference = error(evaluator.run(image).numpy(), logits)
    name, peak = net["name"], evaluator.attention_peak
    print(f"  described {difference:.1e}, logits to {np.abs(logits).max():.2f}, attention to {peak:.2f}")
    require(difference <= DESCRIBED, f"{name}: models/{name}.json differs from the module by {difference:.1e}")
    require(peak < ATTENTION_LIMIT, f"{name}: attention logits reach {peak:.1f}")


def export(model, image, exporter):
    """The onnx.ModelProto that a user gets from torch with its default folding."""
    common = {"opset_version": OPSETS[exporter], "input_names": ["input"], "output_names": ["logits"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            return torch.onnx.export(model, (image,), dynamo=True, verbose=False, **common).model_proto
        file = io.BytesIO()
        torch.onnx.export(model, (image,), file, dynamo=False, **common)
        return onnx.load_from_string(file.getvalue())


def dump_table(table):
    """JSON with one line for each tensor, so that diffs stay readable."""
    head = ",\n".join(f" {json.dumps(key)}: {json.dumps(item)}" for key, item in table.items() if key != "tensors")
    rows = ",\n".join(f"  {json.dumps(entry)}" for entry in table["tensors"])
    return f'{{\n{head},\n "tensors": [\n{rows}]}}\n'


def check_refilled(graph, net, image):
    """The error with other weights than those exported: finds one that stayed in the graph."""
    arrays = seeded.weights(net, SEED + 1)
    weights = {key: torch.from_numpy(value) for key, value in arrays.items()}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        output = check_graphs.run(fill.fill(graph, pathlib.Path(folder), arrays), image.numpy())
        return error(output, Evaluator(net, weights).run(image).numpy())


def make_graph(name, exporter, model, image, net, weights):
    """Writes one graph without its weights, checks it filled in ONNX Runtime."""
    graph = f"{name}.{exporter}"
    proto = export(model, image, exporter)
    arrays = {key: value.numpy() for key, value in weights.items()}
    table = externalize(proto, net, arrays, SEED, f"{graph}.data")
    fill.GRAPHS.mkdir(exist_ok=True)
    (fill.GRAPHS / f"{graph}.onnx").write_bytes(proto.SerializeToString())
    (fill.GRAPHS / f"{graph}.json").write_text(dump_table(table))
    differences = check_graphs.check(graph), check_refilled(graph, net, image)
    worst = max(differences)
    print(f"  {exporter:12}{proto.ByteSize()} bytes, ONNX Runtime {worst:.1e}", flush=True)
    require(worst <= check_graphs.TOLERANCE, f"{graph}: ONNX Runtime differs by {worst:.1e}")


def make(name, exporters):
    """Checks one network, then writes its logits and graphs; raises Refused."""
    print(name, flush=True)
    net = network.load(fill.MODELS / f"{name}.json")
    weights = {key: torch.from_numpy(value) for key, value in seeded.weights(net, SEED).items()}
    image = torch.from_numpy(seeded.input_image(net, SEED))
    model = original(name, weights)
    with torch.inference_mode():
        logits = model(image).numpy()
        check_description(net, weights, image, logits)
        guard(net, weights, image, logits)
    LOGITS.mkdir(exist_ok=True)
    np.save(LOGITS / f"{name}.npy", logits)
    for exporter in exporters:
        make_graph(name, exporter, model, image, net, weights)


def main():
    names = [*TIMM_NETWORKS, "mobilenet_v2"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*names, "blocks"],
                        help=f"any of: {' '.join(names)} blocks; all by default")
    parser.add_argument("--exporters", nargs="*", choices=[*OPSETS], default=[*OPSETS])
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {*names, "blocks"}
    if unknown:
        parser.error(f"nothing is known of {', '.join(sorted(unknown))}; there are: {' '.join(names)} blocks")
    torch.set_num_threads(1)  # the same sums on every machine
    try:
        for name in arguments.names:
            make_blocks.make() if name == "blocks" else make(name, arguments.exporters)
    except Refused as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
