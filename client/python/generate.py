#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Regenerates `negatron/v1/*_pb2*.py` and `negatron/wire/*_pb2*.py` from `proto/`.

The generated modules are checked in so that `pip install` needs no protoc. Their proto path
(`negatron/v1/types.proto`) is their place in this package, so their imports need no rewriting.

    client/python/generate.py [--out DIR]
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import subprocess
import sys

_HERE = pathlib.Path(__file__).resolve().parent
PROTO_ROOT = _HERE.parent.parent / "proto"
_LICENSE_LINE = "# SPDX-License-Identifier: Apache-2.0\n"


def find_tools() -> tuple[str, str]:
    """Returns the paths of protoc and grpc_python_plugin.

    Raises:
      FileNotFoundError: one of them is not on PATH; the message names it.
    """
    paths = []
    for tool in ("protoc", "grpc_python_plugin"):
        path = shutil.which(tool)
        if path is None:
            raise FileNotFoundError(
                f"{tool} is not on PATH (Debian: protobuf-compiler, protobuf-compiler-grpc)"
            )
        paths.append(path)
    return paths[0], paths[1]


def generate(out: pathlib.Path) -> list[pathlib.Path]:
    """Generates every module below `out` and returns their paths relative to it, sorted."""
    protoc, plugin = find_tools()
    protos = sorted(PROTO_ROOT.glob("negatron/**/*.proto"))
    with_services = [p for p in protos if "\nservice " in p.read_text(encoding="utf-8")]
    base = [protoc, f"--proto_path={PROTO_ROOT}"]
    subprocess.run([*base, f"--python_out={out}", f"--pyi_out={out}", *map(str, protos)], check=True)
    subprocess.run(
        [
            *base,
            f"--plugin=protoc-gen-grpc_python={plugin}",
            f"--grpc_python_out={out}",
            *map(str, with_services),
        ],
        check=True,
    )
    modules = sorted(p for p in out.glob("negatron/**/*_pb2*") if p.suffix in (".py", ".pyi"))
    for module in modules:
        text = module.read_text(encoding="utf-8")
        if not text.startswith(_LICENSE_LINE):
            module.write_text(_LICENSE_LINE + text, encoding="utf-8")
    return [module.relative_to(out) for module in modules]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=_HERE, help="default: this folder")
    args = parser.parse_args()
    for module in generate(args.out):
        print(module)
    return 0


if __name__ == "__main__":
    sys.exit(main())
