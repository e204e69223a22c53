"""The registry of API versions as an aggregate: one for the whole of Dits."""

from __future__ import annotations

from functools import reduce
from typing import assert_never, get_args

from domain.api_registry.applying import applied
from domain.api_registry.commands import (
    ApplyFile,
    CancelBrownouts,
    DeprecateVersion,
    NoteCorruption,
    NoteRebuild,
    ObserveTime,
    PromoteVersion,
    RegisterVersion,
    RegistryCommand,
    RejectFile,
    ReleaseVersion,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
    moment_of_asking,
)
from domain.api_registry.deciding import decided
from domain.api_registry.events import (
    RegistryCorruptionDetected,
    RegistryEvent,
    RegistryRebuilt,
    RegistryReloadRejected,
)
from domain.api_registry.evolving import evolve, rejection
from domain.api_registry.observing import observed_alone
from domain.api_registry.registry import Registry
from domain.decider import Decider

REGISTRY_ID = "main"


def decide(state: Registry, command: RegistryCommand) -> tuple[RegistryEvent, ...]:
    match command:
        case ApplyFile(now=now):
            due = observed_alone(state, now)
            return _after(due, applied(reduce(evolve, due, state), command))
        case RejectFile():
            return _rejected(state, command)
        case ObserveTime(now):
            return observed_alone(state, now)
        case NoteCorruption():
            corruption = RegistryCorruptionDetected(
                revision=state.revision,
                missing_fields=command.missing_fields,
                sha256_expected=command.sha256_expected,
                sha256_found=command.sha256_found,
            )
            return (corruption,)
        case NoteRebuild(source):
            return (RegistryRebuilt(revision=state.revision, source=source),)
        case (
            RegisterVersion()
            | ReleaseVersion()
            | PromoteVersion()
            | DeprecateVersion()
            | SunsetVersion()
            | RollBackVersion()
            | ScheduleBrownout()
            | CancelBrownouts()
        ):
            due = observed_alone(state, moment_of_asking(command))
            return _after(due, decided(reduce(evolve, due, state), command))
        case _:
            assert_never(command)


def _after(due: tuple[RegistryEvent, ...], made: tuple[RegistryEvent, ...]) -> tuple[RegistryEvent, ...]:
    """What announced times brought comes first: nothing is decided over a turn that nobody recorded yet."""
    return (*due, *made) if made else ()


def _rejected(state: Registry, command: RejectFile) -> tuple[RegistryEvent, ...]:
    if state.rejected == rejection(command.sha256, command.reason):
        return ()
    said = RegistryReloadRejected(
        source=command.source,
        sha256=command.sha256,
        reason=command.reason,
        line=command.line,
        kept_revision=state.revision,
    )
    return (said,)


DECIDER = Decider("api-registry", Registry(), decide, evolve, get_args(RegistryEvent))
