#===- report.py - what ./dev bench has measured, for people ----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables and a plot from the results of bench.py.

A time is the median over rounds of each round's median. Ratio: their time over
ours, so above 1 Minnow is faster. Share: the time that the network's
multiply-accumulates take at the limit of the cores, the highest rate of all
rounds, over the time taken. Whose logits are wrong is listed and marked, and is nobody's best peer.
"""

import json
import pathlib
import re
import statistics
from dataclasses import dataclass
from typing import Optional

from contenders import CONTENDERS

TOLERANCE = {"f32": 1e-4, "int8": 0.1}  # of logits against the float32 golden ones
MARKERS = "<!-- ./dev bench --update-readme -->", "<!-- end of the benchmark -->"
COLOURS = {"minnow": "#d62728", "onnxruntime": "#1f77b4", "openvino": "#2ca02c", "litert": "#ff7f0e",
           "ncnn": "#9467bd", "iree": "#7f7f7f", "minnow-vulkan": "#d62728", "ncnn-vulkan": "#9467bd"}
OURS = ("minnow", "minnow-vulkan")

median = statistics.median


@dataclass
class Row:
    """One contender on one network; times in ms, None where it gave none."""
    key: str
    ms: Optional[float]
    ratio: Optional[float]
    share: Optional[float]
    right: bool
    note: str
    cpu: Optional[float] = None  # of all threads

    def title(self):
        return CONTENDERS[self.key].title


def make_row(key, result, floor_ms, ours, tolerance):
    if not result.get("rounds"):
        return Row(key, None, None, None, False, f"failed: {result['failed']}")
    ms, error = median(result["rounds"]), result["error"]
    right = error is not None and error <= tolerance
    note = "not a number" if error is None else f"{error:.1e}"
    if "failed" in result:
        note += f", then failed: {result['failed']}"
    return Row(key, ms, ms / ours if ours else None, floor_ms / ms if floor_ms else None, right,
               note if right else f"WRONG logits: {note}", median(result["cpu"]) if result.get("cpu") else None)


def rows(results, name, threads):
    """The Rows of one network, the fastest first, and the limit in ms (None if the machine has none)."""
    figures = results["networks"][name]["threads"][threads]
    contenders, rate = figures["contenders"], max(figures["floor"])
    floor_ms = results["networks"][name]["macs"] / rate / 1e6 if rate else None
    ours = next((contenders[key].get("rounds") for key in OURS if key in contenders), None)
    made = [make_row(key, result, floor_ms, median(ours) if ours else None, TOLERANCE[results["precision"]])
            for key, result in contenders.items()]
    return sorted(made, key=lambda row: row.ms or float("inf")), floor_ms


def thread_counts(results):
    return list(next(iter(results["networks"].values()))["threads"])


def number(value, text):
    return "-" if value is None else format(value, text)


def threads_text(threads):
    return "one thread" if threads == "1" else f"{threads} threads"


def circumstances(results):
    """One paragraph: machine, versions, how it was measured."""
    machine = results["machine"]
    peers = ", ".join(f"{CONTENDERS[key].title} {version}" for key, version in results["versions"].items())
    return (f"Medians of {results['rounds']} interleaved rounds of {results['seconds']:g} s, batch 1, "
            f"{results['precision']}, {machine['cpu']}, {machine['cores']} cores, load {machine['load']:.1f} at the "
            f"start. {peers}.")


def aarch64_table(results):
    """Markdown lines: what an inference executes on AArch64, where that was counted."""
    counted = {name: network["aarch64"] for name, network in results["networks"].items() if "aarch64" in network}
    if not counted:
        return []
    lines = ["## AArch64, instructions of one inference, in millions", "",
             "| network | all | loads and stores | fmla | all / fewest |", "|---|---|---|---|---|"]
    for name, counts in counted.items():
        if "failed" in counts:
            lines.append(f"| {name} | failed: {counts['failed']} | | | |")
            continue
        cells = [f"{counts[word] / 1e6:.1f}" for word in ("instructions", "memory", "fmla")]
        lines.append(f"| {name} | {' | '.join(cells)} | {counts['instructions'] / (counts['macs'] / 4):.2f} |")
    return lines + [""]


def counts_table(results):
    """Markdown lines: what an inference executes, where the compiler counts it."""
    counted = {name: network["executes"] for name, network in results["networks"].items() if network.get("executes")}
    if not counted:
        return []
    heads = list(next(iter(counted.values())))
    lines = ["## What Minnow's inference executes, counted by the compiler", "",
             "| network | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    return lines + [f"| {name} | {' | '.join(counts.values())} |" for name, counts in counted.items()] + [""]


def full_table(results):
    """Markdown: a row for each network, thread count and contender."""
    lines = ["# Minnow and its peers", "", circumstances(results), "",
             "Ratio: their time over Minnow's; above 1 Minnow is faster. Share: of the cores' limit of "
             "register-only multiply-adds, measured in the same rounds. Error: of the logits, against "
             f"the golden ones; up to {TOLERANCE[results['precision']]:g} is right.", ""]
    for threads in thread_counts(results):
        lines += [f"## {threads_text(threads).capitalize()}", "",
                  "| network | contender | ms | CPU ms | ratio | share | error |", "|---|---|---|---|---|---|---|"]
        for name in results["networks"]:
            found, floor_ms = rows(results, name, threads)
            lines += [f"| {name} | {row.title()} | {number(row.ms, '.2f')} | {number(row.cpu, '.2f')} | "
                      f"{number(row.ratio, '.2f')} | "
                      f"{number(row.share, '.0%')} | {row.note} |" for row in found]
            lines.append(f"| {name} | *limit of the cores* | {number(floor_ms, '.2f')} | | | 100% | |")
        lines.append("")
    return "\n".join(lines + counts_table(results) + aarch64_table(results))


def cell(row):
    """A peer in the README's table: its ratio, marked where its logits are wrong."""
    if row is None or row.ms is None:
        return "-"
    return number(row.ratio, ".2f") + ("" if row.right else "*")


