"""Follows the log for salvages that were asked for and videos without pictures, and does them one at a time.

Promises: folds to the log's end before it acts, so a restart finds what is open and does nothing twice that
was recorded; a salvage comes before pictures, and ends by an event: a file that cannot be salvaged, or for
whose sake we failed too often, is told with a code. A commit's saga is waited for by following the log,
holding no thread. What a fault of ours breaks is set aside and stops nobody else (seed S4.1).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import structlog

from domain.asset.events import AssetSalvaged, AssetStored, PictureDrawn, SalvageAsked, SalvageFailed
from domain.commit.events import CommitCompensated, CommitPublished
from domain.errors import DitsError, LogRegressedError
from domain.event import Recorded
from domain.ids import CommitId
from domain.ports import Clock, Feed
from domain.position import Position
from domain.sagas.commit import may_pass
from workers.picturing import Drawing, Painter, drawing_of, is_to_be_drawn
from workers.salvaging import Salvage, Salvager

log = structlog.get_logger(__name__)

MESSAGES_PER_READ = 1_000
WAIT_S = 1.0
ASIDE_S = 30
"""What is away may be back by then."""
TRIES_MAX = 20
"""Of one salvage or drawing, ten minutes in all: a full disk or an absent store is a reason as well, then."""
BROKEN = "INTERNAL_SERVER_ERROR"

Contained = Callable[[str, Callable[[], None]], bool]
"""Runs a piece of work; False if it is to be set aside (`Supervisor.contained`)."""
Open = Callable[[], tuple[Iterable[Recorded], Position | None]]
"""SalvageAsked and AssetStored that are known as open, and the position up to which they are."""
Work = Salvage | Drawing


def from_the_beginning() -> tuple[Iterable[Recorded], Position | None]:
    return (), None


@dataclass(slots=True)
class MediaWorker:
    """The loop behind salvage and pictures."""

    feed: Feed
    salvager: Salvager
    painter: Painter
    clock: Clock
    contained: Contained
    known_open: Open = from_the_beginning
    tries_max: int = TRIES_MAX
    _salvages: dict[str, Salvage] = field(default_factory=dict[str, Salvage])
    """All that are open, by asset, and the next ones."""
    _drawings: dict[str, Drawing] = field(default_factory=dict[str, Drawing])
    _due: deque[str] = field(default_factory=deque[str])
    """Assets whose salvage is to be taken up."""
    _waiting: dict[CommitId, str] = field(default_factory=dict[CommitId, str])
    """Assets whose salvage waits for its commit."""
    _aside: dict[Work, int] = field(default_factory=dict[Work, int])
    """Until when."""
    _tries: dict[Work, int] = field(default_factory=dict[Work, int])

    def run(self, stopping: threading.Event) -> None:
        for state in (self._salvages, self._drawings, self._due, self._waiting, self._aside, self._tries):
            state.clear()
        known, after = self.known_open()
        for recorded in known:
            self._fold(recorded)
        while not stopping.is_set():
            batch = self.feed.read(after, MESSAGES_PER_READ)
            for recorded in batch:
                self._fold(recorded)
            if batch:
                after = batch[-1].position
            elif not self._act(stopping):
                self.feed.wait(after, WAIT_S)

    def _fold(self, recorded: Recorded) -> None:
        asset = recorded.aggregate.id
        match recorded.event:
            case SalvageAsked():
                self._salvages[asset] = Salvage.of(recorded)
                self._due.append(asset)
            case AssetSalvaged() | SalvageFailed():
                self._salvages.pop(asset, None)
            case AssetStored() as stored if is_to_be_drawn(stored):
                correlation, causation = recorded.envelope.correlation_id, recorded.position.encode()
                self._drawings[asset] = drawing_of(stored, correlation, causation)
            case PictureDrawn():
                self._drawings.pop(asset, None)
            case CommitPublished(commit=commit) | CommitCompensated(commit=commit):
                if commit in self._waiting:
                    self._due.append(self._waiting.pop(commit))
            case _:
                pass

    def _act(self, stopping: threading.Event) -> bool:
        """The next piece of work, salvages first; False if there is none to be done now."""
        now_ms = self.clock.monotonic_ms()
        for _ in range(len(self._due)):
            asset = self._due.popleft()
            salvage = self._salvages.get(asset)
            if salvage is None:
                continue
            if self._aside.get(salvage, 0) <= now_ms:
                self._attempt(f"salvage {asset}", salvage, partial(self._take_up, salvage), stopping)
                return True
            self._due.append(asset)
        for asset, drawing in self._drawings.items():
            if self._aside.get(drawing, 0) <= now_ms:
                self._attempt(f"pictures {asset}", drawing, partial(self._draw, drawing), stopping)
                return True
        return False

    def _take_up(self, salvage: Salvage) -> None:
        if not self.salvager.take_up(salvage):
            self._waiting[salvage.commit] = salvage.asset
        self._forget(salvage)

    def _draw(self, drawing: Drawing) -> None:
        """Of what cannot be drawn nothing is told; this process does not try it again."""
        self.painter.draw(drawing)
        self._drawings.pop(drawing.asset, None)
        self._forget(drawing)

    def _attempt(self, name: str, work: Work, attempt: Callable[[], None], stopping: threading.Event) -> None:
        def tried() -> None:
            try:
                attempt()
            except DitsError as error:
                if error.kind == "bug" or isinstance(error, LogRegressedError):
                    raise
                if not stopping.is_set():
                    self._postpone(work, error.code, error.message, lasting=not may_pass(error))

        if not self.contained(name, tried):
            self.contained(name, partial(self._postpone, work, BROKEN, "a fault of ours", lasting=False))

    def _postpone(self, work: Work, code: str, reason: str, *, lasting: bool) -> None:
        """Try again later, unless it is of no use or was tried too often."""
        tries = self._tries[work] = self._tries.get(work, 0) + 1
        log.info("media_work_failed", asset=work.asset, code=code, tries=tries)
        if not lasting and tries < self.tries_max:
            self._aside[work] = self.clock.monotonic_ms() + ASIDE_S * 1000
            if isinstance(work, Salvage):
                self._due.append(work.asset)
            return
        if isinstance(work, Salvage):
            self.salvager.fail(work, code, reason)
        else:
            self._drawings.pop(work.asset, None)
        self._forget(work)

    def _forget(self, work: Work) -> None:
        self._aside.pop(work, None)
        self._tries.pop(work, None)
