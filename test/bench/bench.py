#!/usr/bin/env python3
#===- bench.py - Minnow beside its peers (./dev bench) -------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times Minnow and its peers on the same networks, weights and image.

One process a contender and thread count, pinned, all alive at once and asked in
turn, round by round, so that what disturbs the machine disturbs them alike; who
is not asked is stopped by a signal, whatever its thread pool would do meanwhile.
Every measurement also compares the logits with the golden ones. The limit of the
machine (register-only multiply-adds) is measured in the same rounds.
"""

import argparse
import json
import os
import pathlib
import select
import signal
import subprocess
import sys

import report
from contenders import CONTENDERS, HERE, ROOT, Inputs, Unavailable

OUTPUT = ROOT / "build" / "bench"
NETWORKS = ["mobilenetv4_conv_small", "mobilenetv4_conv_medium", "mobilenetv4_conv_large",
            "mobilenetv4_hybrid_medium", "mobilenetv4_hybrid_large", "mobilenet_v2", "efficientnet_lite0"]
PATIENCE = 300  # seconds in which a worker must answer


class Worker:
    """One contender in its process; stopped except while it works."""

    def __init__(self, key, inputs, threads, build):
        model = inputs.make(key)
        command = [CONTENDERS[key].python(), HERE / "worker.py", key, model, threads, inputs.image, inputs.logits]
        library = build / "test" / "bench" / "libminnow-bench-runtime.so"
        log = open(inputs.folder / f"{key}-{threads}.log", "w")
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                                        env={**os.environ, "MINNOW_RUNTIME": str(library)})
        try:
            self.answer()
        except Unavailable:
            self.close()
            raise
        os.kill(self.process.pid, signal.SIGSTOP)

    def answer(self):
        """The worker's next line; raises Unavailable when that is its last."""
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        answer = json.loads(line) if line else {"failed": "it died" if ready else f"no answer in {PATIENCE} s"}
        if "failed" in answer:
            raise Unavailable(answer["failed"])
        return answer

    def measure(self, seconds):
        os.kill(self.process.pid, signal.SIGCONT)
        print(json.dumps({"seconds": seconds}), file=self.process.stdin, flush=True)
        answer = self.answer()
        os.kill(self.process.pid, signal.SIGSTOP)
        return answer

    def close(self):
        self.process.kill()
        self.process.wait()


def start(keys, inputs, threads, build):
    """({key: Worker}, {key: {"failed": why}}) of those who can and cannot take part."""
    workers, failures = {}, {}
    for key in keys:
        try:
            workers[key] = Worker(key, inputs, threads, build)
        except Unavailable as failure:
            failures[key] = {"failed": str(failure)}
            print(f"{inputs.name}: {CONTENDERS[key].title} left out: {failure}", file=sys.stderr, flush=True)
    return workers, failures


