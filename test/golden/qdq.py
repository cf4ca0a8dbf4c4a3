#!/usr/bin/env python3
#===- qdq.py - networks quantized by ONNX Runtime, against it ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizes a trained network by ONNX Runtime's static quantizer, compiles the
QDQ file and compares with ONNX Runtime on photos.

ONNX Runtime rounds as the file says in its integer operators, which it uses
with graph optimizations. On x86-64 without VNNI products of UINT8 and INT8
saturate at 16 bits unless `session.x64quantprecision` is set, and INT8 maps are
computed in float unless `session.qdqisint8allowed` is. Of the operators only the sum of two maps is not
defined to the bit: QLinearAdd contracts to fma where the machine has it. Now and
then it rounds a sum to the other side, and one such step grows to a dozen in the
logits of MobileNetV2. So the network is compared with ONNX Runtime's residual
sums fed back to it: all other tensors must be equal, and the sums of equal
operands may differ by one step in one of 10000 numbers.

Ends with 2 where that is not so or the best label of the whole network is
another, and with 77, a skip, without weights and photos.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

import fill
import safetensors_file
from run import MODELS, SKIPPED, run

TYPES = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}


def prepare(photo, net):
    """The photo as the network's input, [1, 3, 224, 224] f32."""
    how = net["preprocessing"]
    size = how["crop"]
    image = Image.open(photo).convert("RGB")
    ratio = how["resize"] / min(image.size)
    filters = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
    image = image.resize([round(side * ratio) for side in image.size], filters[how["interpolation"]])
    left, top = ((side - size) // 2 for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + size, top + size)), np.float32) / 255
    pixels = (pixels - np.array(how["mean"], np.float32)) / np.array(how["std"], np.float32)
    return pixels.transpose(2, 0, 1)[None].astype(np.float32)


class Calibration(CalibrationDataReader):
    def __init__(self, name, images):
        self.feeds = iter([{name: image} for image in images])

    def get_next(self):
        return next(self.feeds, None)


def session(path, activations):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    entry = {"u8": "session.x64quantprecision", "s8": "session.qdqisint8allowed"}[activations]
    options.add_session_config_entry(entry, "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def quantize(name, weights, images, per_channel, activations, folder):
    """Writes the QDQ file; returns its path."""
    graph = fill.fill(f"{name}.torchscript", folder, safetensors_file.read(weights))
    whole, prepared, quantized = (folder / f"{what}.onnx" for what in ("whole", "prepared", "qdq"))
    onnx.save(onnx.load(graph), whole)
    quant_pre_process(str(whole), str(prepared), skip_symbolic_shape=True)
    input_name = session(prepared, activations).get_inputs()[0].name
    quantize_static(str(prepared), str(quantized), Calibration(input_name, images), quant_format=QuantFormat.QDQ,
                    per_channel=per_channel, activation_type=TYPES[activations], weight_type=QuantType.QInt8)
    return quantized


def split_at_sums(path, folder):
    """Writes the file again twice, with more outputs: as it is, and with each residual sum read from an input.

    Returns both, and the names of the sums among the outputs, with their scales.
    """
    model = onnx.load(path)
    graph = model.graph
    numbers = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers = collections.defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    watched, sums = [], {}
    for add in [node for node in graph.node if node.op_type == "Add"]:
        (quantize,) = readers[add.output[0]]
        dequantizes = readers[quantize.output[0]]
        sums[dequantizes[0].output[0]] = float(numbers[quantize.input[1]])
        watched += [name for name in [*add.input, dequantizes[0].output[0]] if name not in watched]
    outputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in watched]
    graph.output.extend(outputs)
    onnx.save(model, folder / "watched.onnx")
    for name in sums:
        (first,) = [node for node in graph.node if name in node.output]
        (quantize,) = [node for node in graph.node if first.input[0] in node.output]
        parameters = list(quantize.input[1:])
        given, rounded, again = (f"{name}.{what}" for what in ("given", "rounded", "again"))
        for node in readers[quantize.output[0]]:
            for reader in readers[node.output[0]]:
                for i, operand in enumerate(reader.input):
                    if operand == node.output[0]:
                        reader.input[i] = again
        place = list(graph.node).index(first)
        graph.node.insert(place, onnx.helper.make_node("DequantizeLinear", [rounded, *parameters], [again]))
        graph.node.insert(place, onnx.helper.make_node("QuantizeLinear", [given, *parameters], [rounded]))
    return folder / "watched.onnx", model, sums


def compare(names, ours, theirs, sums):
    """Prints what differs; whether it may."""
    fine, different, count = True, 0, 0
    for name, a, b in zip(names, ours, theirs):
        off = a.reshape(b.shape) != b
        if name in sums:
            different, count = different + off.sum(), count + off.size
            fine &= np.abs(a.reshape(b.shape) - b).max() < 1.01 * sums[name]
        elif off.any():
            print(f"  {name}: {off.sum()} of {off.size} differ")
            fine = False
    print(f"  {len(names) - len(sums)} tensors {'equal' if fine else 'NOT ALL EQUAL'}; of the residual sums "
          f"{different} of {count} one step away")
    return fine and different <= 1e-4 * count


def execute(arguments, folder, program, inputs, count):
    """The outputs of a compiled program."""
    words = [arguments.programs / "minnow-run", folder / program, "--threads", "2"]
    for i, array in enumerate(inputs):
        np.save(folder / f"x{i}.npy", array)
        words += ["--input", folder / f"x{i}.npy"]
    for i in range(count):
        words += ["--output", folder / f"y{i}.npy"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return [np.load(folder / f"y{i}.npy") for i in range(count)]


def output_scale(path):
    """The scale of the last DequantizeLinear."""
    graph = onnx.load(path).graph
    (last,) = [node for node in graph.node if node.output[0] == graph.output[0].name]
    (scale,) = [tensor for tensor in graph.initializer if tensor.name == last.input[1]]
    return float(onnx.numpy_helper.to_array(scale))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=["mobilenet_v2", "efficientnet_lite0"])
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of weights and photos")
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--per-tensor", action="store_true", help="one scale for each filter")
    parser.add_argument("--activations", choices=TYPES, default="u8")
    parser.add_argument("--save", type=pathlib.Path, help="folder to leave the QDQ file in")
    arguments = parser.parse_args()
    weights = arguments.data / f"{arguments.model}.safetensors"
    photos = sorted((arguments.data / "photos").glob("*"))
    if not weights.exists() or not photos:
        print(f"skipped: no trained weights and photos in {arguments.data} (models/fetch_weights.py fetches them)")
        sys.exit(SKIPPED)
    net = json.loads((MODELS / f"{arguments.model}.json").read_text())
    images = [prepare(photo, net) for photo in photos]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.save or pathlib.Path(folder)
        path = quantize(arguments.model, weights, images, not arguments.per_tensor, arguments.activations, folder)
        watched, forced, sums = split_at_sums(path, folder)
        reference = session(watched, arguments.activations)
        names = [output.name for output in reference.get_outputs()]
        for i, name in enumerate(sums):
            shape = reference.run([name], {reference.get_inputs()[0].name: images[0]})[0].shape
            forced.graph.input.append(onnx.helper.make_tensor_value_info(f"{name}.given", onnx.TensorProto.FLOAT, shape))
        onnx.save(forced, folder / "forced.onnx")
        for graph, program in (path, "net.so"), (folder / "forced.onnx", "forced.so"):
            run(arguments.programs / "minnow", "compile", graph, "-o", folder / program)
        for photo, image in zip(photos, images):
            theirs = reference.run(None, {reference.get_inputs()[0].name: image})
            given = [image] + [theirs[names.index(name)] for name in sums]
            print(photo.name)
            failed |= not compare(names, execute(arguments, folder, "forced.so", given, len(names)), theirs, sums)
            (logits,) = execute(arguments, folder, "net.so", [image], 1)
            steps = np.abs(logits.ravel() - theirs[0].ravel()).max() / output_scale(path)
            same = logits.argmax() == theirs[0].argmax()
            print(f"  logits {steps:.0f} steps away, best label {'equal' if same else 'DIFFERENT'}")
            failed |= not same
    sys.exit(2 if failed else 0)


if __name__ == "__main__":
    main()
