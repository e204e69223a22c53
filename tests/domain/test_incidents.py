"""An attack makes one event a minute and address, and what was not said is counted (V4.2, V8.2)."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from hypothesis import given as over
from hypothesis import strategies as st

from domain import incidents
from domain.incidents import (
    ADDRESSES_MAX,
    QUIET_MS,
    Incidents,
    RecordIncident,
    SecurityIncidentRecorded,
    evolve,
    incidents_id,
)
from tests.spec import Spec

given = Spec(incidents.DECIDER).given
NOON_MS = 1_795_348_800_000
RECORD = RecordIncident("header_injection", "5e", "header", "c-1", 1, NOON_MS)
RECORDED = SecurityIncidentRecorded(
    kind="header_injection",
    client_ip_hash="5e",
    source="header",
    correlation_id="c-1",
    count=1,
    recorded_at_ms=NOON_MS,
)


def recorded(address: str, at_ms: int) -> SecurityIncidentRecorded:
    return RECORDED.model_copy(update={"client_ip_hash": address, "recorded_at_ms": at_ms})


def test_the_first_of_an_address_is_recorded() -> None:
    given().when(RECORD).then(RECORDED)


def test_within_the_minute_the_same_address_is_no_news() -> None:
    given(RECORDED).when(replace(RECORD, now_ms=NOON_MS + QUIET_MS - 1, count=7)).then_nothing()


def test_another_address_is_news() -> None:
    given(RECORDED).when(replace(RECORD, client_ip_hash="6f")).then(recorded("6f", NOON_MS))


def test_the_next_one_carries_the_count_of_what_was_not_said() -> None:
    later = replace(RECORD, now_ms=NOON_MS + QUIET_MS, count=99)
    told = recorded("5e", NOON_MS + QUIET_MS).model_copy(update={"count": 99})
    given(RECORDED).when(later).then(told)


def test_who_was_silent_for_a_minute_is_forgotten() -> None:
    state = given(RECORDED, recorded("6f", NOON_MS + QUIET_MS)).state
    assert dict(state.recorded_at_ms) == {"6f": NOON_MS + QUIET_MS}


def test_of_too_many_addresses_the_newest_are_remembered() -> None:
    full = Incidents({f"{number}": NOON_MS for number in range(ADDRESSES_MAX)})
    after = evolve(full, recorded("new", NOON_MS + 1)).recorded_at_ms
    assert (len(after), "0" in after, "1" in after, "new" in after) == (ADDRESSES_MAX, False, True, True)


@over(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20_000)), max_size=30))
def test_in_no_minute_an_address_is_told_of_twice(asked: list[tuple[str, int]]) -> None:
    state, now_ms, told = Incidents(), NOON_MS, list[tuple[str, int]]()
    for address, pause_ms in asked:
        now_ms += pause_ms
        events = incidents.decide(state, replace(RECORD, client_ip_hash=address, now_ms=now_ms))
        state = reduce(evolve, events, state)
        told += [(address, now_ms)] * len(events)
    for address, at_ms in told:
        assert [each for each in told if each[0] == address and 0 <= each[1] - at_ms < QUIET_MS] == [
            (address, at_ms)
        ]


def test_a_kind_may_stand_in_a_subject() -> None:
    assert incidents_id("header_injection") == "header-injection"
