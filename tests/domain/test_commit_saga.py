"""What comes next in a commit, and what a failure means: the saga without any world."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commit import decider as commits
from domain.commit.decider import Commit, FailCommit, RebaseCommit
from domain.commit.events import (
    CommitChecked,
    CommitCompensated,
    CommitEvent,
    CommitFailed,
    CommitRebased,
    CommitStepCompensated,
    CommitVerified,
    LockToken,
    ManifestRecorded,
)
from domain.errors import (
    ConcurrencyConflictError,
    DitsError,
    InsufficientStorageError,
    LockHeldError,
    OutcomeUnknownError,
    PathConflictError,
    StaleHeadError,
    UnavailableError,
)
from domain.locks import HonourLocks
from domain.sagas import commit as saga
from domain.sagas.commit import End, Forward, GiveUp, Rebase, Rest, Retry, Undo
from tests.domain.examples import ADA, CLIP, COMMIT, FILM, MAIN, SESSION, named, opening

VERIFIED = CommitVerified(commit=COMMIT, recipe_count=1, chunk_count=1)
STORED = ManifestRecorded(
    commit=COMMIT, repo=FILM, manifest=named("m"), tree=named("t"), parents=(), head=None
)
CHECKED = CommitChecked(commit=COMMIT, checks=(), warnings=())
FAILED = CommitFailed(commit=COMMIT, step="check", code="X", message="no", facts=())
OVER = CommitCompensated(commit=COMMIT, repo=FILM, code="X")
READY = (opening(), VERIFIED, STORED, CHECKED)
STALE = StaleHeadError(branch="main", head="b", expected="a")
AWAY = UnavailableError(dependency="the store")
DOUBT = OutcomeUnknownError(dependency="the log")


def after(*history: CommitEvent) -> Commit:
    return reduce(commits.DECIDER.evolve, history, Commit())


def judged(error: DitsError, *history: CommitEvent, tries: int = 1) -> saga.Verdict:
    return saga.judge(after(*history), error, tries=tries, jitter=0.0)


def test_steps_come_in_the_order_of_the_table() -> None:
    steps = [saga.next_action(after(*READY[:count])) for count in range(1, 5)]
    assert steps == [Forward("verify"), Forward("store"), Forward("check"), Forward("publish")]


def test_a_failed_commit_is_undone_from_its_newest_step_to_its_end() -> None:
    told: tuple[CommitEvent, ...] = (*READY[:3], FAILED)
    undone: list[str] = []
    while isinstance(action := saga.next_action(after(*told)), Undo):
        undone.append(action.rule.step)
        told = (*told, CommitStepCompensated(commit=COMMIT, step=action.rule.step, undone="it"))
    assert undone == ["store", "verify"]
    assert isinstance(action, End)


def test_a_commit_that_is_over_or_unknown_rests() -> None:
    assert isinstance(saga.next_action(Commit()), Rest)
    assert isinstance(saga.next_action(after(opening(), FAILED, OVER)), Rest)
    assert isinstance(saga.next_action(Commit("published", opening())), Rest)


def test_a_moved_head_is_followed_unless_the_client_fixed_it() -> None:
    assert judged(STALE, *READY) == Rebase(RebaseCommit(1), 0)
    assert isinstance(judged(STALE, opening(fixed_head=True), *READY[1:]), GiveUp)


def test_a_head_is_followed_fifty_times_at_most() -> None:
    at_the_limit = (*READY, CommitRebased(commit=COMMIT, attempt=saga.REBASES_MAX), STORED, CHECKED)
    assert isinstance(judged(STALE, *at_the_limit), GiveUp)
    before_it = (*READY, CommitRebased(commit=COMMIT, attempt=saga.REBASES_MAX - 1), STORED, CHECKED)
    assert judged(STALE, *before_it) == Rebase(RebaseCommit(saga.REBASES_MAX), 0)


@pytest.mark.parametrize("error", [AWAY, InsufficientStorageError(store="disk")])
def test_what_passes_is_retried_up_to_a_limit(error: DitsError) -> None:
    assert isinstance(judged(error, *READY, tries=saga.TRIES_MAX - 1), Retry)
    assert isinstance(judged(error, *READY, tries=saga.TRIES_MAX), GiveUp)


@pytest.mark.parametrize("error", [DOUBT, ConcurrencyConflictError(aggregate="x")])
def test_an_unknown_outcome_and_a_lost_race_are_tried_for_ever(error: DitsError) -> None:
    assert isinstance(judged(error, *READY, tries=10_000), Retry)


@pytest.mark.parametrize("error", [AWAY, STALE, PathConflictError(path="a"), DOUBT])
def test_compensation_is_tried_for_ever(error: DitsError) -> None:
    assert isinstance(judged(error, *READY, FAILED, tries=10_000), Retry)


def test_a_permanent_failure_is_recorded_with_its_step_code_and_facts() -> None:
    held = LockHeldError(path="a", holder="bob", since="noon")
    facts = (("holder", "bob"), ("path", "a"), ("since", "noon"))
    assert judged(held, *READY) == GiveUp(FailCommit("publish", "LOCK_HELD", held.message, facts))


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_limit_and_jitter_their_upper_half(tries: int, jitter: float) -> None:
    pause_ms = saga.pause_ms(tries, jitter)
    ceiling_ms = min(saga.BACKOFF_MAX_MS, saga.BACKOFF_FIRST_MS * 2 ** (tries - 1))
    assert ceiling_ms // 2 <= pause_ms <= ceiling_ms


def test_every_step_names_its_compensation_and_its_crash_points() -> None:
    points = saga.crash_points()
    assert all(rule.undone for rule in saga.STEPS)
    assert len(points) == len(set(points)) == 3 * 4 + 1 + 2 * 3 + 2
    assert {point.split(":")[0] for point in points} >= {rule.step for rule in saga.STEPS}


def test_the_pivot_is_one_append_that_asks_five_aggregates() -> None:
    opened = opening(tokens=(LockToken(path=CLIP, token=7),))
    asks = saga.pivot(opened, STORED, named("old"), (CLIP,))
    told = [str(ask.aggregate) for ask in asks]
    ids = [f"commit.{COMMIT}", f"branch.{MAIN}", f"session.{SESSION}", f"references.{FILM}", f"locks.{FILM}"]
    assert told == ids
    assert asks[-1].command == HonourLocks((CLIP,), ADA, {CLIP: 7})
