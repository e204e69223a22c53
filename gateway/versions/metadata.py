"""What the read model knows of the API's versions, beyond what every request needs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Told:
    """What the read model knows of a version."""

    version_id: str
    released_at: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None
    opt_in_required: bool


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the changelog: what, to which versions, when; by the names of its members."""

    type: str
    at: str
    members: tuple[tuple[str, str], ...]
    versions: tuple[str, ...]
    """Those it names: who may not see one of them is not told."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything that is told beyond ids and phases."""

    versions: Mapping[str, Told] = field(default_factory=dict[str, Told])
    changes: Sequence[Happened] = ()
    revision: int = 0
    """Of the registry, as far as the read model has come."""
