"""Time and chance from the machine: the product's adapters of the ports Clock and Ids.

Promises: nothing else in Dits reads a clock or draws a random number (style rule 19, held by a house test),
so every test can put its own in place (`tests/fakes.py`).
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """Wall time as the machine has it; it may step. Durations come from `monotonic_ms`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemIds:
    """The operating system's random numbers."""

    def token(self, size_bytes: int) -> bytes:
        return secrets.token_bytes(size_bytes)

    def jitter(self) -> float:
        """53 random bits, as `random.random` makes them."""
        return secrets.randbits(53) / (1 << 53)
