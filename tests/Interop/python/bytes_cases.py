"""Cases with raw bytes as messages, against BytesService."""
import threading

import grpc

from expect import PATIENCE, expect, fails

PATH = "/distsgd.interop.Bytes/"


class BytesCases:
    def __init__(self, channel):
        self.unary = channel.unary_unary(PATH + "Unary")
        self.collect = channel.stream_unary(PATH + "Collect")
        self.expand = channel.unary_stream(PATH + "Expand")
        self.chat = channel.stream_stream(PATH + "Chat")
        self.missing = channel.unary_unary(PATH + "Missing")
        self.nowhere = channel.unary_unary("/no.such.Service/Method")

    def bytes_unary(self):
        for size in (0, 1, 4091, 4092, 16384, 65535, 1000003):
            expect(self.unary(b"x" * size, timeout=PATIENCE), b"x" * size)

    def bytes_large(self):
        payload = bytes(range(256)) * (32 << 12)
        expect(self.unary(payload, timeout=PATIENCE) == payload, True)

    def bytes_client_streaming(self):
        expect(self.collect(iter([b"a" * i for i in range(50)]), timeout=PATIENCE), ",".join(map(str, range(50))).encode())
        expect(self.collect(iter([]), timeout=PATIENCE), b"")

    def bytes_server_streaming(self):
        expect(list(self.expand(b"100", timeout=PATIENCE)), [str(i).encode() for i in range(100)])
        expect(list(self.expand(b"0", timeout=PATIENCE)), [])

    def bytes_duplex(self):
        turn = threading.Semaphore(1)

        def requests():
            for i in range(50):
                turn.acquire()
                yield str(i).encode()

        seen = []
        for reply in self.chat(requests(), timeout=PATIENCE):
            seen.append(reply)
            turn.release()
        expect(seen, [str(i).encode() for i in range(50)])

    def bytes_metadata(self):
        sent = (("behavior", "metadata"), ("echo-text", "plain, with comma"), ("echo-raw-bin", bytes(range(256))), ("echo-empty-bin", b""))
        reply, call = self.unary.with_call(b"x", metadata=sent, timeout=PATIENCE)
        expect(reply, b"x")
        for received in (dict(call.initial_metadata()), dict(call.trailing_metadata())):
            expect(received["echo-text"], "plain, with comma")
            expect(received["echo-raw-bin"], bytes(range(256)))
            expect(received["echo-empty-bin"], b"")

    def bytes_status(self):
        error = fails(grpc.StatusCode.FAILED_PRECONDITION, lambda: self.unary(b"", metadata=(("behavior", "status"),), timeout=PATIENCE))
        expect(error.details(), "50 % of τ\n")
        expect(dict(error.trailing_metadata())["why"], "because")
        expect(dict(error.trailing_metadata())["raw-bin"], bytes([0, 255, 1]))

    def bytes_status_after_messages(self):
        call = self.expand(b"3", metadata=(("behavior", "status"),), timeout=PATIENCE)
        expect([next(call), next(call), next(call)], [b"0", b"1", b"2"])
        fails(grpc.StatusCode.FAILED_PRECONDITION, lambda: next(call))

    def bytes_exception(self):
        error = fails(grpc.StatusCode.UNKNOWN, lambda: self.unary(b"", metadata=(("behavior", "throw"),), timeout=PATIENCE))
        expect(error.details(), "Exception was thrown by handler.")

    def bytes_unimplemented(self):
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: self.missing(b"", timeout=PATIENCE))
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: self.nowhere(b"", timeout=PATIENCE))

    def bytes_deadline(self):
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: self.unary(b"", metadata=(("behavior", "hang"),), timeout=0.2))
        remaining = float(self.unary(b"", metadata=(("behavior", "remaining"),), timeout=1000))
        expect(900 < remaining < 1010, True)

    def bytes_cancellation(self):
        call = self.expand(b"1", metadata=(("behavior", "wait"),), timeout=PATIENCE)
        expect(next(call), b"0")
        call.cancel()
        fails(grpc.StatusCode.CANCELLED, lambda: next(call))
        expect(self.unary(b"", metadata=(("behavior", "was-cancelled"),), timeout=PATIENCE), b"yes")

    def bytes_over_limit(self):
        error = fails(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: self.unary(b"x" * (40 << 20), timeout=PATIENCE))
        expect("41943040 bytes" in error.details(), True)
        expect(self.unary(b"after", timeout=PATIENCE), b"after")

    def bytes_compression(self):
        payload = b"x" * 10000
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            expect(self.unary(payload, compression=compression, timeout=PATIENCE), payload)
            expect(self.unary(payload, metadata=(("behavior", "compress"),), compression=compression, timeout=PATIENCE), payload)
            requests = iter([b"a" * i for i in range(50)])
            expect(list(self.chat(requests, compression=compression, timeout=PATIENCE)), [b"a" * i for i in range(50)])

    def bytes_over_limit_compressed(self):
        error = fails(
            grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: self.unary(b"x" * (40 << 20), compression=grpc.Compression.Gzip, timeout=PATIENCE))
        expect("decompressed" in error.details(), True)
        expect(self.unary(b"after", timeout=PATIENCE), b"after")
