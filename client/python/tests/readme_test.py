# SPDX-License-Identifier: Apache-2.0
"""The code of the README runs as it stands there."""

from __future__ import annotations

import pathlib
import re

import numpy as np
from fake_server import FakeServer

_README = pathlib.Path(__file__).resolve().parents[1] / "README.md"


def test_examples_run_one_after_the_other(server: FakeServer) -> None:
    blocks = re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    code = "".join(blocks).replace("127.0.0.1:7600", f"127.0.0.1:{server.port}")
    names: dict[str, object] = {}
    exec(compile(code, str(_README), "exec"), names)  # pylint: disable=exec-used
    assert np.shape(names["sample"].items) == (3, 4)  # type: ignore[attr-defined]
    assert np.isfinite(names["mixgcf_negatives"]).all()  # type: ignore[arg-type]
    assert np.shape(names["dens_items"]) == (3,)
