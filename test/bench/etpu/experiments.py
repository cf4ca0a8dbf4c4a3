#!/usr/bin/env python3
#===- experiments.py - the paper's questions, asked of EX1b --------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the experiments of MobileNetV4's paper on the simulated EX1b.

EX1b is a synthetic accelerator and no EdgeTPU: the comparison with the paper's
EdgeTPU column says how far any such model explains it, beside simpler ones.
`minnow-etpu-shapes` compiles and simulates the networks, by their shapes: cycles
do not depend on numbers.
"""

import argparse
import copy
import json
import math
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "models"))
import network  # noqa: E402

# Table 6 of arXiv 2404.10518: top-1 of ImageNet-1K, ms on the Pixel 8's EdgeTPU.
PAPER = {
    "variants/mobilenet_v2_050": (66.0, 0.7),
    "variants/mobilenet_v3_large_050": (69.2, 0.8),
    "mobilenet_v2": (73.4, 0.7),
    "mobilenetv4_conv_small": (73.8, 0.7),
    "variants/mobilenet_v1": (74.0, 0.8),
    "variants/mobilenet_v2_150": (76.8, 0.9),
    "variants/multi_max_150": (77.9, 1.0),
    "variants/multi_avg_150": (78.2, 1.1),
    "variants/mobilenet_v2_200": (78.4, 1.1),
    "mobilenetv4_conv_medium": (79.9, 1.1),
    "mobilenetv4_hybrid_medium": (80.7, 1.5),
    "mobilenetv4_conv_large": (82.9, 2.4),
    "mobilenetv4_hybrid_large": (83.4, 3.8),
}
# Not in table 6: only on the machine.
OTHERS = ("variants/mobilenet_v1_150", "variants/mobilenet_v3_large", "variants/mobilenet_v3_large_150",
          "efficientnet_lite0")
MNV4 = tuple(name for name in PAPER if name.startswith("mobilenetv4"))


def load(name):
    return network.load(ROOT / "models" / f"{name}.json")


class Machine:
    """The program that compiles and simulates lists of networks."""

    def __init__(self, program):
        self.program = program

    def run(self, jobs):
        """jobs: (network, {parameter: value}); the figures of each."""
        text = json.dumps([{"network": net, "machine": changes} for net, changes in jobs])
        done = subprocess.run([self.program], input=text, capture_output=True, text=True, check=True)
        results = json.loads(done.stdout)
        for result in results:
            if "error" in result:
                print(f"{result['name']}: {result['error']}", file=sys.stderr)
        return results


# -- numbers ---------------------------------------------------------------------

def ranks(values):
    """Ranks from 1; equal values share their mean rank."""
    values = np.asarray(values, float)
    order = np.argsort(values, kind="stable")
    result = np.empty(len(values))
    result[order] = np.arange(1, len(values) + 1)
    for value in np.unique(values):
        result[values == value] = result[values == value].mean()
    return result


def spearman(a, b):
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def ceiling(measured):
    """The best correlation that a predictor without ties can have with `measured`."""
    return spearman(np.argsort(np.argsort(measured, kind="stable")), measured)


def affine_error(predicted, measured):
    """Least squares of relative errors for a + b * predicted: a, b, mean and largest error."""
    predicted, measured = np.asarray(predicted, float), np.asarray(measured, float)
    matrix = np.stack([np.ones_like(predicted), predicted], 1) / measured[:, None]
    (a, b), *_ = np.linalg.lstsq(matrix, np.ones_like(measured), rcond=None)
    error = np.abs((a + b * predicted) / measured - 1)
    return a, b, error.mean(), error.max()


def operations(net):
    """(MACs, bytes) of each convolution, linear layer and product of attention, a byte a number."""
    found, size = [], net["input"][2:]

    def run(layers, size):
        for layer in layers:
            before = math.prod(size) * layer["in"]
            if layer["op"] == "global_average_pool":
                size = [1, 1]
                continue
            if layer["op"] == "squeeze_excite":
                run(layer["layers"], [1, 1])
                continue
            size = [-(-side // layer.get("stride", 1)) for side in size]
            weights = layer["out"] * layer["in"] // layer.get("groups", 1) * layer.get("kernel", 1) ** 2
            found.append((weights * math.prod(size), weights + before + math.prod(size) * layer["out"]))
        return size

    for block in net["blocks"]:
        if block["kind"] != "mqa":
            size = run(block["layers"], size)
            continue
        run(block["query"], size)
        keys = math.prod(run(block["key"], size))
        run(block["value"], size)
        rows, heads = math.prod(size), block["heads"]
        groups = block["key"][-1]["out"] // block["key_width"]
        for width in (block["key_width"], block["value_width"]):
            found.append((heads * rows * keys * width,
                          heads * rows * width + groups * keys * width + heads * rows * keys))
        run(block["output"], size)
    return np.array(found, float)


def roofline(net, ridge):
    """Section 5 of the paper: the sum of max(MACs, ridge * bytes) over the operations."""
    ops = operations(net)
    return float(np.maximum(ops[:, 0], ridge * ops[:, 1]).sum())


# -- tables ------------------------------------------------------------------------

def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def short(name):
    return name.split("/")[-1]


def run_networks(machine, changes=None):
    names = [*PAPER, *OTHERS]
    return dict(zip(names, machine.run([(load(name), changes or {}) for name in names])))


def latency(machine, report):
    """Cycles of all networks, and how well they rank the paper's EdgeTPU column."""
    figures = run_networks(machine)
    rows = []
    for name, f in figures.items():
        paper = PAPER.get(name)
        rows.append((short(name), f"{f['macs'] / 1e6:.0f}", f["cycles"], f"{f['bound']:.0f}",
                     f"{f['cycles'] / f['bound']:.3f}", f["warm_cycles"] or "-", f"{f['cycles'] / 480e3:.2f}",
                     f"{f['cycles'] / 800e3:.2f}", f"{f['dram_bytes'] / f['compulsory_bytes']:.3f}",
                     paper[1] if paper else "-"))
    report.append("## Latency\n\nCold: all weights are loaded. Warm: they stay on chip, where they fit. DRAM: all bytes, "
                  "the program's too, over weights, input and output.\n\n" + table(
                      ("network", "M MACs", "cycles, cold", "bound", "ratio", "warm", "ms at 480 MHz", "at 800",
                       "DRAM", "Pixel 8 EdgeTPU ms"), rows))
    measured = [PAPER[name][1] for name in PAPER]
    nets = {name: load(name) for name in PAPER}
    ridges = np.concatenate([[0], np.geomspace(1, 500, 80)])
    best = max(ridges, key=lambda r: spearman([roofline(nets[n], r) for n in PAPER], measured))
    predictors = {
        "MACs alone": [figures[n]["macs"] for n in PAPER],
        f"roofline at its best ridge, {best:.0f}": [roofline(nets[n], best) for n in PAPER],
        "roofline at the ridge that the paper fitted, 433.8": [roofline(nets[n], 433.8) for n in PAPER],
        "lower bound of EX1b": [figures[n]["bound"] for n in PAPER],
        "EX1b, cycles": [figures[n]["cycles"] for n in PAPER],
    }
    rows = []
    for name, values in predictors.items():
        a, b, mean, most = affine_error(values, measured)
        rows.append((name, f"{spearman(values, measured):.3f}", f"{mean * 100:.1f} %", f"{most * 100:.0f} %",
                     f"{a:.2f}"))
    report.append(f"## Against the paper's Pixel 8 EdgeTPU column\n\n{len(measured)} networks; the column is rounded to "
                  f"0.1 ms, and with its ties no predictor can pass {ceiling(measured):.3f}. The machine is not the "
                  "Pixel's, and so few rounded points fit almost any machine.\n\n" + table(
                      ("predictor", "Spearman", "mean error of a + b x", "largest", "a, ms"), rows) +
                  "\n![cycles and the column](latency.svg)\n")
    return figures


