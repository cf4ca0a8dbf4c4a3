#!/usr/bin/env python3
#===- quantizer.py - our int8 networks beside ONNX Runtime's -------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizes a trained network and compares its logits with those in f32.

Both quantizers, ours and ONNX Runtime's static one (per channel, QDQ, MinMax, run
without graph optimisations), get the same calibration inputs: the photos and their
mirror images. They are judged on other crops of these photos by the SQNR of the
logits, 10 log10(sum f32^2 / sum (f32 - int8)^2). Ends with 2 where ours is less
than GAIN above, or filters of one scale are more than LOSS below; with 77, a skip,
without the data of models/fetch_weights.py.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy

from run import HERE, SKIPPED, run

GAIN = 2.0  # dB above ONNX Runtime's
LOSS = 2.0  # dB that filters of one scale may lose


def resize(image, size):
    """Bilinear, [channels, height, width] to [channels, size, size]."""
    places = (numpy.arange(size) + 0.5) * image.shape[1] / size - 0.5
    low = numpy.clip(numpy.floor(places).astype(int), 0, image.shape[1] - 2)
    part = numpy.clip(places - low, 0, 1).astype(numpy.float32)
    rows = image[:, low] * (1 - part)[None, :, None] + image[:, low + 1] * part[None, :, None]
    return rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part


def make_inputs(photos):
    """(calibration, evaluation) of the prepared photos [1, 3, H, W]."""
    calibration = [view for x in photos for view in (x, x[..., ::-1])]
    evaluation = []
    for x in photos:
        for top, left, side in ((0, 0, 192), (32, 32, 192), (16, 8, 176), (40, 0, 184)):
            crop = resize(x[0, :, top:top + side, left:left + side], x.shape[2])[None]
            evaluation.append(crop if (top + left) % 16 else crop[..., ::-1])
    return calibration, evaluation


def run_onnx(path, inputs):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return numpy.concatenate([session.run(None, {name: x})[0] for x in inputs])


def quantize_onnx(model, result, inputs):
    import onnxruntime.quantization as quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            import onnx
            name = onnx.load(model, load_external_data=False).graph.input[0].name
            self.rest = iter([{name: x} for x in inputs])

        def get_next(self):
            return next(self.rest, None)

    quantization.quantize_static(str(model), str(result), Reader(), per_channel=True,
                                 quant_format=quantization.QuantFormat.QDQ,
                                 activation_type=quantization.QuantType.QUInt8,
                                 weight_type=quantization.QuantType.QInt8)


def sqnr(wanted, found):
    return 10 * numpy.log10((wanted ** 2).sum() / ((wanted - found) ** 2).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=("mobilenet_v2", "efficientnet_lite0"))
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of weights and photos")
    arguments = parser.parse_args()
    weights = arguments.data / f"{arguments.model}.safetensors"
    if not weights.exists() or not (arguments.data / "photos").exists():
        print(f"skipped: no trained weights and photos in {arguments.data} (models/fetch_weights.py fetches them)")
        sys.exit(SKIPPED)
    minnow, minnow_run = arguments.programs / "minnow", arguments.programs / "minnow-run"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def run_ours(program, inputs):
            outputs = []
            for i, x in enumerate(inputs):
                numpy.save(folder / "x.npy", numpy.ascontiguousarray(x, numpy.float32))
                subprocess.run([minnow_run, program, "--input", folder / "x.npy", "--output", folder / "y.npy"],
                               check=True, stdout=subprocess.DEVNULL)
                outputs.append(numpy.load(folder / "y.npy"))
            return numpy.concatenate(outputs)

        run(minnow, "compile", arguments.model, "--weights", weights, "-o", folder / "f32.so")
        photos = []
        for photo in sorted((arguments.data / "photos").iterdir()):
            run(minnow_run, folder / "f32.so", "--image", photo, "--labels",
                HERE.parent.parent / "models" / "imagenet_labels.txt", "--save-input", folder / "photo.npy")
            photos.append(numpy.load(folder / "photo.npy"))
        calibration, evaluation = make_inputs(photos)
        (folder / "calibration").mkdir()
        for i, x in enumerate(calibration):
            numpy.save(folder / "calibration" / f"{i:02}.npy", numpy.ascontiguousarray(x))
        wanted = run_ours(folder / "f32.so", evaluation)

        found = {}
        for kind, options in (("per channel", []), ("per tensor", ["--per-tensor"])):
            run(minnow, "quantize", arguments.model, "--weights", weights, "--calibrate", folder / "calibration",
                "-o", folder / "int8.mlirbc", *options)
            run(minnow, "compile", folder / "int8.mlirbc", "-o", folder / "int8.so")
            found[kind] = sqnr(wanted, run_ours(folder / "int8.so", evaluation))
            print(f"{arguments.model} {kind}: {found[kind]:.2f} dB")

        run(sys.executable, HERE / "fill.py", folder, f"{arguments.model}.torchscript", "--weights", weights)
        quantize_onnx(folder / f"{arguments.model}.torchscript.onnx", folder / "onnx.onnx", calibration)
        theirs = sqnr(wanted, run_onnx(folder / "onnx.onnx", evaluation))
        print(f"{arguments.model} ONNX Runtime, per channel: {theirs:.2f} dB")
    if found["per channel"] < theirs + GAIN or found["per tensor"] < found["per channel"] - LOSS:
        sys.exit(2)


if __name__ == "__main__":
    main()
