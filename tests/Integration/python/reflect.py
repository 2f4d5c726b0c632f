"""A generic client: everything it knows of the server's services it learns by reflection.

Usage: reflect.py HOST:PORT. Prints one JSON object: the services, the methods of distsgd.v1.Parameters, and what Shards/Describe answers.
"""
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PATIENCE = 30
FIELD = descriptor_pb2.FieldDescriptorProto


def reflection_messages():
    """The request and response of grpc.reflection.v1, as far as they are used here."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package="r", syntax="proto3")

    def add(name, *fields):
        message = file.message_type.add(name=name)
        for field, number, kind, label in fields:
            one = message.field.add(name=field, number=number, label=FIELD.LABEL_REPEATED if label else FIELD.LABEL_OPTIONAL)
            if isinstance(kind, str):
                one.type, one.type_name = FIELD.TYPE_MESSAGE, ".r." + kind
            else:
                one.type = kind

    add("Request", ("file_by_filename", 3, FIELD.TYPE_STRING, False), ("file_containing_symbol", 4, FIELD.TYPE_STRING, False), ("list_services", 7, FIELD.TYPE_STRING, False))
    add("Files", ("file_descriptor_proto", 1, FIELD.TYPE_BYTES, True))
    add("Service", ("name", 1, FIELD.TYPE_STRING, False))
    add("Services", ("service", 1, "Service", True))
    add("Error", ("error_code", 1, FIELD.TYPE_INT32, False), ("error_message", 2, FIELD.TYPE_STRING, False))
    add("Response", ("files", 4, "Files", False), ("services", 6, "Services", False), ("error", 7, "Error", False))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName("r." + name)) for name in ("Request", "Response")]


def main():
    request_type, response_type = reflection_messages()
    with grpc.insecure_channel(sys.argv[1]) as channel:
        reflect = channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=request_type.SerializeToString, response_deserializer=response_type.FromString)

        def ask(**question):
            (answer,) = reflect(iter([request_type(**question)]), timeout=PATIENCE)
            if answer.HasField("error"):
                raise AssertionError(f"{question}: {answer.error}")
            return answer

        services = [service.name for service in ask(list_services="*").services.service]
        files = {}

        def learn(answer):
            for serialized in answer.files.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(serialized)
                files[file.name] = file
            for file in list(files.values()):
                for needed in file.dependency:
                    if needed not in files:
                        learn(ask(file_by_filename=needed))

        for service in ("distsgd.v1.Shards", "distsgd.v1.Parameters"):
            learn(ask(file_containing_symbol=service))
        pool = descriptor_pool.DescriptorPool()
        added = set()

        def add(file):
            for needed in file.dependency:
                add(files[needed])
            if file.name not in added:
                added.add(file.name)
                pool.Add(file)

        for file in files.values():
            add(file)
        factory = message_factory.MessageFactory(pool)
        describe = pool.FindServiceByName("distsgd.v1.Shards").FindMethodByName("Describe")
        call = channel.unary_unary(
            "/distsgd.v1.Shards/Describe",
            request_serializer=factory.GetPrototype(describe.input_type).SerializeToString,
            response_deserializer=factory.GetPrototype(describe.output_type).FromString)
        described = call(factory.GetPrototype(describe.input_type)(), timeout=PATIENCE)
        methods = [method.name for method in pool.FindServiceByName("distsgd.v1.Parameters").methods]
        print(json.dumps({"services": services, "methods": methods, "process_id": described.process_id, "contract": described.contract}))


main()
