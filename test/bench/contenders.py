#===- contenders.py - who takes part, and what each is fed -----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The contenders, and their inputs made from the same seeded weights.

Everything lies under build/bench/NETWORK and is made once: beside each file
stands what it was made from, and only a change of that makes it anew.
"""

import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "models"), str(ROOT / "test" / "golden")]

import fill
import network
import seeded

SEED = 1
CALIBRATION_SEEDS = range(2, 10)
VENVS = {"bench": (ROOT / ".venv-bench", HERE / "requirements.txt"),
         "torch": (ROOT / ".venv-bench-torch", HERE / "requirements-torch.txt")}


class Unavailable(Exception):
    """The contender cannot take part; the message says why."""


@dataclass
class Contender:
    title: str
    model: str  # the name of its input under the network's folder
    venv: str = "bench"
    precisions: tuple = ("f32",)
    device: str = "cpu"

    def python(self):
        return VENVS[self.venv][0] / "bin" / "python"


CONTENDERS = {
    "minnow": Contender("Minnow", "minnow-{precision}.so", precisions=("f32", "int8")),
    "onnxruntime": Contender("ONNX Runtime", "graph-{precision}.onnx", precisions=("f32", "int8")),
    "openvino": Contender("OpenVINO", "graph-{precision}.onnx", precisions=("f32", "int8")),
    "litert": Contender("LiteRT", "litert-{precision}.tflite", "torch", ("f32", "int8")),
    "ncnn": Contender("ncnn", "ncnn-{precision}.param"),
    "iree": Contender("IREE", "iree-{precision}.vmfb"),
    "minnow-vulkan": Contender("Minnow", "minnow-{precision}.mnw", device="vulkan"),
    "ncnn-vulkan": Contender("ncnn", "ncnn-{precision}.param", device="vulkan"),
}


def digest(*parts):
    """A short text that changes with any of the files and strings given."""
    sums = hashlib.sha256()
    for part in parts:
        sums.update(part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode())
    return sums.hexdigest()[:16]


def call(command, log, **options):
    """Runs a tool with its output in the file `log`; raises Unavailable with its last words."""
    with open(log, "w") as out:
        result = subprocess.run([str(word) for word in command], stdout=out, stderr=subprocess.STDOUT, **options)
    if result.returncode:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        told = [line for line in lines if "rror" in line] or lines or ["it said nothing"]
        raise Unavailable(f"{pathlib.Path(command[0]).name} ended with {result.returncode}: {told[-1].strip()[:200]}")


class Inputs:
    """What the contenders are fed for one network at one precision."""

    def __init__(self, name, precision, build):
        self.name, self.precision, self.build = name, precision, build
        self.folder = ROOT / "build" / "bench" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.net = network.load(ROOT / "models" / f"{name}.json")
        self.macs = network.macs(self.net)
        self.logits = ROOT / "test" / "golden" / "logits" / f"{name}.npy"
        self.image = self.folder / "image.npy"
        np.save(self.image, seeded.input_image(self.net, SEED))

    def make(self, key):
        """The path of contender `key`'s input; raises Unavailable."""
        path = self.folder / CONTENDERS[key].model.format(precision=self.precision)
        maker, parts = {"minnow": (self.compile, [self.build / "bin" / "minnow"]),
                        "onnxruntime": (self.graph, []), "openvino": (self.graph, []),
                        "litert": (self.convert_litert, [HERE / "convert_litert.py", VENVS["torch"][1]]),
                        "ncnn": (self.convert_ncnn, [VENVS["torch"][1]]),
                        "ncnn-vulkan": (self.convert_ncnn, [VENVS["torch"][1]]),
                        "minnow-vulkan": (self.compile_vulkan, [self.build / "bin" / "minnow"]),
                        "iree": (self.convert_iree, [VENVS["bench"][1]])}[key]
        stamp, mark = path.with_name(path.name + ".from"), digest(*self.sources(), *parts)
        if not (path.exists() and stamp.exists() and stamp.read_text() == mark):
            stamp.unlink(missing_ok=True)
            print(f"{self.name}: making {path.name}", file=sys.stderr, flush=True)
            maker(path)
            stamp.write_text(mark)
        return path

    def sources(self):
        return [ROOT / "models" / f"{self.name}.json", ROOT / "models" / "seeded.py",
                fill.GRAPHS / f"{self.name}.torchscript.onnx"]

    def calibration(self):
        """A folder of images for the quantizers: the same for all."""
        folder = self.folder / "calibration"
        folder.mkdir(exist_ok=True)
        for seed in CALIBRATION_SEEDS:
            np.save(folder / f"{seed}.npy", seeded.input_image(self.net, seed))
        return folder

    def log(self, path):
        return path.with_name(path.name + ".log")

    def make_aarch64(self):
        """Minnow's program for an ARM core, as count_aarch64.py runs it; raises Unavailable."""
        path = self.folder / f"minnow-aarch64-{self.precision}.so"
        self.compile(path, "cortex-a76")
        return path

    def compile(self, path, cpu="native"):
        words = ["--precision", self.precision]
        if self.precision == "int8":
            words += ["--calibrate", self.calibration()]
        call([self.build / "bin" / "minnow", "compile", self.name, "--weights", f"random:{SEED}", "--cpu", cpu,
              "-o", path, *words], self.log(path))

    def compile_vulkan(self, path):
        call([self.build / "bin" / "minnow", "compile", self.name, "--weights", f"random:{SEED}", "--target", "vulkan",
              "-o", path], self.log(path))

    def executes(self):
        """What the compiler counted in the package for a GPU, by name; None without one."""
        log = self.log(self.folder / "minnow-f32.mnw")
        line = re.search(r"^executes +(\d+) dispatches, (.*) between them; for an output (.*) loads and (.*) multiply-adds",
                         log.read_text() if log.exists() else "", re.MULTILINE)
        names = "dispatches", "between them", "loads an output", "multiply-adds an output"
        return dict(zip(names, line.groups())) if line else None

    def graph(self, path):
        """The exported graph with its weights in the one file, quantized with QDQ pairs for int8."""
        import onnx
        with tempfile.TemporaryDirectory() as folder:
            whole = pathlib.Path(folder) / "whole.onnx"
            onnx.save(onnx.load(fill.fill(f"{self.name}.torchscript", pathlib.Path(folder))), whole)
            if self.precision == "f32":
                shutil.move(whole, path)
            else:
                call([sys.executable, HERE / "quantize_onnx.py", whole, path, self.calibration()], self.log(path))

    def convert_litert(self, path):
        python = CONTENDERS["litert"].python()
        if self.precision == "f32":
            call([python, HERE / "convert_litert.py", self.name, path], self.log(path))
        else:
            real = Inputs(self.name, "f32", self.build).make("litert")
            call([python, HERE / "quantize_litert.py", real, path, self.calibration()], self.log(path))

    def convert_ncnn(self, path):
        shape = ",".join(str(side) for side in self.net["input"])
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copy(self.make("onnxruntime"), folder / "net.onnx")
            call([VENVS["torch"][0] / "bin" / "pnnx", "net.onnx", f"inputshape=[{shape}]", "fp16=0"],
                 self.log(path), cwd=folder)
            shutil.move(folder / "net.ncnn.bin", path.with_suffix(".bin"))
            shutil.move(folder / "net.ncnn.param", path)

    def convert_iree(self, path):
        programs = VENVS["bench"][0] / "bin"
        with tempfile.TemporaryDirectory() as folder:
            imported = pathlib.Path(folder) / "net.mlir"
            call([programs / "iree-import-onnx", self.make("onnxruntime"), "-o", imported], self.log(path))
            call([programs / "iree-compile", imported, "--iree-hal-target-device=local",
                  "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host", "-o", path],
                 self.log(path))
