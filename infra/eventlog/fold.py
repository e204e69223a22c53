"""An aggregate as the library's repository keeps it: one (version, state) pair, and the keys it answered.

Promises: a copy is the pair itself, taken in one step, so a fold that goes on in another thread never shows
half of a message; the keyring knows every key of the last 24 h of log time (seed S7.2, I6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, Self, cast

from eventsourcing.application import Repository
from eventsourcing.persistence import EventStore

from domain.decider import AnyDecider
from domain.event import HybridTime
from domain.idempotency import Keyring
from domain.ids import AggregateId
from infra.eventlog.mapper import Fact
from infra.eventlog.snapshots import Snapshot


class Fold:
    """The cached object: changed only by the library's fast-forward, which holds a lock an aggregate.

    The keyring is shared by copies on purpose: a reader that finds a newer key answers from the log.
    """

    def __init__(self, version: int, state: object, keyring: Keyring) -> None:
        self._pair = (version, state)
        self.keyring = keyring

    @property
    def version(self) -> int:
        return self._pair[0]

    @property
    def state(self) -> object:
        return self._pair[1]

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        copy = type(self)(0, None, self.keyring)
        copy._pair = self._pair
        return copy

    def advance(
        self, decider: AnyDecider, told: Iterable[Fact | Snapshot], seen: Callable[[HybridTime], None]
    ) -> None:
        """Fold what stands after our version. A fact that cannot be read leaves everything as it was."""
        version, state = self._pair
        read: list[Fact] = []
        for one in told:
            if isinstance(one, Snapshot):
                version, state, self.keyring = one.originator_version, one.state, one.keyring
            else:
                read.append(one)
        for fact in read:
            version = fact.originator_version
            state = decider.evolve(state, fact.event)
            self.keyring.remember(fact.envelope, version)
        if read:
            seen(read[-1].envelope.recorded_at)
        self._pair = (version, state)


class Folds(Repository[str]):
    """The library's repository, which can also be asked without a read and told what was just appended."""

    def __init__(self, events: EventStore[str], snapshots: Any, *, maxsize: int) -> None:
        super().__init__(events, snapshot_store=snapshots, cache_maxsize=maxsize)

    def held(self, _decider: AnyDecider, aggregate: AggregateId) -> Fold | None:
        """The fold as this process knows it, which may be behind the log; None if it knows none."""
        fold = self._held(str(aggregate))
        return None if fold is None else deepcopy(fold)

    def take(self, decider: AnyDecider, version: int, facts: Sequence[Fact]) -> None:
        """We appended these right after `version`: the next ask need not read them."""
        name = facts[0].originator_id
        lock = self._use_fastforward_lock(name)
        try:
            with lock:
                fold = self._held(name)
                if fold is not None and fold.version == version:
                    fold.advance(decider, facts, lambda _: None)
        finally:
            self._disuse_fastforward_lock(name)

    def _held(self, name: str) -> Fold | None:
        assert self.cache is not None
        try:
            return cast("Fold", self.cache.get(name))
        except KeyError:
            return None
