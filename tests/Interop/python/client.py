"""A gRPC client on python3-grpcio that runs cases against the C# server.

Usage: client.py HOST:PORT. Prints the names of its cases on the first line; then each line of its standard input names a case, and is answered by
"PASS CASE", or "FAIL CASE" and what went wrong.
"""
import sys
import traceback

import grpc

from bytes_cases import BytesCases
from testing_cases import TestingCases

SHARED = {"unary", "status_comes_back", "metadata_comes_back"}


def main():
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(sys.argv[1], options=options) as channel:
        cases = {}
        for group in (TestingCases(channel), BytesCases(channel)):
            cases.update({name: getattr(group, name) for name in vars(type(group)) if not name.startswith("_") and name not in SHARED})
        print(*cases, flush=True)
        for line in sys.stdin:
            name = line.strip()
            try:
                cases[name]()
                print("PASS", name, flush=True)
            except Exception:
                print("FAIL", name, repr(traceback.format_exc()), flush=True)


main()
