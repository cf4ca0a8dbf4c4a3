#!/usr/bin/env python3
#===- record.py - dense layers' cycles from SCALE-Sim --------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Records what SCALE-Sim 3.0.0 counts for dense layers of the project's networks.

Makes cycles.csv anew: name, positions, contraction, columns, cycles of a 64x64
weight-stationary array. SCALE-Sim lives in a venv of its own (numpy < 2, pandas
< 3), which this script sets up. test/runtime/EtpuCyclesTest.cpp holds the
simulator, with `overlap` off, to these numbers.
"""

import csv
import pathlib
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).parent
REQUIREMENTS = ["scalesim==3.0.0", "numpy<2", "pandas<3"]

# A convolution is its matrix product: output positions, taps * input channels,
# output channels.
LAYERS = [
    ("conv_small stem 3x3/2", 112 * 112, 9 * 3, 32),
    ("conv_small 3x3/2 32-32", 56 * 56, 9 * 32, 32),
    ("conv_small 1x1 32-32", 56 * 56, 32, 32),
    ("conv_small 3x3/2 32-96", 28 * 28, 9 * 32, 96),
    ("conv_small 1x1 96-64", 28 * 28, 96, 64),
    ("conv_small 1x1 64-192", 28 * 28, 64, 192),
    ("conv_small 1x1 192-96", 14 * 14, 192, 96),
    ("conv_small 1x1 96-576", 14 * 14, 96, 576),
    ("conv_small 1x1 576-128", 7 * 7, 576, 128),
    ("conv_small 1x1 128-512", 7 * 7, 128, 512),
    ("conv_small 1x1 128-960", 7 * 7, 128, 960),
    ("conv_small head 960-1280", 1, 960, 1280),
    ("conv_small classifier 1280-1000", 1, 1280, 1000),
    ("conv_medium 3x3/2 32-128", 64 * 64, 9 * 32, 128),
    ("conv_medium 1x1 160-640", 16 * 16, 160, 640),
    ("conv_medium 1x1 640-160", 16 * 16, 640, 160),
    ("conv_medium 1x1 256-1024", 8 * 8, 256, 1024),
    ("conv_large 1x1 192-768", 24 * 24, 192, 768),
    ("conv_large 1x1 768-512", 12 * 12, 768, 512),
    ("conv_large 1x1 512-2048", 12 * 12, 512, 2048),
    ("hybrid_large query 192-384", 24 * 24, 192, 384),
    ("hybrid_large output 384-192", 24 * 24, 384, 192),
    ("mobilenet_v2 1x1 24-144", 56 * 56, 24, 144),
    ("mobilenet_v2 1x1 320-1280", 7 * 7, 320, 1280),
]

CONFIG = """[general]
run_name = minnow
[architecture_presets]
ArrayHeight: 64
ArrayWidth: 64
IfmapSramSzkB: 4096
FilterSramSzkB: 4096
OfmapSramSzkB: 4096
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 1000
Dataflow: ws
MemoryBanks: 1
ReadRequestBuffer: 512
WriteRequestBuffer: 512
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 64
IfmapSRAMBankNum: 16
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 64
FilterSRAMBankNum: 16
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def make_venv(folder):
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return python


def count(python, name, positions, contraction, columns):
    """The compute cycles that SCALE-Sim reports for one matrix product."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "run.cfg").write_text(CONFIG)
        (folder / "layers.csv").write_text(f"Layer,M,N,K\nlayer,{positions},{columns},{contraction},\n")
        (folder / "layout.csv").write_text("Layer" + ",x" * 27 + "\nlayer" + ",1" * 27 + ",\n")
        run = subprocess.run([python, "-m", "scalesim.scale", "-c", "run.cfg", "-t", "layers.csv", "-l", "layout.csv",
                              "-p", "out", "-i", "gemm"], cwd=folder, capture_output=True, text=True, check=False)
        reports = list((folder / "out").rglob("COMPUTE_REPORT.csv"))
        if run.returncode or not reports:
            sys.exit(f"{name}: SCALE-Sim failed:\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}")
        row = list(csv.DictReader(reports[0].open()))[0]
        row = {key.strip(): value for key, value in row.items() if key}
        return int(row["Total Cycles"])


def main():
    python = make_venv(HERE / ".venv").resolve(strict=False) if len(sys.argv) < 2 else sys.argv[1]
    with (HERE / "cycles.csv").open("w") as file:
        file.write("# SCALE-Sim 3.0.0, weight stationary, 64x64; made by record.py\n")
        for layer in LAYERS:
            cycles = count(python, *layer)
            print(*layer, cycles, sep=",", file=file)
            print(*layer, cycles)


if __name__ == "__main__":
    main()
