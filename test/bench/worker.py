#!/usr/bin/env python3
#===- worker.py - one contender in a process of its own ------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads one model in one engine, then times it whenever asked.

    worker.py ENGINE MODEL THREADS IMAGE.npy LOGITS.npy

Talks in lines of JSON: {"ready": true} once loaded; then for each line
{"seconds": S} that it reads, {"ms": [...], "cpu_ms": C, "error": E}: the time of
each inference, the processor's time of an average one on all threads, and how far
the last one's logits are off. What fails is
{"failed": "why"}. The engines' own chatter goes to standard error.
"""

import json
import os
import sys
import time

import numpy as np

from engines import ENGINES

LEAST = 3  # timed inferences, however slow


def pin(threads):
    """Keeps the process on as many cores as it has threads, before the engine counts them."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-threads:])


def repeat(engine, seconds, least):
    """Milliseconds of each inference, for `seconds` and at least `least` times."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        engine.run()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def difference(logits, reference):
    """max |logits - reference| / max |reference|; None where one is not a number."""
    logits = np.asarray(logits, np.float64).ravel()
    worst = np.abs(logits - reference).max() / np.abs(reference).max()
    return float(worst) if np.isfinite(worst) else None


def serve(engine, reference, say):
    engine.run()
    say(ready=True)
    for line in sys.stdin:
        seconds = json.loads(line)["seconds"]
        repeat(engine, seconds / 4, 1)  # caches and clocks as they are in use
        before = time.process_time()
        times = repeat(engine, seconds, LEAST)
        spent = 1e3 * (time.process_time() - before) / len(times)
        say(ms=times, cpu_ms=spent, error=difference(engine.logits(), reference))


def main():
    name, model, threads, image, logits = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**answer):
        print(json.dumps(answer), file=answers, flush=True)

    pin(int(threads))
    try:
        engine = ENGINES[name](model, int(threads), np.load(image))
        serve(engine, np.load(logits).ravel(), say)
    except Exception as failure:  # of whatever kind the engine throws: it is the answer
        say(failed=f"{type(failure).__name__}: {failure}".splitlines()[0])


if __name__ == "__main__":
    main()
