"""A file becomes facts: what it changed since the file before, never what it differs from the registry in.

Promises: content that was applied before is not applied again by itself; a change that contradicts what an
operator decided since is refused as drift, naming both, unless the file is adopted; what passes leaves
exactly one current version at every moment ahead, or nothing is applied at all (V2.*, V5.1).
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from domain.api_registry.commands import ApplyFile, Moment
from domain.api_registry.deciding import Events, Turn, size_warning, terms
from domain.api_registry.declared import declared_form, declared_version, phase_by
from domain.api_registry.events import (
    DeclaredVersion,
    RegistryEvent,
    RegistryLoaded,
    VersionRegistered,
    VersionWithdrawn,
)
from domain.api_registry.evolving import evolve
from domain.api_registry.observing import observed
from domain.api_registry.registry import HARD_LIMIT, Registry, Version
from domain.errors import RegistryDriftError, RegistryFileError

TERMS = ("released_at", "deprecated_at", "sunset_at", "successor", "migration_guide_url", "opt_in_required")


def applied(state: Registry, command: ApplyFile) -> Events:
    """Raises RegistryUnusableError, RegistryDriftError, RegistryFileError."""
    if command.sha256 in state.applied and not command.adopt:
        return ()
    turn = Turn(state, "manual", "file", Moment(command.now, command.now))
    before = {} if command.adopt else {version.version_id: version for version in state.file}
    changes = _Changes(turn, before, adopt=command.adopt)
    made = [event for version in command.declared.versions for event in changes.of(version)]
    made += changes.removed({version.version_id for version in command.declared.versions})
    changes.default(command.declared.default_version)
    if changes.drift:
        raise RegistryDriftError(drift="; ".join(changes.drift))
    if not made and command.sha256 == state.file_sha256 and _default_stands(state, command):
        return ()
    return _loaded(turn, command, tuple(made))


def _default_stands(state: Registry, command: ApplyFile) -> bool:
    return declared_form(state).default_version == command.declared.default_version


class _Changes:
    """What one file changes, version by version."""

    def __init__(self, turn: Turn, before: dict[str, DeclaredVersion], *, adopt: bool) -> None:
        self._turn = turn
        self._before = before
        self._adopt = adopt
        self.drift: list[str] = []

    def of(self, wanted: DeclaredVersion) -> list[RegistryEvent]:
        known = self._turn.state.versions.get(wanted.version_id)
        was = self._before.get(wanted.version_id)
        if was == wanted:
            return []
        if known is None or (known.is_tombstone and self._adopt):
            return [_registered(wanted, self._turn.revision)]
        names = [name for name in ("status", *TERMS) if _differ(name, was, wanted)]
        against = [name for name in names if _differ(name, self._as_it_stands(known, wanted), wanted)]
        if known.is_tombstone:
            against = names
        if against and known.decision and not self._adopt:
            said = ", ".join(f"{name}: {getattr(wanted, name)}" for name in against)
            self.drift.append(f"the file says {wanted.version_id} {said}; decided was {known.decision}")
            return []
        return self._turned(known, wanted, against)

    def _as_it_stands(self, known: Version, wanted: DeclaredVersion) -> DeclaredVersion:
        """In the file's own words, where times that it announces have come since it was written."""
        stands = declared_version(known)
        if phase_by(wanted, self._turn.when.now) != known.recorded:
            return stands
        return stands.model_copy(update={"status": wanted.status})

    def _turned(self, known: Version, wanted: DeclaredVersion, names: list[str]) -> list[RegistryEvent]:
        made: list[RegistryEvent] = []
        if known.recorded == "sunset" and phase_by(wanted, self._turn.when.now) != "sunset":
            raise RegistryFileError(problem=f"{known.version_id} is sunset, which is for good")
        if "status" in names:
            made.append(self._turn.to_phase(known, wanted.status))
        after = reduce(evolve, made, self._turn.state).versions[known.version_id]
        stands = declared_version(after)
        # A phase sets times of its own; what the file says of them counts.
        late = [name for name in TERMS if (name in names or made) and _differ(name, stands, wanted)]
        if late:
            said = {name: getattr(wanted, name) for name in late}
            made.append(terms(self._turn, after, **said))
        return made

    def removed(self, kept: set[str]) -> list[RegistryEvent]:
        state = self._turn.state
        named = self._before if not self._adopt else state.versions
        gone = [state.versions[each] for each in named if each not in kept and each in state.versions]
        gone = [version for version in gone if not version.is_tombstone]  # no entry, so in no file
        for version in gone:
            if version.decision and not self._adopt:
                self.drift.append(f"the file drops {version.version_id}; decided was {version.decision}")
        ids = {version.version_id for version in gone}
        back = kept if self._adopt else set[str]()
        orphans = [each for each in _orphans(state, ids) if each not in back]
        return [
            VersionWithdrawn(version_id=each, revision=self._turn.revision)
            for each in (*sorted(ids), *orphans)
        ]

    def default(self, wanted: str | None) -> None:
        state = self._turn.state
        stands = declared_form(state).default_version
        if (
            self._adopt
            or wanted == state.file_default
            or stands in {wanted, None}
            or state.defaults[-1].is_of_file
        ):
            return
        self.drift.append(f"the file says default_version: {wanted}; decided was {stands}")


def _orphans(state: Registry, gone: set[str]) -> list[str]:
    """Tombstones that only what is gone answered for, one through the other."""
    found: list[str] = []
    tombstones = [version for version in state.versions.values() if version.is_tombstone]
    while more := [each for each in tombstones if each.answered_by in gone and each.version_id not in gone]:
        found += [version.version_id for version in more]
        gone = {*gone, *found}
    return found


def _differ(name: str, one: DeclaredVersion | None, other: DeclaredVersion) -> bool:
    return one is None or getattr(one, name) != getattr(other, name)


def _registered(version: DeclaredVersion, revision: int) -> VersionRegistered:
    fields = version.model_dump()
    return VersionRegistered.model_validate({**fields, "revision": revision})


def _loaded(turn: Turn, command: ApplyFile, made: Events) -> Events:
    load = RegistryLoaded(
        revision=turn.revision,
        source=command.source,
        sha256=command.sha256,
        version_count=len(command.declared.versions),
        default_version="",
        declared_default=command.declared.default_version,
        versions=command.declared.versions,
    )
    after = reduce(evolve, (load, *made), turn.state)
    if len(after.entries()) > HARD_LIMIT:
        raise RegistryFileError(problem=f"{len(after.entries())} versions with what operators registered")
    trouble = after.trouble_at(command.now)
    if trouble is not None:
        raise trouble
    late = observed(after, command.now, turn.revision, cause="invalid_config")
    after = reduce(evolve, late, after)
    # A default that was told a moment ahead of its time is not taken back in that moment.
    settled = replace(turn, when=Moment(command.now, max(command.now, turn.state.told_from)))
    default = _adopted(command, after) or after.default_at(settled.when.effective_at)
    events = (load.model_copy(update={"default_version": default}), *made, *late)
    warning = size_warning(len(turn.state.entries()), len(after.entries()))
    if turn.state.revision == 0:
        return (*events, *warning)
    return (*settled.with_default(events), *warning)


def _adopted(command: ApplyFile, after: Registry) -> str:
    """The default that an adopted file insists on, if it lives."""
    wanted = command.declared.default_version
    return wanted if command.adopt and wanted and after.lives_at(wanted, command.now) else ""
