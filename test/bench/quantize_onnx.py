#!/usr/bin/env python3
#===- quantize_onnx.py - a graph as int8 with QDQ pairs ------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX Runtime's static quantizer as its documentation advises for CPUs: QDQ,
a scale a channel for weights, 8-bit activations by the range of the images.

    quantize_onnx.py GRAPH.onnx OUT.onnx FOLDER-OF-IMAGES
"""

import pathlib
import sys

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Images(CalibrationDataReader):
    def __init__(self, name, folder):
        self.feeds = iter([{name: np.load(path)} for path in sorted(folder.glob("*.npy"))])

    def get_next(self):
        return next(self.feeds, None)


def main():
    graph, output, folder = (pathlib.Path(word) for word in sys.argv[1:])
    prepared = graph.with_name("prepared.onnx")
    quant_pre_process(str(graph), str(prepared))
    name = onnxruntime.InferenceSession(str(prepared), providers=["CPUExecutionProvider"]).get_inputs()[0].name
    quantize_static(str(prepared), str(output), Images(name, folder), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    main()
