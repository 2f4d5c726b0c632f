"""Python stubs of the .proto files that the interop tests share, generated into a temporary folder with protoc and made importable."""
import atexit
import pathlib
import shutil
import subprocess
import sys
import tempfile

import grpc
from google.protobuf import any_pb2, descriptor_pb2, duration_pb2

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDERS = {
    "tests/Interop/protos": ["interop.proto"],
    "src/Grpc/Health": ["health.proto"],
    "src/Grpc/Reflection": ["grpc/reflection/v1/reflection.proto"],
    "src/Grpc/RichStatus": ["google/rpc/status.proto", "google/rpc/error_details.proto"],
}


def load():
    out = pathlib.Path(tempfile.mkdtemp(prefix="distsgd-stubs-"))
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    # Debian's protoc comes without the well-known files; Python has them compiled.
    known = descriptor_pb2.FileDescriptorSet()
    for module in (any_pb2, duration_pb2):
        known.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
    (out / "known.bin").write_bytes(known.SerializeToString())
    generated = out / "generated"
    generated.mkdir()
    subprocess.run(
        ["protoc", "--plugin=protoc-gen-grpc_python=" + shutil.which("grpc_python_plugin"), f"--descriptor_set_in={out / 'known.bin'}",
         *[f"-I{ROOT / folder}" for folder in FOLDERS], f"--python_out={generated}", f"--grpc_python_out={generated}",
         *[file for files in FOLDERS.values() for file in files]],
        check=True)
    sys.path.insert(0, str(generated))
    grpc.__path__.append(str(generated / "grpc"))  # Where the stubs of grpc.reflection are.
