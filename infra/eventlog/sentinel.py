"""Watches that the log still holds what this process saw of it (I11).

Promises: after every connect and reconnect nothing is appended before the last position seen was found again
with its digest; once the log lost or changed something, this process never appends again and says which
message is the first bad one it knows of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

from domain.errors import LogRegressedError
from domain.position import Position
from infra.eventlog.message import digest
from infra.eventlog.reader import LogReader

MARKS_MAX = 256
"""Positions kept to name the first bad message; one read each, only after a loss."""


class Sentinel:
    """One a process; followers, readers and recorders share it."""

    def __init__(self, reader: LogReader, epoch: Callable[[], int]) -> None:
        self._reader = reader
        self._epoch = epoch
        self._checked_epoch = epoch()
        self._marks: deque[tuple[int, bytes]] = deque(maxlen=MARKS_MAX)
        self._regressed: LogRegressedError | None = None
        self._lock = Lock()

    @property
    def regressed(self) -> LogRegressedError | None:
        """What was lost; the gateway answers writes with it while reads go on."""
        return self._regressed

    def observe(self, sequence: int, seen: bytes) -> None:
        """The log held `sequence` with this digest."""
        marks = self._marks
        if not marks or sequence > marks[-1][0]:
            marks.append((sequence, seen))

    def permit(self) -> int:
        """The epoch in which may be appended. Raises LogRegressedError, UnavailableError."""
        epoch = self._epoch()
        if self._regressed is not None:
            raise self._regressed
        if epoch != self._checked_epoch:
            with self._lock:
                if epoch != self._checked_epoch:
                    self._check_marks()
                    self._checked_epoch = epoch
        return epoch

    def verify(self, position: Position) -> None:
        """Is this position of a follower's rows still in the log? Raises LogRegressedError."""
        if position.incarnation != self._reader.incarnation:
            raise self._remember(1)
        if position.sequence == 0:
            return
        if not self._holds(position.sequence, position.digest):
            raise self._remember(position.sequence)
        self.observe(position.sequence, position.digest)

    def note(self, error: LogRegressedError) -> LogRegressedError:
        """Somebody who read on found a message that does not fit."""
        self._regressed = self._regressed or error
        return self._regressed

    def _check_marks(self) -> None:
        if self._reader.current_incarnation() != self._reader.incarnation:
            raise self._remember(1)
        marks = tuple(self._marks)
        if not marks or self._holds(*marks[-1]):
            return
        bad = next((sequence for sequence, seen in marks if not self._holds(sequence, seen)), marks[-1][0])
        raise self._remember(bad)

    def _holds(self, sequence: int, seen: bytes) -> bool:
        stored = self._reader.at(sequence)
        return stored is not None and digest(stored.subject, stored.payload) == seen

    def _remember(self, sequence: int) -> LogRegressedError:
        return self.note(LogRegressedError(sequence=sequence))
