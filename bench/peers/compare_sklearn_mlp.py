#!/usr/bin/env python3
"""Trains an MLP with the same layers in scikit-learn and in distsgd and prints both test accuracies.

usage: compare_sklearn_mlp.py DISTSGD TRAIN TEST [--hidden 100] [--seeds 1,2,3] [-- more options of distsgd train]

TRAIN and TEST are LIBSVM text with class labels. scikit-learn (Debian package python3-sklearn) gets standardised columns and is
otherwise as it comes: MLPClassifier, ReLU, Adam, at most --iterations passes. distsgd gets the file and `--model mlp`.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

import origin
from sklearn.datasets import load_svmlight_files
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler


def distsgd(program, train, test, hidden, seed, more, folder):
    command = [program, "train", "--data", train, "--test", test, "--model", "mlp", "--hidden", hidden, "--seed", str(seed),
               "--out", os.path.join(folder, "model.safetensors"), "--json"] + more
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return json.loads(lines[-1])["test_accuracy"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--hidden", default="100")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--iterations", type=int, default=200)
    arguments, more = parser.parse_known_args()
    more = [option for option in more if option != "--"]
    warnings.simplefilter("ignore")  # scikit-learn says when it has not converged
    x, y, x_test, y_test = load_svmlight_files([arguments.train, arguments.test])
    scaler = StandardScaler().fit(x.toarray())
    x, x_test = scaler.transform(x.toarray()), scaler.transform(x_test.toarray())
    layers = tuple(int(units) for units in arguments.hidden.split(","))
    print(origin.line())
    print(f"{'seed':>4} {'scikit-learn':>18} {'distsgd':>18}")
    theirs, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in (int(text) for text in arguments.seeds.split(",")):
            began = time.time()
            peer = MLPClassifier(layers, random_state=seed, max_iter=arguments.iterations).fit(x, y)
            theirs.append(peer.score(x_test, y_test))
            middle = time.time()
            ours.append(distsgd(arguments.program, arguments.train, arguments.test, arguments.hidden, seed, more, folder))
            print(f"{seed:4} {theirs[-1]:8.4f} ({middle - began:5.1f} s) {ours[-1]:8.4f} ({time.time() - middle:5.1f} s)")
            sys.stdout.flush()
    mean = sum(ours) / len(ours) - sum(theirs) / len(theirs)
    print(f"mean: distsgd {abs(mean):.4f} {'above' if mean >= 0 else 'below'} scikit-learn")


if __name__ == "__main__":
    main()
