"""What operators ask of the versions, decided: one decision, one revision, one append.

Promises: it is decided on what will stand when it holds, a moment ahead (R41), so decisions of one moment do
not contradict each other; whatever is decided leaves exactly one current version, at every moment from now
on (R15), or is refused; nothing comes back from sunset (V3.3e); nobody is left without a version to fall back
to (V5.3f).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import assert_never

from domain.api_registry.commands import (
    CancelBrownouts,
    DeprecateVersion,
    Lifecycle,
    Moment,
    PromoteVersion,
    RegisterVersion,
    ReleaseVersion,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
)
from domain.api_registry.declared import GUIDE
from domain.api_registry.events import (
    BrownoutsCancelled,
    BrownoutScheduled,
    Cause,
    DecidedBy,
    DeclaredVersion,
    DefaultVersionChanged,
    RegistryEvent,
    RegistrySizeWarned,
    VersionPromoted,
    VersionRegistered,
    VersionRolledBack,
    VersionStatusChanged,
    VersionTermsSet,
)
from domain.api_registry.evolving import BROWNOUTS_MAX, evolve
from domain.api_registry.registry import HARD_LIMIT, SOFT_LIMIT, Registry, Version, text_of
from domain.errors import NotFoundError, VersionLimitExceededError, VersionTransitionError
from domain.version_spec import Phase, is_version_id

Events = tuple[RegistryEvent, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One decision being made: its revision, its cause and its time."""

    state: Registry
    cause: Cause
    decided_by: DecidedBy
    when: Moment

    @property
    def revision(self) -> int:
        return self.state.revision + 1

    def to_phase(self, version: Version, phase: Phase) -> VersionStatusChanged:
        return VersionStatusChanged(
            version_id=version.version_id,
            from_=version.phase_at(self.when.effective_at),
            to=phase,
            cause=self.cause,
            decided_by=self.decided_by,
            effective_at=text_of(self.when.effective_at),
            observed_at=text_of(self.when.now),
            revision=self.revision,
        )

    def with_default(self, events: Iterable[RegistryEvent], *, wanted: str = "") -> Events:
        """And what that does to the default; `wanted` where one is declared."""
        made = tuple(events)
        after = reduce(evolve, made, self.state)
        is_declared = bool(wanted and after.defaults)
        default = wanted if is_declared else after.default_at(self.when.effective_at)
        if default == self.state.told_default:
            return made
        told = DefaultVersionChanged(
            from_=self.state.told_default,
            to=default,
            cause=self.cause,
            is_declared=is_declared,
            effective_at=text_of(self.when.effective_at),
            revision=self.revision,
        )
        return (*made, told)


def decided(state: Registry, command: Lifecycle) -> Events:
    """Raises NotFoundError, VersionTransitionError, VersionLimitExceededError."""
    match command:
        case RegisterVersion():
            return sound(state, registered(state, command.version, state.revision + 1), command.now)
        case ReleaseVersion():
            return sound(state, _released(state, command), command.when.now)
        case PromoteVersion():
            return sound(state, _promoted(state, command), command.when.now)
        case DeprecateVersion():
            return sound(state, _deprecated(state, command), command.when.now)
        case SunsetVersion():
            return sound(state, _sunset(state, command), command.when.now)
        case RollBackVersion():
            return sound(state, _rolled_back(state, command), command.when.now)
        case ScheduleBrownout():
            return _browned_out(state, command)
        case CancelBrownouts():
            return _bright(state, command)
        case _:
            assert_never(command)


def sound(state: Registry, events: Events, now: datetime) -> Events:
    """The events, if what they leave is valid from now on. Raises VersionTransitionError."""
    trouble = reduce(evolve, events, state).trouble_at(now)
    if trouble is not None and state.trouble_at(now) is None:
        version_id = getattr(events[0], "version_id", "") if events else ""
        raise VersionTransitionError(version_id=version_id, wanted="that", because=trouble.message)
    return events


def registered(state: Registry, version: DeclaredVersion, revision: int) -> Events:
    known = state.versions.get(version.version_id)
    if not is_version_id(version.version_id):
        raise _refused(version.version_id, "a version", "it is no version identifier")
    if known is not None and not known.is_tombstone:
        raise _refused(version.version_id, "a new version", "it is registered already")
    count = len(state.entries()) + 1
    if count > HARD_LIMIT:
        raise VersionLimitExceededError(limit=HARD_LIMIT)
    made = VersionRegistered(
        version_id=version.version_id,
        status=version.status,
        released_at=version.released_at,
        deprecated_at=version.deprecated_at,
        sunset_at=version.sunset_at,
        successor=version.successor,
        migration_guide_url=version.migration_guide_url,
        opt_in_required=version.opt_in_required,
        revision=revision,
    )
    return (made, *size_warning(count - 1, count))


