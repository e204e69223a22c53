"""A circuit: lets calls through to something we depend on until it failed often, then leaves it alone.

Promises: after `threshold` failures in a row the next calls fail at once and never reach the dependency
(V7.5b); after the pause one call may try, and its success closes the circuit again: the checks of our health
are such calls, so recovery needs no request. While it is closed nobody waits for a lock.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Literal

import structlog

from domain.counting import Dial
from domain.errors import UnavailableError
from domain.ports import Clock
from gateway.signals import AlertName, CircuitName, Signals

THRESHOLD = 5
"""Failures in a row (V7.5b)."""
PAUSE_S = 2.0
"""Between two tries of a dependency that is away: as often as our health looks at it."""

Phase = Literal["closed", "open", "half-open"]
DIAL_OF: Mapping[Phase, int] = {"closed": 0, "open": 1, "half-open": 2}
"""What `dits_circuit_state` shows."""
Guarded = Literal["event_store", "projections"]
ALERT_OF: Mapping[Guarded, AlertName] = {
    "event_store": "event_store_unavailable",
    "projections": "projections_unavailable",
}

log = structlog.get_logger("gateway.circuit")


class Circuit:
    """One a dependency and process. A failure is an UnavailableError; a refusal tells nothing either way."""

    def __init__(
        self,
        name: Guarded,
        clock: Clock,
        signals: Signals,
        dial: Dial,
        *,
        threshold: int = THRESHOLD,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.name: CircuitName = name
        self._alert: AlertName = ALERT_OF[name]
        self._clock = clock
        self._signals = signals
        self._dial = dial
        self._threshold = threshold
        self._pause_ms = pause_s * 1000
        self._lock = Lock()
        self._failures = 0
        self._paused_since_ms = 0
        self._dependency = str(name)
        """As the last failure named it."""
        self._phase: Phase = "closed"
        self._dial.set(DIAL_OF["closed"])

    @property
    def phase(self) -> Phase:
        return self._phase

    @contextmanager
    def guarding(self) -> Generator[None]:
        """Around one call. Raises UnavailableError instead of it while the circuit is open."""
        is_trial = self._phase != "closed" and self._tries()
        try:
            yield
        except UnavailableError as error:
            self._failed(error, is_trial=is_trial)
            raise
        except BaseException:
            if is_trial:
                self._undecided()
            raise
        if is_trial or self._failures:
            self._answered(is_trial=is_trial)

    def _tries(self) -> bool:
        """Is this call the one that tries whether the dependency is back? False if it need not."""
        with self._lock:
            if self._phase == "closed":
                return False
            waited_ms = self._clock.monotonic_ms() - self._paused_since_ms
            if self._phase == "open" and waited_ms >= self._pause_ms:
                self._turn("half-open")
                return True
        raise UnavailableError(dependency=self._dependency)

    def _failed(self, error: UnavailableError, *, is_trial: bool) -> None:
        with self._lock:
            if is_trial:
                self._paused_since_ms = self._clock.monotonic_ms()
                self._turn("open")
            elif self._phase == "closed":
                self._failures += 1
                self._dependency = str(error.facts.get("dependency", self.name))
                if self._failures >= self._threshold:
                    self._open()

    def _open(self) -> None:
        self._paused_since_ms = self._clock.monotonic_ms()
        self._turn("open")
        log.error(
            "dependency.unavailable",
            circuit=self.name,
            dependency=self._dependency,
            failures=self._failures,
        )
        self._signals.circuit_opened(self.name, self._failures)
        summary = (
            f"{self._dependency} failed {self._failures} times in a row; it is tried again until it answers"
        )
        self._signals.alert(self._alert, "critical", summary)

    def _answered(self, *, is_trial: bool) -> None:
        """What was begun before the circuit opened closes nothing."""
        with self._lock:
            if is_trial:
                self._turn("closed")
                self._signals.circuit_closed(self.name)
                log.info("dependency.answered", circuit=self.name, dependency=self._dependency)
            if self._phase == "closed":
                self._failures = 0

    def _undecided(self) -> None:
        """The trial ended without the dependency's word: the next call is one."""
        with self._lock:
            self._turn("open")

    def _turn(self, phase: Phase) -> None:
        self._phase = phase
        self._dial.set(DIAL_OF[phase])
