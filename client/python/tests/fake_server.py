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

import fake_controllers
import fake_imports
import fake_policies
import fake_pool
import fake_versions
import grpc
import numpy as np
from fake_state import CallError, FakeCollection, abort, invalid, to_bfloat16
from google.protobuf import empty_pb2

from negatron import columns
from negatron.v1 import (
    collections_pb2,
    collections_pb2_grpc,
    embeddings_pb2,
    embeddings_pb2_grpc,
    feedback_pb2_grpc,
    inspection_pb2,
    inspection_pb2_grpc,
    pool_pb2,
    pool_pb2_grpc,
    sampling_pb2,
    sampling_pb2_grpc,
    stored_policies_pb2_grpc,
    types_pb2,
)


@dataclasses.dataclass
class Faults:
    """Orders of a test: how the next calls of any method fail, and what was seen."""

    # Taken from the front, one a call: (code, retry delay in seconds or None).
    failures: list[tuple[grpc.StatusCode, Optional[float]]] = dataclasses.field(
        default_factory=list
    )
    # Import streams break once behind each of these chunks: durable, but not acknowledged.
    broken_chunks: list[int] = dataclasses.field(default_factory=list)
    # Fail after the call has done its work: the response is lost.
    after_work: bool = False
    # Requests seen, failed ones too.
    requests: list[Any] = dataclasses.field(default_factory=list)
    # Calls wait for this before they answer.
    gate: threading.Event = dataclasses.field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()


