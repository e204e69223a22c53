"""Hybrid logical time never goes back (seed S7.5)."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.event import HybridTime
from infra.eventlog.hybrid_clock import HybridClock
from tests.fakes import FakeClock

steps = st.lists(st.one_of(st.integers(-10_000, 10_000), st.just("tick"), st.just("read")), max_size=40)


@given(steps)
def test_every_time_is_later_than_all_before_it(script: list[int | str]) -> None:
    wall = FakeClock()
    ours, theirs = HybridClock(wall), HybridClock(wall)
    given_out: list[HybridTime] = [ours.now()]
    for step in script:
        match step:
            case int():
                wall.step_wall(timedelta(milliseconds=step))
            case "read":
                seen = theirs.now()
                ours.observe(seen)
                given_out.append(max(seen, given_out[-1]))
            case _:
                given_out.append(ours.now())
                assert given_out[-1] > given_out[-2]


def test_it_follows_the_wall_while_that_goes_on() -> None:
    wall = FakeClock()
    clock = HybridClock(wall)
    first = clock.now()
    wall.advance(timedelta(milliseconds=5))
    assert clock.now() - first == 5 << 16