def floor(build, threads, precision):
    """GMAC/s of register-only multiply-adds on as many cores."""
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    answer = subprocess.run([build / "test" / "bench" / "minnow-floor", str(threads)], check=True, text=True,
                            capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return json.loads(answer.stdout)[precision]


def add_round(workers, results, seconds, first):
    """One measurement of each worker, the one to begin with given by `first`."""
    keys = list(workers)
    for key in keys[first % len(keys):] + keys[:first % len(keys)]:
        result = results.setdefault(key, {"rounds": [], "error": 0.0})
        try:
            answer = workers[key].measure(seconds)
        except Unavailable as failure:
            result["failed"] = str(failure)
            workers.pop(key).close()
            continue
        result["rounds"].append(report.median(answer["ms"]))
        result.setdefault("cpu", []).append(answer["cpu_ms"])
        errors = (result["error"], answer["error"])
        result["error"] = None if None in errors else max(errors)


def measure(inputs, keys, arguments):
    """The figures of one network: {threads: {"floor": [...], "contenders": {...}}}."""
    teams = {threads: start(keys, inputs, threads, arguments.build) for threads in arguments.threads}
    figures = {threads: {"floor": [], "contenders": failures} for threads, (_, failures) in teams.items()}
    try:
        for number in range(arguments.rounds):
            print(f"{inputs.name}: round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
            for threads, (workers, _) in teams.items():
                figures[threads]["floor"].append(floor(arguments.build, threads, arguments.precision))
                if workers:
                    add_round(workers, figures[threads]["contenders"], arguments.seconds, number)
    finally:
        for workers, _ in teams.values():
            for worker in workers.values():
                worker.close()
    return figures


def count_aarch64(inputs):
    """What one inference executes on AArch64: counts, or {"failed": why}."""
    try:
        path = inputs.make_aarch64()
    except Unavailable as failure:
        return {"failed": str(failure)}
    answer = subprocess.run([sys.executable, HERE / "count_aarch64.py", path, "--json"], text=True, capture_output=True)
    if answer.returncode:
        return {"failed": answer.stderr.strip().splitlines()[-1]}
    return json.loads(answer.stdout)


def machine():
    """What the figures depend on and the reader cannot see."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}


def versions(keys):
    """{key: version} of the peers, asked of their venvs."""
    packages = {"onnxruntime": "onnxruntime", "openvino": "openvino", "litert": "ai-edge-litert", "ncnn": "ncnn",
                "iree": "iree-base-compiler", "ncnn-vulkan": "ncnn"}
    ask = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    found = {}
    for key in keys:
        if key in packages and CONTENDERS[key].python().exists():
            answer = subprocess.run([CONTENDERS[key].python(), "-c", ask, packages[key]], text=True, capture_output=True)
            found[key] = answer.stdout.strip()
    return found


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, metavar="NAME",
                        help=f"of {', '.join(NETWORKS)}; default all")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME",
                        help=f"of {', '.join(CONTENDERS)}; default all of the precision")
    parser.add_argument("--rounds", type=int, default=6, help="default 6; 0: only report the last run again")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement, default 0.5")
    parser.add_argument("--threads", type=lambda text: [int(word) for word in text.split(",")], default=[1, 2],
                        help="default 1,2")
    parser.add_argument("--precision", choices=["f32", "int8"], default="f32")
    parser.add_argument("--device", choices=["cpu", "vulkan"], default="cpu",
                        help="vulkan: packages beside ncnn on the first Vulkan device")
    parser.add_argument("--aarch64", action="store_true", help="count Minnow's instructions under qemu-aarch64 too")
    parser.add_argument("--update-readme", action="store_true", help="put the table into README.md")
    parser.add_argument("--append", action="store_true",
                        help="keep the other networks' figures of the last run: for a machine that is quiet in pieces")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="where Minnow is built")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    if not all(1 <= threads <= cores for threads in arguments.threads):
        parser.error(f"--threads: this machine has {cores} cores")
    return arguments


def run(arguments, path):
    """Measures what was asked for and leaves it in `path`, network by network."""
    keys = [key for key in arguments.contenders or CONTENDERS
            if arguments.precision in CONTENDERS[key].precisions and arguments.device == CONTENDERS[key].device]
    results = {"machine": machine(), "device": arguments.device, "precision": arguments.precision, "rounds": arguments.rounds,
               "seconds": arguments.seconds, "versions": versions(keys), "networks": {}}
    if arguments.append and path.exists():
        results["networks"] = json.loads(path.read_text())["networks"]
    for name in arguments.networks:
        inputs = Inputs(name, arguments.precision, arguments.build.resolve())
        results["networks"][name] = {"macs": inputs.macs, "threads": measure(inputs, keys, arguments)}
        if arguments.device == "vulkan":
            results["networks"][name]["executes"] = inputs.executes()
        if arguments.aarch64:
            results["networks"][name]["aarch64"] = count_aarch64(inputs)
        results["networks"] = {each: results["networks"][each] for each in NETWORKS if each in results["networks"]}
        path.write_text(json.dumps(results, indent=1) + "\n")


def main():
    arguments = parse()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    prefix = "" if arguments.device == "cpu" else f"{arguments.device}-"
    path = OUTPUT / f"{prefix}{arguments.precision}.json"
    if arguments.rounds:
        run(arguments, path)
    elif not path.exists():
        sys.exit(f"error: nothing was measured yet at {arguments.precision}: run ./dev bench with rounds")
    report.write(path, readme=ROOT / "README.md" if arguments.update_readme else None)


if __name__ == "__main__":
    main()
