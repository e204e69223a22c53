"""Acts when a deadline comes: today, upload sessions of which nothing was heard (seed S2.1: UploadExpired).

Promises: deadlines lie in the log's server and survive restarts (port Timers); they only wake this worker,
which looks at the session itself: one that moved on gets a new deadline, and the command that expires it
carries the version that was seen, so that moving on in the same moment wins.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from domain.decider import Context
from domain.ids import SessionId
from domain.ports import EventLog, Feed, Timers
from domain.position import Position
from domain.session import decider as sessions
from domain.session.commands import ExpireSession
from domain.session.events import UploadSessionStarted

log = structlog.get_logger(__name__)

ACTOR = "system:clockwork"
MESSAGES_PER_READ = 1_000
WAIT_S = 1.0
"""Between two looks at the log; a session's first deadline may be set this late."""

Known = Callable[[], tuple[Iterable[SessionId], Position | None]]
"""The sessions that a read model knows as open, and the position up to which it knows."""


@dataclass(frozen=True, slots=True)
class Clockwork:
    """The loop behind deadlines."""

    feed: Feed
    events: EventLog
    timers: Timers
    known: Known
    lifetime_s: float

    def run(self, stopping: threading.Event) -> None:
        known, after = self.known()
        for session in known:
            self._set(session, self.events.load(sessions.DECIDER, session).version)
        while not stopping.is_set():
            batch = self.feed.read(after, MESSAGES_PER_READ)
            for recorded in batch:
                if isinstance(recorded.event, UploadSessionStarted):
                    self._set(recorded.event.session, recorded.version)
            if batch:
                after = batch[-1].position
                continue
            for key in self.timers.due(WAIT_S):
                self._look(key)

    def _set(self, session: SessionId, version: int) -> None:
        self.timers.set(f"session:{session}:{version}", self.lifetime_s)

    def _look(self, key: str) -> None:
        _, id_, version = key.split(":")
        session = SessionId(id_)
        loaded = self.events.load(sessions.DECIDER, session)
        if loaded.state.phase != "open":
            return
        if loaded.version != int(version):
            self._set(session, loaded.version)
            return
        ask = sessions.DECIDER.ask(session, ExpireSession(loaded.version))
        if self.events.ask(ask, context=Context(ACTOR, correlation_id=f"session-{session}")).events:
            log.info("upload_session_expired", session=session)
