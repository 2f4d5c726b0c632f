#!/usr/bin/env python3
"""Times whole processes in turn: liblinear-train from text to model, and distsgd train from text to model, one epoch, two threads.

usage: whole_process.py DISTSGD TRAIN [--runs N]

Prints the median of each and the ratio of the medians. liblinear: -q -s 7 -c 1 (logistic regression, dual); distsgd: no cache.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time

import origin


def seconds(command):
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("train")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peer = ["liblinear-train", "-q", "-s", "7", "-c", "1", arguments.train, os.path.join(folder, "liblinear.model")]
        ours = [arguments.program, "train", "--data", arguments.train, "--epochs", "1", "--threads", "2", "--cache", "off", "--out", os.path.join(folder, "model.safetensors")]
        times = {"liblinear": [], "distsgd": []}
        seconds(peer), seconds(ours)
        for _ in range(arguments.runs):
            times["liblinear"].append(seconds(peer))
            times["distsgd"].append(seconds(ours))
    print(origin.line())
    for name, values in times.items():
        print(f"{name:10} median {statistics.median(values):.3f} s  ({min(values):.3f} to {max(values):.3f})")
    print(f"ratio      {statistics.median(times['distsgd']) / statistics.median(times['liblinear']):.2f}")


if __name__ == "__main__":
    main()
