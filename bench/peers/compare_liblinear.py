#!/usr/bin/env python3
"""Trains the same objective with liblinear and with distsgd and prints both results side by side.

usage: compare_liblinear.py DISTSGD TRAIN TEST [--C 0.1,1,10] [--solvers 0,3] [--epochs N] [--optimizers sgd,adagrad] [-- more options of distsgd train]

liblinear (Debian package liblinear-tools) minimises |w|^2/2 (solvers 0, 1, 2, 3, 7) or |w|_1 (5, 6) + C * sum of losses without a bias; that is the
objective of `distsgd train --l2 1/(C*n)`, or `--l1 1/(C*n) --l2 0`, for n rows, apart from distsgd's unregularised bias. Needs nothing but Python 3.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

import origin


# What each solver of liblinear minimises: our model, loss and regulariser.
SOLVERS = {
    0: ("logistic", "logistic", "l2"), 7: ("logistic", "logistic", "l2"), 6: ("logistic", "logistic", "l1"),
    3: ("svm", "hinge", "l2"), 1: ("svm", "squared-hinge", "l2"), 2: ("svm", "squared-hinge", "l2"), 5: ("svm", "squared-hinge", "l1"),
}
LOSSES = {
    "logistic": lambda z: max(0, -z) + math.log1p(math.exp(-abs(z))),
    "hinge": lambda z: max(0, 1 - z),
    "squared-hinge": lambda z: max(0, 1 - z) ** 2,
}


def read_rows(path):
    rows = []
    with open(path) as lines:
        for line in lines:
            parts = line.split()
            rows.append((float(parts[0]), [(int(i), float(v)) for i, v in (p.split(":") for p in parts[1:])]))
    return rows


def liblinear(solver, c, train, rows, folder):
    model = os.path.join(folder, "liblinear.model")
    began = time.time()
    subprocess.run(["liblinear-train", "-q", "-s", str(solver), "-c", str(c), train, model], check=True)
    seconds = time.time() - began
    with open(model) as lines:
        text = lines.read().split("w\n")
    first = float([line for line in text[0].splitlines() if line.startswith("label")][0].split()[1])
    weights = [float(w) for w in text[1].split()]
    positive = max(label for label, _ in rows)
    sign = 1 if first == positive else -1
    loss = right = 0
    for label, features in rows:
        y = 1 if label == positive else -1
        score = sign * sum(weights[i - 1] * v for i, v in features if i <= len(weights))
        z = y * score
        loss += LOSSES[SOLVERS[solver][1]](z)
        right += (score > 0) == (y > 0)
    return loss / len(rows), right / len(rows), seconds


def distsgd(program, solver, train, test, strength, optimizer, epochs, more, folder):
    model, loss, norm = SOLVERS[solver]
    command = [program, "train", "--data", train, "--test", test, "--model", model, "--loss", loss, "--optimizer", optimizer,
               *(["--l2", repr(strength)] if norm == "l2" else ["--l1", repr(strength), "--l2", "0"]), "--out", os.path.join(folder, "model.safetensors"), "--json"] + (["--epochs", str(epochs)] if epochs else []) + more
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return json.loads(lines[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--C", default="0.1,0.5,1,10")
    parser.add_argument("--solvers", default="0,3", help="any of " + ", ".join(str(solver) for solver in sorted(SOLVERS)))
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--optimizers", default="sgd,adagrad")
    arguments, more = parser.parse_known_args()
    more = [option for option in more if option != "--"]
    with open(arguments.train) as lines:
        n = sum(1 for _ in lines)
    rows = read_rows(arguments.test)
    print(origin.line())
    print(f"{'solver, loss, norm':21} {'C':>5} {'optimizer':9} {'liblinear':>17} {'distsgd':>17}   difference (loss, accuracy)")
    with tempfile.TemporaryDirectory() as folder:
        for solver in (int(x) for x in arguments.solvers.split(",")):
            worst_loss = worst_accuracy = -math.inf
            what = f"{solver} {SOLVERS[solver][1]} {SOLVERS[solver][2]}"
            for c in (float(x) for x in arguments.C.split(",")):
                loss, accuracy, _ = liblinear(solver, c, arguments.train, rows, folder)
                for optimizer in arguments.optimizers.split(","):
                    ours = distsgd(arguments.program, solver, arguments.train, arguments.test, 1 / (c * n), optimizer, arguments.epochs, more, folder)
                    above, below = ours["test_loss"] - loss, accuracy - ours["test_accuracy"]
                    worst_loss, worst_accuracy = max(worst_loss, above), max(worst_accuracy, below)
                    print(f"{what:21} {c:5g} {optimizer:9} {loss:8.4f} {accuracy:8.4f} {ours['test_loss']:8.4f} {ours['test_accuracy']:8.4f}   {above:+.4f} {-below:+.4f}")
                    sys.stdout.flush()
            print(f"{what}: worst loss {worst_loss:+.4f} above, accuracy {worst_accuracy:.4f} below liblinear")


if __name__ == "__main__":
    main()
