# SPDX-License-Identifier: Apache-2.0
"""Writes, removals and listings of the fake server: items, events, users.

Those that write or remove take a collection and a request, change the collection, or raise
CallError and change nothing. METHODS take the server and a request.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from fake_state import Event, FakeCollection, Item, invalid

from negatron import columns
from negatron.v1 import collections_pb2, pool_pb2, types_pb2

_PROPERTIES = ("alive_intervals", "base_weights", "categories", "attributes")
_FIRST_MICROS = -62_135_596_800_000_000  # The start of year 1.
_LAST_MICROS = 253_402_300_799_999_999  # The end of year 9999.


def _intervals(request: Any, count: int) -> list[list[tuple[int, int]]]:
    splits = columns.int64_from_column(request.interval_splits)
    if len(splits) == 0:
        splits = np.arange(count + 1)
    begins = columns.int64_from_column(request.alive_from_micros)
    ends = columns.int64_from_column(request.alive_until_micros)
    begins = begins if len(begins) else np.full(splits[-1], columns.ALWAYS_MICROS)
    ends = ends if len(ends) else np.full(splits[-1], columns.NEVER_MICROS)
    spans = list(zip(begins.tolist(), ends.tolist()))
    return [spans[splits[i] : splits[i + 1]] for i in range(count)]


def _categories(request: Any, count: int) -> list[list[str]]:
    splits = columns.int64_from_column(request.categories.row_splits)
    if len(splits) == 0:
        return [[] for _ in range(count)]
    names = list(request.categories.ids.names.values)
    return [names[splits[i] : splits[i + 1]] for i in range(count)]


def _mask(request: Any) -> tuple[str, ...]:
    mask = tuple(request.update_mask.paths) or _PROPERTIES
    given = {
        "alive_intervals": request.HasField("alive_from_micros")
        or request.HasField("alive_until_micros"),
        "base_weights": request.HasField("base_weights"),
        "categories": request.HasField("categories"),
        "attributes": bool(request.attributes),
    }
    for name, is_given in given.items():
        if is_given and name not in mask:
            raise invalid(name, "given, but not in update_mask")
    if set(mask) - set(_PROPERTIES):
        raise invalid("update_mask", f"one of {_PROPERTIES} is expected")
    return mask


def write_items(c: FakeCollection, request: Any) -> tuple[int, int]:
    """Returns how many items were written, and how many of them made."""
    mask = _mask(request)
    count = len(columns.ids_from_column(request.item_ids))
    spans, names = _intervals(request, count), _categories(request, count)
    weights = columns.floats_from_column(request.base_weights).tolist() or [1.0] * count
    attributes = list(request.attributes) or [b""] * count
    before = len(c.items.ids)
    rows = c.items.add(request.item_ids, "item_ids")
    if len(set(rows)) < len(rows):
        raise invalid("item_ids", "each at most once")
    for i, row in enumerate(rows):
        if row == len(c.pool):
            c.pool.append(Item([(columns.ALWAYS_MICROS, columns.NEVER_MICROS)]))
        item = c.pool[row]
        if "alive_intervals" in mask:
            item.intervals, item.implicit = spans[i], False
        if "base_weights" in mask:
            item.base_weight = weights[i]
        if "categories" in mask:
            item.categories = names[i]
        if "attributes" in mask:
            item.attributes = attributes[i]
    return count, len(c.items.ids) - before


def write_events(c: FakeCollection, request: Any) -> tuple[int, int]:
    """Returns how many events were written, and how many items they made."""
    times = columns.int64_from_column(request.event_time_micros).tolist()
    for i, t in enumerate(times):
        if not _FIRST_MICROS <= t <= _LAST_MICROS:
            raise invalid(f"event_time_micros[{i}]", "not within the years 1 to 9999")
    known = c.items.find(request.item_ids, "item_ids")
    if c.proto.missing_item_rule != collections_pb2.MISSING_ITEM_RULE_CREATE:
        if -1 in known:
            raise invalid(f"item_ids[{known.index(-1)}]", "no such item")
    n = len(times)
    kinds = columns.bytes_from_column(request.kinds).tolist()
    kinds = kinds or [pool_pb2.EVENT_KIND_POSITIVE] * n
    weights = columns.floats_from_column(request.weights).tolist() or [1.0] * n
    propensities = columns.floats_from_column(request.propensities).tolist() or [0.0] * n
    cohorts = columns.bytes_from_column(request.cohorts).tolist() or [0] * n
    before = len(c.items.ids)
    items = c.items.add(request.item_ids, "item_ids")
    users = c.users.add(request.user_ids, "user_ids")
    for item, t in zip(items, times):
        while len(c.pool) <= item:
            c.pool.append(Item([(t, columns.NEVER_MICROS)], implicit=True))
        if c.pool[item].implicit and t < c.pool[item].intervals[0][0]:
            c.pool[item].intervals = [(t, columns.NEVER_MICROS)]
    c.events += map(Event, users, items, times, kinds, weights, propensities, cohorts)
    return n, len(c.items.ids) - before


def retract(c: FakeCollection, request: Any) -> tuple[int, list[bool]]:
    """Returns how many events were removed, and which entries had any."""
    users = c.users.find(request.user_ids, "user_ids")
    items = c.items.find(request.item_ids, "item_ids")
    times = columns.int64_from_column(request.event_time_micros).tolist()
    kinds = columns.bytes_from_column(request.kinds).tolist() or [None] * len(times)
    entries = list(zip(users, items, times, kinds))
    stored = {(e.user, e.item, e.time, kind) for e in c.events for kind in (e.kind, None)}
    wanted = set(entries)
    kept = [
        e for e in c.events
        if (e.user, e.item, e.time, e.kind) not in wanted
        and (e.user, e.item, e.time, None) not in wanted
    ]
    removed = len(c.events) - len(kept)
    c.events = kept
    return removed, [entry in stored for entry in entries]


def erase(c: FakeCollection, request: Any) -> tuple[int, list[bool]]:
    """Returns how many users were erased, and which existed."""
    users = c.users.find(request.user_ids, "user_ids")
    gone = {user for user in users if user >= 0}
    for user in gone:
        c.users.erase(user)
        c.user_vectors.pop(user, None)
        c.user_stamps.pop(user, None)
    c.events = [event for event in c.events if event.user not in gone]
    return len(gone), [user >= 0 for user in users]


def _page(request: Any, count: int) -> tuple[int, int, str]:
    """Where the page begins and ends among `count` entries, and the token of the next."""
    begin = int(request.page_token or 0)
    end = min(begin + (request.page_size or 10_000), count)
    return begin, end, str(end) if end < count else ""


def _list_items(server: Any, request: Any) -> Any:
    c = server.find(request.collection, "collection")
    begin, end, token = _page(request, len(c.pool))
    typed = c.items.strings and request.encoding == types_pb2.COLUMN_ENCODING_TYPED
    return pool_pb2.ListItemsResponse(
        items=c.table(list(range(begin, end)), typed), next_page_token=token, snapshot=c.token()
    )


def _list_users(server: Any, request: Any) -> Any:
    c = server.find(request.collection, "collection")
    begin, end, token = _page(request, len(c.users.ids))
    rows = [row for row in range(begin, end) if c.users.ids[row] is not None]
    typed = c.users.strings and request.encoding == types_pb2.COLUMN_ENCODING_TYPED
    response = pool_pb2.ListUsersResponse(
        ids=c.users.column(rows, typed), next_page_token=token, snapshot=c.token()
    )
    if typed:
        response.numbers.raw = np.array(rows, "<i8").tobytes()
    return response


def _list_events(server: Any, request: Any) -> Any:
    c = server.find(request.collection, "collection")
    first = request.start_time.ToMicroseconds() if request.HasField("start_time") else _FIRST_MICROS
    last = request.end_time.ToMicroseconds() if request.HasField("end_time") else _LAST_MICROS + 1
    if last < first:
        raise invalid("end_time", "before start_time")
    # Stable, so that events of one time stay in order of arrival.
    events = sorted((e for e in c.events if first <= e.time < last), key=lambda e: e.time)
    begin, end, token = _page(request, len(events))
    events = events[begin:end]
    typed = request.encoding == types_pb2.COLUMN_ENCODING_TYPED
    response = pool_pb2.ListEventsResponse(
        user_ids=c.users.column([e.user for e in events], typed),
        item_ids=c.items.column([e.item for e in events], typed),
        next_page_token=token,
        snapshot=c.token(),
    )
    for column, values, form, default in (
        (response.event_time_micros, [e.time for e in events], "<i8", None),
        (response.weights, [e.weight for e in events], "<f4", 1),
        (response.kinds, [e.kind for e in events], "<u1", pool_pb2.EVENT_KIND_POSITIVE),
        (response.propensities, [e.propensity for e in events], "<f4", 0),
        (response.cohorts, [e.cohort for e in events], "<u1", 0),
    ):
        if any(value != default for value in values):
            column.raw = np.array(values, form).tobytes()
    return response


METHODS = {"ListItems": _list_items, "ListUsers": _list_users, "ListEvents": _list_events}
