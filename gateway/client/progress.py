"""How far a push or a checkout has come, told to whoever asked.

Promises: the callback runs in the thread that called push or checkout, never in two at once; counters
only grow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a transfer. All but `files_total` and `bytes_total` only grow."""

    files_total: int = 0
    files: int = 0
    """Dealt with to the last byte."""
    bytes_total: int = 0
    bytes_read: int = 0
    """Of local files."""
    bytes_sent: int = 0
    """To the server: what it did not have."""
    bytes_known: int = 0
    """That the server (or, on checkout, this disk) had already."""
    bytes_received: int = 0
    path: str = ""
    """What is being worked on."""


Report = Callable[[Progress], None]


def say_nothing(_progress: Progress) -> None:
    """For callers who do not ask."""


class Tally:
    """The counters of one transfer, which its threads add to."""

    def __init__(self, report: Report, *, files_total: int, bytes_total: int) -> None:
        self._report = report
        self._guard = Lock()
        self._now = Progress(files_total=files_total, bytes_total=bytes_total)

    @property
    def now(self) -> Progress:
        with self._guard:
            return self._now

    def add(self, *, files: int = 0, read: int = 0, sent: int = 0, known: int = 0, received: int = 0) -> None:
        """From any thread; reports nothing."""
        with self._guard:
            now = self._now
            self._now = replace(
                now,
                files=now.files + files,
                bytes_read=now.bytes_read + read,
                bytes_sent=now.bytes_sent + sent,
                bytes_known=now.bytes_known + known,
                bytes_received=now.bytes_received + received,
            )

    def work_on(self, path: str) -> None:
        with self._guard:
            self._now = replace(self._now, path=path)

    def report(self) -> None:
        """From the caller's own thread."""
        self._report(self.now)
