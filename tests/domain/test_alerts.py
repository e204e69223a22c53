"""An alert is said once in five minutes, whoever notices it (V7.4c)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import alerts
from domain.alerts import QUIET_MS, OpsAlertRaised, RaiseAlert, alert_id
from domain.ids import SUBJECT_ID_PATTERN
from tests.spec import Spec

given = Spec(alerts.DECIDER).given
NOON_MS = 1_795_348_800_000
RAISE = RaiseAlert("memory_pressure", "warning", "81 % of the memory is in use", "", NOON_MS)
RAISED = OpsAlertRaised(
    name="memory_pressure",
    severity="warning",
    summary="81 % of the memory is in use",
    correlation_id="",
    raised_at_ms=NOON_MS,
)


def test_the_first_alert_is_raised() -> None:
    given().when(RAISE).then(RAISED)


@pytest.mark.parametrize("later_ms", [-QUIET_MS + 1, -1, 0, 1, QUIET_MS - 1])
def test_within_five_minutes_it_is_no_news_even_of_a_clock_that_went_back(later_ms: int) -> None:
    given(RAISED).when(replace(RAISE, now_ms=NOON_MS + later_ms)).then_nothing()


def test_after_five_minutes_it_is_said_again() -> None:
    again = replace(RAISE, now_ms=NOON_MS + QUIET_MS)
    given(RAISED).when(again).then(RAISED.model_copy(update={"raised_at_ms": NOON_MS + QUIET_MS}))


def test_what_was_not_said_does_not_make_the_silence_longer() -> None:
    """Only what was raised counts: trouble that goes on is said every five minutes."""
    story = given(RAISED)
    story.when(replace(RAISE, now_ms=NOON_MS + QUIET_MS - 1)).then_nothing()
    assert story.when(replace(RAISE, now_ms=NOON_MS + QUIET_MS)).events


def test_a_name_may_stand_in_a_subject() -> None:
    assert alert_id("memory_pressure") == "memory-pressure"
    assert SUBJECT_ID_PATTERN.fullmatch(alert_id("memory_pressure"))
