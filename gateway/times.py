"""Times as others see them: RFC 3339 in UTC, with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def of_ms(unix_ms: int) -> str:
    """``2026-11-22T12:00:00.000Z``"""
    return written(datetime.fromtimestamp(unix_ms / 1000, UTC))


def written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
