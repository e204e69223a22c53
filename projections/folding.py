"""Read models whose rows are folds of single aggregates: load what a batch touches, fold, write it back.

Promises: one SELECT and one pipelined statement a table and batch, however many events it holds; the fold
itself is pure, so it is tested without a database.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, LiteralString, TypeVar

from domain.event import Recorded
from projections.reading import rows
from projections.transactions import Cursor

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def by_key(keys: Sequence[Hashable]) -> dict[str, object]:
    """The parameter ``keys`` of a table with one key column."""
    return {"keys": list(keys)}


@dataclass(frozen=True, slots=True)
class Folded(Generic[K, R]):
    """How one table follows the log. `touched` names the rows of an event, `fold` says what becomes of one.

    `load` and `erase` take what `asked` makes of the keys; `store` takes a row's fields by name.
    """

    shape: type[R]
    key: Callable[[R], K]
    touched: Callable[[Recorded], Iterable[K]]
    fold: Callable[[R | None, K, Recorded], R | None]
    load: LiteralString
    store: LiteralString
    erase: LiteralString
    asked: Callable[[Sequence[K]], dict[str, object]] = by_key

    def apply(self, cursor: Cursor, batch: Sequence[Recorded]) -> None:
        places = [(key, recorded) for recorded in batch for key in self.touched(recorded)]
        if not places:
            return
        asked = self.asked(list(dict.fromkeys(key for key, _ in places)))
        before = {self.key(found): found for found in rows(cursor, self.shape, self.load, asked)}
        after: dict[K, R | None] = {}
        for key, recorded in places:
            after[key] = self.fold(after[key] if key in after else before.get(key), key, recorded)
        self._write(cursor, before, after)

    def _write(self, cursor: Cursor, before: Mapping[K, R], after: Mapping[K, R | None]) -> None:
        stored = [row_params(row) for key, row in after.items() if row is not None and row != before.get(key)]
        if stored:
            cursor.executemany(self.store, stored)
        gone = [key for key, row in after.items() if row is None and key in before]
        if gone:
            cursor.execute(self.erase, self.asked(gone))


def row_params(row: Any) -> dict[str, object]:
    """A row's fields by name, as they are: `dataclasses.asdict` would copy them deeply."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def recorded_at(recorded: Recorded) -> datetime:
    """The wall-clock part of its hybrid logical time."""
    return EPOCH + timedelta(milliseconds=recorded.envelope.recorded_at >> 16)
