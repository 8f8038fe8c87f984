# SPDX-License-Identifier: Apache-2.0
"""Calls for backups."""

from __future__ import annotations

from typing import Iterator, Optional

from negatron.backups import Backup, BackupWork, CreatedBackup
from negatron.base import BaseClient
from negatron.v1 import backups_pb2


class BackupCalls(BaseClient):
    """Backups of all that the server keeps, in the folder it was started with.

    Without one every call raises `FailedPrecondition`, reason `BACKUPS_OFF`; while a backup is
    made, verified or deleted another such call does, reason `BACKUP_RUNNING`.
    """

    def create_backup(
        self, *, keep_count: int = 0, timeout: Optional[float] = None
    ) -> CreatedBackup:
        """Makes a backup, while the server goes on; is never repeated by itself.

        Args:
          keep_count: the oldest backups beyond this many are deleted; 0: none is.
          timeout: must allow for the copying; when it is over, no backup is made.
        """
        request = backups_pb2.CreateBackupRequest(keep_count=keep_count)
        proto = self._call(lambda s: s.backups.CreateBackup, request, timeout, retry=False)
        deleted = tuple(name.rpartition("/")[2] for name in proto.deleted_backups)
        return CreatedBackup(Backup.from_proto(proto.backup), deleted)

    def list_backups(
        self, *, page_size: int = 0, timeout: Optional[float] = None
    ) -> Iterator[Backup]:
        """Iterates over all backups, oldest first."""
        request = backups_pb2.ListBackupsRequest(page_size=page_size)
        for page in self._pages(lambda s: s.backups.ListBackups, request, timeout):
            yield from map(Backup.from_proto, page.backups)

    def backup_work(self, *, timeout: Optional[float] = None) -> Optional[BackupWork]:
        """Returns what is being done to backups, and how far it is; None: nothing."""
        request = backups_pb2.ListBackupsRequest(page_size=1)
        proto = self._call(lambda s: s.backups.ListBackups, request, timeout)
        return BackupWork.from_proto(proto.running) if proto.HasField("running") else None

    def verify_backup(self, backup_id: str, *, timeout: Optional[float] = None) -> Backup:
        """Compares every byte of a backup with its checksums, and returns it.

        Raises:
          NotFound: there is none of this id.
          NegatronError: of code DATA_LOSS and reason `BACKUP_DAMAGED`; names the first bad file.
        """
        request = backups_pb2.VerifyBackupRequest(name=f"backups/{backup_id}")
        return Backup.from_proto(self._call(lambda s: s.backups.VerifyBackup, request, timeout))

    def delete_backup(
        self, backup_id: str, *, allow_missing: bool = False, timeout: Optional[float] = None
    ) -> None:
        """Deletes a backup; raises `NotFound` unless `allow_missing`."""
        request = backups_pb2.DeleteBackupRequest(
            name=f"backups/{backup_id}", allow_missing=allow_missing
        )
        self._call(lambda s: s.backups.DeleteBackup, request, timeout, retry=allow_missing)
