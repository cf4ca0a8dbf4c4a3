#===- analyze.py - the figures of the five MobileNetV4 -------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Holds `minnow analyze --json` against figures counted from timm's modules.

MACs and parameters as timm has them; of the weights what is left in filters
after folding; MACs and number of convolutions by kind. Every total must be the
sum of its blocks, and of its kernels.
"""
import json
import subprocess
import sys

# name: parameters, filter weights, MACs,
#       {kind: (count, MACs in millions to a tenth)}
NETWORKS = {
    "mobilenetv4_conv_small": (3774024, 3747936, 186005568,
        {"pointwise conv2d": (28, 116.8), "depthwise_conv2d": (15, 6.5), "linear": (1, 1.3)}),
    "mobilenetv4_conv_medium": (9715512, 9646608, 1080244224,
        {"pointwise conv2d": (45, 878.6), "depthwise_conv2d": (30, 35.2), "linear": (1, 1.3)}),
    "mobilenetv4_hybrid_medium": (11074648, 10991632, 1271183360,
        {"pointwise conv2d": (79, 1026.5), "depthwise_conv2d": (39, 36.3), "attention": (8, 41.9)}),
    "mobilenetv4_conv_large": (32590864, 32440312, 6376220672,
        {"pointwise conv2d": (55, 6003.3), "depthwise_conv2d": (45, 156.7), "conv2d": (2, 215.0)}),
    "mobilenetv4_hybrid_large": (37764624, 37586936, 7711877120,
        {"pointwise conv2d": (89, 6995.4), "depthwise_conv2d": (54, 160.5), "attention": (8, 339.7)}),
}


def analyze(name):
    command = ["minnow", "analyze", name, "--json", "--cpu", "haswell"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def check(name, row):
    parameters, weights, macs, kinds = row
    report = analyze(name)
    wrong = []

    def expect(what, found, wanted):
        if found != wanted:
            wrong.append(f"{name}: {what}: {found}, expected {wanted}")

    expect("parameters", report["parameters"], parameters)
    expect("weights in filters", report["filter_weights"], weights)
    expect("MACs", report["total"]["macs"], macs)
    for part in ("blocks", "kernels"):
        for figure in ("macs", "bytes"):
            expect(f"{figure} of all {part}", sum(each[figure] for each in report[part]), report["total"][figure])
    for kind, (count, millions) in kinds.items():
        found = report["primitives"][kind]
        expect(kind, (found["count"], round(found["macs"] / 1e6, 1)), (count, millions))
    expect("kernels of blocks", sum(block["kernels"] for block in report["blocks"]), len(report["kernels"]))
    expect("slow kernels", [kernel["kernel"] for kernel in report["kernels"] if not kernel["fast"]], [])
    # On x86-64 full convolutions that move by 2 take fewer products, and so less than the roofline of these.
    peak = report["machine"]["macs_per_second"]
    for kernel in report["kernels"]:
        if kernel["kernel"].startswith("fused_ib") and kernel["mac_us"] > 0.85e6 * kernel["macs"] / peak:
            wrong.append(f"{name}: {kernel['kernel']}: {kernel['mac_us']} us of arithmetic, as if no product were spared")
    return wrong


def main():
    wrong = [line for name, row in NETWORKS.items() for line in check(name, row)]
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
