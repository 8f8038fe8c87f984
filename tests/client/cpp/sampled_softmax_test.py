# SPDX-License-Identifier: Apache-2.0
"""The C++ trainer of the examples, in short form, against negatrond itself.

NEGATRON_SERVER_BINARY names the server; NEGATRON_CLI_BINARY lies beside the example.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest

import negatron

_SERVER = os.environ.get("NEGATRON_SERVER_BINARY", "")
_CLI = os.environ.get("NEGATRON_CLI_BINARY", "")
_TRAINER = pathlib.Path(_CLI).with_name("negatron_sampled_softmax")

pytestmark = pytest.mark.skipif(
    not (_SERVER and _CLI), reason="NEGATRON_SERVER_BINARY or NEGATRON_CLI_BINARY is not set"
)


def test_model_learns_more_than_popularity() -> None:
    with negatron.local(server=_SERVER) as client:
        done = subprocess.run(
            [_TRAINER, client.target, "6"], check=True, capture_output=True, text=True, timeout=120
        )
        assert client.statistics("example-softmax").sample_call_count > 6 * 40
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", done.stdout)]
    assert len(losses) == 6 and losses[-1] < losses[0]
    recall, popularity = re.findall(r"recall@20 ([\d.]+), by popularity ([\d.]+)", done.stdout)[0]
    assert float(recall) > 1.3 * float(popularity) > 0


def test_server_that_is_not_there_is_an_error() -> None:
    done = subprocess.run([_TRAINER, ""], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "target" in done.stderr
