"""Which version of the API a request asks for, and which one serves it: negotiation as pure functions.

Promises: whatever bytes a client sends, the answer is a choice or one of the version errors; its facts hold
no control character and name no version that the asker may not see (R12, R13); nothing but SP and HTAB is
ever trimmed (R09); nothing is looked up before syntax and contradictions are settled (R11). Seeds 1.1-1.5,
4.4, 7.1-7.3, 8.1, 8.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from domain.errors import (
    DitsError,
    Fact,
    NoCurrentVersionError,
    PrereleaseOptInRequiredError,
    VersionBrownoutError,
    VersionConflictError,
    VersionLengthError,
    VersionNotFoundError,
    VersionPatternError,
    VersionSunsetError,
)

Phase = Literal["prerelease", "current", "deprecated", "sunset"]
GivenSource = Literal["header", "url", "query"]
Source = Literal["header", "url", "query", "key", "default"]

PATTERN = "^v[0-9]+(-[a-z]+)?$"
"""As it is told. It is matched whole: `$` alone would let a newline pass (R09)."""
EXAMPLES = ("v1", "v2", "v3-beta")
PRECEDENCE: tuple[GivenSource, ...] = ("header", "url", "query")
HEADER_NAMES = ("X-API-Version", "API-Version")
"""The name and its alias, in order of precedence (R04)."""
OPT_IN_HEADER = "X-API-Prerelease-Opt-In"

LENGTH_MIN, LENGTH_MAX = 2, 20
DIGITS_MAX = 9
"""Of a version's number; more count as over-long (R03)."""
LINE_BYTES_MAX = 1_024
"""Of a version header's value: seed 8.3."""
ECHOED_CHARACTERS_MAX = 64
"""Of anything a client sent (R40)."""
SPECIFICATIONS_MAX = 16
"""Told of a contradiction, and warned of: a query can repeat itself a thousand times."""

