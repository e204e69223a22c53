"""A machine for tests: nobody sleeps."""

from __future__ import annotations

import secrets


class QuickMachine:
    """Sleeping moves its clock and returns at once. Tokens are never drawn twice on a shared server."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def token(self) -> str:
        return secrets.token_hex(16)

    def jitter(self) -> float:
        return 0.5

    def monotonic_s(self) -> float:
        return sum(self.slept_s)

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def hurry(self, *, on: bool) -> None:
        """It does already."""
