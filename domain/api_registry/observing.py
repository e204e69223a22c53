"""What announced times have brought since it was last recorded (V2.5, V3.2, V3.3, R18).

Promises: a turn is recorded once, whoever looks first: the fold knows the phase that was recorded;
`effective_at` is the announced time itself, however late somebody looks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from domain.api_registry.commands import Moment
from domain.api_registry.deciding import Events, Turn
from domain.api_registry.events import VersionStatusChanged
from domain.api_registry.registry import Registry, Version, text_of
from domain.version_spec import Phase, sort_key

ByItself = Literal["scheduled", "invalid_config"]


def observed(
    state: Registry,
    now: datetime,
    revision: int,
    *,
    cause: ByItself = "scheduled",
) -> tuple[VersionStatusChanged, ...]:
    """`cause` is said of a current version whose sunset has passed; everything else is scheduled."""
    made: list[VersionStatusChanged] = []
    for version_id in sorted(state.versions, key=sort_key):
        version = state.versions[version_id]
        if version.is_released_at(now) and not version.is_gone_at(now):
            made += _turns(version, now, revision, cause)
    return tuple(made)


def observed_alone(state: Registry, now: datetime) -> Events:
    """With what it does to the default."""
    made = observed(state, now, state.revision + 1)
    # A default that was told a moment ahead of its time has not come yet.
    turn = Turn(state, "scheduled", "clock", Moment(now, max(now, state.told_from)))
    return turn.with_default(made)


def _turns(version: Version, now: datetime, revision: int, cause: ByItself) -> list[VersionStatusChanged]:
    made: list[VersionStatusChanged] = []
    steps: list[tuple[Phase, datetime | None]] = [
        ("deprecated", version.deprecated_at),
        ("sunset", version.sunset_at),
    ]
    recorded = version.recorded
    for phase, at in steps:
        if at is None or at > now or recorded in {phase, "sunset"}:
            continue
        said = VersionStatusChanged(
            version_id=version.version_id,
            from_=recorded,
            to=phase,
            cause=cause if (recorded, phase) == ("current", "sunset") else "scheduled",
            decided_by="clock",
            effective_at=text_of(at),
            observed_at=text_of(now),
            revision=revision,
        )
        made.append(said)
        recorded = phase
    return made
