#!/usr/bin/env python3
#===- qdq.py - networks quantized by ONNX Runtime, against it ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizes a trained network by ONNX Runtime's static quantizer, compiles the
QDQ file and compares with ONNX Runtime on photos.

ONNX Runtime rounds as the file says in its integer operators, which it uses
with graph optimizations. On x86-64 without VNNI products of UINT8 and INT8
saturate at 16 bits unless `session.x64quantprecision` is set, and INT8 maps are
computed in float unless `session.qdqisint8allowed` is. Its sums of two maps use
fma, where the machine has it, as ours do; one step there grows to a dozen in the
logits of MobileNetV2.

Ends with 2 where a logit is more than one step of their scale away or the best
label is another, and with 77, a skip, without weights and photos.
"""

import argparse
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


def execute(arguments, folder, image):
    """Our logits."""
    np.save(folder / "x.npy", image)
    subprocess.run([arguments.programs / "minnow-run", folder / "net.so", "--threads", "2", "--input", folder / "x.npy",
                    "--output", folder / "y.npy"], check=True, stdout=subprocess.DEVNULL)
    return np.load(folder / "y.npy")


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
        run(arguments.programs / "minnow", "compile", path, "-o", folder / "net.so")
        reference = session(path, arguments.activations)
        for photo, image in zip(photos, images):
            (theirs,) = reference.run(None, {reference.get_inputs()[0].name: image})
            ours = execute(arguments, folder, image)
            steps = np.abs(ours.ravel() - theirs.ravel()).max() / output_scale(path)
            same = ours.argmax() == theirs.argmax()
            print(f"{photo.name}: logits {steps:.0f} steps away, best label {'equal' if same else 'DIFFERENT'}")
            failed |= steps > 1.01 or not same
    sys.exit(2 if failed else 0)


if __name__ == "__main__":
    main()
