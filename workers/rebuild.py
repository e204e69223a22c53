"""Rebuilds: a read model made anew from the log beside the live one, then switched in one UPDATE.

Promises: the live one answers until the switch, and the new one has then everything it had; a rebuild that
is cancelled or fails leaves nothing; one that was killed is cleared away by the next; skipped events are
skipped again; nothing is emitted. Bulk loads (`Projection.fill`) fall back to the ordinary fold if the log
holds what they cannot take, for only that one can park it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import structlog

from domain.errors import (
    DitsError,
    LogRegressedError,
    RebuildCancelledError,
    RebuildRunningError,
    UnavailableError,
)
from domain.event import Recorded
from domain.ports import Clock, EventLog, Feed, Messages, RawEvent
from domain.position import Position
from projections import applying, builds
from projections.applying import Skips, Target
from projections.builds import Live
from projections.projection import Fill, Projection, row_counts
from projections.transactions import (
    LOST_RACES,
    ROW_TROUBLES,
    SERVER_TROUBLES,
    Cursor,
    Pool,
    alone,
    transaction,
)
from workers.projector import PAUSE_FIRST_S, PAUSE_MAX_S, skips_of

BATCH_MESSAGES = 4_000
"""Messages of one transaction of a rebuild: large enough that commits are cheap, small enough to cancel."""
RETIRED_FOR = timedelta(days=1)
"""How long a retired schema stays for processes of an older version that may still read it."""
HOUSEKEEPING_S = 600.0
WAIT_S = 1.0

BULK_MEMORY = "SET LOCAL maintenance_work_mem TO '256MB'; SET LOCAL work_mem TO '128MB'"

Phase = Literal["reading", "settling", "catching up", "switched"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is: events of the log that were read and wanted, and how fast."""

    projection: str
    phase: Phase
    events: int
    sequence: int
    elapsed_ms: int

    @property
    def events_per_s(self) -> int:
        return self.events * 1000 // max(1, self.elapsed_ms)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild made."""

    projection: str
    schema: str
    position: Position | None
    events: int
    elapsed_ms: int
    table_rows: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.table_rows.values())

    @property
    def events_per_s(self) -> int:
        return self.events * 1000 // max(1, self.elapsed_ms)


def silent(_: Progress) -> None:
    """Nobody watches."""


def never() -> bool:
    """Nobody cancels."""
    return False


@dataclass(slots=True)
class _Run:
    """One rebuild under way."""

    projection: Projection
    skips: Skips
    started_ms: int
    clock: Clock
    tell: Callable[[Progress], None]
    cancelled: Callable[[], bool]
    schema: str = ""
    position: Position | None = None
    events: int = 0

    def told(self, phase: Phase) -> None:
        """Raises RebuildCancelledError."""
        self.tell(self.progress(phase))
        if self.cancelled():
            raise RebuildCancelledError(projection=self.projection.name)

    def progress(self, phase: Phase) -> Progress:
        return Progress(self.projection.name, phase, self.events, self.sequence, self.elapsed_ms)

    @property
    def sequence(self) -> int:
        return self.position.sequence if self.position is not None else 0

    @property
    def elapsed_ms(self) -> int:
        return self.clock.monotonic_ms() - self.started_ms


