"""What happened to the API's versions: every transition of each of them is one of these facts.

Promises: names and fields of `acceptance/versioning.yaml`; `effective_at` is when a fact holds, which lies a
moment ahead, so that all processes turn together (R41); all events of one decision share a `revision`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from domain.event import Event, Producer
from domain.version_spec import Phase

Cause = Literal["scheduled", "manual", "promotion", "invalid_config", "rollback"]
DecidedBy = Literal["file", "operator", "clock"]
BY_ALIAS = ConfigDict(serialize_by_alias=True, validate_by_alias=True, validate_by_name=True)
BEFORE = Field(validation_alias=AliasChoices("from", "from_"), serialization_alias="from")
"""The table's word `from` is no name in Python."""


class DeclaredVersion(BaseModel):
    """A version as a file or an operator declares it; times are RFC 3339 in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version_id: str
    status: Phase
    released_at: str
    deprecated_at: str | None = None
    sunset_at: str | None = None
    successor: str | None = None
    migration_guide_url: str | None = None
    opt_in_required: bool = False


class RegistryLoaded(Event):
    """A file was applied: `sha256` names what it says, `versions` is what it says."""

    TOPIC: ClassVar[str] = "api_registry.loaded.v2"
    PRODUCER: ClassVar[Producer] = "start-up"
    revision: int
    source: str
    sha256: str
    version_count: int
    default_version: str
    """The one that answers who names none."""
    declared_default: str | None
    """As the file says it, if it does."""
    versions: tuple[DeclaredVersion, ...]


class RegistryReloadRejected(Event):
    """A file was not applied; what stood stands."""

    TOPIC: ClassVar[str] = "api_registry.reload_rejected.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    source: str
    sha256: str
    """Of its bytes: what it says could not be read, or not be taken."""
    reason: str
    line: int | None
    kept_revision: int


class VersionRegistered(Event):
    """A version of the API exists from `released_at` on."""

    TOPIC: ClassVar[str] = "api_registry.version_registered.v2"
    PRODUCER: ClassVar[Producer] = "operator"
    version_id: str
    status: Phase
    released_at: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None
    opt_in_required: bool
    revision: int


class VersionStatusChanged(Event):
    """A version went from one phase to another."""

    model_config = BY_ALIAS
    TOPIC: ClassVar[str] = "api_registry.version_status_changed.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    version_id: str
    from_: Phase = BEFORE
    to: Phase
    cause: Cause
    decided_by: DecidedBy
    effective_at: str
    observed_at: str
    revision: int


class VersionTermsSet(Event):
    """What was declared of a version beside its phase: its times, its successor, its guide."""

    TOPIC: ClassVar[str] = "api_registry.version_terms_set.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    version_id: str
    released_at: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None
    opt_in_required: bool
    decided_by: DecidedBy
    revision: int


class VersionPromoted(Event):
    """A prerelease became a version of its own, which answers in its place (R19)."""

    TOPIC: ClassVar[str] = "api_registry.version_promoted.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    from_id: str
    to_id: str
    previous_current: str
    effective_at: str
    revision: int


class VersionRolledBack(Event):
    """A version was taken back; who names it is answered by `fallback` (R37)."""

    TOPIC: ClassVar[str] = "api_registry.version_rolled_back.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    version_id: str
    fallback: str
    reason: str
    actor: str
    effective_at: str
    revision: int


class VersionWithdrawn(Event):
    """A version was taken out of the registry, as if it had never been there."""

    TOPIC: ClassVar[str] = "api_registry.version_withdrawn.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    version_id: str
    revision: int


class DefaultVersionChanged(Event):
    """Who names no version is answered by another one."""

    model_config = BY_ALIAS
    TOPIC: ClassVar[str] = "api_registry.default_version_changed.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    from_: str = BEFORE
    """Empty if there was none."""
    to: str
    """Empty if there is none."""
    cause: Cause
    is_declared: bool
    """Somebody decided it; otherwise it followed from the versions."""
    effective_at: str
    revision: int


class BrownoutScheduled(Event):
    """A deprecated version answers 410 for a while, so that its consumers notice in time."""

    TOPIC: ClassVar[str] = "api_registry.brownout_scheduled.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    version_id: str
    starts_at: str
    ends_at: str
    reason: str
    revision: int


class BrownoutsCancelled(Event):
    """A version's brownouts that have not ended are off."""

    TOPIC: ClassVar[str] = "api_registry.brownouts_cancelled.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    version_id: str
    reason: str
    revision: int


class RegistrySizeWarned(Event):
    """The registry grew beyond what is wise; see `dits versions list` for what can go."""

    TOPIC: ClassVar[str] = "api_registry.size_warned.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    count: int
    soft_limit: int


class RegistryCorruptionDetected(Event):
    """A process found its own copy of the registry broken; it answers 503 until it is rebuilt."""

    TOPIC: ClassVar[str] = "api_registry.corruption_detected.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    revision: int
    missing_fields: tuple[str, ...]
    sha256_expected: str
    sha256_found: str


class RegistryRebuilt(Event):
    """A process has a sound copy of the registry again, from `source`."""

    TOPIC: ClassVar[str] = "api_registry.rebuilt.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    revision: int
    source: Literal["events", "backup", "configuration"]


RegistryEvent = (
    RegistryLoaded
    | RegistryReloadRejected
    | VersionRegistered
    | VersionStatusChanged
    | VersionTermsSet
    | VersionPromoted
    | VersionRolledBack
    | VersionWithdrawn
    | DefaultVersionChanged
    | BrownoutScheduled
    | BrownoutsCancelled
    | RegistrySizeWarned
    | RegistryCorruptionDetected
    | RegistryRebuilt
)
