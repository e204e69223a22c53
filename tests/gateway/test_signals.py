"""Telling never waits and never fails; many errors are one alert; an outage loses nothing (V7.4, V7.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from threading import Thread
from typing import get_args

import pytest

from domain import repository
from domain.alerts import OpsAlertRaised
from domain.errors import ConcurrencyConflictError, DitsError, LogFullError
from domain.ids import ConsumerId
from domain.incidents import SecurityIncidentRecorded
from domain.repository import ShowRepository
from gateway.signals import INCIDENTS_A_MINUTE_MAX, WAITING_MAX, CircuitName
from tests.gateway.signalling import Board

ANN = ConsumerId("aa" * 16)
AT_START = len(get_args(CircuitName))
"""Facts that wait in a fresh process: what an earlier one may have left open."""


def run(board: Board, story: Callable[[], object]) -> None:
    """A story, which may be a coroutine, while the task runs, until all of it is told."""

    async def whole() -> None:
        async with board.running():
            going_on = story()
            if isinstance(going_on, Awaitable):
                await going_on
            await board.told()

    asyncio.run(whole())


def complain(board: Board, times: int = 1) -> None:
    for number in range(times):
        board.signals.alert("unhandled_exception", "critical", "A request failed", f"c-{number}")


def inject(board: Board, times: int = 1, addresses: Iterable[str] = ("5e",)) -> None:
    for address in addresses:
        for number in range(times):
            board.signals.incident("header_injection", address, "header", f"c-{number}")


def test_a_hundred_errors_in_a_minute_are_one_alert() -> None:
    board = Board()
    run(board, lambda: complain(board, 100))
    (alert,) = board.events()
    assert isinstance(alert, OpsAlertRaised)
    assert (alert.name, alert.severity, alert.correlation_id) == ("unhandled_exception", "critical", "c-0")
    assert board.count("dits_alerts_total", name="unhandled_exception", severity="critical") == 1


def test_trouble_that_goes_on_is_said_again_after_five_minutes() -> None:
    board = Board()
    for _ in range(2):
        run(board, lambda: complain(board))
        board.clock.advance(timedelta(minutes=5))
    assert board.names() == ["OpsAlertRaised"] * 2


def test_two_processes_that_notice_the_same_make_one_alert() -> None:
    board, other = Board(), Board()
    other.log, other.opened = board.log, board.opened
    run(board, lambda: complain(board))
    run(other, lambda: complain(other))
    assert board.names() == ["OpsAlertRaised"]


def test_the_event_carries_the_requests_correlation_id_in_its_envelope() -> None:
    board = Board()
    run(board, lambda: inject(board))
    (recorded,) = board.recorded()
    assert (recorded.envelope.correlation_id, recorded.envelope.actor) == ("c-0", "system:gateway")


def test_an_attack_makes_one_event_a_minute_and_the_next_one_counts_the_rest() -> None:
    board = Board()
    run(board, lambda: inject(board, 100))
    board.clock.advance(timedelta(minutes=1))
    run(board, lambda: inject(board, 2))
    told = [event for event in board.events() if isinstance(event, SecurityIncidentRecorded)]
    assert [event.count for event in told] == [1, 100]
    assert board.count("dits_security_events_total", kind="header_injection") == 102


def test_each_address_is_told_of_by_itself() -> None:
    board = Board()
    run(board, lambda: inject(board, 3, ("5e", "6f")))
    assert board.names() == ["SecurityIncidentRecorded"] * 2


def test_an_attack_from_a_whole_network_does_not_fill_the_log() -> None:
    board = Board()
    run(board, lambda: inject(board, 1, (f"{number:x}" for number in range(1_000))))
    assert len(board.events()) == INCIDENTS_A_MINUTE_MAX
    assert board.count("dits_security_events_total", kind="header_injection") == 1_000


def test_a_version_in_use_is_noted_once_a_day() -> None:
    board = Board()

    def use() -> None:
        for day in ("2026-11-22", "2026-11-22", "2026-11-23"):
            board.signals.version_used(ANN, "v1", day)

    run(board, use)
    assert board.names() == ["VersionUseNoted"] * 2


def test_a_circuit_that_opens_and_closes_while_the_log_is_away_is_recorded_afterwards() -> None:
    board = Board()

    async def story() -> None:
        board.log.be_away()
        board.signals.circuit_opened("event_store", 5)
        board.signals.circuit_closed("event_store")
        complain(board)
        await asyncio.sleep(0.3)
        assert (board.names(), board.signals.waiting) == ([], AT_START + 3)
        board.log.trouble = None

    run(board, story)
    assert board.names() == ["CircuitOpened", "CircuitClosed", "OpsAlertRaised"]


def test_what_a_killed_process_left_open_is_closed_by_the_next_one() -> None:
    killed = Board()
    run(killed, lambda: killed.signals.circuit_opened("memory", 1))
    following = Board()
    following.log, following.opened = killed.log, killed.opened
    run(following, lambda: None)
    assert killed.names() == ["CircuitOpened", "CircuitClosed"]


@pytest.mark.parametrize("trouble", [LogFullError(limit_bytes=1), ConcurrencyConflictError(aggregate="a")])
def test_what_passes_is_waited_for(trouble: DitsError) -> None:
    board = Board()

    async def story() -> None:
        board.log.trouble = trouble
        complain(board)
        await asyncio.sleep(0.2)
        board.log.trouble = None

    run(board, story)
    assert board.names() == ["OpsAlertRaised"]


def test_while_too_much_waits_the_oldest_gives_way_and_is_counted() -> None:
    board = Board()
    for _ in range(WAITING_MAX - AT_START + 7):
        board.signals.circuit_closed("memory")
    assert board.signals.waiting == WAITING_MAX
    assert board.count("dits_signals_dropped_total") == 7


def test_a_fact_that_is_refused_holds_up_nobody() -> None:
    board = Board()

    def tell() -> None:
        board.signals.note(repository.DECIDER.ask("5e" * 16, ShowRepository(public=True)))
        complain(board)

    run(board, tell)
    assert board.names() == ["OpsAlertRaised"]
    assert board.count("dits_signals_dropped_total") == 1


def test_what_waits_at_the_end_of_the_process_is_tried_once_more() -> None:
    async def whole() -> None:
        async with board.running():
            await asyncio.sleep(0.02)
            complain(board)

    board = Board()
    asyncio.run(whole())
    assert board.names() == ["OpsAlertRaised"]


def test_a_log_that_is_away_does_not_hold_up_the_end() -> None:
    async def whole() -> None:
        async with asyncio.timeout(5), board.running():
            await asyncio.sleep(0.02)

    board = Board()
    board.log.be_away()
    complain(board)
    asyncio.run(whole())
    assert board.signals.waiting == AT_START + 1


def test_any_thread_may_tell_and_none_is_told_twice() -> None:
    board = Board()
    threads = [Thread(target=inject, args=(board, 200)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    board.clock.advance(timedelta(minutes=1))
    inject(board)
    run(board, lambda: None)
    counts = [event.count for event in board.events() if isinstance(event, SecurityIncidentRecorded)]
    assert counts == [1, 800]
