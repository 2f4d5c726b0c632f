"""The service of gRPC's interop test cases on python3-grpcio (see protos/interop.proto), and health beside it."""
import grpc

import stubs

stubs.load()
import health_pb2
import health_pb2_grpc
import interop_pb2 as pb
import interop_pb2_grpc

INITIAL, TRAILING, DETAILS = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin", "x-test-details-bin"
CODES = {code.value[0]: code for code in grpc.StatusCode}


def echo_metadata(context):
    """Sets the trailers and sends the initial metadata; returns the trailers."""
    sent = context.invocation_metadata()
    trailers = tuple((key, value) for key, value in sent if key == TRAILING)
    context.set_trailing_metadata(trailers)
    context.send_initial_metadata(tuple((key, value) for key, value in sent if key == INITIAL))
    return trailers


def end_if_asked(status, context):
    if status.code == 0:
        return
    details = [value for key, value in context.invocation_metadata() if key == DETAILS]
    context.set_trailing_metadata(tuple(("grpc-status-details-bin", value) for value in details))
    context.abort(CODES[status.code], status.message)


def answers(request, context):
    end_if_asked(request.response_status, context)
    for asked in request.response_parameters:
        if asked.HasField("compressed") and not asked.compressed.value:
            context.disable_next_message_compression()
        yield pb.StreamingOutputCallResponse(payload=pb.Payload(body=bytes(asked.size)))


class TestService(interop_pb2_grpc.TestServiceServicer):
    def EmptyCall(self, request, context):
        return pb.Empty()

    def UnaryCall(self, request, context):
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        echo_metadata(context)
        end_if_asked(request.response_status, context)
        return pb.SimpleResponse(payload=pb.Payload(body=bytes(request.response_size)))

    def StreamingInputCall(self, requests, context):
        return pb.StreamingInputCallResponse(aggregated_payload_size=sum(len(request.payload.body) for request in requests))

    def StreamingOutputCall(self, request, context):
        if any(asked.compressed.value for asked in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        echo_metadata(context)
        yield from answers(request, context)

    def FullDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in requests:
            yield from answers(request, context)


class Health(health_pb2_grpc.HealthServicer):
    def Check(self, request, context):
        if request.service != "grpc.testing.TestService":
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    def Watch(self, request, context):
        yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


def add_to(server):
    interop_pb2_grpc.add_TestServiceServicer_to_server(TestService(), server)
    health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
