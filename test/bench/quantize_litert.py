#!/usr/bin/env python3
#===- quantize_litert.py - a LiteRT model as int8 ------------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""LiteRT's own static quantizer with its recipe for weights and activations of
8 bits, by the range of the images. Runs in LiteRT's venv.

    quantize_litert.py MODEL.tflite OUT.tflite FOLDER-OF-IMAGES
"""

import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe


def main():
    model, output, folder = (pathlib.Path(word) for word in sys.argv[1:])
    (name, signature), = Interpreter(model_path=str(model)).get_signature_list().items()
    (given,) = signature["inputs"]
    images = [{given: np.ascontiguousarray(np.load(path).transpose(0, 2, 3, 1))} for path in sorted(folder.glob("*.npy"))]
    quantizing = quantizer.Quantizer(str(model), recipe.static_wi8_ai8())
    output.write_bytes(quantizing.quantize(quantizing.calibrate({name: images})).quantized_model)


if __name__ == "__main__":
    main()
