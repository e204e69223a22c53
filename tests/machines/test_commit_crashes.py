"""Every crash point of the step table, in process: the next runner finishes or compensates (I2, I4, I6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.commit import decider as commits
from domain.commit.decider import FailCommit, OpenCommit
from domain.commit.events import CheckWarning, CommitOpened
from domain.errors import (
    ConcurrencyConflictError,
    DitsError,
    InsufficientStorageError,
    LogFullError,
    OutcomeUnknownError,
    PathConflictError,
    UnavailableError,
)
from domain.event import Recorded
from domain.sagas.commit import TRIES_MAX, crash_points
from infra.clock import SystemIds
from tests.domain.examples import BOB
from tests.faults import (
    Coin,
    CrashedError,
    FlakyPresence,
    FlakyStore,
    Moments,
    ScriptedLog,
    UncertainLog,
    crash,
)
from tests.machines.film import Film, commit_of
from workers.commit_steps import NamedCheck

Story = Callable[[Film], Recorded]
Answer = tuple[str, str | None, dict[str, bytes]]
"""What a client sees: how the commit ended, the code of its failure, the branch's files."""


def publishes(film: Film) -> Recorded:
    one = film.commit("one", {"a": b"one", "b/c": b"goes", "d": b"stays"})
    return film.open("two", {"a": b"second", "b/c": None, "e/f/g": b"comes"}, base=one)


def follows(film: Film) -> Recorded:
    """Somebody else's commit lands before ours."""
    one = film.commit("one", {"a": b"one", "b/c": b"stays"})
    two = film.open("two", {"a": b"second"}, base=one)
    film.moments.plan("store:effect", lambda: film.commit("other", {"b/d": b"other"}, base=one))
    return two


def compensates(film: Film) -> Recorded:
    """The same, but the client fixed the head."""
    one = film.commit("one", {"a": b"one", "b/c": b"stays"})
    two = film.open("two", {"a": b"second"}, base=one, fixed_head=True)
    film.moments.plan("check:effect", lambda: film.commit("other", {"b/d": b"other"}, base=one))
    return two


STORIES: tuple[Story, ...] = (publishes, follows, compensates)


def finished(film: Film, opened: Recorded) -> Answer:
    """Run until no process dies any more, and say what came of it."""
    while True:
        try:
            film.runner(crash_points=film.moments).run(opened)
        except CrashedError:
            continue
        film.check()
        return answer(film, opened)


def answer(film: Film, opened: Recorded) -> Answer:
    state = film.state(commit_of(opened))
    return state.phase, state.failure.code if state.failure else None, film.files()


def undisturbed(story: Story) -> tuple[Answer, list[str]]:
    film = Film()
    return finished(film, story(film)), film.moments.reached_points


ANSWERS = {story: undisturbed(story) for story in STORIES}
CRASHES = [
    pytest.param(story, point, nth, id=f"{story.__name__}-{point}-{nth}")
    for story in STORIES
    for point in crash_points()
    for nth in range(1, ANSWERS[story][1].count(point) + 1)
]


def test_the_stories_reach_every_crash_point() -> None:
    reached = {point for _, points in ANSWERS.values() for point in points}
    assert reached == set(crash_points())
    assert [ANSWERS[story][0][0] for story in STORIES] == ["published", "published", "compensated"]


@pytest.mark.parametrize(("story", "point", "nth"), CRASHES)
def test_a_runner_that_dies_anywhere_changes_no_answer(story: Story, point: str, nth: int) -> None:
    film = Film()
    opened = story(film)
    film.moments.plan(point, crash, nth=nth)
    assert finished(film, opened) == ANSWERS[story][0]


@pytest.mark.parametrize("story", STORIES)
def test_runners_that_die_at_every_point_in_turn_change_no_answer(story: Story) -> None:
    film = Film()
    opened = story(film)
    for point in crash_points():
        film.moments.plan(point, crash)
    assert finished(film, opened) == ANSWERS[story][0]


@pytest.mark.parametrize(("story", "point", "nth"), CRASHES)
def test_a_second_runner_anywhere_does_no_harm(story: Story, point: str, nth: int) -> None:
    film = Film()
    opened = story(film)
    film.moments.plan(point, lambda: film.run(opened), nth=nth)
    assert finished(film, opened)[0] in {"published", "compensated"}
    topics = film.topics(commit_of(opened))
    assert topics.count("CommitPublished") + topics.count("CommitCompensated") == 1


@pytest.mark.parametrize("story", STORIES)
def test_a_saga_that_is_over_stays_as_it_is(story: Story) -> None:
    film = Film()
    opened = story(film)
    finished(film, opened)
    before = film.events()
    film.run(opened)
    assert film.events() == before


@pytest.mark.parametrize("story", STORIES)
def test_a_retry_of_the_request_meets_its_first_effect(story: Story) -> None:
    film = Film()
    opened = story(film)
    finished(film, opened)
    assert isinstance(opened.event, CommitOpened)
    ask = commits.DECIDER.ask(opened.event.commit, OpenCommit(opened.event))
    retried = film.ask(ask, key=opened.event.commit)
    assert retried.replayed
    assert retried.events == (opened,)


