"""What is said of the API's versions, as frozen values: to everybody, and to those who decide about them.

Promises: as `results`; what a degraded server leaves out (V5.4) is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .results import Fields


# ------------------------------------------------------------------ to everybody
@dataclass(frozen=True, slots=True)
class PublicVersion:
    """A version as its users see it; all but the first two are None where the server cannot say."""

    version_id: str
    status: str
    """prerelease, current, deprecated or sunset."""
    released_at: str | None
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None
    served_by: str | None
    """Another one, if it was promoted."""

    @staticmethod
    def of(fields: Fields) -> PublicVersion:
        return PublicVersion(
            fields.text("version_id"),
            fields.text("status"),
            fields.text_or_none("released_at"),
            fields.text_or_none("deprecated_at"),
            fields.text_or_none("sunset_at"),
            fields.text_or_none("successor_version"),
            fields.text_or_none("migration_guide_url"),
            fields.text_or_none("served_by"),
        )


@dataclass(frozen=True, slots=True)
class PublicVersions:
    default_version: str | None
    """Who names none gets this one."""
    revision: int
    versions: tuple[PublicVersion, ...]

    @staticmethod
    def of(fields: Fields) -> PublicVersions:
        default, revision = fields.text_or_none("default_version"), fields.number("revision")
        return PublicVersions(default, revision, fields.each("versions", PublicVersion.of))


@dataclass(frozen=True, slots=True)
class Deprecation:
    """What is announced of a version's end."""

    version_id: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None

    @staticmethod
    def of(fields: Fields) -> Deprecation:
        said = fields.inner(fields.raw.get("deprecation"), "deprecation")
        return Deprecation(
            fields.text("version_id"),
            said.text_or_none("deprecated_at"),
            said.text_or_none("sunset_at"),
            said.text_or_none("successor_version"),
            said.text_or_none("migration_guide_url"),
        )


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """How the file of versions was taken by the process that answers (`/config/status`)."""

    state: str
    """ok; degraded: the last file was not taken, what stood stands; blocked: nothing is served."""
    source: str
    revision: int
    last_valid_load_at: str | None
    last_attempt_at: str | None
    last_error: str | None
    last_error_line: int | None
    recommendation: str | None

    @staticmethod
    def of(fields: Fields) -> LoadedFile:
        error = (
            None
            if fields.raw.get("last_error") is None
            else fields.inner(fields.raw["last_error"], "last_error")
        )
        return LoadedFile(
            fields.text("state"),
            fields.text("source"),
            fields.number("revision"),
            fields.text_or_none("last_valid_load_at"),
            fields.text_or_none("last_attempt_at"),
            None if error is None else error.text("reason"),
            None if error is None else error.number_or_none("line"),
            fields.text_or_none("recommendation"),
        )


# ------------------------------------------------------------------ to operators
@dataclass(frozen=True, slots=True)
class Brownout:
    starts_at: str
    ends_at: str

    @staticmethod
    def of(fields: Fields) -> Brownout:
        return Brownout(fields.text("starts_at"), fields.text("ends_at"))


@dataclass(frozen=True, slots=True)
class Version:
    """An entry of the registry, hidden or not."""

    version_id: str
    status: str
    is_released: bool
    released_at: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None
    opt_in_required: bool
    answered_by: str
    """Another version, if it was promoted or rolled back."""
    is_rolled_back: bool
    brownouts: tuple[Brownout, ...]
    decision: str
    """The last thing an operator decided of it; empty if that was only ever the file."""

    @staticmethod
    def of(fields: Fields) -> Version:
        return Version(
            fields.text("version_id"),
            fields.text("status"),
            fields.truth("is_released"),
            fields.text("released_at"),
            fields.text_or_none("deprecated_at"),
            fields.text_or_none("sunset_at"),
            fields.text_or_none("successor"),
            fields.text_or_none("migration_guide_url"),
            fields.truth("opt_in_required"),
            fields.text("answered_by"),
            fields.truth("is_rolled_back"),
            fields.each("brownouts", Brownout.of),
            fields.text("decision"),
        )


@dataclass(frozen=True, slots=True)
class Registry:
    revision: int
    default_version: str
    """Empty if nothing answers who names no version."""
    file_sha256: str
    """Of what the file that was applied last says."""
    next_turn_at: str | None
    """When something changes by itself."""
    versions: tuple[Version, ...]

    @staticmethod
    def of(fields: Fields) -> Registry:
        return Registry(
            fields.number("revision"),
            fields.text("default_version"),
            fields.text("file_sha256"),
            fields.text_or_none("next_turn_at"),
            fields.each("versions", Version.of),
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that was recorded, or that would be."""

    topic: str
    event: Mapping[str, object]

    @staticmethod
    def of(fields: Fields) -> Recorded:
        return Recorded(fields.text("topic"), fields.inner(fields.raw.get("event"), "event").raw)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision and the events that it is; none, if it was so already."""

    revision: int
    dry_run: bool
    events: tuple[Recorded, ...]

    @staticmethod
    def of(fields: Fields) -> Decided:
        return Decided(fields.number("revision"), fields.truth("dry_run"), fields.each("events", Recorded.of))

    @property
    def ends_for_good(self) -> tuple[str, ...]:
        """Versions that are sunset or withdrawn by it: no decision brings them back as they were."""
        return tuple(
            str(each.event.get("version_id"))
            for each in self.events
            if each.topic.startswith("api_registry.version_withdrawn.")
            or (each.topic.startswith("api_registry.version_status_changed.") and _ends(each.event))
        )


def _ends(event: Mapping[str, object]) -> bool:
    return event.get("to") == "sunset" and event.get("decided_by") != "clock"


@dataclass(frozen=True, slots=True)
class VersionUser:
    """A consumer that uses a version, or has keys pinned to it."""

    consumer: str
    name: str
    last_used_on: str | None
    pinned_keys: tuple[str, ...]

    @staticmethod
    def of(fields: Fields) -> VersionUser:
        consumer, name = fields.text("consumer"), fields.text("name")
        return VersionUser(consumer, name, fields.text_or_none("last_used_on"), fields.texts("pinned_keys"))


@dataclass(frozen=True, slots=True)
class HistoryLine:
    position: str
    recorded_at: str
    actor: str
    topic: str
    event: Mapping[str, object]

    @staticmethod
    def of(fields: Fields) -> HistoryLine:
        return HistoryLine(
            fields.text("position"),
            fields.text("recorded_at"),
            fields.text("actor"),
            fields.text("topic"),
            fields.inner(fields.raw.get("event"), "event").raw,
        )
