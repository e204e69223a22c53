"""Bodies of the routes by which operators decide about the API's versions; the same in every edition."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from gateway.operation import Wire
from gateway.wire.v2 import Reason

VersionName = Annotated[str, StringConstraints(pattern=r"^v[0-9]{1,9}(-[a-z]+)?$", max_length=20)]
Moment = Annotated[str, StringConstraints(max_length=40)]
"""RFC 3339 with a zone."""
Guide = Annotated[str, StringConstraints(min_length=8, max_length=512)]
FILE_CHARACTERS_MAX = 256 * 1024


class Decision(Wire):
    """`dry_run`: say what would be recorded, and record nothing."""

    dry_run: bool = False


class RegisterVersion(Decision):
    version_id: VersionName
    status: Annotated[str, StringConstraints(pattern=r"^(prerelease|current|deprecated|sunset)$")] = (
        "prerelease"
    )
    released_at: Moment | None = None
    """Now, if it is not said."""
    deprecated_at: Moment | None = None
    sunset_at: Moment | None = None
    successor: VersionName | None = None
    migration_guide_url: Guide | None = None
    opt_in_required: bool = True


class DeprecateVersion(Decision):
    successor: VersionName | None = None
    """What becomes current in its place, if it is current itself."""
    sunset_at: Moment | None = None
    migration_guide_url: Guide | None = None


class RollBack(Decision):
    reason: Reason


class Brownout(Decision):
    starts_at: Moment
    ends_at: Moment
    reason: Reason


class Because(Decision):
    reason: Reason


class ApplyFile(Decision):
    text: Annotated[str, StringConstraints(max_length=FILE_CHARACTERS_MAX)]
    """YAML."""
    source: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "operator"
    adopt: bool = False
    """What the file says holds, whatever was decided since the last one."""


class Fact(Wire):
    """An event that was recorded, or that would be."""

    topic: str
    event: dict[str, JsonValue]


class Decided(Wire):
    revision: int
    """Of the registry, with what was decided."""
    dry_run: bool
    events: list[Fact]
    """Nothing, if it was so already."""


class RegisteredVersion(Wire):
    version_id: str
    status: str
    """As it is now."""
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
    brownouts: list[dict[str, str]]
    decision: str
    """The last thing an operator decided of it; empty if that was only ever the file."""


class VersionRegistry(Wire):
    revision: int
    default_version: str
    file_sha256: str
    next_turn_at: str | None
    versions: list[RegisteredVersion]


class ExportedFile(Wire):
    text: str


class VersionUser(Wire):
    consumer: str
    name: str
    last_used_on: str | None
    pinned_keys: list[str]


class VersionUsers(Wire):
    consumers: list[VersionUser]


class HistoryLine(Wire):
    position: str
    recorded_at: str
    actor: str
    topic: str
    event: dict[str, JsonValue]


class VersionHistory(Wire):
    history: list[HistoryLine]


class HistoryPage(Wire):
    version_id: VersionName | None = None
    limit: int = Field(200, ge=1, le=1_000)