def with_attention(heads_of_keys):
    """Conv-L with three attention blocks at the end of its last stage: 12 x 12, 512 channels, 8 heads of 64."""
    net = copy.deepcopy(load("mobilenetv4_conv_large"))
    last = max(i for i, block in enumerate(net["blocks"]) if block["kind"] == "uib")

    def conv(name, i, width, out):
        return [{"op": "conv2d", "weight": f"added.{i}.{name}.weight", "in": width, "out": out, "kernel": 1, "stride": 1,
                 "groups": 1, "activation": "none"}]

    blocks = [{"kind": "mqa", "in": 512, "out": 512, "heads": 8, "key_width": 64, "value_width": 64, "stride": 1,
               "residual": True, "query": conv("query", i, 512, 512), "key": conv("key", i, 512, 64 * heads_of_keys),
               "value": conv("value", i, 512, 64 * heads_of_keys), "output": conv("output", i, 512, 512)}
              for i in range(3)]
    net["blocks"][last + 1:last + 1] = blocks
    net["name"] += f"_{heads_of_keys}"
    return net


def attention(machine, report):
    """Three MQA blocks against three of multi-head attention, added to Conv-L (table 2)."""
    base, mqa, mhsa = load("mobilenetv4_conv_large"), with_attention(1), with_attention(8)
    rows, split = [], []
    for bytes_per_cycle in (16, 24, 28, 32, 64, 128):
        changes = {"dram_bytes_per_cycle": bytes_per_cycle}
        b, q, h = machine.run([(net, changes) for net in (base, mqa, mhsa)])
        added = [f["cycles"] - b["cycles"] for f in (q, h)]
        rows.append((bytes_per_cycle, b["cycles"], added[0], added[1], f"{100 * (1 - added[0] / added[1]):.1f} %"))
        if bytes_per_cycle == 32:
            for name, f in (("MQA", q), ("MHSA", h)):
                extra = {key: f["work"][key] - b["work"][key] for key in f["work"]}
                split.append((name, extra["matrix"], extra["attention_products"], extra["transfers"], extra["softmax"],
                              extra["vector"], 0))
    report.append("## Three MQA blocks against three of multi-head attention\n\nAdded to Conv-L's last stage (12 x 12, 512 "
                  "channels, 8 heads of 64); the attention blocks alone. The paper: 39.0 % less on the Pixel 8's "
                  "EdgeTPU. A weight tile of 4096 bytes serves 144 positions and comes in 128 cycles at 32 bytes a "
                  "cycle: there the array bounds both, and nothing but its work shows.\n\n" +
                  table(("DRAM bytes a cycle", "Conv-L", "+ MQA", "+ MHSA", "less"), rows) +
                  "\nThe work that is added, in cycles of the engine that does it, at 32 bytes a cycle; it overlaps. "
                  "Transposes take none: the array reads a stationary operand either way. "
                  f"The array's work alone is {100 * (1 - split[0][1] / split[1][1]):.1f} % less.\n\n" + table(
                      ("", "matrix", "of them QK and AV", "transfers", "softmax", "vector unit in all", "transposes"), split))


