"""What the media check counts (acceptance: S4.1-S4.5); `infra/metrics.py` names and binds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Count(Protocol):
    """A counter. Callers may rely on: counting never fails."""

    def inc(self, amount: float = 1) -> None: ...


class Counts(Protocol):
    """A counter with labels that somebody else named."""

    def of(self, *labels: str) -> Count: ...


@dataclass(frozen=True, slots=True)
class MediaCounts:
    """Of one process."""

    validation: Mapping[str, Count]
    """By result: passed, failed."""
    unsupported_codecs: Count
    sync_warnings: Count
    projects: Counts
    """By program, and whether its version is supported (yes, no)."""
