# SPDX-License-Identifier: Apache-2.0
"""The code of both READMEs runs as it stands there."""

from __future__ import annotations

import os
import pathlib
import re

import numpy as np
import pytest

from fake_server import FakeServer
from server_process import ServerProcess, fake_binary

_BINARY = os.environ.get("NEGATRON_SERVER_BINARY", "")
_README = pathlib.Path(__file__).resolve().parents[1] / "README.md"
_ROOT_README = _README.parents[2] / "README.md"


def _blocks(path: pathlib.Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def _plain_blocks() -> list[str]:
    return [block for block in _blocks(_README) if "import torch" not in block]


def _run(code: str, path: pathlib.Path) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(code, str(path), "exec"), names)  # pylint: disable=exec-used
    return names


def test_examples_run_one_after_the_other(server: FakeServer) -> None:
    # The fake server gives no accounts.
    blocks = [block for block in _plain_blocks() if "client.explain(" not in block]
    assert len(blocks) == 5
    code = "".join(blocks).replace("127.0.0.1:7600", f"127.0.0.1:{server.port}")
    names = _run(code, _README)
    assert np.shape(names["sample"].items) == (3, 4)  # type: ignore[attr-defined]
    assert abs(names["controller"].smoothed_rate - 0.3) < 0.05  # type: ignore[attr-defined]
    assert np.isfinite(names["mixgcf_negatives"]).all()  # type: ignore[arg-type]
    assert np.shape(names["dens_items"]) == (3,)


@pytest.mark.skipif(not _BINARY, reason="NEGATRON_SERVER_BINARY is not set")
def test_examples_run_against_negatrond(tmp_path: pathlib.Path) -> None:
    server = ServerProcess(_BINARY, tmp_path)
    try:
        code = "".join(_plain_blocks()).replace("127.0.0.1:7600", server.target)
        names = _run(code, _README)
    finally:
        server.process.kill()
        server.process.wait()
    assert len(names["told"].items) == 3  # type: ignore[attr-defined]


def test_the_loop_in_pytorch_runs(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (python3-torch)")
    monkeypatch.setenv("NEGATRON_SERVER", str(fake_binary(tmp_path)))
    blocks = [block for block in _blocks(_README) if "import torch" in block]
    assert len(blocks) == 1
    names = _run(blocks[0], _README)
    assert np.isfinite(float(names["loss"]))  # type: ignore[arg-type]
    assert names["pusher"].pushed_rows >= 300  # type: ignore[attr-defined]


def test_the_call_of_the_first_readme_runs(server: FakeServer) -> None:
    blocks = _blocks(_ROOT_README)
    assert len(blocks) == 1
    names = _run(blocks[0].replace("127.0.0.1:7600", f"127.0.0.1:{server.port}"), _ROOT_README)
    assert set(names["sample"].items.ravel()) <= {10, 40}  # type: ignore[attr-defined]