def size_warning(before: int, after: int) -> tuple[RegistrySizeWarned, ...]:
    """Said when the soft limit is crossed (V6.2b)."""
    return (RegistrySizeWarned(count=after, soft_limit=SOFT_LIMIT),) if before <= SOFT_LIMIT < after else ()


def _released(state: Registry, command: ReleaseVersion) -> Events:
    turn = Turn(state, "manual", "operator", command.when)
    version = _heir(state, command.version_id, command.when.effective_at)
    return turn.with_default(_handed_over(turn, version), wanted=version.version_id)


def _heir(state: Registry, version_id: str, then: datetime) -> Version:
    """One that may become current: a prerelease, or one that is declared to be current later."""
    version = entry(state, version_id)
    phase = version.phase_at(then)
    if phase == "current" and version.is_released_at(then):
        raise _refused(version_id, "current", "it is")
    if phase in {"deprecated", "sunset"}:
        raise _refused(version_id, "current", f"it is {phase}")
    return version


def _handed_over(turn: Turn, heir: Version) -> list[RegistryEvent]:
    """The heir is current, and whatever was is deprecated in its favour."""
    made: list[RegistryEvent] = []
    if heir.phase_at(turn.when.effective_at) != "current":
        made.append(turn.to_phase(heir, "current"))
    if not heir.is_released_at(turn.when.effective_at) or heir.opt_in_required:
        then = reduce(evolve, made, turn.state).versions[heir.version_id]
        made.append(terms(turn, then, released_at=turn.when.effective_at, opt_in_required=False))
    for before in turn.state.currents_at(turn.when.effective_at):
        version = turn.state.versions[before]
        made.append(turn.to_phase(version, "deprecated"))
        if version.successor is None:
            made.append(terms(turn, version, deprecated_at=turn.when.effective_at, successor=heir.version_id))
    return made


def terms(turn: Turn, version: Version, **other: object) -> VersionTermsSet:
    """The version's terms, some of them other than they were."""
    said = {
        "released_at": version.released_at,
        "deprecated_at": version.deprecated_at,
        "sunset_at": version.sunset_at,
        "successor": version.successor,
        "migration_guide_url": version.migration_guide_url,
        "opt_in_required": version.opt_in_required,
        **other,
    }
    fields = {name: text_of(each) if isinstance(each, datetime) else each for name, each in said.items()}
    return VersionTermsSet.model_validate(
        {
            "version_id": version.version_id,
            "decided_by": turn.decided_by,
            "revision": turn.revision,
            **fields,
        }
    )


def _promoted(state: Registry, command: PromoteVersion) -> Events:
    turn = Turn(state, "promotion", "operator", command.when)
    version, then = entry(state, command.version_id), command.when.effective_at
    stable, _, suffix = version.version_id.partition("-")
    if version.phase_at(then) != "prerelease" or not suffix:
        raise _refused(version.version_id, "a stable version", f"it is {version.phase_at(then)}")
    declared = DeclaredVersion(
        version_id=stable, status="current", released_at=text_of(command.when.effective_at)
    )
    made = list[RegistryEvent](registered(state, declared, turn.revision))
    current = state.currents_at(then)
    made += [turn.to_phase(state.versions[each], "deprecated") for each in current]
    made.append(turn.to_phase(version, "deprecated"))
    made.append(
        VersionPromoted(
            from_id=version.version_id,
            to_id=stable,
            previous_current=current[-1] if current else "",
            effective_at=text_of(command.when.effective_at),
            revision=turn.revision,
        )
    )
    return turn.with_default(made, wanted=stable)


def _deprecated(state: Registry, command: DeprecateVersion) -> Events:
    turn = Turn(state, "manual", "operator", command.when)
    version, then = entry(state, command.version_id), command.when.effective_at
    phase = version.phase_at(then)
    if phase == "sunset" or (phase == "deprecated" and not _news(command)):
        raise _refused(version.version_id, "deprecated", f"it is {phase}")
    made: list[RegistryEvent] = []
    default = ""
    if phase == "current" and version.is_released_at(then):
        if command.successor is None:
            raise _refused(version.version_id, "deprecated", "it is current; name its --successor")
        made += _handed_over(turn, _heir(state, command.successor, then))
        default = command.successor
    elif phase != "deprecated":
        made.append(turn.to_phase(version, "deprecated"))
    return turn.with_default([*made, *_new_terms(turn, reduce(evolve, made, state), command)], wanted=default)


