"""Snapshots shorten the way to a fold and change nothing about it, on JetStream and in memory alike."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.api_registry.commands import PromoteVersion
from domain.api_registry.decider import DECIDER as REGISTRY
from domain.catalogue import DECIDERS
from domain.decider import AnyDecider, Decider
from domain.idempotency import Keyring
from infra.eventlog.snapshots import SNAPSHOT_EVENTS, pack, unpack
from tests.domain.registries import STD, after, applying, soon
from tests.eventlog.homes import Home, MemoryHome
from tests.eventlog.sample import CONTEXT, TALLY, Raise, TallyRaised, keyed


def grown(home: Home, times: int = SNAPSHOT_EVENTS) -> None:
    """A tally of so many events, loaded once, so that a snapshot was taken if it was due."""
    log = home.open().events
    log.ask(TALLY.ask("a", Raise(times=times)), context=keyed("early"))
    log.load(TALLY, "a")


def counting(folded: list[int]) -> Decider[int, Raise, TallyRaised]:
    """The tally, telling how many events it folds."""

    def evolve(state: int, event: TallyRaised) -> int:
        folded.append(1)
        return state + event.by

    return replace(TALLY, evolve=evolve)


def test_a_long_aggregate_is_loaded_from_its_snapshot(home: Home) -> None:
    grown(home)
    home.open().events.ask(TALLY.ask("a", Raise(by=5)), context=CONTEXT)
    folded: list[int] = []
    if isinstance(home, MemoryHome):
        return  # its shelf is forgotten with the process
    loaded = home.open().events.load(counting(folded), "a")
    assert (loaded.state, loaded.version) == (SNAPSHOT_EVENTS + 5, SNAPSHOT_EVENTS + 1)
    assert len(folded) == 1


def test_a_key_that_only_a_snapshot_remembers_is_still_answered(home: Home) -> None:
    grown(home)
    ask = TALLY.ask("a", Raise(times=SNAPSHOT_EVENTS))
    again = home.open().events.ask(ask, context=keyed("early"))
    assert (again.replayed, len(again.events)) == (True, SNAPSHOT_EVENTS)


def test_a_snapshot_of_another_fold_is_ignored(home: Home) -> None:
    grown(home)
    doubled = replace(TALLY, fold=2, evolve=lambda state, event: state + 2 * event.by)
    assert home.open().events.load(doubled, "a").state == 2 * SNAPSHOT_EVENTS


def test_an_aggregate_goes_on_after_its_snapshot(home: Home) -> None:
    grown(home)
    log = home.open().events
    for _ in range(3):
        log.ask(TALLY.ask("a", Raise(times=900)), context=CONTEXT)
    assert home.open().events.load(TALLY, "a").state == SNAPSHOT_EVENTS + 2_700


def test_a_short_aggregate_is_not_kept(home: Home) -> None:
    grown(home, times=SNAPSHOT_EVENTS - 1)
    folded: list[int] = []
    home.open().events.load(counting(folded), "a")
    assert len(folded) == SNAPSHOT_EVENTS - 1


def test_what_would_not_come_back_equal_is_not_packed() -> None:
    strange = cast("AnyDecider", replace(TALLY, initial=0))
    assert pack(strange, 7, Keyring()) is not None
    assert pack(strange, 7.5, Keyring()) is None
    assert pack(strange, "x" * 600_000, Keyring()) is None


@pytest.mark.parametrize("decider", DECIDERS, ids=lambda decider: decider.family)
@settings(max_examples=15)
@given(data=st.data())
def test_every_family_of_the_domain_can_be_kept(decider: AnyDecider, data: st.DataObject) -> None:
    state = decider.initial
    for event in data.draw(st.lists(st.one_of([st.builds(cls) for cls in decider.events]), max_size=4)):
        try:
            state = decider.evolve(state, event)
        except (AssertionError, KeyError, ValueError):
            continue  # this event cannot follow
    holds_huge_number = re.search(r"\d{19}", repr(state)) is not None
    assert holds_huge_number or pack(decider, state, Keyring()) is not None


def test_a_registry_with_a_history_comes_back_equal() -> None:
    decider = cast("AnyDecider", REGISTRY)
    state = after(applying(STD), PromoteVersion("v3-beta", soon()))
    packed = pack(decider, state, Keyring())
    assert packed is not None
    kept = unpack(decider, packed)
    assert kept is not None
    assert kept[0] == state


def test_bytes_that_are_no_snapshot_are_ignored() -> None:
    assert unpack(cast("AnyDecider", TALLY), b"garbage") is None
