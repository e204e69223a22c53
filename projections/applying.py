"""How a batch reaches a read model's tables, poison and all.

Promises: what fits is applied, an event that does not is parked with its reason, and so is everything that
follows it in its aggregate; everything else goes on (house: Projections). The caller's transaction holds it
all, with the position, so there is no state in between. A skipped event is passed over, here and in every
rebuild; a lost race or a server in trouble is nobody's poison and comes out as it is (S3.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from domain.errors import DitsError, ProjectionHaltedError
from domain.event import Recorded, UnreadableEvent
from domain.ids import AggregateId
from domain.readmodel import ProjectionEventSkipped, ReadmodelEvent
from projections import parked
from projections.parked import Refusal
from projections.projection import Projection
from projections.transactions import LOST_RACES, SERVER_TROUBLES, Cursor

Skips = frozenset[tuple[int, int]]
"""(sequence, index) of events that this projection passes over."""

History = Callable[[AggregateId], Iterable[Recorded]]
"""`EventLog.history`: an aggregate's events from its first; operators' decisions are rare enough for that."""

RESUME_EVENTS = 1_000
"""Events of a parked stream that are read and applied at once."""


@dataclass(frozen=True, slots=True)
class Target:
    """A build of a projection; the transaction has its schema entered."""

    projection: Projection
    schema: str


def take(
    cursor: Cursor, target: Target, batch: Sequence[Recorded], skips: Skips, history: History
) -> tuple[int, Skips]:
    """A batch as it comes from the log, operators' decisions obeyed. Returns wanted events and all skips.

    Raises ProjectionHaltedError, and what `history` raises.
    """
    new_skips, streams = _decisions(batch, target.projection.name)
    known = skips | new_skips
    wanted = apply(cursor, target, batch, known)
    for aggregate in streams:
        _resume(cursor, target, aggregate, history, known)
    return wanted, known


def concerns(projection: Projection, batch: Iterable[Recorded]) -> bool:
    """Is there anything for this projection in a batch, an operator's decision included?"""
    return any(projection.wants(recorded) or _decided(recorded, projection.name) for recorded in batch)


def apply(cursor: Cursor, target: Target, batch: Sequence[Recorded], skips: Skips) -> int:
    """Apply or park a batch. Returns how many events the projection wanted. Raises ProjectionHaltedError."""
    wanted = [
        recorded
        for recorded in batch
        if target.projection.wants(recorded) and (recorded.position.sequence, recorded.index) not in skips
    ]
    if wanted:
        waiting = parked.aggregates(cursor, target.schema)
        _apply(cursor, target, wanted, waiting)
        if len(waiting) > parked.AGGREGATES_MAX:
            raise ProjectionHaltedError(projection=target.projection.name, parked=len(waiting))
    return len(wanted)


def _resume(cursor: Cursor, target: Target, aggregate: str, history: History, skips: Skips) -> None:
    """Apply a parked stream's events again, in order, without those that are skipped by now."""
    versions = parked.take(cursor, target.schema, aggregate)
    if not versions:
        return
    last = max(versions)
    events: list[Recorded] = []
    for recorded in history(AggregateId.parse(aggregate)):
        if recorded.version in versions:
            events.append(recorded)
        if len(events) >= RESUME_EVENTS or recorded.version >= last:
            apply(cursor, target, events, skips)
            events = []
        if recorded.version >= last:
            return


def _decisions(batch: Iterable[Recorded], projection: str) -> tuple[Skips, tuple[str, ...]]:
    """What operators decided about this projection in a batch: new skips, and the streams to resume."""
    decided = [found for recorded in batch if (found := _decided(recorded, projection)) is not None]
    skips = {(event.sequence, event.index) for event in decided if isinstance(event, ProjectionEventSkipped)}
    return frozenset(skips), tuple(dict.fromkeys(event.aggregate for event in decided))


def _decided(recorded: Recorded, projection: str) -> ReadmodelEvent | None:
    event = recorded.event
    return event if isinstance(event, ReadmodelEvent) and event.projection == projection else None


def _apply(cursor: Cursor, target: Target, events: Sequence[Recorded], waiting: set[str]) -> None:
    """Halve a batch that fails until the poison stands alone."""
    ready = [recorded for recorded in events if str(recorded.aggregate) not in waiting]
    if len(ready) < len(events):
        late = [recorded for recorded in events if str(recorded.aggregate) in waiting]
        parked.park(cursor, target.schema, late, parked.FOLLOWS)
    if not ready:
        return
    unreadable = next((at for at, recorded in enumerate(ready) if _is_unreadable(recorded)), None)
    if unreadable is not None:
        _apply(cursor, target, ready[:unreadable], waiting)
        _park(cursor, target, ready[unreadable], waiting, None)
        _apply(cursor, target, ready[unreadable + 1 :], waiting)
        return
    try:
        with cursor.connection.transaction():
            target.projection.apply(cursor, ready)
    except (*LOST_RACES, *SERVER_TROUBLES):
        raise
    except Exception as error:  # noqa: BLE001 -- style rule 16: the projector parks whatever it is
        if len(ready) == 1:
            _park(cursor, target, ready[0], waiting, error)
            return
        middle = len(ready) // 2
        _apply(cursor, target, ready[:middle], waiting)
        _apply(cursor, target, ready[middle:], waiting)


def _is_unreadable(recorded: Recorded) -> bool:
    return isinstance(recorded.event, UnreadableEvent)


def _park(
    cursor: Cursor, target: Target, poison: Recorded, waiting: set[str], error: Exception | None
) -> None:
    parked.park(cursor, target.schema, [poison], _refusal(poison, error))
    waiting.add(str(poison.aggregate))


def _refusal(poison: Recorded, error: Exception | None) -> Refusal:
    if error is None:
        assert isinstance(poison.event, UnreadableEvent)
        return Refusal(poison.event.code, poison.event.reason)
    code = error.code if isinstance(error, DitsError) else type(error).__name__
    return Refusal(code, str(error).strip() or repr(error))
