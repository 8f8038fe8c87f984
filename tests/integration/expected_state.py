# SPDX-License-Identifier: Apache-2.0
"""What a collection must hold after random writes, some of which may or may not have come through.

A writer has users, items and times of its own, so that the states of several writers add up. It
keeps its state as it was before the operation at hand, and as it will be after it: a call that
failed has done all of it or nothing, and the next look at the server tells which.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Optional

import numpy as np

import negatron

# Ids of one writer begin at a multiple of it.
RANGE = 1_000_000
ITEMS = 50
USERS = 20
DIMENSION = 4


@dataclasses.dataclass
class State:
    """What there is of one writer's making."""

    events: set[tuple[int, int, int]] = dataclasses.field(default_factory=set)
    users: set[int] = dataclasses.field(default_factory=set)
    vectors: dict[int, float] = dataclasses.field(default_factory=dict)
    """Item to the value that fills its embedding."""

    def copy(self) -> "State":
        return State(set(self.events), set(self.users), dict(self.vectors))


def read_state(client: negatron.Client, collection: str, writers: int) -> list[State]:
    """The states of all writers, as the server has them; fails if an event is there twice."""
    states = [State() for _ in range(writers)]
    for page in client.list_events(collection):
        rows = zip(page.users.tolist(), page.items.tolist(), page.times.tolist())
        for user, item, micros in rows:
            event = (user, item, micros)
            assert event not in states[user // RANGE].events, f"twice: {event}"
            states[user // RANGE].events.add(event)
    for users in client.list_users(collection):
        for user in users.ids.tolist():
            states[user // RANGE].users.add(user)
    for writer, state in enumerate(states):
        items = np.arange(writer * RANGE, writer * RANGE + ITEMS)
        vectors, found = client.get_embeddings(collection, items)
        for item, vector in zip(items[found].tolist(), vectors[found]):
            assert np.all(vector == vector[0]), f"half an embedding: {item} {vector}"
            state.vectors[item] = float(vector[0])
    return states


class Writer:
    """Does random operations, one at a time."""

    def __init__(self, number: int, seed: int) -> None:
        self._first = number * RANGE
        self._random = random.Random(seed * 1000 + number)
        self._time = 1
        self.state = State()
        self.after: Optional[State] = None
        self.done = 0

    def step(self, client: negatron.Client, collection: str) -> None:
        """One operation; whatever it raises, `settle` must follow before the next one."""
        operation = self._random.choices(
            [self._write, self._embed, self._retract, self._erase], [6, 3, 2, 1]
        )[0]
        operation(client, collection)
        assert self.after is not None
        self.state, self.after = self.after, None
        self.done += 1

    def settle(self, seen: State) -> None:
        """Compares with the server's state, and takes it where the last call's end is not known."""
        allowed = [self.state] if self.after is None else [self.state, self.after]
        assert seen in allowed, "\n".join(
            [f"writer {self._first // RANGE}:", *(_difference(seen, other) for other in allowed)]
        )
        self.state, self.after = seen, None

    def _users(self, count: int) -> list[int]:
        return [self._first + u for u in self._random.sample(range(USERS), count)]

    def _write(self, client: negatron.Client, collection: str) -> None:
        rows = []
        for _ in range(self._random.randint(1, 30)):
            item = self._first + self._random.randrange(ITEMS)
            rows.append((self._users(1)[0], item, self._time))
            self._time += 1
        self.after = self.state.copy()
        self.after.events.update(rows)
        self.after.users.update(user for user, _, _ in rows)
        users, items, times = (np.array(column, np.int64) for column in zip(*rows))
        client.write_events(collection, users, items, times)

    def _embed(self, client: negatron.Client, collection: str) -> None:
        items = [self._first + i for i in self._random.sample(range(ITEMS), 10)]
        value = float(self._random.randrange(1, 1 << 20))
        self.after = self.state.copy()
        self.after.vectors.update({item: value for item in items})
        client.write_embeddings(
            collection, np.array(items), np.full((len(items), DIMENSION), value, np.float32)
        )

    def _retract(self, client: negatron.Client, collection: str) -> None:
        events = sorted(self.state.events)
        chosen = self._random.sample(events, min(len(events), 10))
        self.after = self.state.copy()
        self.after.events.difference_update(chosen)
        if chosen:
            users, items, times = (np.array(column, np.int64) for column in zip(*chosen))
            client.retract_events(collection, users, items, times)

    def _erase(self, client: negatron.Client, collection: str) -> None:
        users = self._users(2)
        self.after = self.state.copy()
        self.after.events = {event for event in self.after.events if event[0] not in users}
        self.after.users.difference_update(users)
        client.erase_users(collection, np.array(users))


def _difference(seen: State, expected: State) -> str:
    return (
        f"events missing {sorted(expected.events - seen.events)[:5]}, "
        f"not expected {sorted(seen.events - expected.events)[:5]}; "
        f"users missing {sorted(expected.users - seen.users)[:5]}, "
        f"not expected {sorted(seen.users - expected.users)[:5]}; "
        f"vectors {sorted(set(seen.vectors.items()) ^ set(expected.vectors.items()))[:5]}"
    )
