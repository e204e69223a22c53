"""When to try the same call again, and how long to wait before.

Promises: tries and time are bounded; pauses grow and are spread by chance, so a server that comes back is
not trampled; a server's Retry-After is kept up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import ConnectionLostError, DitsError, ProblemError
from .machine import Machine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pacing:
    """How patient the client is."""

    tries_max: int = 10
    budget_s: float = 60.0
    """No new try begins later than this after the first; a restart of a server takes less."""
    pause_first_s: float = 0.1
    pause_max_s: float = 10.0
    """Also of a Retry-After: the server's 60 s are for crowds, and the budget bounds us anyway."""

    def pause_s(self, tries: int, error: DitsError, jitter: float) -> float:
        """Before the next try; `tries` counts the failed ones, from 1."""
        ceiling = min(self.pause_max_s, self.pause_first_s * (1 << (tries - 1)))
        spread = ceiling / 2 + jitter * ceiling / 2
        asked = error.retry_after_s if isinstance(error, ProblemError) else None
        return spread if asked is None else max(spread, min(asked, self.pause_max_s))


PATIENT = Pacing()
UNTIL_AN_OPERATOR_LOOKED = frozenset(
    {"LOG_REGRESSED", "REGISTRY_NOT_INITIALIZED", "NO_CURRENT_VERSION", "MULTIPLE_CURRENT_VERSIONS"}
)
"""Codes, and reasons of SERVICE_UNAVAILABLE: unavailable, but waiting does not help."""


def may_pass(error: DitsError) -> bool:
    """Can the same call succeed a little later?"""
    if isinstance(error, ConnectionLostError):
        return True
    if not isinstance(error, ProblemError):
        return False
    if UNTIL_AN_OPERATOR_LOOKED & {error.code, str(error.details.get("reason"))}:
        return False
    return error.kind == "unavailable" or error.status == 429


def persisting(work: Callable[[], T], pacing: Pacing, machine: Machine) -> T:
    """Do the work, again while it fails in a way that may pass. Raises its last error."""
    began_s, tries = machine.monotonic_s(), 0
    while True:
        try:
            return work()
        except DitsError as error:
            tries += 1
            pause_s = pacing.pause_s(tries, error, machine.jitter())
            spent_s = machine.monotonic_s() - began_s
            if not may_pass(error) or tries >= pacing.tries_max or spent_s + pause_s > pacing.budget_s:
                raise
            machine.sleep(pause_s)
