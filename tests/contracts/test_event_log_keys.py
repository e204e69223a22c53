"""Retries with an idempotency key, on JetStream and in memory alike (I6, seed S7.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from domain.decider import AnyDecider
from domain.errors import (
    IdempotencyKeyReusedError,
    IdempotencyKeyringFullError,
)
from domain.idempotency import LIVE_KEYS_MAX
from domain.ids import AggregateId
from infra.eventlog.application import LogApplication
from tests.eventlog.homes import Home
from tests.eventlog.sample import (
    DOOR,
    TALLY,
    PassThrough,
    Raise,
    keyed,
)
from tests.fakes import FakeClock


def test_a_retry_with_its_key_answers_from_the_events_of_the_first_time(log: LogApplication) -> None:
    first = log.ask(TALLY.ask("a", Raise(by=2, times=3)), context=keyed("k"))
    log.ask(TALLY.ask("a", Raise()), context=keyed("other"))
    again = log.ask(TALLY.ask("a", Raise(by=2, times=3)), context=keyed("k"))
    assert (again.events, again.position) == (first.events, first.position)
    assert (first.replayed, again.replayed) == (False, True)
    assert log.load(TALLY, "a").state == 7


def test_a_retry_in_another_process_answers_with_all_aggregates_of_the_append(home: Home) -> None:
    asks = (DOOR.ask("d", PassThrough()), TALLY.ask("b", Raise(times=2)), TALLY.ask("a", Raise()))
    first = home.open().events.ask(*asks, context=keyed("k"))
    home.open().events.ask(TALLY.ask("c", Raise()), context=keyed("other"))
    again = home.open().events.ask(*asks, context=keyed("k"))
    assert (again.events, again.position, again.replayed) == (first.events, first.position, True)


def test_a_key_with_another_body_is_refused(log: LogApplication) -> None:
    log.ask(TALLY.ask("a", Raise()), context=keyed("k"))
    with pytest.raises(IdempotencyKeyReusedError):
        log.ask(TALLY.ask("a", Raise(by=2)), context=keyed("k", body=b"another"))


def test_a_key_means_nothing_to_another_consumer(log: LogApplication) -> None:
    log.ask(TALLY.ask("a", Raise()), context=keyed("k"))
    assert not log.ask(TALLY.ask("a", Raise()), context=keyed("k", actor="bert")).replayed


def test_a_full_keyring_refuses_new_keys_for_a_day(home: Home) -> None:
    clock = FakeClock()
    log = home.open(clock).events
    log.ask(TALLY.ask("a", Raise()), context=keyed("k"))
    keyring = log.fold(cast("AnyDecider", TALLY), AggregateId("tally", "a")).keyring
    use = next(iter(keyring.uses.values()))
    keyring.uses.update({("anna", "raise", str(n)): use for n in range(LIVE_KEYS_MAX)})
    with pytest.raises(IdempotencyKeyringFullError):
        log.ask(TALLY.ask("a", Raise()), context=keyed("new"))
    clock.advance(timedelta(hours=24, seconds=1))
    assert len(log.ask(TALLY.ask("a", Raise()), context=keyed("new")).events) == 1
