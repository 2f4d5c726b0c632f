"""What figures come from: one line, to be printed above them."""
import os
import platform
import shlex
import sys


def processor():
    try:
        with open("/proc/cpuinfo") as facts:
            return next(line.split(":", 1)[1].strip() for line in facts if line.startswith("model name"))
    except (OSError, StopIteration):
        return f"{platform.machine()} processor"


def line():
    return f"{processor()}, {os.cpu_count()} logical processors, Python {platform.python_version()}: {shlex.join(sys.argv)}"