@pytest.mark.parametrize("dies", ["fail:appended", "undo-store:appended", "end:appended"])
def test_a_pivot_that_comes_after_a_failure_moves_nothing(dies: str) -> None:
    film = Film()
    one = film.commit("one", {"a": b"one"})
    two = film.open("two", {"a": b"second"}, base=one)

    def another_runner_gives_up() -> None:
        token, moments = film.lock("a", BOB), Moments()
        moments.plan(dies, crash)
        with pytest.raises(CrashedError):
            film.runner(crash_points=moments).run(two)
        film.unlock("a", BOB, token)

    film.moments.plan("publish:effect", another_runner_gives_up)
    assert finished(film, two) == ("compensated", "LOCK_HELD", {"a": b"one"})
    assert film.head() == one


def test_threads_that_run_the_same_commits_publish_each_once() -> None:
    film = Film(SystemIds())
    one = film.commit("one", {"start": b"1"})
    opened = [film.open(f"c{number}", {f"f{number}": b"x"}, base=one) for number in range(6)]
    runners = [film.runner() for _ in range(3) for _ in opened]
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(runner.run, each) for runner, each in zip(runners, opened * 3, strict=True)]
    assert [run.exception() for run in runs] == [None] * len(runs)
    assert film.files() == {"start": b"1", **{f"f{number}": b"x" for number in range(6)}}
    film.check()


# ------------------------------------------------------------------ what passes, and what does not
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("seed", range(8))
def test_trouble_that_passes_changes_no_answer(story: Story, seed: int) -> None:
    film = Film()
    opened = story(film)
    runner = film.runner(
        crash_points=film.moments,
        store=FlakyStore(film.store, Coin(seed, 0.05)),
        presence=lambda presence: FlakyPresence(presence, Coin(seed, 0.3)),
        events=lambda log: UncertainLog(log, Coin(seed, 0.25)),
    )
    runner.run(opened)
    film.check()
    assert answer(film, opened) == ANSWERS[story][0]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnavailableError(dependency="the object store"), "SERVICE_UNAVAILABLE"),
        (InsufficientStorageError(store="the object store"), "INSUFFICIENT_STORAGE"),
    ],
)
def test_trouble_that_stays_is_compensated_after_eight_tries(error: UnavailableError, code: str) -> None:
    film = Film()
    opened = publishes(film)
    before = film.files()
    film.runner(store=FlakyStore(film.store, Coin(0, 1.0), error)).run(opened)
    state = film.state(commit_of(opened))
    assert state.failure is not None
    assert (state.phase, state.failure.code, state.failure.step) == ("compensated", code, "store")
    assert len(film.clock.slept_s) == TRIES_MAX - 1
    assert film.files() == before


def test_unknown_outcomes_do_not_use_up_the_tries_of_what_passes() -> None:
    film = Film()
    opened = publishes(film)
    away, unknown = UnavailableError(dependency="x"), OutcomeUnknownError(dependency="x")
    troubles = iter([*[unknown] * TRIES_MAX, *[away] * (TRIES_MAX - 1), *[unknown] * TRIES_MAX])

    def check(*_: object) -> Sequence[CheckWarning]:
        trouble = next(troubles, None)
        if trouble is not None:
            raise trouble
        return ()

    film.runner(checks=(NamedCheck("scripted", check),)).run(opened)
    assert film.state(commit_of(opened)).phase == "published"


def test_a_log_that_is_away_for_long_fails_no_commit_by_itself() -> None:
    film = Film()
    opened = publishes(film)
    film.runner(events=lambda log: UncertainLog(log, Coin(1, 0.9))).run(opened)
    assert film.state(commit_of(opened)).phase == "published"
    assert len(film.clock.slept_s) > TRIES_MAX


def test_a_named_check_that_refuses_fails_the_commit_before_the_pivot() -> None:
    film = Film()
    opened = publishes(film)
    before = film.files()

    def check(*_: object) -> Sequence[CheckWarning]:
        raise PathConflictError(path="a")

    film.runner(checks=(NamedCheck("strict", check),)).run(opened)
    state = film.state(commit_of(opened))
    assert state.failure is not None
    assert (state.failure.step, state.failure.code) == ("check", "PATH_CONFLICT")
    assert film.files() == before


def test_a_verdict_that_meets_trouble_is_recorded_in_the_end() -> None:
    film = Film()
    one = film.commit("one", {"a": b"one"})
    film.commit("two", {"a": b"two"}, base=one)
    three = film.open("three", {"a": b"three"}, base=one)
    troubles: list[DitsError] = [
        LogFullError(limit_bytes=1),
        ConcurrencyConflictError(aggregate="commit"),
        OutcomeUnknownError(dependency="the log"),
    ]
    film.runner(events=lambda log: ScriptedLog(log, FailCommit, troubles)).run(three)
    assert not troubles
    assert film.state(commit_of(three)).phase == "compensated"
