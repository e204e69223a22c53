"""Each version's terms: when it is released, deprecated and sunset, and what follows it.

Promises: the terms of the registry's own fold (`domain.api_registry.evolving`), one row a version. Which
phase holds now is not for a table to say: that turns with the clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString, assert_never

from domain.api_registry.events import (
    VersionPromoted,
    VersionRegistered,
    VersionStatusChanged,
    VersionTermsSet,
    VersionWithdrawn,
)
from domain.api_registry.registry import moment_of, text_of
from domain.event import Recorded
from domain.version_spec import Phase
from projections.folding import Folded, recorded_at
from projections.projection import Table

Turning = VersionRegistered | VersionStatusChanged | VersionTermsSet | VersionPromoted | VersionWithdrawn

TABLE = Table(
    "api_versions",
    """
    CREATE TABLE api_versions (
        version_id TEXT PRIMARY KEY,
        registered_at TIMESTAMPTZ NOT NULL,
        released_at TEXT NOT NULL,
        deprecated_at TEXT,
        sunset_at TEXT,
        successor TEXT,
        migration_guide_url TEXT,
        opt_in_required BOOLEAN NOT NULL
    )
    """,
)
LOAD = """
    SELECT version_id, registered_at, released_at, deprecated_at, sunset_at, successor,
           migration_guide_url, opt_in_required
    FROM api_versions WHERE version_id = ANY(%(keys)s)
"""
STORE = """
    INSERT INTO api_versions
        (version_id, registered_at, released_at, deprecated_at, sunset_at, successor,
         migration_guide_url, opt_in_required)
    VALUES (%(version_id)s, %(registered_at)s, %(released_at)s, %(deprecated_at)s, %(sunset_at)s,
            %(successor)s, %(migration_guide_url)s, %(opt_in_required)s)
    ON CONFLICT (version_id) DO UPDATE
    SET registered_at = EXCLUDED.registered_at, released_at = EXCLUDED.released_at,
        deprecated_at = EXCLUDED.deprecated_at, sunset_at = EXCLUDED.sunset_at,
        successor = EXCLUDED.successor, migration_guide_url = EXCLUDED.migration_guide_url,
        opt_in_required = EXCLUDED.opt_in_required
"""
ERASE = "DELETE FROM api_versions WHERE version_id = ANY(%(keys)s)"
LIST: LiteralString = """
    SELECT version_id, registered_at, released_at, deprecated_at, sunset_at, successor,
           migration_guide_url, opt_in_required
    FROM api_versions ORDER BY version_id
"""
"""Without a limit: the registry has at most a hundred, and tombstones beside."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """Times but the first are RFC 3339 in UTC, as headers and bodies say them."""

    version_id: str
    registered_at: datetime
    released_at: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None
    opt_in_required: bool


def touched(recorded: Recorded) -> Iterable[str]:
    match recorded.event:
        case VersionPromoted(from_id=before, previous_current=previous):
            yield before
            if previous:
                yield previous
        case VersionRegistered() | VersionStatusChanged() | VersionTermsSet() | VersionWithdrawn() as event:
            yield event.version_id
        case _:
            return


def fold(before: VersionRow | None, key: str, recorded: Recorded) -> VersionRow | None:
    event = recorded.event
    assert isinstance(event, Turning)
    if isinstance(event, VersionRegistered):
        return _registered(event, recorded)
    assert before is not None, event
    match event:
        case VersionStatusChanged():
            return _in_phase(before, event.to, moment_of(event.effective_at))
        case VersionTermsSet():
            return _with_terms(before, event)
        case VersionPromoted():
            successor = event.to_id if key == event.from_id else before.successor or event.to_id
            return replace(before, successor=successor)
        case VersionWithdrawn():
            return None
        case _:
            assert_never(event)


def _registered(event: VersionRegistered, recorded: Recorded) -> VersionRow:
    return VersionRow(
        version_id=event.version_id,
        registered_at=recorded_at(recorded),
        released_at=_normal(event.released_at),
        deprecated_at=_normal_or_none(event.deprecated_at),
        sunset_at=_normal_or_none(event.sunset_at),
        successor=event.successor,
        migration_guide_url=event.migration_guide_url,
        opt_in_required=event.opt_in_required,
    )


def _with_terms(before: VersionRow, event: VersionTermsSet) -> VersionRow:
    return replace(
        before,
        released_at=_normal(event.released_at),
        deprecated_at=_normal_or_none(event.deprecated_at),
        sunset_at=_normal_or_none(event.sunset_at),
        successor=event.successor,
        migration_guide_url=event.migration_guide_url,
        opt_in_required=event.opt_in_required,
    )


def _in_phase(before: VersionRow, phase: Phase, since: datetime) -> VersionRow:
    match phase:
        case "deprecated":
            return replace(before, deprecated_at=text_of(since))
        case "sunset":
            at = _earlier(before.sunset_at or text_of(since), since)
            deprecated_at = (
                None if before.deprecated_at is None else _earlier(before.deprecated_at, moment_of(at))
            )
            return replace(before, sunset_at=at, deprecated_at=deprecated_at)
        case "current":
            return replace(before, deprecated_at=None, sunset_at=None, successor=None)
        case "prerelease":
            return replace(before, deprecated_at=None)
        case _:
            assert_never(phase)


def _earlier(text: str, moment: datetime) -> str:
    return text_of(min(moment_of(text), moment))


def _normal(text: str) -> str:
    return text_of(moment_of(text))


def _normal_or_none(text: str | None) -> str | None:
    return None if text is None else _normal(text)


FOLD = Folded(VersionRow, lambda found: found.version_id, touched, fold, LOAD, STORE, ERASE)
