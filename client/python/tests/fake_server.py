# SPDX-License-Identifier: Apache-2.0
"""A small negatron.v1 server in Python: the sampling law by brute force, everything in memory.

Contract of the fake: it answers as the real server does where the client can tell, evaluates
every row against the whole catalogue (O(rows * (items + events)), so keep both small), forgets
everything when it stops, and takes orders from tests through `Faults`. Thread-safe.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import signal
import sys
import threading
import time
from concurrent import futures
from typing import Any, Callable, Optional

import grpc
import numpy as np
from fake_state import CallError, FakeCollection, invalid
from google.protobuf import empty_pb2

from negatron import columns
from negatron.v1 import (
    collections_pb2,
    collections_pb2_grpc,
    embeddings_pb2,
    embeddings_pb2_grpc,
    inspection_pb2,
    inspection_pb2_grpc,
    pool_pb2,
    pool_pb2_grpc,
    sampling_pb2,
    sampling_pb2_grpc,
    types_pb2,
)
from negatron.wire import status_pb2

_PREFIX = "type.googleapis.com/google.rpc."


@dataclasses.dataclass
class Faults:
    """Orders of a test: how the next calls of any method fail, and what was seen."""

    # Taken from the front, one a call: (code, retry delay in seconds or None).
    failures: list[tuple[grpc.StatusCode, Optional[float]]] = dataclasses.field(
        default_factory=list
    )
    # Fail after the call has done its work: the response is lost.
    after_work: bool = False
    # Requests seen, failed ones too.
    requests: list[Any] = dataclasses.field(default_factory=list)
    # Calls wait for this before they answer.
    gate: threading.Event = dataclasses.field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()


def _abort(context: grpc.ServicerContext, error: CallError, delay: Optional[float] = None) -> None:
    status = status_pb2.Status(code=error.code.value[0], message=str(error))
    info = status_pb2.ErrorInfo(reason=error.code.name, domain="negatron", metadata={"by": "fake"})
    status.details.add(type_url=_PREFIX + "ErrorInfo", value=info.SerializeToString())
    if error.violations:
        bad = status_pb2.BadRequest()
        for field, description in error.violations:
            bad.field_violations.add(field=field, description=description)
        status.details.add(type_url=_PREFIX + "BadRequest", value=bad.SerializeToString())
    if delay is not None:
        retry = status_pb2.RetryInfo()
        retry.retry_delay.FromMicroseconds(int(delay * 1e6))
        status.details.add(type_url=_PREFIX + "RetryInfo", value=retry.SerializeToString())
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(error.code, str(error))


class FakeServer:
    """Serves on a port of its own between `start` and `stop`; `faults` may be set at any time."""

    def __init__(self) -> None:
        self.faults = Faults()
        self._lock = threading.Lock()
        self._collections: dict[str, FakeCollection] = {}
        self._receipts: dict[tuple[str, str], Any] = {}
        self._incarnations = 0
        self._server: Optional[grpc.Server] = None

    def start(self, address: str = "127.0.0.1:0") -> int:
        """Returns the port."""
        limit = 16 * 1024 * 1024
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=8),
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", limit),
            ],
        )
        for base, add, methods in (
            (collections_pb2_grpc.CollectionServiceServicer,
             collections_pb2_grpc.add_CollectionServiceServicer_to_server, _COLLECTION_METHODS),
            (pool_pb2_grpc.PoolServiceServicer,
             pool_pb2_grpc.add_PoolServiceServicer_to_server, _POOL_METHODS),
            (embeddings_pb2_grpc.EmbeddingServiceServicer,
             embeddings_pb2_grpc.add_EmbeddingServiceServicer_to_server, _EMBEDDING_METHODS),
            (sampling_pb2_grpc.SamplingServiceServicer,
             sampling_pb2_grpc.add_SamplingServiceServicer_to_server, _SAMPLING_METHODS),
            (inspection_pb2_grpc.InspectionServiceServicer,
             inspection_pb2_grpc.add_InspectionServiceServicer_to_server, _INSPECTION_METHODS),
        ):
            servicer = type("Servicer", (base,), {
                name: staticmethod(self._handler(method)) for name, method in methods.items()
            })()
            add(servicer, self._server)
        port = self._server.add_insecure_port(address)
        self._server.start()
        return port

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def _handler(self, method: Callable[["FakeServer", Any], Any]) -> Callable[..., Any]:
        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            self.faults.gate.wait()
            response = None
            with self._lock:
                self.faults.requests.append(request)
                fault = self.faults.failures.pop(0) if self.faults.failures else None
                try:
                    if fault is None or self.faults.after_work:
                        response = method(self, request)
                except CallError as error:
                    _abort(context, error)
            if fault is not None:
                _abort(context, CallError(fault[0], "ordered by the test"), fault[1])
            return response

        return handle

    def _find(self, name: str, field: str) -> FakeCollection:
        if not name.startswith("collections/"):
            raise invalid(field, "collections/{id} is expected")
        if name not in self._collections:
            raise CallError(grpc.StatusCode.NOT_FOUND, f"{name} does not exist")
        return self._collections[name]

    def _write(
        self,
        request: Any,
        work: Callable[[FakeCollection], tuple[int, int]],
        default_level: int = types_pb2.ACKNOWLEDGEMENT_LEVEL_DURABLE,
    ) -> Any:
        collection = self._find(request.collection, "collection")
        key = (request.collection, request.request_id)
        if request.request_id and key in self._receipts:
            replay = types_pb2.WriteReceipt()
            replay.CopyFrom(self._receipts[key])
            replay.replayed = True
            return replay
        written, created = work(collection)
        collection.sequence += 1
        level = request.acknowledgement_level or default_level
        receipt = types_pb2.WriteReceipt(
            commit_sequence=collection.sequence,
            written_count=written,
            created_item_count=created,
            acknowledgement_level=level,
        )
        self._receipts[key] = receipt
        return receipt

    # Collections.

    def create(self, request: Any) -> Any:
        name = f"collections/{request.collection_id}"
        if not request.collection_id.replace("-", "a").isalnum():
            raise invalid("collection_id", "characters of [a-z0-9-] are expected")
        key = ("create", request.request_id)
        if key in self._receipts:
            return self._receipts[key]
        if name in self._collections:
            raise CallError(grpc.StatusCode.ALREADY_EXISTS, f"{name} exists")
        self._incarnations += 1
        proto = collections_pb2.Collection()
        proto.CopyFrom(request.collection)
        proto.name, proto.incarnation, proto.etag = name, self._incarnations, "1"
        proto.create_time.GetCurrentTime()
        self._collections[name] = FakeCollection(proto)
        self._receipts[key] = proto
        return proto

    def get(self, request: Any) -> Any:
        return self._find(request.name, "name").proto

    def list(self, request: Any) -> Any:
        names = sorted(n for n in self._collections if n > request.page_token)
        page = names[: request.page_size or 100]
        return collections_pb2.ListCollectionsResponse(
            collections=[self._collections[name].proto for name in page],
            next_page_token=page[-1] if len(page) < len(names) else "",
        )

    def update(self, request: Any) -> Any:
        proto = self._find(request.collection.name, "collection.name").proto
        if request.collection.etag not in ("", proto.etag):
            raise CallError(grpc.StatusCode.ABORTED, "another etag is current")
        for path in request.update_mask.paths:
            if path == "embedding_settings" and proto.HasField(path):
                raise invalid("update_mask", "embedding_settings can be set once")
            if path in ("embedding_settings",):
                proto.embedding_settings.CopyFrom(request.collection.embedding_settings)
            elif path == "labels":
                proto.labels.clear()
                proto.labels.update(request.collection.labels)
            else:
                setattr(proto, path, getattr(request.collection, path))
        proto.etag = str(int(proto.etag) + 1)
        return proto

    def delete(self, request: Any) -> Any:
        if request.name not in self._collections and request.allow_missing:
            return empty_pb2.Empty()
        self._find(request.name, "name")
        del self._collections[request.name]
        return empty_pb2.Empty()

    # Pool.

    def write_items(self, request: Any) -> Any:
        def work(c: FakeCollection) -> tuple[int, int]:
            before = len(c.items.ids)
            rows = c.items.add(request.item_ids, "item_ids")
            if len(set(rows)) < len(rows):
                raise invalid("item_ids", "each at most once")
            splits = columns.int64_from_column(request.interval_splits)
            if len(splits) == 0:
                splits = np.arange(len(rows) + 1)
            begins = columns.int64_from_column(request.alive_from_micros)
            ends = columns.int64_from_column(request.alive_until_micros)
            begins = begins if len(begins) else np.full(splits[-1], columns.ALWAYS_MICROS)
            ends = ends if len(ends) else np.full(splits[-1], columns.NEVER_MICROS)
            for i, row in enumerate(rows):
                spans = list(
                    zip(begins[splits[i] : splits[i + 1]].tolist(),
                        ends[splits[i] : splits[i + 1]].tolist())
                )
                if row == len(c.intervals):
                    c.intervals.append(spans)
                    c.implicit.append(False)
                else:
                    c.intervals[row], c.implicit[row] = spans, False
            return len(rows), len(c.items.ids) - before

        return self._write(request, work)

    def write_events(self, request: Any) -> Any:
        def work(c: FakeCollection) -> tuple[int, int]:
            times = columns.int64_from_column(request.event_time_micros)
            before = len(c.items.ids)
            known = c.items.find(request.item_ids, "item_ids")
            if c.proto.missing_item_rule != collections_pb2.MISSING_ITEM_RULE_CREATE:
                if -1 in known:
                    raise invalid(f"item_ids[{known.index(-1)}]", "no such item")
            items = c.items.add(request.item_ids, "item_ids")
            users = c.users.add(request.user_ids, "user_ids")
            weights = columns.floats_from_column(request.weights)
            for item, t in zip(items, times.tolist()):
                while len(c.intervals) <= item:
                    c.intervals.append([(t, columns.NEVER_MICROS)])
                    c.implicit.append(True)
                if c.implicit[item] and t < c.intervals[item][0][0]:
                    c.intervals[item] = [(t, columns.NEVER_MICROS)]
            c.event_users += users
            c.event_items += items
            c.event_times += times.tolist()
            c.event_weights += weights.tolist() if len(weights) else [1.0] * len(times)
            return len(times), len(c.items.ids) - before

        return self._write(request, work)

    def get_items(self, request: Any) -> Any:
        c = self._find(request.collection, "collection")
        rows = c.items.find(request.item_ids, "item_ids")
        typed = c.items.strings and request.encoding == types_pb2.COLUMN_ENCODING_TYPED
        response = pool_pb2.BatchGetItemsResponse(snapshot=c.token())
        response.items.CopyFrom(c.table([row for row in rows if row >= 0], typed))
        response.found.raw = bytes(int(row >= 0) for row in rows)
        return response

    def list_items(self, request: Any) -> Any:
        c = self._find(request.collection, "collection")
        begin = int(request.page_token or 0)
        end = min(begin + (request.page_size or 10_000), len(c.intervals))
        typed = c.items.strings and request.encoding == types_pb2.COLUMN_ENCODING_TYPED
        return pool_pb2.ListItemsResponse(
            items=c.table(list(range(begin, end)), typed),
            next_page_token=str(end) if end < len(c.intervals) else "",
            snapshot=c.token(),
        )

    # Embeddings.

    def write_embeddings(self, request: Any) -> Any:
        def work(c: FakeCollection) -> tuple[int, int]:
            rows = c.items.find(request.item_ids, "item_ids")
            if not c.proto.HasField("embedding_settings"):
                raise CallError(grpc.StatusCode.FAILED_PRECONDITION, "no embedding settings")
            if -1 in rows:
                raise invalid(f"item_ids[{rows.index(-1)}]", "no such item")
            shape = (request.vectors.row_count, request.vectors.column_count)
            if shape[1] != c.proto.embedding_settings.dimension:
                raise invalid("vectors.column_count", "another dimension")
            matrix = columns.floats_from_column(request.vectors.values).reshape(shape)
            bad = np.flatnonzero(~np.isfinite(matrix))
            if len(bad):
                row = bad[0] // shape[1]
                raise invalid(f"vectors.values[{bad[0]}]", f"not finite (row {row})")
            c.vectors.update(zip(rows, matrix))
            return len(rows), 0

        return self._write(request, work, types_pb2.ACKNOWLEDGEMENT_LEVEL_APPLIED)

    def get_embeddings(self, request: Any) -> Any:
        c = self._find(request.collection, "collection")
        rows = c.items.find(request.item_ids, "item_ids")
        dimension = c.proto.embedding_settings.dimension
        nothing = np.full(dimension, np.nan, np.float32)
        matrix = np.array([c.vectors.get(row, nothing) for row in rows], np.float32)
        response = embeddings_pb2.BatchGetEmbeddingsResponse(snapshot=c.token())
        response.vectors.CopyFrom(columns.matrix_to_proto(matrix.reshape(-1, dimension), "vectors"))
        response.found.raw = bytes(int(row in c.vectors) for row in rows)
        return response

    # Sampling.

    def sample(self, request: Any) -> Any:
        from fake_sampling import sample  # pylint: disable=import-outside-toplevel

        c = self._find(request.collection, "collection")
        c.calls += 1
        response = sample(c, request, invalid)
        c.rows += len(response.row_statuses.raw)
        return response

    # Inspection.

    def statistics(self, request: Any) -> Any:
        c = self._find(request.collection, "collection")
        now = int(time.time() * 1e6)
        if request.HasField("as_of_time"):
            now = request.as_of_time.ToMicroseconds()
        past = sum(t < now for t in c.event_times)
        response = inspection_pb2.CollectionStatistics(
            collection=request.collection,
            snapshot=c.token(),
            item_count=len(c.intervals),
            living_item_count=int(c.alive(now).sum()),
            user_count=len(c.users.ids),
            event_count=len(c.event_times),
            past_event_count=past,
            embedding_count=len(c.vectors),
            sample_call_count=c.calls,
            sampled_row_count=c.rows,
        )
        response.as_of_time.FromMicroseconds(now)
        if c.event_times:
            response.first_event_time.FromMicroseconds(min(c.event_times))
            response.last_event_time.FromMicroseconds(max(c.event_times))
        response.memory_uses.add(structure="event_log", bytes=32 * len(c.event_times))
        response.sources.add(source="uniform", drawn_count=7)
        response.short_rows.add(row_status=sampling_pb2.ROW_STATUS_NO_EVENT, count=2)
        response.rejects.add(reject_cause=sampling_pb2.REJECT_CAUSE_DEAD, count=3)
        return response

    def server_info(self, unused_request: Any) -> Any:
        return inspection_pb2.ServerInfo(version="0.0.0", serving=True, recovery_progress=1.0)


_COLLECTION_METHODS = {
    "CreateCollection": FakeServer.create,
    "GetCollection": FakeServer.get,
    "ListCollections": FakeServer.list,
    "UpdateCollection": FakeServer.update,
    "DeleteCollection": FakeServer.delete,
}
_POOL_METHODS = {
    "BatchWriteItems": FakeServer.write_items,
    "BatchGetItems": FakeServer.get_items,
    "ListItems": FakeServer.list_items,
    "BatchWriteEvents": FakeServer.write_events,
}
_EMBEDDING_METHODS = {
    "BatchWriteEmbeddings": FakeServer.write_embeddings,
    "BatchGetEmbeddings": FakeServer.get_embeddings,
}
_SAMPLING_METHODS = {"SampleNegatives": FakeServer.sample}
_INSPECTION_METHODS = {
    "GetCollectionStatistics": FakeServer.statistics,
    "GetServerInfo": FakeServer.server_info,
}


def main() -> int:
    """Stands in for negatrond: the same flags, the same port file, exit 0 on SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--data-dir")
    parser.add_argument("--port-file", type=pathlib.Path)
    args = parser.parse_args()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *unused: stopped.set())
    server = FakeServer()
    port = server.start(args.listen)
    if args.port_file:
        args.port_file.write_text(f"{port}\n", encoding="ascii")
    print(f"fake server on port {port}", flush=True)
    stopped.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
