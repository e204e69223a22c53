"""What open upload sessions have sent, folded from the log and kept for the ones in use.

Promises: nothing is known here that the log does not say; a session that was forgotten is folded anew.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from domain.ids import Digest, SessionId, unpacked
from domain.ports import EventLog
from domain.position import Position
from domain.session import decider as sessions
from domain.session.events import ChunkStored

SESSIONS_KEPT = 32
"""In use at the same time; each holds about 100 bytes for every chunk it sent, 40 MB for 100 GiB."""


@dataclass(slots=True)
class _Sent:
    position: Position | None = None
    """How far its history was read."""
    chunks: set[Digest] = field(default_factory=set[Digest])
    lock: Lock = field(default_factory=Lock)


@dataclass(slots=True)
class SentChunks:
    """Safe for threads."""

    log: EventLog
    _sessions: OrderedDict[SessionId, _Sent] = field(default_factory=OrderedDict[SessionId, _Sent])
    _lock: Lock = field(default_factory=Lock)

    def among(self, session: SessionId, names: list[Digest]) -> set[Digest]:
        """Those of `names` that this session has sent."""
        sent = self._of(session)
        with sent.lock:
            for recorded in self.log.history(sessions.DECIDER.at(session), sent.position):
                sent.position = recorded.position
                if isinstance(recorded.event, ChunkStored):
                    sent.chunks.update(unpacked(recorded.event.chunks))
            return sent.chunks.intersection(names)

    def _of(self, session: SessionId) -> _Sent:
        with self._lock:
            sent = self._sessions.setdefault(session, _Sent())
            self._sessions.move_to_end(session)
            if len(self._sessions) > SESSIONS_KEPT:
                self._sessions.popitem(last=False)
            return sent
