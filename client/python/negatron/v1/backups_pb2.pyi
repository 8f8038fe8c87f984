# SPDX-License-Identifier: Apache-2.0
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

BACKUP_TASK_CREATE: BackupTask
BACKUP_TASK_DELETE: BackupTask
BACKUP_TASK_UNSPECIFIED: BackupTask
BACKUP_TASK_VERIFY: BackupTask
DESCRIPTOR: _descriptor.FileDescriptor

class Backup(_message.Message):
    __slots__ = ["commit_sequence", "copied_bytes", "create_time", "file_count", "format_version", "name", "problem", "size_bytes"]
    COMMIT_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    COPIED_BYTES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    FILE_COUNT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    commit_sequence: int
    copied_bytes: int
    create_time: _timestamp_pb2.Timestamp
    file_count: int
    format_version: int
    name: str
    problem: str
    size_bytes: int
    def __init__(self, name: _Optional[str] = ..., create_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., format_version: _Optional[int] = ..., commit_sequence: _Optional[int] = ..., size_bytes: _Optional[int] = ..., copied_bytes: _Optional[int] = ..., file_count: _Optional[int] = ..., problem: _Optional[str] = ...) -> None: ...

class BackupWork(_message.Message):
    __slots__ = ["backup", "done_bytes", "start_time", "task", "total_bytes"]
    BACKUP_FIELD_NUMBER: _ClassVar[int]
    DONE_BYTES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    backup: str
    done_bytes: int
    start_time: _timestamp_pb2.Timestamp
    task: BackupTask
    total_bytes: int
    def __init__(self, task: _Optional[_Union[BackupTask, str]] = ..., backup: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., done_bytes: _Optional[int] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class CreateBackupRequest(_message.Message):
    __slots__ = ["keep_count"]
    KEEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    keep_count: int
    def __init__(self, keep_count: _Optional[int] = ...) -> None: ...

class CreateBackupResponse(_message.Message):
    __slots__ = ["backup", "deleted_backups"]
    BACKUP_FIELD_NUMBER: _ClassVar[int]
    DELETED_BACKUPS_FIELD_NUMBER: _ClassVar[int]
    backup: Backup
    deleted_backups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, backup: _Optional[_Union[Backup, _Mapping]] = ..., deleted_backups: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteBackupRequest(_message.Message):
    __slots__ = ["allow_missing", "name"]
    ALLOW_MISSING_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    allow_missing: bool
    name: str
    def __init__(self, name: _Optional[str] = ..., allow_missing: bool = ...) -> None: ...

class ListBackupsRequest(_message.Message):
    __slots__ = ["page_size", "page_token"]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBackupsResponse(_message.Message):
    __slots__ = ["backups", "next_page_token", "running"]
    BACKUPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    backups: _containers.RepeatedCompositeFieldContainer[Backup]
    next_page_token: str
    running: BackupWork
    def __init__(self, backups: _Optional[_Iterable[_Union[Backup, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., running: _Optional[_Union[BackupWork, _Mapping]] = ...) -> None: ...

class VerifyBackupRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class BackupTask(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
