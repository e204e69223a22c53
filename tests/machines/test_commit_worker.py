"""The loop behind `dits work`: finds what is open, in order, also after a death."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from domain.commit.events import CommitPublished
from domain.event import Recorded
from domain.ids import CommitId
from domain.position import Position
from infra.clock import SystemIds
from tests.faults import CrashedError, Moments, crash
from tests.machines.film import Film, commit_of
from workers.commit_worker import CommitWorker
from workers.supervisor import Supervisor

PATIENCE_S = 10.0


def worker(film: Film, *, moments: Moments | None = None, known: tuple[CommitId, ...] = ()) -> CommitWorker:
    """A worker whose read model knows these commits as open, up to the log's present end."""
    after: Position | None = film.log.events.end() if known else None
    runner = film.runner(crash_points=moments)
    contained = Supervisor({}, runner.clock.monotonic_ms).contained
    return CommitWorker(film.process().feed(), runner.events, runner, lambda: (known, after), contained)


def run_until(film: Film, work: CommitWorker, done: Callable[[], bool]) -> None:
    stopping = threading.Event()
    loop = threading.Thread(target=lambda: _quietly(work, stopping))
    loop.start()
    until = time.monotonic() + PATIENCE_S
    while not done() and loop.is_alive() and time.monotonic() < until:
        time.sleep(0.005)
    stopping.set()
    film.session(f"wakes the feed at {len(film.recorder.messages)}")
    loop.join(PATIENCE_S)
    assert not loop.is_alive()


def _quietly(work: CommitWorker, stopping: threading.Event) -> None:
    with suppress(CrashedError):
        work.run(stopping)


def all_over(film: Film, opened: list[Recorded]) -> bool:
    return all(film.state(commit_of(each)).phase in {"published", "compensated"} for each in opened)


def order_of_publishing(film: Film, branch: str) -> list[CommitId]:
    facts = [each.event for each in film.events()]
    return [e.commit for e in facts if isinstance(e, CommitPublished) and e.branch_name == branch]


def test_commits_that_waited_and_commits_that_come_are_run_in_their_order() -> None:
    film = Film(SystemIds())
    opened = [film.open(f"w{n}", {f"f{n}": b"x"}, branch=f"b{n % 2}") for n in range(6)]
    work = worker(film)
    run_until(film, work, lambda: all_over(film, opened[:6]))
    for number in (0, 1):
        assert order_of_publishing(film, f"b{number}") == [commit_of(each) for each in opened[number::2]]
    film.check()


def test_a_commit_that_only_the_read_model_knows_is_run() -> None:
    film = Film(SystemIds())
    opened = film.open("one", {"a": b"x"})
    work = worker(film, known=(commit_of(opened),))
    run_until(film, work, lambda: all_over(film, [opened]))
    assert film.head() == commit_of(opened)


def test_a_commit_that_is_over_is_not_run_again() -> None:
    film = Film(SystemIds())
    film.commit("one", {"a": b"x"})
    moments = Moments()
    last = film.open("last", {"b": b"x"})
    run_until(film, worker(film, moments=moments), lambda: all_over(film, [last]))
    assert moments.reached_points.count("publish:appended") == 1


def test_a_worker_whose_saga_died_ends_and_the_next_one_finishes() -> None:
    film = Film(SystemIds())
    opened = [film.open(f"w{n}", {f"f{n}": b"x"}) for n in range(3)]
    moments = Moments()
    moments.plan("store:effect", crash, nth=2)
    run_until(film, worker(film, moments=moments), lambda: False)
    assert film.state(commit_of(opened[1])).phase == "open"
    run_until(film, worker(film), lambda: all_over(film, opened))
    assert order_of_publishing(film, "main") == [commit_of(each) for each in opened]
    film.check()


def test_a_saga_that_a_fault_breaks_stops_nobody_else() -> None:
    film = Film(SystemIds())
    opened = [film.open(f"w{n}", {f"f{n}": b"x"}) for n in range(3)]
    moments = Moments()
    moments.plan("store:begin", _fault, nth=1)
    run_until(film, worker(film, moments=moments), lambda: all_over(film, opened[1:]))
    assert film.state(commit_of(opened[0])).phase == "open"
    run_until(film, worker(film), lambda: all_over(film, opened))
    film.check()


def _fault() -> None:
    raise RuntimeError("a fault of ours")
