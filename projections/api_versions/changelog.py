"""The changelog of the API's versions: what happened to which, from when on (`/versions/changelog`, V3.4e).

Promises: one row a line, by the place of its fact; reasons and names of operators are not here, for it is
public.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString, assert_never

from domain.api_registry.events import (
    BrownoutsCancelled,
    BrownoutScheduled,
    DefaultVersionChanged,
    VersionPromoted,
    VersionRegistered,
    VersionRolledBack,
    VersionStatusChanged,
    VersionTermsSet,
    VersionWithdrawn,
)
from domain.api_registry.registry import text_of
from domain.event import Recorded
from domain.version_spec import Phase
from projections.folding import Folded, recorded_at
from projections.projection import Table

Told = (
    VersionRegistered
    | VersionStatusChanged
    | VersionTermsSet
    | VersionPromoted
    | VersionRolledBack
    | VersionWithdrawn
    | DefaultVersionChanged
    | BrownoutScheduled
    | BrownoutsCancelled
)

TABLE = Table(
    "api_version_changes",
    """
    CREATE TABLE api_version_changes (
        place BIGINT PRIMARY KEY,
        type TEXT NOT NULL,
        at TEXT NOT NULL,
        names TEXT[] NOT NULL,
        said TEXT[] NOT NULL,
        versions TEXT[] NOT NULL
    )
    """,
)
LOAD = """
    SELECT place, type, at, names, said, versions FROM api_version_changes WHERE place = ANY(%(keys)s)
"""
STORE = """
    INSERT INTO api_version_changes (place, type, at, names, said, versions)
    VALUES (%(place)s, %(type)s, %(at)s, %(names)s, %(said)s, %(versions)s)
    ON CONFLICT (place) DO NOTHING
"""
ERASE = "DELETE FROM api_version_changes WHERE place = ANY(%(keys)s)"
LIST: LiteralString = """
    SELECT place, type, at, names, said, versions
    FROM api_version_changes ORDER BY place DESC LIMIT %(limit)s
"""

PHASE_WORDS: dict[Phase, str] = {
    "prerelease": "prerelease",
    "current": "released",
    "deprecated": "deprecated",
    "sunset": "sunset",
}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A line of the changelog."""

    place: int
    """Of the fact among the registry's, from 1."""
    type: str
    at: str
    """RFC 3339: from when on it holds, or when it was recorded."""
    names: Sequence[str]
    said: Sequence[str]
    """Its members' names, and what each says."""
    versions: Sequence[str]
    """All that it names."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a fact says to who reads the changelog; `at` is "" for when it was recorded."""

    type: str
    members: tuple[tuple[str, str], ...]
    versions: tuple[str, ...]
    at: str = ""


def line_of(event: Told) -> Line | None:
    """None for what is nobody's concern: terms that announce no end."""
    match event:
        case VersionRegistered():
            return _line("registered", event.version_id, status=event.status, released_at=event.released_at)
        case VersionStatusChanged(to=to, effective_at=at):
            return _line(PHASE_WORDS[to], event.version_id, at=at, before=event.from_, cause=event.cause)
        case VersionTermsSet():
            if event.sunset_at is None:
                return None
            return _line("sunset_announced", event.version_id, sunset_at=event.sunset_at)
        case VersionPromoted(from_id=before, to_id=after, effective_at=at):
            return Line("promoted", (("from", before), ("to", after)), (before, after), at)
        case VersionRolledBack(version_id=version_id, fallback=fallback, effective_at=at):
            members = (("version_id", version_id), ("fallback", fallback))
            return Line("rolled_back", members, (version_id, fallback), at)
        case VersionWithdrawn():
            return _line("withdrawn", event.version_id)
        case DefaultVersionChanged():
            ends = tuple((name, id_) for name, id_ in (("from", event.from_), ("to", event.to)) if id_)
            return Line("default", ends, tuple(id_ for _, id_ in ends), event.effective_at)
        case BrownoutScheduled():
            return _line("brownout", event.version_id, starts_at=event.starts_at, ends_at=event.ends_at)
        case BrownoutsCancelled():
            return _line("brownouts_cancelled", event.version_id)
        case _:
            assert_never(event)


def _line(kind: str, version_id: str, at: str = "", **members: str) -> Line:
    return Line(kind, (("version_id", version_id), *members.items()), (version_id,), at)


def touched(recorded: Recorded) -> Iterable[int]:
    event = recorded.event
    if isinstance(event, Told) and line_of(event) is not None:
        yield recorded.version


def fold(_before: ChangeRow | None, place: int, recorded: Recorded) -> ChangeRow | None:
    event = recorded.event
    assert isinstance(event, Told)
    line = line_of(event)
    assert line is not None
    return ChangeRow(
        place=place,
        type=line.type,
        at=line.at or text_of(recorded_at(recorded)),
        names=[name for name, _ in line.members],
        said=[said for _, said in line.members],
        versions=list(line.versions),
    )


FOLD = Folded(ChangeRow, lambda found: found.place, touched, fold, LOAD, STORE, ERASE)
