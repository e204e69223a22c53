"""What operators ask of the versions: each decision one append, and none that leaves nobody current."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

import pytest

from domain.api_registry.commands import (
    CancelBrownouts,
    DeprecateVersion,
    Lifecycle,
    PromoteVersion,
    RegisterVersion,
    ReleaseVersion,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
)
from domain.api_registry.declared import declared
from domain.api_registry.events import (
    DefaultVersionChanged,
    VersionPromoted,
    VersionRegistered,
    VersionTermsSet,
)
from domain.errors import NotFoundError, VersionLimitExceededError, VersionTransitionError
from tests.domain.registries import (
    EMPTY,
    HANDOVER,
    SINGLE,
    SOON,
    STD,
    V1,
    V2,
    a_version,
    after,
    applying,
    at,
    many,
    soon,
    standing,
    turned,
)
from tests.fakes import NOON

LOADED = applying(STD)
MINUTE = timedelta(minutes=1)
LATER = NOON + MINUTE
PROMOTE = PromoteVersion("v3-beta", soon())
HELD = NOON + timedelta(milliseconds=50)
"""When what was decided at noon holds."""
DEFAULTLESS = applying(declared([V1, V2], None))


# ------------------------------------------------------------------ promote (V3.4)
def test_a_promotion_is_one_decision() -> None:
    standing(LOADED).when(PROMOTE).then(
        VersionRegistered(version_id="v3", status="current", released_at=SOON, revision=2, **NO_TERMS),
        turned("v2", "current", "deprecated", cause="promotion"),
        turned("v3-beta", "prerelease", "deprecated", cause="promotion"),
        VersionPromoted(from_id="v3-beta", to_id="v3", previous_current="v2", effective_at=SOON, revision=2),
        told("v2", "v3", "promotion"),
    )


class NoTerms(TypedDict):
    deprecated_at: None
    sunset_at: None
    successor: None
    migration_guide_url: None
    opt_in_required: bool


NO_TERMS = NoTerms(
    deprecated_at=None, sunset_at=None, successor=None, migration_guide_url=None, opt_in_required=False
)


def told(before: str, now: str, cause: str) -> DefaultVersionChanged:
    said = {"from": before, "to": now, "cause": cause, "is_declared": True}
    return DefaultVersionChanged.model_validate({**said, "effective_at": SOON, "revision": 2})


def test_until_it_holds_the_one_before_is_current_and_then_the_new_one() -> None:
    registry = after(LOADED, PROMOTE)
    just_before = HELD - timedelta(milliseconds=1)
    assert (registry.currents_at(just_before), registry.default_at(just_before)) == (("v2",), "v2")
    assert (registry.currents_at(HELD), registry.default_at(HELD)) == (("v3",), "v3")


def test_a_promoted_prerelease_is_answered_by_its_stable_version() -> None:
    beta = after(LOADED, PROMOTE).versions["v3-beta"]
    assert (beta.answered_by, beta.successor, beta.phase_at(HELD)) == ("v3", "v3", "deprecated")
    assert after(LOADED, PROMOTE).versions["v2"].successor == "v3"


@pytest.mark.parametrize("version_id", ["v0", "v1", "v2"])
def test_only_a_prerelease_is_promoted(version_id: str) -> None:
    standing(LOADED).when(PromoteVersion(version_id, soon())).then_refused(VersionTransitionError)


def test_nothing_is_promoted_twice_or_onto_what_is_there() -> None:
    again = PromoteVersion("v3-beta", soon(LATER))
    standing(LOADED, PROMOTE).when(again).then_refused(VersionTransitionError)
    taken = RegisterVersion(a_version("v3", "deprecated"), NOON)
    standing(LOADED, taken).when(PROMOTE).then_refused(
        VersionTransitionError, because="it is registered already"
    )


# ------------------------------------------------------------------ release
def test_a_release_hands_over_in_one_decision() -> None:
    release = ReleaseVersion("v3-beta", soon())
    events = after(LOADED, release)
    assert events.currents_at(HELD) == ("v3-beta",)
    v2 = events.versions["v2"]
    assert (v2.phase_at(HELD), v2.successor, v2.deprecated_at) == ("deprecated", "v3-beta", HELD)
    assert not events.versions["v3-beta"].opt_in_required


def test_a_release_ahead_of_its_time_is_released_now() -> None:
    registry = after(applying(HANDOVER), ReleaseVersion("v2", soon()))
    assert registry.currents_at(HELD) == ("v2",)
    assert registry.versions["v2"].released_at == HELD
    assert registry.trouble_at(HELD) is None


@pytest.mark.parametrize(
    ("version_id", "because"), [("v2", "it is"), ("v1", "it is deprecated"), ("v0", "it is sunset")]
)
def test_what_is_or_was_current_is_not_released(version_id: str, because: str) -> None:
    release = ReleaseVersion(version_id, soon())
    standing(LOADED).when(release).then_refused(VersionTransitionError, wanted="current", because=because)


def test_a_default_nobody_declared_stays_a_computed_one() -> None:
    registry = after(DEFAULTLESS, RegisterVersion(a_version("v3-beta", "prerelease"), NOON), PROMOTE)
    assert (registry.defaults, registry.default_at(HELD), registry.told_default) == ((), "v3", "v3")


# ------------------------------------------------------------------ deprecate (V3.1)
def test_a_current_version_is_deprecated_in_favour_of_another() -> None:
    standing(LOADED).when(DeprecateVersion("v2", soon(), successor="v3-beta")).then(
        turned("v3-beta", "prerelease", "current"),
        terms("v3-beta", "2026-05-01T00:00:00Z", opt_in_required=False, released_at=SOON),
        turned("v2", "current", "deprecated"),
        terms("v2", "2025-06-01T00:00:00Z", deprecated_at=SOON, successor="v3-beta"),
        told("v2", "v3-beta", "manual"),
    )


def terms(version_id: str, released: str, **other: object) -> VersionTermsSet:
    said = {
        "version_id": version_id,
        "released_at": released,
        **NO_TERMS,
        "decided_by": "operator",
        "revision": 2,
    }
    return VersionTermsSet.model_validate({**said, **other})


@pytest.mark.parametrize("successor", [None, "v0", "v1", "v2"])
def test_a_current_version_needs_a_successor_that_can_be_current(successor: str | None) -> None:
    command = DeprecateVersion("v2", soon(), successor=successor)
    standing(LOADED).when(command).then_refused(VersionTransitionError)


def test_a_prerelease_may_end_without_a_successor() -> None:
    standing(LOADED).when(DeprecateVersion("v3-beta", soon())).then(
        turned("v3-beta", "prerelease", "deprecated")
    )


def test_an_end_may_be_announced_of_what_is_deprecated() -> None:
    end = at("2028-01-01T00:00:00Z")
    command = DeprecateVersion("v1", soon(), "v2", end, "https://docs.dits.example/end")
    v1 = after(LOADED, command).versions["v1"]
    assert (v1.sunset_at, v1.migration_guide_url) == (end, "https://docs.dits.example/end")
    assert v1.phase_at(end - MINUTE) == "deprecated"
    assert v1.phase_at(end) == "sunset"


@pytest.mark.parametrize(
    "command",
    [
        DeprecateVersion("v1", soon()),
        DeprecateVersion("v0", soon(), successor="v2"),
        DeprecateVersion("v1", soon(), sunset_at=at("2025-01-01T00:00:00Z")),
        DeprecateVersion("v1", soon(), sunset_at=at("2026-01-01T00:00:00Z")),
        DeprecateVersion("v1", soon(), successor="next"),
        DeprecateVersion("v1", soon(), migration_guide_url='https://x.example/">'),
    ],
    ids=["no news", "sunset", "before its deprecation", "past", "no version", "no address"],
)
def test_a_deprecation_that_makes_no_sense_is_refused(command: DeprecateVersion) -> None:
    standing(LOADED).when(command).then_refused(VersionTransitionError)


# ------------------------------------------------------------------ sunset (V3.3)
def test_a_deprecated_version_is_sunset_ahead_of_its_time() -> None:
    standing(LOADED).when(SunsetVersion("v1", soon())).then(turned("v1", "deprecated", "sunset"))
    assert after(LOADED, SunsetVersion("v1", soon())).versions["v1"].sunset_at == HELD


@pytest.mark.parametrize("version_id", ["v0", "v2"])
def test_what_is_current_or_sunset_is_not_sunset(version_id: str) -> None:
    standing(LOADED).when(SunsetVersion(version_id, soon())).then_refused(VersionTransitionError)


@pytest.mark.parametrize(
    "command",
    [
        ReleaseVersion("v1", soon(LATER)),
        PromoteVersion("v1", soon(LATER)),
        DeprecateVersion("v1", soon(LATER), sunset_at=at("2028-01-01T00:00:00Z")),
        DeprecateVersion("v2", soon(LATER), successor="v1"),
        SunsetVersion("v1", soon(LATER)),
        RollBackVersion("v1", "p1", "ada", soon(LATER)),
        RegisterVersion(V1, LATER),
        ScheduleBrownout("v1", LATER, LATER + MINUTE, "why", LATER),
    ],
    ids=lambda command: type(command).__name__,
)
def test_there_is_no_way_back_from_sunset(command: Lifecycle) -> None:
    standing(LOADED, SunsetVersion("v1", soon())).when(command).then_refused(VersionTransitionError)


# ------------------------------------------------------------------ how a version comes in: R36
def test_a_version_is_registered_once() -> None:
    register = RegisterVersion(a_version("v9-beta", "prerelease"), NOON)
    standing(LOADED, register).when(register).then_refused(VersionTransitionError)


@pytest.mark.parametrize("version_id", ["V9", "9", "v9-", "v1234567890", "v1\n"])
def test_only_a_version_identifier_is_registered(version_id: str) -> None:
    wrong = a_version("v9", "prerelease").model_copy(update={"version_id": version_id})
    standing(LOADED).when(RegisterVersion(wrong, NOON)).then_refused(VersionTransitionError)


def test_the_hundred_and_first_is_refused() -> None:
    """V6.2d; what was rolled back does not count."""
    register = RegisterVersion(a_version("v101-beta", "prerelease"), LATER + MINUTE)
    hundred = applying(many(100))
    standing(hundred).when(register).then_refused(VersionLimitExceededError, limit=100)
    roll_back = RollBackVersion("v100", "p1", "ada", soon(LATER))
    assert "v101-beta" in after(hundred, roll_back, register).versions


def test_a_second_current_version_is_not_registered() -> None:
    command = RegisterVersion(a_version("v9", "current"), NOON)
    standing(LOADED).when(command).then_refused(VersionTransitionError)


def test_an_empty_registry_takes_its_first_version() -> None:
    registry = after(RegisterVersion(SINGLE.versions[0], NOON))
    assert (registry.trouble_at(NOON), EMPTY.versions) == (None, ())


@pytest.mark.parametrize(
    "command",
    [
        ReleaseVersion("v7", soon()),
        PromoteVersion("v7-beta", soon()),
        DeprecateVersion("v7", soon()),
        DeprecateVersion("v2", soon(), successor="v7"),
        SunsetVersion("v7", soon()),
        RollBackVersion("v7", "p1", "ada", soon()),
        ScheduleBrownout("v7", NOON, LATER, "why", NOON),
        CancelBrownouts("v7", "why", NOON),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_not_there_is_not_found(command: Lifecycle) -> None:
    standing(LOADED).when(command).then_refused(NotFoundError)
