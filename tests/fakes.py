"""Time and chance that a test holds in its hand (ports Clock and Ids)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blake3 import blake3

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class FakeClock:
    """Stands still until it is told to move; `sleep` moves it and returns at once."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._monotonic_ms = 1_000_000
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        self._now += by
        self._monotonic_ms += by // timedelta(milliseconds=1)

    def step_wall(self, by: timedelta) -> None:
        """As an administrator or NTP would: monotonic time does not notice (seed S7.5)."""
        self._now += by


class FakeIds:
    """Tokens that never repeat and are the same in every run of a seed."""

    def __init__(self, seed: int = 0, jitter: float = 0.5) -> None:
        self._seed = seed
        self._count = 0
        self._jitter = jitter

    def token(self, size_bytes: int) -> bytes:
        self._count += 1
        return blake3(f"{self._seed}:{self._count}".encode()).digest(length=size_bytes)

    def jitter(self) -> float:
        return self._jitter
