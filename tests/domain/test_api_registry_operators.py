"""What operators ask of the versions: each decision one append, and none that leaves nobody current."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.api_registry.commands import (
    CancelBrownouts,
    DeprecateVersion,
    Lifecycle,
    PromoteVersion,
    RegisterVersion,
    RegistryCommand,
    ReleaseVersion,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
)
from domain.api_registry.declared import declared
from domain.api_registry.events import (
    BrownoutsCancelled,
    BrownoutScheduled,
    DefaultVersionChanged,
    VersionPromoted,
    VersionRegistered,
    VersionRolledBack,
    VersionStatusChanged,
    VersionTermsSet,
)
from domain.errors import NotFoundError, VersionLimitExceededError, VersionTransitionError
from domain.version_spec import Phase
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
)
from tests.fakes import NOON

LOADED = applying(STD)
MINUTE = timedelta(minutes=1)
LATER = NOON + MINUTE
PROMOTE = PromoteVersion("v3-beta", soon())
ROLL_BACK = RollBackVersion("v3", "p1 incident", "ada", soon(LATER))
HELD = NOON + timedelta(milliseconds=50)
"""When what was decided at noon holds."""
DEFAULTLESS = applying(declared([V1, V2], None))


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


# ------------------------------------------------------------------ promote (V3.4)
def test_a_promotion_is_one_decision() -> None:
    standing(LOADED).when(PROMOTE).then(
        VersionRegistered(
            version_id="v3",
            status="current",
            released_at=SOON,
            deprecated_at=None,
            sunset_at=None,
            successor=None,
            migration_guide_url=None,
            opt_in_required=False,
            revision=2,
        ),
        turned("v2", "current", "deprecated", cause="promotion"),
        turned("v3-beta", "prerelease", "deprecated", cause="promotion"),
        VersionPromoted(from_id="v3-beta", to_id="v3", previous_current="v2", effective_at=SOON, revision=2),
        told("v2", "v3", "promotion"),
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
        "deprecated_at": None,
        "sunset_at": None,
        "successor": None,
        "migration_guide_url": None,
        "opt_in_required": False,
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


# ------------------------------------------------------------------ roll back (V5.3)
def test_a_rollback_makes_the_version_before_current_again() -> None:
    answer = standing(LOADED, PROMOTE).when(ROLL_BACK)
    effective_at = "2026-11-22T12:01:00.050Z"
    assert answer.events[0] == VersionRolledBack(
        version_id="v3",
        fallback="v2",
        reason="p1 incident",
        actor="ada",
        effective_at=effective_at,
        revision=3,
    )
    observed = {"observed_at": "2026-11-22T12:01:00Z", "effective_at": effective_at, "revision": 3}
    assert answer.events[1] == turned("v2", "deprecated", "current", cause="rollback", **observed)
    assert [type(event) for event in answer.events[2:]] == [DefaultVersionChanged]


def test_a_version_that_was_rolled_back_is_answered_by_its_fallback() -> None:
    registry = after(LOADED, PROMOTE, ROLL_BACK)
    v3 = registry.versions["v3"]
    assert (v3.is_tombstone, v3.answered_by) == (True, "v2")
    assert (v3.is_gone_at(LATER), v3.is_gone_at(LATER + MINUTE)) == (False, True)
    assert registry.default_at(LATER + MINUTE) == "v2"
    assert registry.versions["v2"].deprecated_at is None


def test_the_end_that_was_announced_of_a_fallback_is_off() -> None:
    """Else the rollback of a version would be refused because the one before was to end."""
    end = DeprecateVersion("v2", soon(NOON + MINUTE / 2), sunset_at=at("2027-01-01T00:00:00Z"))
    registry = after(LOADED, PROMOTE, end, ROLL_BACK)
    assert registry.currents_at(at("2027-02-01T00:00:00Z")) == ("v2",)


def test_a_rollback_with_nothing_to_fall_back_to_is_refused() -> None:
    """V5.3f."""
    standing(applying(SINGLE)).when(RollBackVersion("v1", "p1", "ada", soon())).then_refused(
        VersionTransitionError, because="there is no live version to fall back to"
    )


def test_a_version_that_is_not_current_is_rolled_back_to_the_current_one() -> None:
    registry = after(LOADED, RollBackVersion("v3-beta", "broken", "ada", soon()))
    assert registry.versions["v3-beta"].answered_by == "v2"
    assert registry.currents_at(HELD) == ("v2",)


def test_a_stable_version_is_fallen_back_to_before_a_prerelease_that_ended() -> None:
    story = (LOADED, DeprecateVersion("v3-beta", soon()), *handed_to("v4"))
    registry = after(*story, RollBackVersion("v4", "p1", "ada", soon(LATER)))
    assert registry.currents_at(LATER + MINUTE) == ("v2",)


def handed_to(version_id: str) -> tuple[RegistryCommand, ...]:
    beta = RegisterVersion(a_version(f"{version_id}-rc", "prerelease"), NOON)
    return (beta, PromoteVersion(f"{version_id}-rc", soon()))


def test_a_rollback_of_a_rollback_goes_one_further_back() -> None:
    again = RollBackVersion("v2", "p0", "ada", soon(LATER + MINUTE))
    registry = after(LOADED, PROMOTE, ROLL_BACK, again)
    assert registry.currents_at(LATER + 2 * MINUTE) == ("v1",)
    assert [registry.versions[each].answered_by for each in ("v3", "v2")] == ["v2", "v1"]


def test_what_was_rolled_back_is_no_entry_until_it_is_registered_again() -> None:
    story = (LOADED, PROMOTE, ROLL_BACK)
    for command in (SunsetVersion("v3", soon(LATER)), ReleaseVersion("v3", soon(LATER))):
        standing(*story).when(command).then_refused(NotFoundError)
    again = RegisterVersion(a_version("v3", "prerelease"), LATER + MINUTE)
    release = ReleaseVersion("v3", soon(LATER + MINUTE))
    assert after(*story, again, release).currents_at(LATER + 2 * MINUTE) == ("v3",)


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


# ------------------------------------------------------------------ brownouts
def test_a_brownout_of_a_deprecated_version_is_scheduled_and_cancelled() -> None:
    schedule = ScheduleBrownout("v1", NOON, LATER, "look out", NOON)
    standing(LOADED).when(schedule).then(
        BrownoutScheduled(
            version_id="v1",
            starts_at="2026-11-22T12:00:00Z",
            ends_at="2026-11-22T12:01:00Z",
            reason="look out",
            revision=2,
        )
    )
    cancel = CancelBrownouts("v1", "enough", NOON)
    standing(LOADED, schedule).when(cancel).then(
        BrownoutsCancelled(version_id="v1", reason="enough", revision=3)
    )
    standing(LOADED, schedule, cancel).when(cancel).then_nothing()


@pytest.mark.parametrize(
    ("version_id", "starts_at", "ends_at"),
    [
        ("v2", NOON, LATER),
        ("v0", NOON, LATER),
        ("v1", NOON - MINUTE, LATER),
        ("v1", LATER, LATER),
        ("v1", at("2027-06-01T00:00:00Z"), at("2027-06-02T00:00:00Z")),
    ],
    ids=["current", "sunset", "past", "empty", "after its end"],
)
def test_a_brownout_that_makes_no_sense_is_refused(
    version_id: str, starts_at: datetime, ends_at: datetime
) -> None:
    command = ScheduleBrownout(version_id, starts_at, ends_at, "why", NOON)
    standing(LOADED).when(command).then_refused(VersionTransitionError)
