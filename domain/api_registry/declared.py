"""A registry as it is declared, in a file or by an export: what it says, what is wrong with it, its digest.

Promises: two files that say the same have the same digest, whatever they look like, so a file that was only
touched is no news (V5.1f); what an export writes is what an apply takes.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime

from domain.api_registry.events import DeclaredVersion
from domain.api_registry.registry import HARD_LIMIT, Registry, Version, moment_of, text_of
from domain.errors import RegistryFileError
from domain.version_spec import Phase, is_version_id, sort_key

GUIDE = re.compile(r"https?://[!#-;=?-~]{1,500}")
"""It is said in a header: printable ASCII without blanks, quotes and angle brackets (RFC 8288)."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file says; versions by number."""

    versions: tuple[DeclaredVersion, ...]
    default_version: str | None

    @property
    def sha256(self) -> str:
        """Of what it says: 64 hex characters."""
        said = [self.default_version, [version.model_dump() for version in self.versions]]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def declared(versions: list[DeclaredVersion], default_version: str | None) -> Declared:
    """In order and in one form of times. Raises RegistryFileError for what contradicts itself."""
    if len(versions) > HARD_LIMIT:
        raise RegistryFileError(problem=f"{len(versions)} versions; at most {HARD_LIMIT}")
    known = {version.version_id: version for version in versions}
    if default_version is not None and default_version not in known:
        raise RegistryFileError(problem="default_version names no version of this file")
    if default_version is not None and known[default_version].status == "prerelease":
        raise RegistryFileError(problem="default_version names a prerelease")
    made = [declared_one(version) for version in versions]
    return Declared(tuple(sorted(made, key=lambda each: sort_key(each.version_id))), default_version)


def declared_one(version: DeclaredVersion) -> DeclaredVersion:
    """One version in one form of times. Raises RegistryFileError."""
    name = version.version_id
    if not is_version_id(name):
        raise RegistryFileError(problem=f"{name[:64]!r} is no version identifier")
    if version.successor is not None and not is_version_id(version.successor):
        raise RegistryFileError(problem=f"{name}: its successor is no version identifier")
    if version.migration_guide_url is not None and not GUIDE.fullmatch(version.migration_guide_url):
        raise RegistryFileError(problem=f"{name}: its migration guide is no http(s) address")
    times = {field: _moment(version, field) for field in ("released_at", "deprecated_at", "sunset_at")}
    deprecated_at, sunset_at = times["deprecated_at"], times["sunset_at"]
    if deprecated_at is not None and sunset_at is not None and sunset_at < deprecated_at:
        raise RegistryFileError(problem=f"{name}: sunset_at lies before deprecated_at (RFC 9745, section 4)")
    if sunset_at is not None and times["released_at"] is not None and sunset_at <= times["released_at"]:
        raise RegistryFileError(problem=f"{name}: sunset_at does not lie after released_at")
    normal = {field: None if moment is None else text_of(moment) for field, moment in times.items()}
    return version.model_copy(update=normal)


def _moment(version: DeclaredVersion, field: str) -> datetime | None:
    text: str | None = getattr(version, field)
    try:
        return None if text is None else moment_of(text)
    except ValueError as error:
        raise RegistryFileError(
            problem=f"{version.version_id}: {field} is no RFC 3339 time with a zone"
        ) from error


def declared_form(state: Registry) -> Declared:
    """The file that says what stands (`dits versions export`)."""
    versions = sorted(state.entries(), key=lambda version: sort_key(version.version_id))
    default = state.defaults[-1].version_id if state.defaults else None
    named = {version.version_id for version in versions if version.recorded != "prerelease"}
    said = tuple(declared_version(version) for version in versions)
    return Declared(said, default if default in named else None)


def declared_version(version: Version) -> DeclaredVersion:
    return DeclaredVersion(
        version_id=version.version_id,
        status=_declared_phase(version),
        released_at=text_of(version.released_at),
        deprecated_at=_text(version.deprecated_at),
        sunset_at=_text(version.sunset_at),
        successor=version.successor,
        migration_guide_url=version.migration_guide_url,
        opt_in_required=version.opt_in_required,
    )


def _declared_phase(version: Version) -> Phase:
    """A current version whose time ran out is still declared as the current one (R16)."""
    ran_out = version.recorded == "sunset" and version.sunset_at == version.spells[-1].since
    return "current" if ran_out and version.was_current_to_the_end else version.recorded


def phase_by(version: DeclaredVersion, now: datetime) -> Phase:
    """What a declaration has come to: its status, or what its times have made of that."""
    if version.sunset_at is not None and moment_of(version.sunset_at) <= now:
        return "sunset"
    is_over = version.deprecated_at is not None and moment_of(version.deprecated_at) <= now
    return "deprecated" if is_over and version.status != "sunset" else version.status


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else text_of(moment)
