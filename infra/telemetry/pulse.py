"""A thread that does one thing again and again, sooner when it is woken, and once more when it is stopped.

Promises: waking it is a flag and waits for nothing; stopping it is two steps, so that several stop together;
who waits for its end waits no longer than they said, for the thread does not keep the process alive.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread


class Pulse:
    """Started once."""

    def __init__(
        self, name: str, step: Callable[[], object], last: Callable[[], object], *, every_s: float
    ) -> None:
        self._step = step
        self._last = last
        self._every_s = every_s
        self._woken = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """Returns at once; `last` is on its way."""
        self._stopping.set()
        self._woken.set()

    def ended(self, timeout_s: float) -> bool:
        """Waits for the thread, so long at most."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(self._every_s)
            self._woken.clear()
            if not self._stopping.is_set():
                self._step()
        self._last()