@dataclass(frozen=True, slots=True)
class Rebuilder:
    """Makes read models; also the loop that makes the missing ones and drops the old."""

    pool: Pool
    feed: Feed
    messages: Messages
    log: EventLog
    clock: Clock
    projections: tuple[Projection, ...]
    batch_messages: int = BATCH_MESSAGES
    bulk: bool = True

    def run(self, stopping: threading.Event) -> None:
        """Make what is missing (a first start, a new version, a lost database), then keep house.

        What an operator drops later is made by the operator's rebuild.
        """
        pause_s, swept_ms, is_whole = PAUSE_FIRST_S, None, False
        while not stopping.is_set():
            try:
                if not is_whole:
                    self.make_missing(stopping.is_set)
                    is_whole = True
                now_ms = self.clock.monotonic_ms()
                if swept_ms is None or now_ms - swept_ms >= HOUSEKEEPING_S * 1000:
                    self.sweep()
                    swept_ms = now_ms
                pause_s = PAUSE_FIRST_S
                stopping.wait(WAIT_S)
            except (UnavailableError, RebuildRunningError) as error:
                _log.warning("rebuilder_paused", code=error.code, reason=error.message, pause_s=pause_s)
                stopping.wait(pause_s)
                pause_s = min(PAUSE_MAX_S, pause_s * 2)
            except RebuildCancelledError:
                return

    def make_missing(self, cancelled: Callable[[], bool] = never) -> tuple[Rebuilt, ...]:
        """Rebuild every read model that has no live build of this program's version."""
        with transaction(self.pool) as cursor:
            found = builds.all_live(cursor)
        missing = [one for one in self.projections if (one.name, one.version) not in found]
        made = [self.rebuild(projection, cancelled=cancelled) for projection in missing]
        for rebuilt in made:
            _log.info("projection_built", projection=rebuilt.projection, rows=rebuilt.rows)
        return tuple(made)

    def rebuild(
        self,
        projection: Projection,
        *,
        tell: Callable[[Progress], None] = silent,
        cancelled: Callable[[], bool] = never,
    ) -> Rebuilt:
        """Raises RebuildRunningError, RebuildCancelledError, UnavailableError, LogRegressedError."""
        with self._turn(projection):
            run = _Run(
                projection,
                skips_of(self.log, projection),
                self.clock.monotonic_ms(),
                self.clock,
                tell,
                cancelled,
            )
            try:
                self._build(run)
                return self._switched(run)
            finally:
                self._clear(projection)

    def sweep(self) -> None:
        """Drop what has been retired for a day, and retire versions that a newer one replaced."""
        now = self.clock.now()
        with transaction(self.pool) as cursor:
            builds.retire_outdated(cursor, now - RETIRED_FOR, now)
            for schema in builds.retired(cursor, now - RETIRED_FOR):
                builds.drop(cursor, schema)

    # -------------------------------------------------------------- one rebuild
    @contextmanager
    def _turn(self, projection: Projection) -> Generator[None]:
        """Alone with this projection's builds; what a killed rebuild left is dropped first."""
        with alone(self.pool, f"rebuild {projection.name}") as is_alone:
            if not is_alone:
                raise RebuildRunningError(projection=projection.name)
            self._clear(projection)
            yield

    def _clear(self, projection: Projection) -> None:
        with transaction(self.pool) as cursor:
            for schema in builds.unfinished(cursor, projection):
                builds.drop(cursor, schema)

    def _build(self, run: _Run) -> None:
        fill = run.projection.fill
        if self.bulk and fill is not None and self._filled(run, fill):
            return
        run.position, run.events = None, 0
        with transaction(self.pool) as cursor:
            run.schema = builds.create(cursor, run.projection, self.clock.now(), indexed=True)
        self._catch_up(run, "reading")
        run.told("settling")
        with transaction(self.pool) as cursor:
            builds.enter(cursor, run.schema)
            for table in run.projection.tables:
                builds.make_durable(cursor, table)

    def _filled(self, run: _Run, fill: Fill) -> bool:
        """The bulk load, in one transaction; False if the log holds what it cannot take."""
        try:
            with transaction(self.pool) as cursor:
                cursor.execute(builds.LAZY_COMMIT)
                cursor.execute(BULK_MEMORY)
                run.schema = builds.create(cursor, run.projection, self.clock.now(), indexed=False)
                fill(cursor, self._raw(run))
        except (RebuildCancelledError, UnavailableError, *LOST_RACES, *SERVER_TROUBLES):
            raise
        except (DitsError, *ROW_TROUBLES, AssertionError, KeyError) as error:
            _log.warning("bulk_load_refused", projection=run.projection.name, reason=str(error))
            return False
        return True

    def _raw(self, run: _Run) -> Iterator[Sequence[RawEvent]]:
        for end, batch in self.messages.raw_events(None, run.projection.topics):
            wanted = [raw for raw in batch if (raw.position.sequence, raw.place) not in run.skips]
            yield wanted
            run.position, run.events = end, run.events + len(wanted)
            run.told("reading")
        run.told("settling")

    def _catch_up(self, run: _Run, phase: Phase) -> None:
        while batch := self.feed.read(run.position, self.batch_messages):
            with transaction(self.pool) as cursor:
                cursor.execute(builds.LAZY_COMMIT)
                builds.enter(cursor, run.schema)
                self._fold(cursor, run, batch)
            run.told(phase)

    def _fold(self, cursor: Cursor, run: _Run, batch: Sequence[Recorded]) -> None:
        target = Target(run.projection, run.schema)
        wanted, run.skips = applying.take(cursor, target, batch, run.skips, self.log.history)
        run.events += wanted
        run.position = batch[-1].position

    def _switched(self, run: _Run) -> Rebuilt:
        """Catch up, then once more with the live one held still, so that no reader goes back in time."""
        self._catch_up(run, "catching up")
        with transaction(self.pool) as cursor:
            live = builds.live(cursor, run.projection, locked=True)
            builds.enter(cursor, run.schema)
            while live is not None and live.sequence > run.sequence:
                batch = self.feed.read(run.position, self.batch_messages)
                if not batch:  # the live build has seen more of the log than there is
                    raise LogRegressedError(sequence=live.sequence)
                self._fold(cursor, run, batch)
            builds.switch(cursor, run.projection, Live(run.schema, run.position), self.clock.now())
        elapsed_ms = run.elapsed_ms
        run.tell(run.progress("switched"))
        with transaction(self.pool) as cursor:
            builds.enter(cursor, run.schema)
            rows = row_counts(cursor, run.projection)
        return Rebuilt(run.projection.name, run.schema, run.position, run.events, elapsed_ms, rows)
