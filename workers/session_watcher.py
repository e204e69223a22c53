"""Ends upload sessions of which nothing was heard for their lifetime (seed S2.1: UploadExpired).

Promises: judged by this process's monotonic clock since it first saw the session's newest event, so a
restart only lengthens a session; one that moves on in the same moment is not expired, because the command
carries the version that was seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from domain.decider import Context
from domain.event import Recorded
from domain.ids import SessionId
from domain.ports import Clock, EventLog, Feed
from domain.position import Position
from domain.session import decider as sessions
from domain.session.commands import ExpireSession
from domain.session.events import UploadExpired, UploadSessionCompleted, UploadSessionFailed

log = structlog.get_logger(__name__)

ACTOR = "system:session-watcher"
MESSAGES_PER_READ = 1_000
WAIT_S = 1.0

Known = Callable[[], tuple[Iterable[SessionId], Position | None]]
"""The sessions that a read model knows as open, and the position up to which it knows."""


@dataclass(slots=True)
class SessionWatcher:
    """The loop behind the expiry of upload sessions."""

    feed: Feed
    events: EventLog
    clock: Clock
    known: Known
    lifetime_ms: int
    _seen: dict[SessionId, tuple[int, int]] = field(default_factory=dict[SessionId, tuple[int, int]])
    """Of each open session: (version, when it was first seen at it), oldest first."""

    def run(self, stopping: threading.Event) -> None:
        known, after = self.known()
        now_ms = self.clock.monotonic_ms()
        self._seen = {id_: (self.events.load(sessions.DECIDER, id_).version, now_ms) for id_ in known}
        while not stopping.is_set():
            batch = self.feed.read(after, MESSAGES_PER_READ)
            for recorded in batch:
                if recorded.aggregate.family == sessions.DECIDER.family:
                    self._fold(recorded)
            if batch:
                after = batch[-1].position
                continue
            self._expire_the_old()
            self.feed.wait(after, WAIT_S)

    def _fold(self, recorded: Recorded) -> None:
        session = SessionId(recorded.aggregate.id)
        self._seen.pop(session, None)
        if not isinstance(recorded.event, UploadSessionCompleted | UploadSessionFailed | UploadExpired):
            self._seen[session] = (recorded.version, self.clock.monotonic_ms())

    def _expire_the_old(self) -> None:
        horizon_ms = self.clock.monotonic_ms() - self.lifetime_ms
        while self._seen:
            session, (version, since_ms) = next(iter(self._seen.items()))
            if since_ms > horizon_ms:
                return
            del self._seen[session]
            context = Context(ACTOR, correlation_id=f"session-{session}")
            if self.events.ask(sessions.DECIDER.ask(session, ExpireSession(version)), context=context).events:
                log.info("upload_session_expired", session=session)