def _news(command: DeprecateVersion) -> bool:
    """For one that is deprecated: when it ends, what follows it, how to get there."""
    return any((command.successor, command.sunset_at, command.migration_guide_url))


def _new_terms(turn: Turn, after: Registry, command: DeprecateVersion) -> list[RegistryEvent]:
    version = after.versions[command.version_id]
    if command.sunset_at is not None and command.sunset_at < (version.deprecated_at or command.sunset_at):
        raise _refused(version.version_id, "sunset then", "that is before its deprecation (RFC 9745)")
    is_early = command.sunset_at is not None and command.sunset_at <= version.released_at
    if is_early or (command.sunset_at is not None and command.sunset_at < command.when.now):
        raise _refused(version.version_id, "sunset then", "that is past, or before its release")
    if command.successor is not None and not is_version_id(command.successor):
        raise _refused(version.version_id, "succeeded by that", "it is no version identifier")
    if command.migration_guide_url is not None and not GUIDE.fullmatch(command.migration_guide_url):
        raise _refused(version.version_id, "guided there", "that is no http(s) address")
    wanted = {
        "successor": command.successor or version.successor,
        "sunset_at": command.sunset_at or version.sunset_at,
        "migration_guide_url": command.migration_guide_url or version.migration_guide_url,
    }
    known = {name: getattr(version, name) for name in wanted}
    return [terms(turn, version, **wanted)] if wanted != known else []


def _sunset(state: Registry, command: SunsetVersion) -> Events:
    turn = Turn(state, "manual", "operator", command.when)
    version = entry(state, command.version_id)
    phase = version.phase_at(command.when.effective_at)
    if phase == "sunset":
        raise _refused(version.version_id, "sunset", "it is")
    if phase == "current":
        raise _refused(version.version_id, "sunset", "it is current; deprecate it first")
    if version.released_at >= command.when.effective_at:
        raise _refused(version.version_id, "sunset", "it is not released; roll it back")
    return turn.with_default([turn.to_phase(version, "sunset")])


def _rolled_back(state: Registry, command: RollBackVersion) -> Events:
    turn = Turn(state, "rollback", "operator", command.when)
    version, then = entry(state, command.version_id), command.when.effective_at
    is_current = version.version_id in state.currents_at(then)
    if version.phase_at(then) == "sunset":
        raise _refused(version.version_id, "a rollback", "it is sunset, which is for good")
    current = next(iter(state.currents_at(then)), "")
    fallback = state.newest_deprecated_at(then, but=version.version_id) if is_current else current
    if not fallback:
        raise _refused(version.version_id, "a rollback", "there is no live version to fall back to")
    made: list[RegistryEvent] = [
        VersionRolledBack(
            version_id=version.version_id,
            fallback=fallback,
            reason=command.reason,
            actor=command.actor,
            effective_at=text_of(command.when.effective_at),
            revision=turn.revision,
        )
    ]
    if is_current:
        made.append(turn.to_phase(state.versions[fallback], "current"))
    return turn.with_default(made, wanted=fallback if is_current else "")


def _browned_out(state: Registry, command: ScheduleBrownout) -> Events:
    version = entry(state, command.version_id)
    if version.phase_at(command.starts_at) != "deprecated":
        raise _refused(version.version_id, "dark", "only a deprecated version has brownouts")
    if not command.now <= command.starts_at < command.ends_at:
        raise _refused(version.version_id, "dark then", "a brownout begins from now on and ends after that")
    if sum(each.ends_at > command.now for each in version.brownouts) >= BROWNOUTS_MAX:
        raise _refused(version.version_id, "dark then", f"it has {BROWNOUTS_MAX} brownouts ahead already")
    made = BrownoutScheduled(
        version_id=version.version_id,
        starts_at=text_of(command.starts_at),
        ends_at=text_of(command.ends_at),
        reason=command.reason,
        revision=state.revision + 1,
    )
    return (made,)


def _bright(state: Registry, command: CancelBrownouts) -> Events:
    version = entry(state, command.version_id)
    if not any(brownout.ends_at > command.now for brownout in version.brownouts):
        return ()
    revision = state.revision + 1
    return (BrownoutsCancelled(version_id=version.version_id, reason=command.reason, revision=revision),)


def entry(state: Registry, version_id: str) -> Version:
    """Raises NotFoundError."""
    version = state.versions.get(version_id)
    if version is None or version.is_tombstone:
        raise NotFoundError(thing="API version", name=version_id[:64])
    return version


def _refused(version_id: str, wanted: str, because: str) -> VersionTransitionError:
    return VersionTransitionError(version_id=version_id[:64], wanted=wanted, because=because)
