"""Registries of the acceptance table as files declare them, and what operators do to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce
from typing import TypedDict, Unpack

from domain.api_registry.commands import ApplyFile, Moment, RegistryCommand
from domain.api_registry.decider import DECIDER
from domain.api_registry.declared import Declared, declared
from domain.api_registry.events import DeclaredVersion, RegistryEvent, VersionStatusChanged
from domain.api_registry.registry import Registry
from domain.version_spec import Phase
from tests.fakes import NOON
from tests.spec import Story

GUIDES = "https://docs.dits.example/migrations"


class Terms(TypedDict, total=False):
    """What may be declared beside a version's phase and release."""

    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    migration_guide_url: str | None
    opt_in_required: bool


def a_version(
    version_id: str, status: Phase, released_at: str = "2024-01-01", **terms: Unpack[Terms]
) -> DeclaredVersion:
    """Times as days."""
    times = {name: day(said) for name, said in terms.items() if name.endswith("_at")}
    return DeclaredVersion.model_validate(
        {"version_id": version_id, "status": status, "released_at": day(released_at), **terms, **times}
    )


def day(text: object) -> str | None:
    return None if text is None else f"{text}T00:00:00Z"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


V0 = a_version(
    "v0",
    "sunset",
    "2022-01-01",
    deprecated_at="2023-01-01",
    sunset_at="2024-01-01",
    successor="v2",
    migration_guide_url=f"{GUIDES}/v0-to-v2",
)
V1 = a_version(
    "v1",
    "deprecated",
    "2024-01-15",
    deprecated_at="2025-06-01",
    sunset_at="2027-06-01",
    successor="v2",
    migration_guide_url=f"{GUIDES}/v1-to-v2",
)
V2 = a_version("v2", "current", "2025-06-01")
V3_BETA = a_version("v3-beta", "prerelease", "2026-05-01", opt_in_required=True)
V4_ALPHA = a_version("v4-alpha", "prerelease", "2027-01-01", opt_in_required=True)
STD = declared([V0, V1, V2, V3_BETA, V4_ALPHA], "v2")
SINGLE = declared([a_version("v1", "current", "2026-01-01")], None)
EMPTY = declared([], None)
NO_CURRENT = declared(
    [a_version("v1", "deprecated", deprecated_at="2025-01-01"), a_version("v2-beta", "prerelease")], None
)
TWO_CURRENT = declared(
    [
        a_version("v1", "deprecated", "2023-01-01", deprecated_at="2025-01-01"),
        a_version("v2", "current"),
        a_version("v3", "current", "2025-01-01"),
    ],
    None,
)
PAST_SUNSET = declared([a_version("v1", "current", sunset_at="2026-01-01")], None)
PAST_SUNSET_WITH_OLD = declared(
    [
        a_version("v1", "deprecated", "2023-01-01", deprecated_at="2024-01-01"),
        a_version("v2", "current", sunset_at="2026-01-01"),
    ],
    None,
)
HANDOVER = declared(
    [
        a_version("v1", "current", deprecated_at="2026-12-01", successor="v2"),
        a_version("v2", "current", "2026-12-01"),
    ],
    None,
)
"""V3.2a: v1 until the first of December, v2 from then on."""


def many(count: int) -> Declared:
    """The table's n(k)."""
    older = [a_version(f"v{number}", "deprecated", deprecated_at="2025-01-01") for number in range(1, count)]
    return declared([*older, a_version(f"v{count}", "current")], None)


def applying(what: Declared, now: datetime = NOON, *, adopt: bool = False) -> ApplyFile:
    return ApplyFile("api-versions.yaml", what.sha256, what, now, adopt)


def soon(now: datetime = NOON) -> Moment:
    """As the gateway decides: for 50 ms ahead (R41)."""
    return Moment(now, now + timedelta(milliseconds=50))


SOON = "2026-11-22T12:00:00.050Z"


def after(*commands: RegistryCommand, state: Registry | None = None) -> Registry:
    """What stands once all of these were decided, one after the other."""
    for command in commands:
        state = evolved(state or Registry(), DECIDER.decide(state or Registry(), command))
    return state or Registry()


def standing(*commands: RegistryCommand) -> Story[Registry, RegistryCommand, RegistryEvent]:
    return Story(DECIDER, after(*commands))


def evolved(state: Registry, events: tuple[RegistryEvent, ...]) -> Registry:
    return reduce(DECIDER.evolve, events, state)


def turned(version_id: str, before: Phase, after_that: Phase, **other: object) -> VersionStatusChanged:
    """Decided at noon, at revision 2."""
    said = {
        "version_id": version_id,
        "from": before,
        "to": after_that,
        "cause": "manual",
        "decided_by": "operator",
        "effective_at": SOON,
        "observed_at": "2026-11-22T12:00:00Z",
        "revision": 2,
    }
    return VersionStatusChanged.model_validate({**said, **other})
