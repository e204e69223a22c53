"""A repository's references: which holder (a branch, a tag, later a hold) retains which manifest (I3, I4).

Promises: a holder retains exactly one manifest; releasing what is not held is refused, never hidden
(seed S1.4). Counts of everything below are derived from these events and the recorded edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, assert_never, get_args

from domain.decider import Decider
from domain.errors import ReferenceUnderflowError
from domain.event import Event, Producer
from domain.ids import Digest, RepoId


class ManifestRetained(Event):
    """From here on this holder keeps the manifest, and all that it reaches, alive."""

    TOPIC: ClassVar[str] = "references.manifest_retained.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    holder: str
    manifest: Digest


class ManifestReleased(Event):
    """This holder no longer keeps the manifest alive; others may."""

    TOPIC: ClassVar[str] = "references.manifest_released.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    holder: str
    manifest: Digest


ReferencesEvent = ManifestRetained | ManifestReleased


@dataclass(frozen=True, slots=True)
class MoveHolder:
    """Let `holder` retain `to` instead of `held`; None is nothing."""

    repo: RepoId
    holder: str
    held: Digest | None
    to: Digest | None


@dataclass(frozen=True, slots=True)
class References:
    holders: Mapping[str, Digest] = field(default_factory=dict[str, Digest])


def branch_holder(branch: str) -> str:
    return f"branch:{branch}"


def tag_holder(tag: str) -> str:
    return f"tag:{tag}"


def decide(state: References, command: MoveHolder) -> tuple[ReferencesEvent, ...]:
    repo, holder = command.repo, command.holder
    if state.holders.get(holder) != command.held:
        manifest = command.held.hex() if command.held is not None else "nothing"
        raise ReferenceUnderflowError(holder=holder, manifest=manifest)
    if command.held == command.to:
        return ()
    events: list[ReferencesEvent] = []
    if command.to is not None:
        events.append(ManifestRetained(repo=repo, holder=holder, manifest=command.to))
    if command.held is not None:
        events.append(ManifestReleased(repo=repo, holder=holder, manifest=command.held))
    return tuple(events)


def evolve(state: References, event: ReferencesEvent) -> References:
    match event:
        case ManifestRetained():
            return References({**state.holders, event.holder: event.manifest})
        case ManifestReleased():
            # Retaining the next comes first in an append, so a release of the old must not end it.
            if state.holders.get(event.holder) != event.manifest:
                return state
            return References({k: v for k, v in state.holders.items() if k != event.holder})
        case _:
            assert_never(event)


DECIDER = Decider("references", References(), decide, evolve, get_args(ReferencesEvent))
