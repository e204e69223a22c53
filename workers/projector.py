"""The projector: keeps every live read model at the end of the log.

Promises: each read model takes a batch in a transaction of its own, rows and position together, so a kill
at any point loses and repeats nothing; a poison event parks with its stream's later ones while all else goes
on; operators' decisions are events and are obeyed where they stand in the log; two projectors side by side do
no harm (the position row is locked and compared); PostgreSQL or NATS going away is waited out, a log that
lost something is not (LogRegressedError ends the loop, I11).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from domain import readmodel
from domain.errors import ProjectionHaltedError, SerializationFailureError, UnavailableError
from domain.event import Recorded
from domain.ports import Clock, EventLog, Feed, Ids
from domain.position import Position
from projections import applying, builds
from projections.applying import Skips, Target
from projections.builds import Live
from projections.projection import Projection
from projections.transactions import Cursor, Pool, transacted, transaction

WAIT_S = 1.0
"""How long one look at the log waits for news; also how soon a stop is noticed."""
QUIET_S = 0.05
"""After news that were no events: the log may end in a guard, which `wait` sees and `read` passes over."""
PAUSE_FIRST_S = 0.1
PAUSE_MAX_S = 5.0
"""Between tries while a server is away: soon enough to feel immediate when it is back."""

Lives = dict[str, Live]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Projector:
    """Follows the log for the read models that are live; `workers.rebuild` makes the missing ones."""

    pool: Pool
    feed: Feed
    log: EventLog
    clock: Clock
    ids: Ids
    projections: tuple[Projection, ...]
    batch_messages: int
    _skips: dict[str, Skips] = field(default_factory=dict[str, Skips])
    _halted: set[str] = field(default_factory=set[str])

    def run(self, stopping: threading.Event) -> None:
        """Until it stops. Raises LogRegressedError."""
        pause_s = PAUSE_FIRST_S
        while not stopping.is_set():
            try:
                if (
                    not self.step()
                    and self.feed.wait(self._lowest(self._lives()), WAIT_S)
                    and not self.step()
                ):
                    stopping.wait(QUIET_S)
                pause_s = PAUSE_FIRST_S
            except (UnavailableError, SerializationFailureError) as error:
                _log.warning("projector_paused", code=error.code, reason=error.message, pause_s=pause_s)
                stopping.wait(pause_s)
                pause_s = min(PAUSE_MAX_S, pause_s * 2)

    def step(self) -> int:
        """Bring the read models that are furthest behind one batch forward. Returns its events; 0 at the end.

        Raises UnavailableError, SerializationFailureError, LogRegressedError.
        """
        lives = self._lives()
        if not lives:
            return 0
        batch = self.feed.read(self._lowest(lives), self.batch_messages)
        if batch:
            self._advance(lives, batch)
        return len(batch)

    def _advance(self, lives: Lives, batch: Sequence[Recorded]) -> None:
        to = batch[-1].position
        idle: dict[Position | None, list[str]] = {}
        for projection in self._following(lives):
            live = lives[projection.name]
            fresh = [recorded for recorded in batch if recorded.position.sequence > live.sequence]
            if applying.concerns(projection, fresh):
                self._fold(projection, live, fresh)
            elif fresh:
                idle.setdefault(live.position, []).append(live.schema)
        if idle:
            with transaction(self.pool) as cursor:
                cursor.execute(builds.LAZY_COMMIT)
                for after, schemas in idle.items():
                    builds.advance_idle(cursor, schemas, after, to)

    def _fold(self, projection: Projection, seen: Live, fresh: Sequence[Recorded]) -> None:
        name = projection.name
        try:
            transacted(
                self.pool,
                lambda cursor: self._fold_in(cursor, projection, seen, fresh),
                name=f"projection {name}",
                clock=self.clock,
                ids=self.ids,
            )
        except ProjectionHaltedError as error:
            self._halted.add(name)
            _log.error("projection_halted", projection=name, reason=error.message)

    def _fold_in(self, cursor: Cursor, projection: Projection, seen: Live, fresh: Sequence[Recorded]) -> None:
        cursor.execute(builds.LAZY_COMMIT)
        if builds.live(cursor, projection, locked=True) != seen:
            return  # A rebuild switched, or another projector was faster: the next step sees it.
        builds.enter(cursor, seen.schema)
        target = Target(projection, seen.schema)
        _, skips = applying.take(cursor, target, fresh, self._skips_of(projection), self.log.history)
        builds.advance(cursor, projection, fresh[-1].position)
        self._skips[projection.name] = skips

    def _skips_of(self, projection: Projection) -> Skips:
        if projection.name not in self._skips:
            self._skips[projection.name] = skips_of(self.log, projection)
        return self._skips[projection.name]

    def _lives(self) -> Lives:
        with transaction(self.pool) as cursor:
            found = builds.all_live(cursor)
        versions = {(projection.name, projection.version) for projection in self.projections}
        return {key[0]: live for key, live in found.items() if key in versions and key[0] not in self._halted}

    def _following(self, lives: Lives) -> list[Projection]:
        return [projection for projection in self.projections if projection.name in lives]

    def _lowest(self, lives: Lives) -> Position | None:
        furthest_behind = min(lives.values(), key=lambda live: live.sequence, default=None)
        return None if furthest_behind is None else furthest_behind.position


def skips_of(log: EventLog, projection: Projection) -> Skips:
    """Every event that this projection passes over, as the log says it (I5)."""
    return log.load(readmodel.DECIDER, projection.name).state.skipped