def compact_table(results):
    """Markdown for the README: a row a network, 'one thread / two threads' in each cell."""
    counts = thread_counts(results)
    peers = [key for key in CONTENDERS if key != "minnow" and
             any(key in results["networks"][name]["threads"][threads]["contenders"]
                 for name in results["networks"] for threads in counts)]
    heads = ["network", "Minnow, ms", "of the limit"] + [CONTENDERS[key].title for key in peers]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name in results["networks"]:
        found = [{row.key: row for row in rows(results, name, threads)[0]} for threads in counts]
        ours = [by_key.get("minnow") for by_key in found]
        cells = [name.replace("mobilenetv4_", ""), " / ".join(number(row and row.ms, ".2f") for row in ours),
                 " / ".join(number(row and row.share, ".0%") for row in ours)]
        cells += [" / ".join(cell(by_key.get(key)) for by_key in found) for key in peers]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def readme_section(results):
    counts = " / ".join(threads_text(threads) for threads in thread_counts(results))
    return (f"{circumstances(results)} In each cell {counts}: Minnow's time, its share of the time that the "
            "multiply-adds alone would take, and each peer's time over Minnow's (above 1 Minnow is faster; * its "
            f"logits are wrong; - not measured).\n\n{compact_table(results)}")


def update_readme(readme, sections):
    """Replaces what stands between the markers; raises ValueError where they are missing."""
    pattern = re.compile(f"({re.escape(MARKERS[0])}\n).*?({re.escape(MARKERS[1])})", re.DOTALL)
    text = "\n\n".join(sections) + "\n"
    changed, count = pattern.subn(lambda match: match[1] + text + match[2], readme.read_text())
    if count != 1:
        raise ValueError(f"{readme} has no section between {MARKERS[0]} and {MARKERS[1]}")
    readme.write_text(changed)


def draw(axes, results, threads):
    """A group of bars a network: each contender's share of the limit."""
    keys = [key for key in CONTENDERS if any(key in network["threads"][threads]["contenders"]
                                             for network in results["networks"].values())]
    width = 0.85 / len(keys)
    for place, name in enumerate(results["networks"]):
        for row in rows(results, name, threads)[0]:
            if row.share is None:
                continue
            x = place + (keys.index(row.key) - (len(keys) - 1) / 2) * width
            axes.bar(x, 100 * row.share, width, color=COLOURS[row.key], hatch=None if row.right else "////",
                     edgecolor="white", linewidth=0.5)
            axes.text(x, 100 * row.share + 1, f"{row.ms:.3g}", rotation=90, ha="center", va="bottom", fontsize=6)
    axes.axhline(100, color="black", linewidth=0.8)
    axes.set_ylim(0, 118)
    axes.set_xticks(range(len(results["networks"])), [name.replace("mobilenetv4_", "") for name in results["networks"]])
    axes.set_ylabel("% of the cores' limit")
    axes.set_title(f"{threads_text(threads)}; on the bars: ms", loc="left", fontsize=9)
    return keys


def plot(results, path):
    """Writes the plot as .svg and .png beside `path`."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot
    from matplotlib.patches import Patch
    counts = thread_counts(results)
    figure, panels = pyplot.subplots(len(counts), 1, figsize=(11, 3.2 * len(counts) + 0.6), squeeze=False)
    for axes, threads in zip(panels[:, 0], counts):
        keys = draw(axes, results, threads)
    handles = [Patch(color=COLOURS[key], label=CONTENDERS[key].title) for key in keys]
    figure.legend(handles=handles + [Patch(facecolor="white", edgecolor="grey", hatch="////", label="wrong logits")],
                  loc="upper center", ncols=len(keys) + 1, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    for suffix in (".svg", ".png"):
        figure.savefig(path.with_suffix(suffix), dpi=150)
    pyplot.close(figure)


def write(path, readme=None):
    """Makes PRECISION.md, .svg and .png beside the results `path`, and prints the table."""
    results = json.loads(path.read_text())
    table = full_table(results)
    path.with_suffix(".md").write_text(table)
    plot(results, path)
    print(table)
    if readme:
        others = [other for other in (path.with_name("f32.json"), path.with_name("int8.json")) if other.exists()]
        update_readme(readme, [readme_section(json.loads(other.read_text())) for other in others])
