#!/usr/bin/env python3
# make-image-fixtures.py - what Pillow and torchvision make of two small photos
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes fixtures/: a drawn photo as PNG and JPEG, its resizes by Pillow, and
# inputs as torchvision prepares them. Needs pillow, numpy and torchvision; run
# once, the results are committed.
import pathlib
import numpy
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

FOLDER = pathlib.Path(__file__).parent / "fixtures"
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def draw(width, height):
    """Smooth shades, hard edges and noise: each shows other rounding errors."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    image = numpy.stack([127 + 120 * numpy.sin(x / 3), 255 * x / width,
                         127 + 120 * numpy.cos(y / 2)], axis=2)
    image[height // 4:height // 2, width // 4:width // 2] = (255, 0, 0)
    noise = numpy.random.default_rng(1).integers(0, 256, image.shape)
    image[height // 2:, width // 2:] = noise[height // 2:, width // 2:]
    return Image.fromarray(image.clip(0, 255).astype(numpy.uint8), "RGB")


def main():
    FOLDER.mkdir(exist_ok=True)
    photo = draw(53, 37)
    photo.save(FOLDER / "photo.png")
    photo.convert("L").save(FOLDER / "grey.png")
    rgba = photo.convert("RGBA")
    rgba.putalpha(photo.convert("L"))
    rgba.save(FOLDER / "rgba.png")
    smooth = draw(64, 48).resize((320, 240), Image.BICUBIC)
    smooth.save(FOLDER / "photo.jpg", quality=90)
    for name, kind in FILTERS.items():
        for width, height in ((11, 7), (30, 37), (53, 20), (80, 61)):
            resized = numpy.asarray(photo.resize((width, height), kind))
            numpy.save(FOLDER / f"{name}-{width}x{height}.npy", resized)
    for name, mode in MODES.items():
        prepare = transforms.Compose([
            transforms.Resize(24, mode), transforms.CenterCrop(19),
            transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
        for file in ("photo.png", "photo.jpg"):
            values = prepare(Image.open(FOLDER / file).convert("RGB")).numpy()[None]
            stem = file.replace(".", "-")
            numpy.save(FOLDER / f"input-{stem}-{name}.npy", values)


main()
