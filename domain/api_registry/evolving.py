"""How each fact leaves the registry: pure, total, and the only place that makes a `Version`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from domain.api_registry.declared import declared_version
from domain.api_registry.events import (
    BrownoutsCancelled,
    BrownoutScheduled,
    DeclaredVersion,
    DefaultVersionChanged,
    RegistryCorruptionDetected,
    RegistryEvent,
    RegistryLoaded,
    RegistryRebuilt,
    RegistryReloadRejected,
    RegistrySizeWarned,
    VersionPromoted,
    VersionRegistered,
    VersionRolledBack,
    VersionStatusChanged,
    VersionTermsSet,
    VersionWithdrawn,
)
from domain.api_registry.registry import (
    BEGINNING,
    Brownout,
    DefaultSince,
    Registry,
    Spell,
    Substitute,
    Version,
    moment_of,
)


def evolve(state: Registry, event: RegistryEvent) -> Registry:
    match event:
        case RegistryLoaded():
            return _loaded(state, event)
        case RegistryReloadRejected():
            return replace(state, rejected=rejection(event.sha256, event.reason))
        case DefaultVersionChanged():
            return _other_default(state, event)
        case VersionWithdrawn():
            return replace(
                state, revision=event.revision, versions=_without(state.versions, event.version_id)
            )
        case VersionRolledBack():
            return _with(state, _rolled_back(state.versions[event.version_id], event), event.revision)
        case VersionPromoted():
            return _promoted(state, event)
        case VersionRegistered():
            return _with(state, _registered(state, event), event.revision)
        case VersionStatusChanged() | VersionTermsSet() | BrownoutScheduled() | BrownoutsCancelled():
            return _with(state, _turned(state.versions[event.version_id], event), event.revision)
        case RegistrySizeWarned() | RegistryCorruptionDetected() | RegistryRebuilt():
            return state
        case _:
            assert_never(event)


def rejection(sha256: str, reason: str) -> str:
    """What a rejection is known by."""
    return f"{sha256} {reason}"


def _with(state: Registry, version: Version, revision: int) -> Registry:
    return replace(state, revision=revision, versions={**state.versions, version.version_id: version})


def _without(stand: Mapping[str, Version], gone: str) -> dict[str, Version]:
    """Whom it stood in for speaks for itself again."""
    return {
        id_: replace(each, substitute=None) if each.answered_by == gone else each
        for id_, each in stand.items()
        if id_ != gone
    }


def _loaded(state: Registry, event: RegistryLoaded) -> Registry:
    defaults, wanted = state.defaults, event.declared_default
    if wanted is None:
        defaults = ()
    elif wanted != state.file_default or wanted == event.default_version:
        defaults = (DefaultSince(wanted, BEGINNING),)
    return replace(
        state,
        revision=event.revision,
        defaults=defaults,
        told_default=event.default_version,
        versions=_agreed(state.versions, event.versions),
        applied=state.applied | {event.sha256},
        file=event.versions,
        file_default=event.declared_default,
        file_sha256=event.sha256,
        rejected="",
    )


def _agreed(stand: Mapping[str, Version], said: Iterable[DeclaredVersion]) -> Mapping[str, Version]:
    """What operators decided and a file now says as well is the file's again."""
    wanted = {each.version_id: each for each in said}
    return {id_: _freed(version, wanted.get(id_)) for id_, version in stand.items()}


def _freed(version: Version, said: DeclaredVersion | None) -> Version:
    is_same = not version.is_tombstone and declared_version(version) == said
    return replace(version, decision="") if is_same else version


def _other_default(state: Registry, event: DefaultVersionChanged) -> Registry:
    """A declared default follows what operators decide; a computed one is only told."""
    defaults, since = state.defaults, moment_of(event.effective_at)
    if event.is_declared:
        defaults = (*defaults[-1:], DefaultSince(event.to, since))
    return replace(state, revision=event.revision, defaults=defaults, told_default=event.to, told_from=since)


