"""Folds kept beside the log, so that a long aggregate is not read from its first event at every start.

Promises: nothing exists only here, and losing it all costs time; a snapshot of another version of its fold,
of another log, or of a message that the log no longer holds is ignored; one that would not come back equal is
not kept. The library's repository asks for it before it reads events (ADR 0031).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol, cast

import msgpack
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import ApplicationRecorder, EventStore, Mapper, Recording
from pydantic import TypeAdapter, ValidationError

from domain.decider import AnyDecider
from domain.event import HybridTime
from domain.idempotency import Keyring, KeyUse

FORMAT = 1
SNAPSHOT_EVENTS = 1_000
"""Events folded since the last one: a cold load then reads fewer than two thousand."""
SNAPSHOT_BYTES_MAX = 512 * 1024
KEPT_MAX = 10_000
"""Aggregates whose last snapshot is remembered; forgetting one costs a snapshot more."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A fold as it stood at a version: what the library calls a snapshot."""

    originator_id: str
    originator_version: int
    state: object
    keyring: Keyring


class Shelved(NamedTuple):
    version: int
    packed: bytes


class Shelf(Protocol):
    """Where packed snapshots lie, the newest of each aggregate. Both methods raise UnavailableError."""

    def find(self, aggregate: str) -> Shelved | None:
        """None as well if the log does not hold what the snapshot was folded from."""
        ...

    def keep(self, aggregate: str, version: int, packed: bytes) -> None: ...


class MemoryShelf:
    """The adapter that forgets with its process."""

    def __init__(self) -> None:
        self._kept: dict[str, Shelved] = {}

    def find(self, aggregate: str) -> Shelved | None:
        return self._kept.get(aggregate)

    def keep(self, aggregate: str, version: int, packed: bytes) -> None:
        self._kept[aggregate] = Shelved(version, packed)


class SnapshotStore(EventStore[str]):
    """The library's snapshot store over a shelf; it must have met a family's decider before it is asked."""

    def __init__(self, mapper: Mapper[str], recorder: ApplicationRecorder, shelf: Shelf) -> None:
        super().__init__(mapper, recorder)
        self._shelf = shelf
        self._deciders: dict[str, AnyDecider] = {}
        self._kept: dict[str, int] = {}

    def meet(self, decider: AnyDecider) -> None:
        self._deciders[decider.family] = decider

    def is_due(self, aggregate: str, version: int) -> bool:
        return version - self._kept.get(aggregate, 0) >= SNAPSHOT_EVENTS

    def get(
        self,
        originator_id: str,
        *,
        gt: int | None = None,  # noqa: ARG002
        lte: int | None = None,
        desc: bool = False,  # noqa: ARG002
        limit: int | None = None,  # noqa: ARG002
    ) -> Iterator[DomainEventProtocol[str]]:
        """The newest one, if it fits."""
        shelved = self._shelf.find(originator_id)
        if shelved is None or (lte is not None and shelved.version > lte):
            return
        decider = self._deciders[originator_id.partition(".")[0]]
        opened = unpack(decider, shelved.packed)
        if opened is not None:
            self._remember(originator_id, shelved.version)
            yield Snapshot(originator_id, shelved.version, *opened)

    def put(
        self,
        domain_events: Sequence[DomainEventProtocol[str]],
        **kwargs: Any,  # noqa: ARG002
    ) -> list[Recording[str]]:
        for snapshot in domain_events:
            assert isinstance(snapshot, Snapshot)
            decider = self._deciders[snapshot.originator_id.partition(".")[0]]
            packed = pack(decider, snapshot.state, snapshot.keyring)
            self._remember(snapshot.originator_id, snapshot.originator_version)
            if packed is not None:
                self._shelf.keep(snapshot.originator_id, snapshot.originator_version, packed)
        return []

    def _remember(self, aggregate: str, version: int) -> None:
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[aggregate] = version


def pack(decider: AnyDecider, state: object, keyring: Keyring) -> bytes | None:
    """None if it is too large, cannot be packed, or would come back as something else."""
    uses = [
        (*scope, use.body_digest, use.first, use.last, use.recorded_at)
        for scope, use in keyring.copy().uses.items()
    ]
    parts = (FORMAT, decider.fold, _adapter(decider).dump_python(state, warnings=False), uses)
    try:
        packed = cast("bytes", msgpack.packb(parts, use_bin_type=True, datetime=True, default=_array))
    except (TypeError, OverflowError):
        return None
    if len(packed) > SNAPSHOT_BYTES_MAX:
        return None
    opened = unpack(decider, packed)
    return packed if opened is not None and opened[0] == state else None


def unpack(decider: AnyDecider, packed: bytes) -> tuple[object, Keyring] | None:
    """State and keyring; None if another version of the fold made them, or they do not fit."""
    try:
        kind, fold, dumped, uses = msgpack.unpackb(packed, use_list=False, timestamp=3, strict_map_key=False)
        if (kind, fold) != (FORMAT, decider.fold):
            return None
        state: object = _adapter(decider).validate_python(dumped)
        keys = {
            (actor, command, key): KeyUse(digest, first, last, HybridTime(recorded_at))
            for actor, command, key, digest, first, last, recorded_at in uses
        }
    except (ValueError, TypeError, ValidationError, msgpack.exceptions.UnpackException):
        return None
    return state, Keyring(keys)


def _adapter(decider: AnyDecider) -> TypeAdapter[object]:
    """One a family of aggregates."""
    return _adapter_of(cast("Any", type(decider.initial)))


@cache
def _adapter_of(state: Any) -> TypeAdapter[object]:
    return TypeAdapter(state)


def _array(unordered: object) -> list[object]:
    """MessagePack knows no sets."""
    if isinstance(unordered, set | frozenset):
        return list(cast("frozenset[object]", unordered))
    raise TypeError(type(unordered))