class FakeServer:
    """Serves on a port of its own between `start` and `stop`; `faults` may be set at any time."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.lock = threading.Lock()
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
        for module, service, methods in (
            (collections_pb2_grpc, "CollectionService", _COLLECTION_METHODS),
            (pool_pb2_grpc, "PoolService", _POOL_METHODS),
            (embeddings_pb2_grpc, "EmbeddingService", _EMBEDDING_METHODS),
            (stored_policies_pb2_grpc, "PolicyService", fake_policies.METHODS),
            (feedback_pb2_grpc, "FeedbackService", fake_controllers.METHODS),
            (sampling_pb2_grpc, "SamplingService", _SAMPLING_METHODS),
            (inspection_pb2_grpc, "InspectionService", _INSPECTION_METHODS),
        ):
            handlers = {name: self._handler(method) for name, method in methods.items()}
            if methods is _POOL_METHODS:
                for name, write in _STREAM_METHODS.items():
                    handlers[name] = fake_imports.handler(self, name, write)
            base = getattr(module, f"{service}Servicer")
            servicer = type(
                "Servicer", (base,), {name: staticmethod(h) for name, h in handlers.items()}
            )()
            getattr(module, f"add_{service}Servicer_to_server")(servicer, self._server)
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
            with self.lock:
                self.faults.requests.append(request)
                fault = self.faults.failures.pop(0) if self.faults.failures else None
                try:
                    if fault is None or self.faults.after_work:
                        response = method(self, request)
                except CallError as error:
                    abort(context, error)
            if fault is not None:
                abort(context, CallError(fault[0], "ordered by the test"), fault[1])
            return response

        return handle

    def find(self, name: str, field: str) -> FakeCollection:
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
        collection = self.find(request.collection, "collection")
        key = (request.collection, request.request_id)
        if request.request_id and key in self._receipts:
            replay = types_pb2.WriteReceipt()
            replay.CopyFrom(self._receipts[key])
            replay.replayed = True
            return replay
        written, created = work(collection)
        collection.sequence += 1
        level = getattr(request, "acknowledgement_level", 0) or default_level
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
        return self.find(request.name, "name").proto

    def list(self, request: Any) -> Any:
        names = sorted(n for n in self._collections if n > request.page_token)
        page = names[: request.page_size or 100]
        return collections_pb2.ListCollectionsResponse(
            collections=[self._collections[name].proto for name in page],
            next_page_token=page[-1] if len(page) < len(names) else "",
        )

    def update(self, request: Any) -> Any:
        proto = self.find(request.collection.name, "collection.name").proto
        if request.collection.etag not in ("", proto.etag):
            raise CallError(grpc.StatusCode.ABORTED, "another etag is current")
        for path in request.update_mask.paths:
            if path == "embedding_settings" and proto.HasField(path):
                raise invalid("update_mask", "embedding_settings can be set once")
            if path in ("embedding_settings", "event_retention"):
                proto.ClearField(path)
                if request.collection.HasField(path):
                    getattr(proto, path).CopyFrom(getattr(request.collection, path))
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
        self.find(request.name, "name")
        del self._collections[request.name]
        return empty_pb2.Empty()

    # Pool.

    def write_items(self, request: Any) -> Any:
        return self._write(request, lambda c: fake_pool.write_items(c, request))

    def write_events(self, request: Any) -> Any:
        return self._write(request, lambda c: fake_pool.write_events(c, request))

    def get_items(self, request: Any) -> Any:
        c = self.find(request.collection, "collection")
        rows = c.items.find(request.item_ids, "item_ids")
        typed = c.items.strings and request.encoding == types_pb2.COLUMN_ENCODING_TYPED
        response = pool_pb2.BatchGetItemsResponse(snapshot=c.token())
        response.items.CopyFrom(c.table([row for row in rows if row >= 0], typed))
        response.found.raw = bytes(int(row >= 0) for row in rows)
        return response

    def retract_events(self, request: Any) -> Any:
        return self._remove(
            request, pool_pb2.RetractEventsResponse, lambda c: fake_pool.retract(c, request)
        )

    def erase_users(self, request: Any) -> Any:
        return self._remove(
            request, pool_pb2.EraseUsersResponse, lambda c: fake_pool.erase(c, request)
        )

    def _remove(
        self,
        request: Any,
        make: Callable[..., Any],
        work: Callable[[FakeCollection], tuple[int, list[bool]]],
    ) -> Any:
        found: list[bool] = []

        def remove(c: FakeCollection) -> tuple[int, int]:
            removed, each = work(c)
            found.extend(each)
            return removed, 0

        request_level = types_pb2.ACKNOWLEDGEMENT_LEVEL_DURABLE
        response = make(receipt=self._write(request, remove, request_level))
        if not response.receipt.replayed:
            response.found.raw = bytes(map(int, found))
        return response

    # Embeddings.

    def write_embeddings(self, request: Any) -> Any:
        def work(c: FakeCollection) -> tuple[int, int]:
            ids, field, rows = c.owners(request)
            if not c.proto.HasField("embedding_settings"):
                raise CallError(grpc.StatusCode.FAILED_PRECONDITION, "no embedding settings")
            if ids is c.items and -1 in rows and not request.allow_partial:
                raise invalid(f"{field}[{rows.index(-1)}]", "no such item")
            shape = (request.vectors.row_count, request.vectors.column_count)
            if shape[1] != c.proto.embedding_settings.dimension:
                raise invalid("vectors.column_count", "another dimension")
            matrix = columns.floats_from_column(request.vectors.values).reshape(shape)
            bad = np.flatnonzero(~np.isfinite(matrix))
            if len(bad) and not request.allow_partial:
                row = bad[0] // shape[1]
                raise invalid(f"vectors.values[{bad[0]}]", f"not finite (row {row})")
            if (
                c.proto.embedding_settings.element_type
                == collections_pb2.EMBEDDING_ELEMENT_TYPE_BFLOAT16
            ):
                matrix = to_bfloat16(matrix)
            highest = c.highest_model_version()
            if request.HasField("model_version") and request.model_version < 1:
                raise invalid("model_version", "at least 1")
            if request.model_version < highest:
                raise CallError(
                    grpc.StatusCode.FAILED_PRECONDITION, "an older model version",
                    reason="STALE_MODEL_VERSION",
                    metadata={"highest_model_version": str(highest),
                              "model_version": str(request.model_version)},
                )
            if ids is c.users:
                rows = c.users.add(request.user_ids, field)
            vectors, stamps = (
                (c.vectors, c.stamps) if ids is c.items else (c.user_vectors, c.user_stamps)
            )
            finite = np.isfinite(matrix).all(axis=1)
            refusals[:] = [
                types_pb2.ROW_REFUSAL_UNKNOWN_ITEM if row < 0
                else 0 if ok else types_pb2.ROW_REFUSAL_INVALID_VECTOR
                for row, ok in zip(rows, finite)
            ]
            kept = [(row, v) for row, v, refusal in zip(rows, matrix, refusals) if not refusal]
            vectors.update(kept)
            seconds = int(time.time()) * 1_000_000
            stamps.update((row, (request.model_version, seconds)) for row, _ in kept)
            return len(kept), 0

        refusals: list[int] = []
        receipt = self._write(request, work, types_pb2.ACKNOWLEDGEMENT_LEVEL_APPLIED)
        if any(refusals):
            told = types_pb2.WriteReceipt()
            told.CopyFrom(receipt)
            told.refused_rows.raw = np.flatnonzero(refusals).astype("<i8").tobytes()
            told.row_refusals.raw = bytes(refusal for refusal in refusals if refusal)
            return told
        return receipt

    def get_embeddings(self, request: Any) -> Any:
        c = self.find(request.collection, "collection")
        ids, _, rows = c.owners(request)
        vectors, known = (
            (c.vectors, c.stamps) if ids is c.items else (c.user_vectors, c.user_stamps)
        )
        dimension = c.proto.embedding_settings.dimension
        nothing = np.full(dimension, np.nan, np.float32)
        matrix = np.array([vectors.get(row, nothing) for row in rows], np.float32)
        response = embeddings_pb2.BatchGetEmbeddingsResponse(snapshot=c.token())
        response.vectors.CopyFrom(columns.matrix_to_proto(matrix.reshape(-1, dimension), "vectors"))
        response.found.raw = bytes(int(row in vectors) for row in rows)
        stamps = np.array([known.get(row, (-1, 0)) for row in rows], "<i8").reshape(-1, 2)
        if request.include_model_versions:
            response.model_versions.raw = stamps[:, 0].tobytes()
        if request.include_write_times:
            response.write_time_micros.raw = stamps[:, 1].tobytes()
        return response

    # Sampling.

    def sample(self, request: Any) -> Any:
        from fake_sampling import sample  # pylint: disable=import-outside-toplevel

        c = self.find(request.collection, "collection")
        c.calls += 1
        response = fake_policies.sampled(self, request, lambda r: sample(c, r, invalid))
        c.rows += len(response.row_statuses.raw)
        return response

    def sample_shared(self, request: Any) -> Any:
        from fake_sampling import sample_shared  # pylint: disable=import-outside-toplevel

        c = self.find(request.collection, "collection")
        return fake_policies.sampled(self, request, lambda r: sample_shared(c, r, invalid))

    def candidates(self, request: Any) -> Any:
        from fake_candidates import candidates  # pylint: disable=import-outside-toplevel

        c = self.find(request.sample.collection, "sample.collection")
        resolved, name, version = fake_policies.resolve(self, request.sample)
        whole = sampling_pb2.GetCandidatesRequest()
        whole.CopyFrom(request)
        whole.sample.CopyFrom(resolved)
        response = candidates(c, whole, invalid)
        fake_controllers.tell(request.sample, resolved, response.sample)
        response.sample.policy_name = name
        response.sample.snapshot.policy_version = version
        return response

    # Inspection.

    def statistics(self, request: Any) -> Any:
        c = self.find(request.collection, "collection")
        now = int(time.time() * 1e6)
        if request.HasField("as_of_time"):
            now = request.as_of_time.ToMicroseconds()
        times = [event.time for event in c.events]
        response = inspection_pb2.CollectionStatistics(
            collection=request.collection,
            snapshot=c.token(),
            item_count=len(c.pool),
            living_item_count=int(c.alive(now).sum()),
            user_count=len({event.user for event in c.events}),
            event_count=len(times),
            past_event_count=sum(t < now for t in times),
            embedding_count=len(c.vectors),
            user_embedding_count=len(c.user_vectors),
            highest_model_version=max((version for version, _ in c.stamps.values()), default=0),
            sample_call_count=c.calls,
            sampled_row_count=c.rows,
        )
        response.as_of_time.FromMicroseconds(now)
        if times:
            response.first_event_time.FromMicroseconds(min(times))
            response.last_event_time.FromMicroseconds(max(times))
        response.memory_uses.add(structure="event_log", bytes=32 * len(times))
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
    "BatchWriteEvents": FakeServer.write_events,
    "RetractEvents": FakeServer.retract_events,
    "EraseUsers": FakeServer.erase_users,
    **fake_pool.METHODS,
}
_STREAM_METHODS = {
    "ImportItems": fake_pool.write_items,
    "ImportEvents": fake_pool.write_events,
}
_EMBEDDING_METHODS = {
    "BatchWriteEmbeddings": FakeServer.write_embeddings,
    "BatchGetEmbeddings": FakeServer.get_embeddings,
    **fake_versions.METHODS,
}
_SAMPLING_METHODS = {
    "SampleNegatives": FakeServer.sample,
    "SampleSharedNegatives": FakeServer.sample_shared,
    "GetCandidates": FakeServer.candidates,
}
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