def _registered(state: Registry, event: VersionRegistered) -> Version:
    released_at = moment_of(event.released_at)
    is_of_file = DeclaredVersion.model_validate(event.model_dump(exclude={"revision"})) in state.file
    return Version(
        version_id=event.version_id,
        spells=(Spell(event.status, released_at),),
        released_at=released_at,
        deprecated_at=_moment(event.deprecated_at),
        sunset_at=_moment(event.sunset_at),
        successor=event.successor,
        migration_guide_url=event.migration_guide_url,
        opt_in_required=event.opt_in_required,
        decision="" if is_of_file else f"its registration at revision {event.revision}",
    )


def _turned(
    version: Version, event: VersionStatusChanged | VersionTermsSet | BrownoutScheduled | BrownoutsCancelled
) -> Version:
    match event:
        case VersionStatusChanged():
            return _in_phase(version, event)
        case VersionTermsSet():
            return replace(
                version,
                released_at=moment_of(event.released_at),
                deprecated_at=_moment(event.deprecated_at),
                sunset_at=_moment(event.sunset_at),
                successor=event.successor,
                migration_guide_url=event.migration_guide_url,
                opt_in_required=event.opt_in_required,
                decision=_decision(version, event, f"its terms at revision {event.revision}"),
            )
        case BrownoutScheduled():
            window = Brownout(moment_of(event.starts_at), moment_of(event.ends_at))
            windows = sorted((*version.brownouts, window), key=lambda each: each.ends_at)
            return replace(version, brownouts=tuple(windows[-BROWNOUTS_MAX:]))
        case BrownoutsCancelled():
            return replace(version, brownouts=())
        case _:
            assert_never(event)


def _decision(version: Version, event: VersionStatusChanged | VersionTermsSet, said: str) -> str:
    """A file that may say something else was adopted; the clock decides nothing."""
    match event.decided_by:
        case "operator":
            return said
        case "file":
            return ""
        case "clock":
            return version.decision
        case _:
            assert_never(event.decided_by)


SPELLS_MAX = 7
"""Before the newest: the one that holds, and those that were decided in the same moment (R41)."""
BROWNOUTS_MAX = 64
"""Of one version; older ones have long been over."""


def _in_phase(version: Version, event: VersionStatusChanged) -> Version:
    since = moment_of(event.effective_at)
    said = f"{event.from_} to {event.to} at revision {event.revision}"
    version = replace(
        version,
        spells=(*version.spells[-SPELLS_MAX:], Spell(event.to, since)),
        decision=_decision(version, event, said),
    )
    match event.to:
        case "deprecated":
            return replace(version, deprecated_at=since)
        case "sunset":
            at = min(version.sunset_at or since, since)
            deprecated_at = min(version.deprecated_at, at) if version.deprecated_at is not None else None
            return replace(version, sunset_at=at, deprecated_at=deprecated_at)
        case "current":
            # What was announced of its end, was announced of one that is not current.
            return replace(version, deprecated_at=None, sunset_at=None, successor=None, substitute=None)
        case "prerelease":
            return replace(version, deprecated_at=None, substitute=None)
        case _:
            assert_never(event.to)


def _promoted(state: Registry, event: VersionPromoted) -> Registry:
    since = moment_of(event.effective_at)
    substitute = Substitute(event.to_id, since, is_rollback=False)
    changed = {
        event.from_id: replace(state.versions[event.from_id], successor=event.to_id, substitute=substitute),
        event.to_id: replace(
            state.versions[event.to_id], decision=f"its promotion at revision {event.revision}"
        ),
    }
    previous = state.versions.get(event.previous_current)
    if previous is not None and previous.successor is None:
        changed[event.previous_current] = replace(previous, successor=event.to_id)
    return replace(state, revision=event.revision, versions={**state.versions, **changed})


def _rolled_back(version: Version, event: VersionRolledBack) -> Version:
    substitute = Substitute(event.fallback, moment_of(event.effective_at), is_rollback=True)
    return replace(version, substitute=substitute, decision=f"its rollback at revision {event.revision}")


def _moment(text: str | None) -> datetime | None:
    return moment_of(text) if text is not None else None
