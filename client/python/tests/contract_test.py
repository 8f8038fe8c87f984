# SPDX-License-Identifier: Apache-2.0
"""The contract between client and server, against the fake server."""

from __future__ import annotations

from typing import Callable

import pytest

import candidates_contract
import contract
import embeddings_contract
import feedback_contract
import guards_contract
import negatron
import policies_contract
import pool_time_contract


@pytest.mark.parametrize(
    "case",
    contract.CASES
    + embeddings_contract.CASES
    + pool_time_contract.CASES
    + candidates_contract.CASES
    + guards_contract.CASES
    + policies_contract.CASES
    + feedback_contract.CASES,
    ids=lambda case: case.__name__,
)
def test_fake_keeps_contract(
    client: negatron.Client, case: Callable[[negatron.Client, str], None]
) -> None:
    case(client, "films")
