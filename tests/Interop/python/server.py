"""A gRPC server on python3-grpcio for the C# client's interop tests: a service with raw bytes as messages, and those of testing_service.py.

Usage: server.py MESSAGE_BYTES_MAX. Prints its port on the first line and serves until its standard input closes.
"""
import sys
import threading
from concurrent import futures

import grpc

import testing_service

SERVICE = "distsgd.interop.Bytes"
cancelled = threading.Event()


def metadata(context):
    return {key: value for key, value in context.invocation_metadata()}


def behave(context):
    """Does what the request header "behavior" names; None where the method just goes on."""
    behavior = metadata(context).get("behavior", "")
    if behavior == "metadata":
        echoed = [(k, v) for k, v in context.invocation_metadata() if k.startswith("echo-")]
        context.send_initial_metadata(echoed)
        context.set_trailing_metadata(echoed)
    elif behavior.startswith("compress-"):
        context.set_compression(grpc.Compression.Gzip if behavior.endswith("gzip") else grpc.Compression.Deflate)
    elif behavior == "status":
        context.set_trailing_metadata([("why", "because"), ("raw-bin", bytes([0, 255, 1]))])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "50 % of τ\n")
    elif behavior == "throw":
        raise RuntimeError("thrown")
    elif behavior == "wait":
        done = threading.Event()
        if not context.add_callback(lambda: (cancelled.set(), done.set())):
            cancelled.set()
            done.set()
        done.wait(30)
    elif behavior == "remaining":
        return str(context.time_remaining()).encode()
    elif behavior == "was-cancelled":
        return b"yes" if cancelled.wait(30) else b"no"
    elif behavior == "peer":
        return metadata(context).get("user-agent", "").encode()
    return None


def unary(request, context):
    answer = behave(context)
    return request if answer is None else answer


def collect(requests, context):
    sizes = [len(request) for request in requests]
    behave(context)
    return ",".join(map(str, sizes)).encode()


def expand(request, context):
    for i in range(int(request)):
        yield str(i).encode()
    behave(context)


def chat(requests, context):
    for request in requests:
        behave(context)
        yield request


def main():
    unlimited = [("grpc.max_receive_message_length", int(sys.argv[1])), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=unlimited)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Collect": grpc.stream_unary_rpc_method_handler(collect),
        "Expand": grpc.unary_stream_rpc_method_handler(expand),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
    }),))
    testing_service.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


main()
