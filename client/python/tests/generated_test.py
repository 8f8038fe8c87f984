# SPDX-License-Identifier: Apache-2.0
"""The generated modules are those that generate.py makes of proto/."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_generated_modules_are_current(tmp_path: pathlib.Path) -> None:
    for tool in ("protoc", "grpc_python_plugin"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    version = subprocess.run(
        ["protoc", "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    if not version.startswith("3.21."):
        pytest.skip(f"the modules are made by protoc 3.21, here is {version}")
    listing = subprocess.run(
        [sys.executable, str(_ROOT / "generate.py"), f"--out={tmp_path}"],
        check=True, capture_output=True, text=True,
    ).stdout.split()
    checked_in = sorted(str(p.relative_to(_ROOT)) for p in _ROOT.glob("negatron/**/*_pb2*.py*"))
    assert sorted(listing) == [p for p in checked_in if "__pycache__" not in p]
    for name in listing:
        fresh = (tmp_path / name).read_text(encoding="utf-8")
        assert fresh == (_ROOT / name).read_text(encoding="utf-8"), f"{name}: run generate.py"


def test_every_package_is_installed() -> None:
    text = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^packages = \[(.*)\]$", text, re.MULTILINE)
    assert listed is not None
    found = {".".join(p.parent.relative_to(_ROOT).parts) for p in _ROOT.glob("negatron/**/*.py")}
    assert sorted(re.findall(r'"([\w.]+)"', listed[1])) == sorted(found)


def test_google_rpc_stays_unregistered() -> None:
    code = (
        "import negatron\n"
        "from google.protobuf import descriptor_pool\n"
        "try:\n"
        "    descriptor_pool.Default().FindMessageTypeByName('google.rpc.Status')\n"
        "except KeyError:\n"
        "    raise SystemExit(0)\n"
        "raise SystemExit('google.rpc.Status is registered')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=_ROOT)
