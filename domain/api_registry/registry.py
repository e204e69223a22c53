"""The registry as its facts left it, and what it says at any moment, past or ahead (R15, R17, R18).

Promises: pure and exact: a version's phase, the default and the validity of the whole are functions of the
facts and a moment, so a snapshot can be built before its time comes and no clock decides anything here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from domain.api_registry.events import DeclaredVersion
from domain.errors import (
    MultipleCurrentVersionsError,
    NoCurrentVersionError,
    RegistryNotInitializedError,
    RegistryUnusableError,
)
from domain.version_spec import Phase, sort_key

SOFT_LIMIT = 20
HARD_LIMIT = 100
"""Entries but tombstones (R36)."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Spell:
    """A phase, from a moment on."""

    phase: Phase
    since: datetime


@dataclass(frozen=True, slots=True)
class Brownout:
    """From its start until before its end."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Substitute:
    """Another version that answers in this one's place, from a moment on."""

    version_id: str
    since: datetime
    is_rollback: bool


@dataclass(frozen=True, slots=True)
class Version:
    """One entry."""

    version_id: str
    spells: tuple[Spell, ...]
    """As recorded, at least one, the newest last; of two that have begun, the one recorded later counts."""
    released_at: datetime
    deprecated_at: datetime | None = None
    sunset_at: datetime | None = None
    successor: str | None = None
    migration_guide_url: str | None = None
    opt_in_required: bool = False
    substitute: Substitute | None = None
    brownouts: tuple[Brownout, ...] = ()
    decision: str = ""
    """The last thing an operator decided of it, in words; empty if that was only ever the file."""

    @property
    def is_tombstone(self) -> bool:
        """It was rolled back (R37)."""
        return self.substitute is not None and self.substitute.is_rollback

    @property
    def answered_by(self) -> str:
        """Itself, or what stands in for it."""
        return self.version_id if self.substitute is None else self.substitute.version_id

    @property
    def recorded(self) -> Phase:
        """What the newest fact says."""
        return self.spells[-1].phase

    @property
    def was_current_to_the_end(self) -> bool:
        """Sunset without ever having been deprecated (R16)."""
        before = [spell.phase for spell in self.spells if spell.phase != "sunset"]
        return before[-1:] == ["current"] and self.deprecated_at is None

    @property
    def ended_at(self) -> datetime:
        """When it went into its sunset, of one that did."""
        return self.sunset_at or self.spells[-1].since

    def phase_at(self, moment: datetime) -> Phase:
        """Facts and announced times together; what is not released yet has the phase it was declared with."""
        phase = self.spells[0].phase
        for spell in self.spells:
            if spell.since <= moment:
                phase = spell.phase
        if phase == "sunset" or _reached(self.sunset_at, moment):
            return "sunset"
        if phase != "deprecated" and _reached(self.deprecated_at, moment):
            return "deprecated"
        return phase

    def is_released_at(self, moment: datetime) -> bool:
        return self.released_at <= moment

    def is_gone_at(self, moment: datetime) -> bool:
        """Rolled back by then."""
        return self.is_tombstone and self.substitute is not None and self.substitute.since <= moment

    def boundaries(self) -> Iterator[datetime]:
        """Every moment at which what it says may turn."""
        yield from (spell.since for spell in self.spells)
        yield self.released_at
        for moment in (self.deprecated_at, self.sunset_at):
            if moment is not None:
                yield moment
        if self.substitute is not None:
            yield self.substitute.since
        for brownout in self.brownouts:
            yield from (brownout.starts_at, brownout.ends_at)


@dataclass(frozen=True, slots=True)
class DefaultSince:
    """A default that was declared, from a moment on."""

    version_id: str
    since: datetime

    @property
    def is_of_file(self) -> bool:
        """Otherwise an operator decided it."""
        return self.since == BEGINNING


