# SPDX-License-Identifier: Apache-2.0
"""Backups, as the client sees them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Optional

from negatron.v1 import backups_pb2


class BackupTask(enum.IntEnum):
    """What is being done to backups."""

    CREATE = backups_pb2.BACKUP_TASK_CREATE
    VERIFY = backups_pb2.BACKUP_TASK_VERIFY
    DELETE = backups_pb2.BACKUP_TASK_DELETE


@dataclasses.dataclass(frozen=True)
class Backup:
    """A backup of all that a server keeps. With a `problem` all but the id means nothing."""

    id: str
    create_time: Optional[dt.datetime]
    format_version: int
    commit_sequence: int  # It holds all commits up to this one.
    size_bytes: int
    copied_bytes: int  # That it did not share with a backup before it.
    file_count: int
    problem: str  # Why its manifest cannot be read; "": nothing is known to be wrong.

    @classmethod
    def from_proto(cls, proto: backups_pb2.Backup) -> "Backup":
        time = None
        if proto.HasField("create_time"):
            time = proto.create_time.ToDatetime(tzinfo=dt.timezone.utc)
        return cls(
            proto.name.rpartition("/")[2],
            time,
            proto.format_version,
            proto.commit_sequence,
            proto.size_bytes,
            proto.copied_bytes,
            proto.file_count,
            proto.problem,
        )


@dataclasses.dataclass(frozen=True)
class CreatedBackup:
    """A new backup, and the ids of those that were deleted for it."""

    backup: Backup
    deleted: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class BackupWork:
    """A piece of work on backups. `id` is "" while one is made, `total_bytes` 0 until known."""

    task: BackupTask
    id: str
    start_time: dt.datetime
    done_bytes: int
    total_bytes: int

    @classmethod
    def from_proto(cls, proto: backups_pb2.BackupWork) -> "BackupWork":
        return cls(
            BackupTask(proto.task),
            proto.backup.rpartition("/")[2],
            proto.start_time.ToDatetime(tzinfo=dt.timezone.utc),
            proto.done_bytes,
            proto.total_bytes,
        )