def downsampling(machine, report):
    """Hybrid-M with and without strided keys and values (table 3)."""
    with_stride, without = load("mobilenetv4_hybrid_medium"), copy.deepcopy(load("mobilenetv4_hybrid_medium"))
    for block in without["blocks"]:
        for branch in ("key", "value"):
            if block["kind"] == "mqa":
                block[branch] = block[branch][-1:]
    a, b = machine.run([(with_stride, {}), (without, {})])
    report.append("## Strided keys and values in Hybrid-M\n\nThe paper's table 3 (another device): MACs 1.03 times without, "
                  "GPU 1.25 times.\n\n" + table(
                      ("", "M MACs", "cycles"),
                      [("strided", f"{a['macs'] / 1e6:.0f}", a["cycles"]),
                       ("not strided", f"{b['macs'] / 1e6:.0f}", b["cycles"]),
                       ("ratio", f"{b['macs'] / a['macs']:.3f}", f"{b['cycles'] / a['cycles']:.3f}")]))


def memory(machine, report):
    """DRAM bytes where activation memory is scarce."""
    rows = []
    for kib in (1024, 512):
        for f in machine.run([(load(name), {"activation_bytes": kib * 1024}) for name in MNV4]):
            if "error" in f:
                rows.append((f["name"], kib, f["error"], "", ""))
                continue
            rows.append((f["name"], kib, f["cycles"], f"{f['cycles'] / f['bound']:.3f}",
                         f"{f['dram_bytes'] / f['compulsory_bytes']:.3f}"))
    report.append("## Activation memory\n\n" + table(("network", "KiB", "cycles", "ratio to the bound", "DRAM"), rows))


def is_on_front(point, points):
    """Whether no other point is as accurate and as fast, and one of both strictly."""
    return not any(o[0] >= point[0] and o[1] <= point[1] and o != point for o in points)


def ridge_sweep(report, folder):
    """Which networks are on the Pareto front of the paper's model at each ridge point, 0 to 500."""
    nets = {name: load(name) for name in PAPER}
    ridges = (0, 5, 31.2, 50, 100, 200, 347.3, 433.8, 500)
    rows, curves = [], {name: [] for name in PAPER}
    for ridge in ridges:
        points = {name: (PAPER[name][0], roofline(net, ridge)) for name, net in nets.items()}
        for name, point in points.items():
            curves[name].append((point[1], is_on_front(point, list(points.values()))))
    for name in PAPER:
        rows.append((short(name), PAPER[name][0],
                     *(f"**{t / 1e6:.0f}**" if front else f"{t / 1e6:.0f}" for t, front in curves[name])))
    report.append("## Ridge points from 0 to 500\n\nSection 5's model, the sum of max(MACs, ridge * bytes) in millions; bold "
                  "is on the front of top-1 (table 6) against it.\n\n" + table(
                      ("network", "top-1", *(f"{r:g}" for r in ridges)), rows) +
                  "\n![top-1 against the model](ridge.svg)\n")
    draw_ridges(nets, folder)


