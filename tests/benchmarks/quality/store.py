# SPDX-License-Identifier: Apache-2.0
"""Finished runs on disk: what makes the benchmark resumable."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any, Mapping, Optional

import numpy as np


PROTOCOL = 2  # Of runs. To be raised when equal configurations begin to mean another run.


@dataclasses.dataclass(frozen=True)
class Config:
    """All that a run depends on, so that its key names its result."""

    data: str  # Fingerprint of the world.
    split: str
    model: str
    loss: str
    arm: str
    parameters: Mapping[str, Any]
    seed: int
    epochs: int  # Of a whole training, which schedules follow.
    stop: int  # Epochs after which this run ends, at most `epochs`.
    batch: int
    patience: Optional[int] = None  # Ends sooner, after so many epochs without a new best.
    protocol: int = PROTOCOL

    def key(self) -> str:
        """A name of 16 hexadecimal digits; other configurations have others."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run came to."""

    ndcg: list[float]  # NDCG@20 by epoch.
    hardness: list[float]  # By epoch.
    updates: list[int]  # Made by the end of each epoch.
    seconds: list[float]  # Of training, by the end of each epoch; without measuring.
    wait_seconds: float  # Part of it in which the trainer stood still for the server.
    short_rows: int  # Rows with fewer negatives than asked for.
    progress: list[float]  # Of schedule or controller, by epoch; 0 without either.
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)  # Of the last epoch.

    @property
    def best_epoch(self) -> int:
        """Counted from 1."""
        return int(np.argmax(self.ndcg)) + 1


class Store:
    """A folder with `KEY.json`, one line each, and `KEY.npz` for arrays."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, config: Config) -> Optional[Result]:
        """Returns what `save` kept for the configuration; None if it did not run to its end."""
        path = self._folder / f"{config.key()}.json"
        if not path.exists():
            return None
        line = json.loads(path.read_text(encoding="utf-8"))
        with np.load(path.with_suffix(".npz")) as arrays:
            return Result(**line["result"], arrays=dict(arrays))

    def save(self, config: Config, result: Result) -> None:
        """Keeps a result; what is cut off on the way is as if it had not begun."""
        fields = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
        arrays = fields.pop("arrays")
        path = self._folder / f"{config.key()}.json"
        temporary = path.with_suffix(".tmp")
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(temporary, path.with_suffix(".npz"))
        line = json.dumps({"config": dataclasses.asdict(config), "result": fields})
        temporary.write_text(line + "\n", encoding="utf-8")
        os.replace(temporary, path)  # Last, since a run is finished if it is there.
