"""What can be asked of the registry; time travels in the command, and what is decided holds from
`effective_at` on (R41)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.api_registry.declared import Declared
from domain.api_registry.events import DeclaredVersion


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is decided, and from when on it holds."""

    now: datetime
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class ApplyFile:
    """Take over what changed since the last file. `adopt`: what the file says, whatever was decided since."""

    source: str
    sha256: str
    declared: Declared
    now: datetime
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class RejectFile:
    """Note that a file could not be taken; the same rejection is noted once."""

    source: str
    sha256: str
    reason: str
    line: int | None


@dataclass(frozen=True, slots=True)
class RegisterVersion:
    version: DeclaredVersion
    now: datetime


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """It becomes the current one; the one before is deprecated in its favour."""

    version_id: str
    when: Moment


@dataclass(frozen=True, slots=True)
class PromoteVersion:
    """A prerelease becomes the stable version of its number (V3.4)."""

    version_id: str
    when: Moment


@dataclass(frozen=True, slots=True)
class DeprecateVersion:
    """With `successor`, a current version hands over to it; with times, now or later."""

    version_id: str
    when: Moment
    successor: str | None = None
    sunset_at: datetime | None = None
    migration_guide_url: str | None = None


@dataclass(frozen=True, slots=True)
class SunsetVersion:
    version_id: str
    when: Moment


@dataclass(frozen=True, slots=True)
class RollBackVersion:
    """Take a version back; the one before it is current again (V5.3)."""

    version_id: str
    reason: str
    actor: str
    when: Moment


@dataclass(frozen=True, slots=True)
class ScheduleBrownout:
    version_id: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class CancelBrownouts:
    version_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ObserveTime:
    """Record what an announced time has brought; nothing, if it was recorded before (V3.2c, V3.2d)."""

    now: datetime


@dataclass(frozen=True, slots=True)
class NoteCorruption:
    missing_fields: tuple[str, ...]
    sha256_expected: str
    sha256_found: str


@dataclass(frozen=True, slots=True)
class NoteRebuild:
    source: Literal["events", "backup", "configuration"]


Lifecycle = (
    RegisterVersion
    | ReleaseVersion
    | PromoteVersion
    | DeprecateVersion
    | SunsetVersion
    | RollBackVersion
    | ScheduleBrownout
    | CancelBrownouts
)
"""What operators ask."""

RegistryCommand = ApplyFile | RejectFile | Lifecycle | ObserveTime | NoteCorruption | NoteRebuild


def moment_of_asking(command: Lifecycle) -> datetime:
    match command:
        case RegisterVersion() | ScheduleBrownout() | CancelBrownouts():
            return command.now
        case _:
            return command.when.now
