"""Versions are taken back, or darkened for a while: and somebody always answers (V5.3, R37)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.api_registry.commands import (
    CancelBrownouts,
    DeprecateVersion,
    PromoteVersion,
    RegisterVersion,
    RegistryCommand,
    ReleaseVersion,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
)
from domain.api_registry.events import (
    BrownoutsCancelled,
    BrownoutScheduled,
    DefaultVersionChanged,
    VersionRolledBack,
)
from domain.errors import NotFoundError, VersionTransitionError
from tests.domain.registries import (
    SINGLE,
    STD,
    a_version,
    after,
    applying,
    at,
    soon,
    standing,
    turned,
)
from tests.fakes import NOON

LOADED = applying(STD)
MINUTE = timedelta(minutes=1)
LATER = NOON + MINUTE
PROMOTE = PromoteVersion("v3-beta", soon())
ROLL_BACK = RollBackVersion("v3", "p1 incident", "ada", soon(LATER))
HELD = NOON + timedelta(milliseconds=50)
"""When what was decided at noon holds."""
DARK = ScheduleBrownout("v1", NOON, LATER, "look out", NOON)
BRIGHT = CancelBrownouts("v1", "enough", NOON)


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
    assert isinstance(answer.events[-1], DefaultVersionChanged)


def test_a_fallback_is_followed_by_nothing() -> None:
    assert after(LOADED, PROMOTE).versions["v2"].successor == "v3"
    assert after(LOADED, PROMOTE, ROLL_BACK).versions["v2"].successor is None


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


# ------------------------------------------------------------------ brownouts
def test_a_brownout_of_a_deprecated_version_is_scheduled() -> None:
    standing(LOADED).when(DARK).then(
        BrownoutScheduled(
            version_id="v1",
            starts_at="2026-11-22T12:00:00Z",
            ends_at="2026-11-22T12:01:00Z",
            reason="look out",
            revision=2,
        )
    )


def test_brownouts_are_cancelled_once() -> None:
    cancelled = BrownoutsCancelled(version_id="v1", reason="enough", revision=3)
    standing(LOADED, DARK).when(BRIGHT).then(cancelled)
    standing(LOADED, DARK, BRIGHT).when(BRIGHT).then_nothing()
    assert after(LOADED, DARK, BRIGHT).versions["v1"].brownouts == ()


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


def test_what_is_current_again_has_no_successor_until_it_has_one() -> None:
    state = after(LOADED, PromoteVersion("v3-beta", soon()), RollBackVersion("v3", "p1", "ann", soon()))
    assert state.versions["v2"].successor is None
    register = RegisterVersion(a_version("v4", "prerelease"), NOON)
    assert after(register, ReleaseVersion("v4", soon()), state=state).versions["v2"].successor == "v4"


def test_no_brownout_ahead_is_ever_forgotten() -> None:
    times = [NOON + timedelta(hours=2 * hour) for hour in range(65)]
    brownouts = [ScheduleBrownout("v1", each, each + timedelta(hours=1), "soon", NOON) for each in times]
    story = standing(LOADED, *brownouts[:64])
    story.when(brownouts[64]).then_refused(VersionTransitionError)
    assert len(story.state.versions["v1"].brownouts) == 64
