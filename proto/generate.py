"""Make the message modules of `edge.cluster.pb` from the .proto files.

Run `python proto/generate.py` after a change; a test compares. The modules are put flat into one
package, because no .proto file imports another, and without gRPC stubs: the bridge calls methods
by path, so `grpc` stays in one module of edge.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

PROTO = Path(__file__).resolve().parent
TARGET = PROTO.parent / "edge" / "cluster" / "pb"
SOURCES = ("coordinator/v1/coordinator.proto", "grpc/health/v1/health.proto")


def generate(target: Path) -> list[Path]:
    """Write the modules into `target` and return their paths."""
    from grpc_tools import protoc

    written = []
    with tempfile.TemporaryDirectory() as scratch:
        args = ["protoc", f"-I{PROTO}", f"--python_out={scratch}", f"--pyi_out={scratch}"]
        if protoc.main([*args, *SOURCES]) != 0:
            raise SystemExit("protoc failed")
        for source in SOURCES:
            stem = Path(scratch, source).with_suffix("")
            for suffix in ("_pb2.py", "_pb2.pyi"):
                made = stem.with_name(stem.name + suffix)
                written.append(Path(shutil.copy(made, target / made.name)))
    return written


if __name__ == "__main__":
    for path in generate(TARGET):
        sys.stdout.write(f"{path.relative_to(PROTO.parent)}\n")