def save(figure, path):
    """As SVG, the same bytes for the same figures."""
    import matplotlib
    matplotlib.rcParams |= {"svg.hashsalt": "minnow", "svg.fonttype": "none"}
    figure.savefig(path.with_suffix(".svg"), bbox_inches="tight", metadata={"Date": None})


def draw_points(axis, points):
    """Numbered points {name: (x, y)}: small networks lie too close for names."""
    for i, (name, point) in enumerate(points.items()):
        axis.scatter(*point, color="tab:blue" if name in MNV4 else "tab:orange", s=28)
        axis.annotate(str(i + 1), point, textcoords="offset points", xytext=(5, -9) if i % 2 else (-5, 5), fontsize=8,
                      ha="left" if i % 2 else "right")


def draw_names(axis, names):
    """What the numbers are, beside the plot."""
    text = "\n".join(f"{i + 1:2} {short(name)}" for i, name in enumerate(names))
    axis.text(1.03, 1, text, transform=axis.transAxes, va="top", fontsize=8, family="monospace", linespacing=1.5)


def draw_ridges(nets, folder):
    import matplotlib.pyplot as pyplot
    figure, axes = pyplot.subplots(1, 4, figsize=(16, 4.2), sharey=True)
    for axis, ridge in zip(axes, (0, 31.2, 100, 433.8)):
        points = {name: (roofline(net, ridge) / 1e6, PAPER[name][0]) for name, net in nets.items()}
        ranked = [(accuracy, time) for time, accuracy in points.values()]
        front = sorted((time, accuracy) for accuracy, time in ranked if is_on_front((accuracy, time), ranked))
        axis.plot(*zip(*front), color="0.7", zorder=0)
        axis.set_xscale("log")
        draw_points(axis, points)
        axis.xaxis.set_minor_formatter("")
        axis.set_title(f"ridge {ridge:g} MACs a byte", fontsize=10)
        axis.set_xlabel("M MAC-equivalents")
    axes[0].set_ylabel("top-1, %")
    draw_names(axes[-1], nets)
    save(figure, folder / "ridge")


def draw_latency(figures, folder):
    import matplotlib.pyplot as pyplot
    figure, axis = pyplot.subplots(figsize=(7, 5))
    measured = [PAPER[name][1] for name in PAPER]
    cycles = [figures[name]["cycles"] for name in PAPER]
    a, b, *_ = affine_error(cycles, measured)
    line = np.geomspace(min(cycles) * 0.9, max(cycles) * 1.2, 50)
    axis.plot(line / 1e6, a + b * line, color="0.7", zorder=0, label=f"{a:.2f} ms + {b * 1e6:.2f} ms a million cycles")
    axis.set_xscale("log")
    draw_points(axis, {name: (x / 1e6, y) for name, x, y in zip(PAPER, cycles, measured)})
    draw_names(axis, PAPER)
    axis.set_xlabel("million cycles of EX1b (synthetic, no EdgeTPU)")
    axis.set_ylabel("ms on the Pixel 8's EdgeTPU (the paper's table 6)")
    axis.legend()
    save(figure, folder / "latency")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="minnow-etpu-shapes")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="folder for the tables and plots")
    arguments = parser.parse_args()
    import matplotlib
    matplotlib.use("Agg")
    arguments.output.mkdir(parents=True, exist_ok=True)
    machine = Machine(arguments.program)
    report = ["# Experiments on EX1b\n\nEX1b is a synthetic accelerator of the Coral class and no EdgeTPU: 64 x 64 "
              "multipliers, 64 lanes, 1 MiB of activation and 4 MiB of weight memory, DRAM of 32 bytes a cycle. Made by "
              "`./dev experiments`; cycles are the simulator's and the same on every machine.\n"]
    figures = latency(machine, report)
    draw_latency(figures, arguments.output)
    attention(machine, report)
    downsampling(machine, report)
    memory(machine, report)
    ridge_sweep(report, arguments.output)
    text = "\n".join(report)
    (arguments.output / "experiments.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