_BLANKS = " \t"
_ID = re.compile(r"v[0-9]{1,9}(-[a-z]+)?")
_LONG_NUMBER = re.compile(r"[vV][0-9]{10,}(-[A-Za-z]+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


# ------------------------------------------------------------------ what was said
# Named tuples are made on every request: a frozen dataclass takes twice as long (0.8 us to 0.4 measured).
class Given(NamedTuple):
    """One place where a client may name a version; `name` is a header's or the query's, None for the URL."""

    source: GivenSource
    name: str | None
    raw: str
    """A header's as Latin-1, so that a character is a byte."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that works, but that a client's author should mend; `provided_value` is escaped."""

    kind: Literal["whitespace", "duplicate_header"]
    source: GivenSource
    provided_value: str
    """Of a duplicate: the one that is used."""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Danger:
    """A value that no client sends by mistake; `provided_value` is escaped."""

    kind: Literal["header_injection", "too_large"]
    source: GivenSource
    provided_value: str


class Asked(NamedTuple):
    """The one version that was named; None if none was, from source "default"."""

    version_id: str | None
    source: Source
    notices: tuple[Notice, ...] = ()


NOTHING_ASKED = Asked(None, "default")


# ------------------------------------------------------------------ what there is
@dataclass(frozen=True, slots=True)
class Entry:
    """One version, as it is at one instant."""

    version_id: str
    phase: Phase
    released: bool
    opt_in_required: bool
    served_by: str
    """Itself, or what answers in its place: for a promoted prerelease (R19), for a rolled back one (R37)."""
    is_tombstone: bool
    """Rolled back: whoever asks for it is told so."""
    sunset_at: str
    """RFC 3339 as the registry's file has it; this and the next two are "" if there is none."""
    successor: str
    migration_guide_url: str
    brownout_ends_at: str
    """"" unless it is switched off right now."""


@dataclass(frozen=True, slots=True)
class Live:
    """All versions at one instant. `default` is visible, or sunset if nothing else is left, or ""."""

    entries: Mapping[str, Entry]
    default: str
    visible: tuple[str, ...]
    """What everybody may know of: released, neither prerelease nor sunset nor rolled back; sorted."""


class Asker(NamedTuple):
    """Who asks; `admin` holds the scope admin:versions, `pinned` is "" unless the key pins a version."""

    authenticated: bool = False
    admin: bool = False
    opted_in: bool = False
    pinned: str = ""


class Choice(NamedTuple):
    """Which version serves, and why that one; `fallback_of` is "" unless a rolled back one was asked for."""

    requested: str
    serving: Entry
    source: Source
    fallback_of: str = ""


# ------------------------------------------------------------------ ids
def is_version_id(text: str) -> bool:
    return len(text) <= LENGTH_MAX and _ID.fullmatch(text) is not None


def sort_key(version_id: str) -> tuple[int, str]:
    """By number, the stable one before its suffixed ones."""
    number, _, suffix = version_id.removeprefix("v").partition("-")
    return int(number), suffix


def escaped(text: str) -> str:
    """A client's value as it may be told or logged (R40)."""
    return text[:ECHOED_CHARACTERS_MAX].encode("unicode_escape").decode("ascii")[:ECHOED_CHARACTERS_MAX]


# ------------------------------------------------------------------ before anything else (R02)
def dangerous(given: Iterable[Given]) -> Danger | None:
    """The first value that is refused whoever sent it; a later line of a header counts as well (R07)."""
    for one in given:
        if one.source == "header" and len(one.raw) > LINE_BYTES_MAX:
            return Danger("too_large", one.source, escaped(one.raw))
        if _CONTROL.search(one.raw):
            return Danger("header_injection", one.source, escaped(one.raw))
    return None


def pattern_error(provided_value: str, source: GivenSource) -> VersionPatternError:
    """Of a value that is escaped already."""
    return VersionPatternError(
        provided_value=provided_value, required_pattern=PATTERN, examples=EXAMPLES, source=source
    )


# ------------------------------------------------------------------ what is asked
def plainly_asked(given: Sequence[Given]) -> Asked | None:
    """What most requests say: nothing, or one sound id, about which nothing can be wrong. Else None."""
    if not given:
        return NOTHING_ASKED
    if len(given) == 1 and is_version_id(given[0].raw):
        return Asked(given[0].raw, given[0].source)
    return None


def read(given: Sequence[Given]) -> Asked:
    """Syntax, then contradictions (R02, R04). An id in capitals is asked for, and never found (R01).

    Raises VersionPatternError, VersionLengthError, VersionConflictError.
    """
    asked = plainly_asked(given)
    if asked is not None:
        return asked
    named = [one for one in map(_trimmed, _heard(given)) if one.raw]
    for one in named:
        _refuse_malformed(one)
    if len({one.raw for one in named}) > 1:
        raise _conflict(named)
    if not named:
        return Asked(None, "default", notices_of(given))
    return Asked(named[0].raw, named[0].source, notices_of(given))


def notices_of(given: Sequence[Given]) -> tuple[Notice, ...]:
    """What is worth a warning, also of a request that is refused."""
    heard = _heard(given)
    blank = [one for one in heard if _trimmed(one) != one][:SPECIFICATIONS_MAX]
    blanks = [Notice("whitespace", one.source, escaped(one.raw)) for one in blank]
    counts = [(one, len(_members(given, one.name))) for one in heard if one.source == "header"]
    doubles = [
        Notice("duplicate_header", one.source, escaped(one.raw.strip(_BLANKS)), count)
        for one, count in counts
        if count > 1
    ]
    return (*blanks, *doubles)


def _heard(given: Sequence[Given]) -> list[Given]:
    """What counts, in order of precedence: each header's first member (R07), then all of the others."""
    headers = [(name, _members(given, name)) for name in HEADER_NAMES]
    first = [Given("header", name, members[0]) for name, members in headers if members]
    return first + [one for source in PRECEDENCE[1:] for one in given if one.source == source]


def _members(given: Sequence[Given], name: str | None) -> list[str]:
    """An intermediary may have joined a header's lines by commas (RFC 9110 section 5.3)."""
    lines = [one.raw for one in given if one.source == "header" and one.name == name]
    return [member for line in lines for member in line.split(",")]


def _trimmed(one: Given) -> Given:
    return Given(one.source, one.name, one.raw.strip(_BLANKS))


def _refuse_malformed(one: Given) -> None:
    text = one.raw
    if not LENGTH_MIN <= len(text) <= LENGTH_MAX or _LONG_NUMBER.fullmatch(text):
        raise VersionLengthError(
            provided_value=escaped(text),
            provided_length=len(text),
            min_length=LENGTH_MIN,
            max_length=LENGTH_MAX,
            source=one.source,
        )
    # Only ASCII is lowered: the Kelvin sign's lower case is a plain k.
    if not (text.isascii() and is_version_id(text.lower())):
        raise pattern_error(escaped(text), one.source)


def _conflict(named: Sequence[Given]) -> VersionConflictError:
    return VersionConflictError(
        specifications=tuple(_specification(one) for one in named[:SPECIFICATIONS_MAX]),
        precedence=PRECEDENCE,
    )


def _specification(one: Given) -> Mapping[str, str]:
    name = {"name": one.name} if one.name else {}
    return {"source": one.source, **name, "value": escaped(one.raw)}


# ------------------------------------------------------------------ what serves it
def choose(asked: Asked, live: Live, asker: Asker) -> Choice:
    """One lookup, then its phase. A pin replaces only the default.

    Raises VersionNotFoundError, PrereleaseOptInRequiredError, VersionSunsetError, VersionBrownoutError;
    NoCurrentVersionError if there is no default and never was one.
    """
    requested, source = _requested(asked, live, asker)
    entry = live.entries.get(requested)
    if entry is None:
        raise not_found(requested, live)
    serving = _standing_in(entry, live)
    if _is_hidden(entry, asker) or _is_hidden(serving, asker):
        raise not_found(requested, live)
    if entry is not serving and not entry.is_tombstone:
        _refuse_phase(entry, live, asker)
    _refuse_phase(serving, live, asker)
    return Choice(requested, serving, source, fallback_of=requested if entry.is_tombstone else "")


def _requested(asked: Asked, live: Live, asker: Asker) -> tuple[str, Source]:
    if asked.version_id is not None:
        return asked.version_id, asked.source
    if asker.pinned:
        return asker.pinned, "key"
    return live.default or _last_sunset(live), "default"


def _last_sunset(live: Live) -> str:
    """What to name when nothing is left to serve (R17)."""
    gone = [
        one.version_id
        for one in live.entries.values()
        if one.phase == "sunset" and one.released and not one.is_tombstone
    ]
    if not gone:
        raise NoCurrentVersionError()
    return max(gone, key=sort_key)


def _standing_in(entry: Entry, live: Live) -> Entry:
    """Stand-ins may be replaced in their turn, but never in a circle."""
    for _ in live.entries:
        if entry.served_by == entry.version_id:
            return entry
        entry = live.entries[entry.served_by]
    raise AssertionError(f"{entry.version_id} is served by itself in a circle")


def _is_hidden(entry: Entry, asker: Asker) -> bool:
    if not entry.released:
        return not asker.admin
    return entry.phase == "prerelease" and not asker.authenticated


def _refuse_phase(entry: Entry, live: Live, asker: Asker) -> None:
    if entry.phase == "prerelease" and entry.opt_in_required and not asker.opted_in:
        raise PrereleaseOptInRequiredError(
            version_id=entry.version_id, required_header=OPT_IN_HEADER, required_value="true"
        )
    if entry.phase == "sunset":
        raise VersionSunsetError(sunset_at=entry.sunset_at, **_way_out(entry, live))
    if entry.brownout_ends_at:
        raise VersionBrownoutError(ends_at=entry.brownout_ends_at, **_way_out(entry, live))


def _way_out(entry: Entry, live: Live) -> dict[str, Fact]:
    facts: dict[str, Fact] = {"version_id": entry.version_id}
    if entry.successor in live.visible:
        facts["successor_version"] = entry.successor
    if entry.migration_guide_url:
        facts["migration_guide_url"] = entry.migration_guide_url
    return facts


def not_found(requested: str, live: Live) -> DitsError:
    facts: dict[str, Fact] = {"version_id": escaped(requested), "available_versions": live.visible}
    lowered = requested.lower()
    if lowered != requested and lowered in live.visible:
        facts["did_you_mean"] = lowered
    return VersionNotFoundError(**facts, required_pattern=PATTERN)
