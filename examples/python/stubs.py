"""Makes Python stubs of DistSgd's .proto files on the fly, with whichever generator is there."""
import atexit
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROTOS = pathlib.Path(__file__).resolve().parents[2] / "src" / "Protos"


def load(protos=PROTOS):
    """Generates the stubs into a temporary folder and makes them importable: `from distsgd.v1 import parameters_pb2`.

    Uses grpc_tools (pip install grpcio-tools), or else protoc with grpc_python_plugin
    (Debian: apt-get install protobuf-compiler protobuf-compiler-grpc).
    """
    out = tempfile.mkdtemp(prefix="distsgd-stubs-")
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    files = sorted(str(path.relative_to(protos)) for path in pathlib.Path(protos).glob("distsgd/v1/*.proto"))
    arguments = [f"-I{protos}", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    try:
        from grpc_tools import protoc
        failed = protoc.main(["protoc", *arguments]) != 0
    except ImportError:
        plugin = shutil.which("grpc_python_plugin")
        if plugin is None or shutil.which("protoc") is None:
            sys.exit("Neither grpc_tools nor protoc with grpc_python_plugin is installed; pip install grpcio-tools brings the former.")
        failed = subprocess.run(["protoc", f"--plugin=protoc-gen-grpc_python={plugin}", *arguments]).returncode != 0
    if failed:
        sys.exit(f"The stubs of {protos} could not be generated; the messages are above.")
    sys.path.insert(0, out)