@dataclass(frozen=True, slots=True)
class Registry:
    """The aggregate's state."""

    revision: int = 0
    versions: Mapping[str, Version] = field(default_factory=dict[str, Version])
    defaults: tuple[DefaultSince, ...] = ()
    """Declared ones, the newest last; none if no file ever named one."""
    told_default: str = ""
    """The default that was last said to be one."""
    told_from: datetime = BEGINNING
    """When that begins: what is decided lies a moment ahead (R41)."""
    applied: frozenset[str] = frozenset()
    """Digests of everything that was ever applied: none of it is applied again by itself."""
    file: tuple[DeclaredVersion, ...] = ()
    """What the file that was applied last declares."""
    file_default: str | None = None
    file_sha256: str = ""
    loaded_at: str = ""
    rejected: str = ""
    """Digest and reason of what was rejected last, so that it is said once."""

    def entries(self) -> tuple[Version, ...]:
        """All but tombstones."""
        return tuple(version for version in self.versions.values() if not version.is_tombstone)

    def currents_at(self, moment: datetime) -> tuple[str, ...]:
        found = (
            version.version_id
            for version in self.versions.values()
            if version.is_released_at(moment)
            and not version.is_gone_at(moment)
            and version.phase_at(moment) == "current"
        )
        return tuple(sorted(found, key=sort_key))

    def default_at(self, moment: datetime) -> str:
        """R17: the declared one while it lives, else the current one, else the newest deprecated one."""
        declared = [default.version_id for default in self.defaults if default.since <= moment]
        if declared and self.lives_at(declared[-1], moment):
            return declared[-1]
        current = self.currents_at(moment)
        if current:
            return current[-1]
        return self.newest_deprecated_at(moment)

    def newest_deprecated_at(self, moment: datetime, *, but: str = "") -> str:
        """What can stand in for the current one (R17, V5.3), stable ones first; empty if nothing can."""
        deprecated = [
            version.version_id
            for version in self.entries()
            if version.version_id != but
            and version.substitute is None
            and version.is_released_at(moment)
            and version.phase_at(moment) == "deprecated"
        ]
        return max(deprecated, key=lambda each: ("-" not in each, sort_key(each)), default="")

    def boundaries_after(self, moment: datetime) -> tuple[datetime, ...]:
        """When something turns next, and after that, in order."""
        found = {each for version in self.versions.values() for each in version.boundaries()}
        found |= {default.since for default in self.defaults}
        return tuple(sorted(each for each in found if each > moment))

    def trouble_at(self, now: datetime) -> RegistryUnusableError | None:
        """Exactly one current, now and at every boundary ahead (R15, V2.1, V2.3, V2.4)."""
        if not self.entries():
            return RegistryNotInitializedError()
        past = self._past_sunset(now)
        for moment in (now, *self.boundaries_after(now)):
            current = self.currents_at(moment)
            past = () if current else past  # it counts until another one is current
            counted = current or past
            if len(counted) > 1:
                return MultipleCurrentVersionsError(versions=self._named(counted, now))
            if not counted:
                return NoCurrentVersionError()
        return None

    def _named(self, versions: tuple[str, ...], now: datetime) -> str:
        """As clients are told of them: who is not released is not named (R13)."""
        seen = [each for each in versions if self.versions[each].is_released_at(now)]
        hidden = len(versions) - len(seen)
        return ", ".join([*seen, f"{hidden} not released yet"] if hidden else seen)

    def _past_sunset(self, now: datetime) -> tuple[str, ...]:
        """R16: a declared current one whose sunset has passed still counts as the one, if it was the last."""
        ended = {
            version.version_id: version.ended_at
            for version in self.entries()
            if version.phase_at(now) == "sunset"
            and version.was_current_to_the_end
            and version.is_released_at(version.ended_at)
        }
        last = max(ended.values(), default=BEGINNING)
        return tuple(sorted((each for each, end in ended.items() if end == last), key=sort_key))

    def lives_at(self, version_id: str, moment: datetime) -> bool:
        version = self.versions.get(version_id)
        return (
            version is not None
            and version.is_released_at(moment)
            and not version.is_gone_at(moment)
            and version.phase_at(moment) in {"current", "deprecated"}
        )


def _reached(at: datetime | None, moment: datetime) -> bool:
    return at is not None and at <= moment


def moment_of(text: str) -> datetime:
    """RFC 3339 with a zone, as aware UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time lies within the years 1 to 9999 in UTC") from error


def text_of(moment: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds only if there are any."""
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")
