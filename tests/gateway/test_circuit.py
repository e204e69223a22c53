"""What fails five times in a row is left alone until it answers again (V7.5, V6.1d)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread
from time import perf_counter

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors as postgres

from domain import repository
from domain.circuits import CircuitOpened
from domain.decider import Context
from domain.errors import LogRegressedError, NotFoundError, OutcomeUnknownError, UnavailableError
from domain.repository import ShowRepository
from gateway.answers import MemoryAnswers, Scope
from gateway.circuit import PAUSE_S, THRESHOLD, Circuit
from gateway.guarded import GuardedAnswers, GuardedLeases, GuardedLog, GuardedPool
from tests.gateway.conftest import Lines
from tests.gateway.ports import MemoryLeases
from tests.gateway.signalling import Board
from tests.gateway.troubled_pool import TroubledPool

PAUSE = timedelta(seconds=PAUSE_S)
AWAY = UnavailableError(dependency="the event log")
CONTEXT = Context("system:test", "c-1")
SHOW = repository.DECIDER.ask("5e" * 16, ShowRepository(public=True))


class Bench:
    """A circuit and the log behind it."""

    def __init__(self) -> None:
        self.board = Board()
        dial = self.board.metrics.circuit_state.of("event_store")
        self.circuit = Circuit("event_store", self.board.clock, self.board.signals, dial)
        self.log = GuardedLog(self.board.log, self.circuit)

    @property
    def state(self) -> float:
        return self.board.count("dits_circuit_state", name="event_store")

    def fail(self, times: int = THRESHOLD, error: UnavailableError = AWAY) -> None:
        self.board.log.trouble = error
        for _ in range(times):
            with suppress(UnavailableError):
                self.log.end()

    def recover(self) -> None:
        self.board.log.trouble = None
        self.board.clock.advance(PAUSE)


def test_after_five_failures_nobody_asks_the_dependency_any_more() -> None:
    bench = Bench()
    bench.fail(THRESHOLD + 100)
    assert (bench.board.log.calls, bench.circuit.phase, bench.state) == (THRESHOLD, "open", 1)


def test_an_open_circuit_answers_at_once_and_names_what_is_away() -> None:
    bench = Bench()
    bench.fail()
    took_s: list[float] = []
    for _ in range(20):
        began = perf_counter()
        with pytest.raises(UnavailableError, match="the event log does not answer"):
            bench.log.end()
        took_s.append(perf_counter() - began)
    assert min(took_s) < 0.005


def test_four_failures_leave_it_closed() -> None:
    bench = Bench()
    bench.fail(THRESHOLD - 1)
    assert (bench.circuit.phase, bench.state) == ("closed", 0)


def test_only_failures_in_a_row_count() -> None:
    bench = Bench()
    for _ in range(3):
        bench.fail(THRESHOLD - 1)
        bench.board.log.trouble = None
        bench.log.end()
    assert bench.circuit.phase == "closed"


def test_an_unknown_outcome_is_a_failure_too() -> None:
    bench = Bench()
    bench.fail(error=OutcomeUnknownError(dependency="the event log"))
    assert bench.circuit.phase == "open"


def test_a_refusal_is_no_failure() -> None:
    bench = Bench()
    for _ in range(2 * THRESHOLD):
        with pytest.raises(NotFoundError):
            bench.log.ask(SHOW, context=CONTEXT)
    assert bench.circuit.phase == "closed"


def test_a_log_that_lost_something_is_no_failure_of_its_server() -> None:
    bench = Bench()
    bench.board.log.trouble = LogRegressedError(sequence=7)
    for _ in range(2 * THRESHOLD):
        with suppress(LogRegressedError):
            bench.log.end()
    assert bench.circuit.phase == "closed"


def test_after_the_pause_one_call_closes_it_again() -> None:
    bench = Bench()
    bench.fail()
    bench.recover()
    bench.log.end()
    assert (bench.circuit.phase, bench.state) == ("closed", 0)
    bench.fail(THRESHOLD - 1)
    assert bench.circuit.phase == "closed"


def test_a_trial_that_fails_begins_another_pause() -> None:
    bench = Bench()
    bench.fail()
    bench.board.clock.advance(PAUSE)
    bench.fail(10)
    assert (bench.board.log.calls, bench.circuit.phase) == (THRESHOLD + 1, "open")
    bench.recover()
    bench.log.end()
    assert bench.circuit.phase == "closed"


def test_only_one_call_at_a_time_is_a_trial() -> None:
    bench = Bench()
    bench.fail()
    bench.recover()
    with bench.circuit.guarding():
        assert (bench.circuit.phase, bench.state) == ("half-open", 2)
        for _ in range(3):
            with pytest.raises(UnavailableError):
                bench.log.end()
    assert (bench.circuit.phase, bench.board.log.calls) == ("closed", THRESHOLD)


def test_a_trial_that_says_nothing_leaves_the_next_one_to_try() -> None:
    bench = Bench()
    bench.fail()
    bench.recover()
    with pytest.raises(NotFoundError), bench.circuit.guarding():
        raise NotFoundError(thing="x", name="y")
    assert bench.state == 1
    bench.log.end()
    assert bench.circuit.phase == "closed"


def test_what_was_begun_before_it_opened_closes_nothing() -> None:
    bench = Bench()
    with bench.circuit.guarding():
        bench.fail()
    assert bench.circuit.phase == "open"


async def all_told(board: Board) -> None:
    async with board.running():
        await board.told()


def test_an_outage_is_one_error_line_one_fact_and_one_alert(logged: Lines) -> None:
    bench = Bench()
    for _ in range(3):
        bench.fail(10)
        bench.board.clock.advance(PAUSE)
    bench.recover()
    bench.log.end()
    asyncio.run(all_told(bench.board))
    assert bench.board.names() == ["CircuitOpened", "OpsAlertRaised", "CircuitClosed"]
    assert bench.board.events()[0] == CircuitOpened(name="event_store", failures=THRESHOLD)
    lines = [(line["log_level"], line["event"]) for line in logged]
    assert lines == [("error", "dependency.unavailable"), ("info", "dependency.answered")]


def at_once(threads: list[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_a_hundred_threads_one_tries() -> None:
    bench, gate = Bench(), Barrier(100)
    bench.fail()
    bench.board.clock.advance(PAUSE)

    def ask() -> None:
        gate.wait()
        with suppress(UnavailableError):
            bench.log.end()

    at_once([Thread(target=ask) for _ in range(100)])
    assert (bench.board.log.calls, bench.circuit.phase) == (THRESHOLD + 1, "open")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3_000)), max_size=60))
def test_calls_reach_the_dependency_as_its_record_allows(calls: list[tuple[bool, int]]) -> None:
    """The model: a row of failures, and when the last of them was."""
    bench, row, failed_ms, now_ms, expected = Bench(), 0, 0, 0, 0
    for is_up, pause_ms in calls:
        bench.board.clock.advance(timedelta(milliseconds=pause_ms))
        now_ms += pause_ms
        if row < THRESHOLD or now_ms - failed_ms >= PAUSE_S * 1000:
            expected += 1
            row, failed_ms = (0, 0) if is_up else (row + 1, now_ms)
        bench.board.log.trouble = None if is_up else AWAY
        with suppress(UnavailableError):
            bench.log.end()
        assert (bench.board.log.calls, bench.circuit.phase) == (
            expected,
            "open" if row >= THRESHOLD else "closed",
        )


# ------------------------------------------------------------------ the guarded ports
def ways_in(bench: Bench) -> dict[str, Callable[[], object]]:
    answers = GuardedAnswers(MemoryAnswers(bench.board.clock), bench.circuit)
    leases = GuardedLeases(MemoryLeases(), bench.circuit)
    scope, repo = Scope("ann", "repos.create", "k"), SHOW.aggregate.id
    return {
        "load": lambda: bench.log.load(repository.DECIDER, repo),
        "ask": lambda: bench.log.ask(SHOW, context=CONTEXT),
        "history": lambda: list(bench.log.history(SHOW.aggregate)),
        "end": bench.log.end,
        "recall": lambda: answers.recall(scope),
        "beat": lambda: leases.beat(repo, 1),  # type: ignore[arg-type]
        "look": lambda: leases.look(repo, 1),  # type: ignore[arg-type]
    }


def test_everything_on_the_event_server_is_left_alone_together() -> None:
    bench = Bench()
    bench.fail()
    for way in ways_in(bench).values():
        with pytest.raises(UnavailableError):
            way()
    assert bench.board.log.calls == THRESHOLD


def test_a_closed_circuit_changes_nothing() -> None:
    bench = Bench()
    ways = ways_in(bench)
    assert (ways["end"](), ways["history"](), ways["recall"](), ways["beat"]()) == (None, [], None, True)


def test_a_history_that_is_not_read_to_its_end_does_no_harm() -> None:
    bench = Bench()
    bench.fail()
    bench.recover()
    history = bench.log.history(SHOW.aggregate)
    with suppress(StopIteration):
        next(history)
    history.close()  # type: ignore[attr-defined]
    bench.log.end()
    assert bench.circuit.phase == "closed"


def pool_after(*troubles: Exception | None) -> tuple[TroubledPool, Circuit]:
    board, pool = Board(), TroubledPool()
    dial = board.metrics.circuit_state.of("projections")
    circuit = Circuit("projections", board.clock, board.signals, dial)
    for pool.trouble in troubles:
        with suppress(UnavailableError, psycopg.Error), GuardedPool(pool, circuit).connection():
            pass
    return pool, circuit


def test_a_database_that_is_away_is_left_alone() -> None:
    pool, circuit = pool_after(*[psycopg.OperationalError("gone")] * (THRESHOLD + 20))
    assert (pool.asked, circuit.phase) == (THRESHOLD, "open")


@pytest.mark.parametrize("harmless", [postgres.SerializationFailure(), postgres.UndefinedTable()])
def test_a_lost_race_or_a_wrong_statement_is_no_outage(harmless: psycopg.Error) -> None:
    pool, circuit = pool_after(*[harmless] * (2 * THRESHOLD))
    assert (pool.asked, circuit.phase) == (2 * THRESHOLD, "closed")
