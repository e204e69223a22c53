"""Keeps the worker loops running: one thread a loop, restarted with backoff, stopped together.

Promises: a loop that raises is logged with its error and started again, ever more slowly; one that found the
log regressed stays stopped and says so (I11); stopping waits for every loop to come to a clean place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from domain.errors import ArchiveMismatchError, DitsError, LogRegressedError

log = structlog.get_logger(__name__)

RESTART_FIRST_S = 0.2
RESTART_MAX_S = 10.0
CALM_S = 30.0
"""A loop that ran this long is restarted at once again."""

HALTING = (LogRegressedError, ArchiveMismatchError)
"""The log and its copy disagree, or the log lost something: an operator has to look (I11)."""

Loop = Callable[[threading.Event], None]
"""Runs until the event is set; it looks at it at least once a second."""


@dataclass(slots=True)
class Supervisor:
    """Owns the workers' threads."""

    loops: dict[str, Loop]
    monotonic_ms: Callable[[], int]
    stopping: threading.Event = field(default_factory=threading.Event)
    halted: dict[str, str] = field(default_factory=dict[str, str])
    """Loops that stopped for good, and why."""
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def start(self) -> None:
        for name, loop in self.loops.items():
            thread = threading.Thread(target=self._keep_running, args=(name, loop), name=name)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout_s: float) -> bool:
        """True if every loop ended in time."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def contained(self, name: str, work: Callable[[], None]) -> bool:
        """Run one piece of a loop's work; False if it raised what only this piece can be blamed for.

        Raises what no loop goes on after (HALTING).
        """
        try:
            work()
        except HALTING:
            raise
        except Exception as error:
            log.exception("work_set_aside", work=name, error=repr(error))
            return False
        return True

    def _keep_running(self, name: str, loop: Loop) -> None:
        pause_s = RESTART_FIRST_S
        while not self.stopping.is_set():
            started_ms = self.monotonic_ms()
            try:
                loop(self.stopping)
            except HALTING as error:
                self.halted[name] = error.message
                log.error("worker_halted", worker=name, code=error.code, message=error.message)
                return
            except Exception as error:
                expected = isinstance(error, DitsError) and error.kind != "bug"
                log.warning("worker_restarted", worker=name, error=repr(error), exc_info=not expected)
            calm = self.monotonic_ms() - started_ms > CALM_S * 1000
            pause_s = RESTART_FIRST_S if calm else min(RESTART_MAX_S, pause_s * 2)
            self.stopping.wait(pause_s)
