"""A repository with films, its sagas, and a media worker, in one thread and in a test's hand.

Promises: nothing is waited for: when the worker has nothing to do, the sagas that are open run, and when
nothing is left it ends. What is decided, recorded and stored is as in the product.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from tempfile import TemporaryFile
from threading import Event as Flag
from typing import BinaryIO

from domain.asset import decider as assets
from domain.asset.decider import AskSalvage, Asset, asset_id
from domain.asset.events import SalvageAsked
from domain.commit.events import CommitOpened, PathChange
from domain.decider import Context
from domain.event import Event, Recorded
from domain.format.media.source import BytesSource, Source
from domain.ids import Digest, FilePath, branch_id
from domain.ports import DrawnPicture, EventLog, MediaTools, ObjectStore, Remuxed, Unplayable
from domain.position import Position
from domain.snapshots import find
from infra.compose.workers import media_counts
from infra.media.drawing import draw
from infra.media.remuxing import remux
from infra.metrics import Metrics
from tests.domain.examples import ADA, FILM
from tests.machines.film import Film
from workers.commit_steps import NamedCheck
from workers.content_sending import SessionSender
from workers.media_check import MediaCheck
from workers.media_worker import ASIDE_S, MediaWorker
from workers.picturing import Painter
from workers.salvaging import Salvager

PATH, TARGET = FilePath("shots/a.mp4"), FilePath("shots/a.salvaged.mp4")
GIB = 1 << 30
TRIES_MAX = 3


class NearTools:
    """The media tools without a process around them: for files that a test made itself."""

    def remux(self, damaged: Source, sound: BinaryIO) -> Remuxed | Unplayable:
        return remux(io.BytesIO(damaged.read(0, damaged.size_bytes)), sound)

    def draw(self, video: Source) -> tuple[DrawnPicture, ...] | Unplayable:
        return draw(io.BytesIO(video.read(0, video.size_bytes)))


def never() -> bool:
    return False


def contained(name: str, work: Callable[[], None]) -> bool:
    """As the supervisor does it, which also shows the trace."""
    try:
        work()
    except RuntimeError:
        return False
    return True


@contextmanager
def scratch(size_bytes: int) -> Generator[BinaryIO]:
    with TemporaryFile() as file:
        yield file


@dataclass
class StudioFeed:
    """The log as the worker follows it; its waiting is the world's turn."""

    studio: Studio
    stopping: Flag
    patience: int
    """How often what was set aside is waited for."""

    def read(self, after: Position | None, limit: int) -> Sequence[Recorded]:
        return self.studio.film.log.feed().read(after, limit)

    def wait(self, after: Position | None, timeout_s: float) -> bool:
        if self.studio.run_sagas():
            return True
        if self.patience:
            self.patience -= 1
            self.studio.film.clock.advance(timedelta(seconds=ASIDE_S + 1))
            return True
        self.stopping.set()
        return False


@dataclass
class Studio:
    film: Film = field(default_factory=Film)
    tools: MediaTools = field(default_factory=NearTools)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="test"))
    file_bytes_max: int = GIB
    _run: set[str] = field(default_factory=set[str])

    # ---------------------------------------------------------------- what clients do
    def keep(self, content: bytes, path: str = PATH, *, raw: bool = True) -> Digest:
        """Commit a file; `raw`: damaged as it may be."""
        name = f"{path} {len(self.film.events())}"
        session = self.film.session(name)
        sender = SessionSender(self.film.log.events, self.film.store, session, Context(ADA, "a push"), never)
        recipe = sender.send(BytesSource(content)).digest
        change = PathChange(path=FilePath(path), recipe=recipe)
        opened = self.film.opening(name, session, change, base=self.film.head())
        paths = (FilePath(path),) if raw else ()
        self.film.open_commit(opened.model_copy(update={"raw": paths}))
        self.run_sagas()
        return recipe

    def ask(self, recipe: Digest, path: str = PATH, target: str = TARGET) -> None:
        asked = SalvageAsked(
            repo=FILM,
            recipe=recipe,
            path=FilePath(path),
            target=FilePath(target),
            branch=branch_id(FILM, "main"),
            branch_name="main",
            asked_by=ADA,
            asked_by_name="ada",
        )
        self.film.ask(assets.DECIDER.ask(asset_id(FILM, recipe), AskSalvage(asked)))

    # ---------------------------------------------------------------- what workers do
    def run_sagas(self) -> bool:
        """Those that were not run yet; False if there are none."""
        due = [each for each in self.film.events() if isinstance(each.event, CommitOpened)]
        due = [each for each in due if each.aggregate.id not in self._run]
        for opened in due:
            self._run.add(opened.aggregate.id)
            log = self.film.process().events
            check = MediaCheck(log, self.film.store, media_counts(self.metrics))
            self.film.runner(checks=(NamedCheck("media", check.passes),)).run(opened)
        return bool(due)

    def work(
        self, *, events: EventLog | None = None, store: ObjectStore | None = None, patience: int = 0
    ) -> None:
        """A fresh worker, until nothing is left to do."""
        events, store = events or self.film.process().events, store or self.film.store
        stopping, losses = Flag(), self.metrics.hdr_losses
        MediaWorker(
            StudioFeed(self, stopping, patience),
            Salvager(events, store, self.tools, scratch, self.film.clock, self.file_bytes_max, losses, never),
            Painter(events, store, self.tools),
            self.film.clock,
            contained,
            tries_max=TRIES_MAX,
        ).run(stopping)

    # ---------------------------------------------------------------- what is there then
    def told(self, kind: type[Event]) -> list[Event]:
        return [each.event for each in self.film.events() if isinstance(each.event, kind)]

    def asset(self, recipe: Digest) -> Asset:
        return self.film.log.events.load(assets.DECIDER, asset_id(FILM, recipe)).state

    def recipe_at(self, path: str) -> Digest | None:
        head = self.film.head()
        built = self.film.state(head).built if head is not None else None
        entry = find(built.tree, path, self.film.tree) if built is not None else None
        return entry.digest if entry is not None else None
