"""A file of API versions judged by itself, where no server is: what stops a deployment (R14).

Promises: exactly what a gateway would refuse at its start is refused, in the same words; what it would serve
although somebody should look is a warning (R16, V6.2b).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from domain.api_registry.commands import ApplyFile
from domain.api_registry.decider import DECIDER
from domain.api_registry.declared import Declared
from domain.api_registry.events import RegistryEvent, RegistrySizeWarned, VersionStatusChanged
from domain.api_registry.registry import Registry, text_of
from domain.errors import RegistryFileError, RegistryUnusableError
from gateway.versions.file import parsed

PLACE = ("line", "column")
"""Facts of an error that say where in the file it is; from 1."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a sound file comes to."""

    sha256: str
    """Of what it says: the `file_sha256` of a registry that applied it last."""
    versions: tuple[str, ...]
    default_version: str
    next_turn_at: str | None
    warnings: tuple[str, ...]


def judged(text: str, name: str, now: datetime) -> Verdict:
    """Raises RegistryFileError, whose problem begins with the file and, if known, line and column."""
    try:
        declared = parsed(text)
        command = ApplyFile(name, declared.sha256, declared, now)
        events = DECIDER.decide(Registry(), command)
    except RegistryFileError as error:
        raise RegistryFileError(problem=f"{_place(name, error)}: {error.facts['problem']}") from error
    except RegistryUnusableError as error:
        raise RegistryFileError(problem=f"{name}: {error.message}") from error
    state = reduce(DECIDER.evolve, events, Registry())
    turns = state.boundaries_after(now)
    return Verdict(
        sha256=declared.sha256,
        versions=tuple(version.version_id for version in declared.versions),
        default_version=state.default_at(now),
        next_turn_at=text_of(turns[0]) if turns else None,
        warnings=(*_warnings(events), *_strays(declared)),
    )


def _place(name: str, error: RegistryFileError) -> str:
    place = [str(error.facts[each]) for each in PLACE if each in error.facts]
    return ":".join([name, *place])


def _warnings(events: tuple[RegistryEvent, ...]) -> list[str]:
    found: list[str] = []
    for event in events:
        if isinstance(event, VersionStatusChanged) and event.cause == "invalid_config":
            past = f"its sunset {event.effective_at} has passed: it answers 410"
            found.append(f"{event.version_id} is current, and {past}")
        if isinstance(event, RegistrySizeWarned):
            found.append(f"{event.count} versions; more than {event.soft_limit} are hard to look after")
    return found


def _strays(declared: Declared) -> list[str]:
    known = {version.version_id for version in declared.versions}
    return [
        f"{version.version_id}: its successor {version.successor} is not in the file"
        for version in declared.versions
        if version.successor is not None and version.successor not in known
    ]
