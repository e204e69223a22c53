"""Time and chance as this machine has them: the one place of the client that reads a clock or draws.

Promises: everything else takes a `Machine`, so a test can put one in that never sleeps.
"""

from __future__ import annotations

import secrets
import time
from threading import Event
from typing import Protocol


class Machine(Protocol):
    """What the client asks of the machine it runs on."""

    def token(self) -> str:
        """32 hex characters that nobody drew before: an idempotency key."""
        ...

    def jitter(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def monotonic_s(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def hurry(self, *, on: bool) -> None:
        """While on, nobody sleeps: whoever is to be stopped runs out of tries at once."""
        ...


class SystemMachine:
    """The real one."""

    def __init__(self) -> None:
        self._hurrying = Event()

    def token(self) -> str:
        return secrets.token_hex(16)

    def jitter(self) -> float:
        return secrets.randbits(53) / (1 << 53)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self._hurrying.wait(seconds)

    def hurry(self, *, on: bool) -> None:
        if on:
            self._hurrying.set()
        else:
            self._hurrying.clear()
