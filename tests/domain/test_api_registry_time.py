"""What announced times bring: exact, recorded once, whoever looks first (V2.5, V3.2, V3.3, R15-R18)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.api_registry.commands import (
    ObserveTime,
    PromoteVersion,
    RegistryCommand,
    ReleaseVersion,
    RollBackVersion,
    SunsetVersion,
)
from domain.api_registry.declared import declared
from domain.api_registry.events import DefaultVersionChanged, VersionStatusChanged
from domain.api_registry.registry import Registry, Spell, Version, moment_of, text_of
from domain.errors import MultipleCurrentVersionsError
from domain.version_spec import Phase
from tests.domain.registries import (
    HANDOVER,
    PAST_SUNSET,
    PAST_SUNSET_WITH_OLD,
    STD,
    V1,
    V2,
    a_version,
    after,
    applying,
    at,
    soon,
    standing,
)
from tests.fakes import NOON

LOADED = applying(STD)
DECEMBER = at("2026-12-01T00:00:00Z")
JUNE = at("2027-06-01T00:00:00Z")
SECOND = timedelta(seconds=1)


def turn(
    version_id: str, before: Phase, to: Phase, effective_at: str, observed_at: datetime
) -> VersionStatusChanged:
    said = {
        "version_id": version_id,
        "from": before,
        "to": to,
        "cause": "scheduled",
        "decided_by": "clock",
        "effective_at": effective_at,
        "observed_at": text_of(observed_at),
        "revision": 2,
    }
    return VersionStatusChanged.model_validate(said)


# ------------------------------------------------------------------ exact
def test_a_handover_that_was_announced_happens_at_its_moment() -> None:
    registry = after(applying(HANDOVER))
    assert registry.currents_at(DECEMBER - SECOND) == ("v1",)
    assert registry.currents_at(DECEMBER) == ("v2",)
    assert (registry.default_at(DECEMBER - SECOND), registry.default_at(DECEMBER)) == ("v1", "v2")
    assert registry.boundaries_after(NOON) == (DECEMBER,)


def test_a_sunset_happens_at_its_moment() -> None:
    v1 = after(LOADED).versions["v1"]
    assert (v1.phase_at(JUNE - SECOND), v1.phase_at(JUNE)) == ("deprecated", "sunset")


# ------------------------------------------------------------------ recorded once
def test_a_turn_is_recorded_with_the_announced_time_however_late_somebody_looks() -> None:
    late = DECEMBER + timedelta(days=3)
    standing(applying(HANDOVER)).when(ObserveTime(late)).then(
        turn("v1", "current", "deprecated", "2026-12-01T00:00:00Z", late), default("v1", "v2", late)
    )


def default(before: str, to: str, at_last: datetime) -> DefaultVersionChanged:
    said = {"from": before, "to": to, "cause": "scheduled", "is_declared": False, "revision": 2}
    return DefaultVersionChanged.model_validate({**said, "effective_at": text_of(at_last)})


def test_looking_twice_records_once() -> None:
    """V3.2c, V3.2d."""
    look = ObserveTime(JUNE + SECOND)
    standing(LOADED).when(look).then(turn("v1", "deprecated", "sunset", text_of(JUNE), JUNE + SECOND))
    standing(LOADED, look).when(look).then_nothing()
    standing(LOADED, look).when(ObserveTime(JUNE + timedelta(days=9))).then_nothing()


def test_nothing_is_recorded_before_its_time() -> None:
    standing(LOADED).when(ObserveTime(JUNE - SECOND)).then_nothing()
    standing().when(ObserveTime(JUNE)).then_nothing()


def test_two_turns_that_nobody_saw_are_both_recorded() -> None:
    both = a_version("v1", "current", deprecated_at="2026-12-01", sunset_at="2026-12-31")
    file = applying(declared([both, a_version("v2", "current", "2026-12-01")], None))
    events = standing(file).when(ObserveTime(JUNE)).events
    turns = [(each.from_, each.to) for each in events if isinstance(each, VersionStatusChanged)]
    assert turns == [("current", "deprecated"), ("deprecated", "sunset")]


def test_what_is_not_released_yet_turns_for_nobody() -> None:
    hidden = a_version("v9-beta", "prerelease", "2028-01-01", deprecated_at="2026-12-01")
    standing(applying(declared([V1, V2, hidden], None))).when(ObserveTime(DECEMBER)).then_nothing()


@pytest.mark.parametrize(
    "command",
    [
        PromoteVersion("v3-beta", soon()),
        ReleaseVersion("v3-beta", soon()),
        RollBackVersion("v2", "p1", "ada", soon()),
        SunsetVersion("v1", soon()),
    ],
    ids=lambda command: type(command).__name__,
)
@pytest.mark.parametrize("passed_ms", [0, 10, 49, 50, 60_000])
def test_a_decision_brings_nothing_more_when_its_moment_comes(
    command: RegistryCommand, passed_ms: int
) -> None:
    """A look in the moment between the decision and its effect must not take anything back (R41)."""
    look = ObserveTime(NOON + timedelta(milliseconds=passed_ms))
    standing(LOADED, command).when(look).then_nothing()


def test_a_decision_records_first_what_announced_times_brought() -> None:
    july = JUNE + timedelta(days=30)
    events = standing(LOADED).when(PromoteVersion("v3-beta", soon(july))).events
    assert events[0] == turn("v1", "deprecated", "sunset", text_of(JUNE), july)
    assert {getattr(event, "revision", 0) for event in events[1:]} == {3}


# ------------------------------------------------------------------ the default (R17)
def test_a_default_that_lives_no_more_gives_way_to_the_current_version() -> None:
    file = applying(declared(list(STD.versions), "v1"))
    assert after(file).default_at(JUNE - SECOND) == "v1"
    assert after(file).default_at(JUNE) == "v2"
    events = standing(file).when(ObserveTime(JUNE)).events
    assert [type(event) for event in events] == [VersionStatusChanged, DefaultVersionChanged]


def test_a_sunset_current_version_gives_way_to_the_newest_deprecated_one() -> None:
    """V2.5c."""
    assert after(applying(PAST_SUNSET_WITH_OLD)).default_at(NOON) == "v1"
    assert after(applying(PAST_SUNSET)).default_at(NOON) == ""


def test_a_registry_whose_current_version_is_past_its_sunset_stays_usable() -> None:
    """R16: it is a warning, not the lack of a current version."""
    registry = after(applying(PAST_SUNSET))
    assert registry.trouble_at(NOON) is None
    assert registry.trouble_at(JUNE) is None
    assert after(applying(PAST_SUNSET), ObserveTime(NOON)) == registry


def test_of_several_that_were_current_to_their_sunset_the_last_one_counts() -> None:
    """Also beside one whose release was put off until after its sunset."""
    ended, later = at("2026-11-23T00:00:00Z"), at("2026-11-25T00:00:00Z")
    last = Version("v5", (Spell("current", NOON),), released_at=NOON, sunset_at=ended)
    before = Version("v1", (Spell("current", NOON),), released_at=NOON, sunset_at=ended - SECOND)
    put_off = Version("v2", (Spell("current", NOON), Spell("sunset", NOON)), later, sunset_at=NOON)
    registry = Registry(versions={each.version_id: each for each in (before, last, put_off)})
    assert registry.trouble_at(later) is None
    both = replace(before, sunset_at=ended)
    two = Registry(versions={"v1": both, "v5": last})
    assert isinstance(two.trouble_at(later), MultipleCurrentVersionsError)


def test_nothing_that_is_not_released_is_the_default() -> None:
    file = applying(declared([*HANDOVER.versions], "v2"))
    assert (after(file).default_at(NOON), after(file).default_at(DECEMBER)) == ("v1", "v2")


# ------------------------------------------------------------------ times
@pytest.mark.parametrize(
    "text", ["2026-11-22T12:00:00", "yesterday", "", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_time_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        moment_of(text)


def test_a_time_is_told_in_utc() -> None:
    assert text_of(moment_of("2026-11-22T13:00:00+01:00")) == "2026-11-22T12:00:00Z"
    assert text_of(moment_of("2026-11-22T12:00:00.0500Z")) == "2026-11-22T12:00:00.050Z"
