"""How long a collector that did not answer is left alone.

Promises: at most one request a pause, each twice as long as the one before, up to a minute; a collector that
says when to come back is not asked sooner, nor left for longer than that minute (seed S10.2, S10.3).
"""

from __future__ import annotations

from domain.ports import Clock, Ids

FIRST_PAUSE_S = 5.0
PAUSE_S_MAX = 60.0
"""Also what a recovered collector waits for its first request at most."""


class Pause:
    """For one thread."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._failures = 0
        self._until_ms = 0

    @property
    def is_on(self) -> bool:
        return self._failures > 0 and self._clock.monotonic_ms() < self._until_ms

    def after_failure(self, retry_after_s: float) -> None:
        """Between half and all of the pause, so that many processes do not come back together."""
        full_s = min(FIRST_PAUSE_S * 2 ** min(self._failures, 8), PAUSE_S_MAX)
        pause_s = max(full_s * (1 + self._ids.jitter()) / 2, min(retry_after_s, PAUSE_S_MAX))
        self._failures += 1
        self._until_ms = self._clock.monotonic_ms() + int(pause_s * 1_000)

    def after_success(self) -> None:
        self._failures = 0
