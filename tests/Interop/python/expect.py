"""What the cases of a client say about their calls."""
import grpc

PATIENCE = 30


def expect(actual, wanted):
    if actual != wanted:
        raise AssertionError(f"expected {str(wanted)[:200]!r}, got {str(actual)[:200]!r}")


def fails(code, action):
    try:
        action()
    except grpc.RpcError as error:
        expect(error.code(), code)
        return error
    raise AssertionError(f"expected {code}, but the call succeeded")
