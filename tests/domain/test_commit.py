"""Steps of a commit come in order, are undone in reverse, and a late pivot is refused (I2)."""

from __future__ import annotations

import pytest

from domain.commit import decider as commits
from domain.commit.decider import (
    CommitCommand,
    CompensateStep,
    EndCompensation,
    FailCommit,
    OpenCommit,
    PublishCommit,
    RebaseCommit,
    RecordChecked,
    RecordManifest,
    RecordVerified,
)
from domain.commit.events import (
    CommitChecked,
    CommitCompensated,
    CommitEvent,
    CommitFailed,
    CommitPublished,
    CommitRebased,
    CommitStepCompensated,
    CommitVerified,
    ManifestRecorded,
    Step,
)
from domain.errors import ConcurrencyConflictError
from tests.domain.examples import COMMIT, FILM, MAIN, OTHER_COMMIT, named, opening
from tests.spec import Spec

given = Spec(commits.DECIDER).given
MANIFEST, TREE = named("manifest"), named("tree")
OPENED = opening()
VERIFIED = CommitVerified(commit=COMMIT, recipe_count=1, chunk_count=2)
STORED = ManifestRecorded(commit=COMMIT, repo=FILM, manifest=MANIFEST, tree=TREE, parents=(), head=None)
CHECKED = CommitChecked(commit=COMMIT, checks=("media",), warnings=())
REBASED = CommitRebased(commit=COMMIT, attempt=1)
PUBLISHED = CommitPublished(
    commit=COMMIT,
    repo=FILM,
    branch=MAIN,
    branch_name="main",
    manifest=MANIFEST,
    author_name="ada",
    message="first cut",
)
FAILED = CommitFailed(commit=COMMIT, step="check", code="X", message="no", facts=(("path", "a"),))
COMPENSATED = CommitCompensated(commit=COMMIT, repo=FILM, code="X")
READY = (OPENED, VERIFIED, STORED, CHECKED)
VERIFY, STORE = RecordVerified(1, 2), RecordManifest(MANIFEST, TREE, (), None)
CHECK, PUBLISH = RecordChecked(MANIFEST, ("media",)), PublishCommit(MANIFEST)
FAIL = FailCommit("check", "X", "no", (("path", "a"),))


def undone(step: Step) -> CommitStepCompensated:
    return CommitStepCompensated(commit=COMMIT, step=step, undone="it")


def test_a_commit_is_opened_once() -> None:
    given().when(OpenCommit(OPENED)).then(OPENED)
    given(OPENED).when(OpenCommit(opening(base=OTHER_COMMIT))).then_nothing()


def test_steps_are_recorded_in_their_order() -> None:
    given(OPENED).when(VERIFY).then(VERIFIED)
    given(OPENED, VERIFIED).when(STORE).then(STORED)
    given(OPENED, VERIFIED, STORED).when(CHECK).then(CHECKED)
    given(*READY).when(PUBLISH).then(PUBLISHED)


def test_a_step_that_is_behind_us_is_no_news() -> None:
    given(OPENED, VERIFIED).when(VERIFY).then_nothing()
    given(OPENED, VERIFIED, STORED).when(STORE).then_nothing()
    given(*READY).when(CHECK).then_nothing()


def test_no_step_is_recorded_before_its_turn() -> None:
    given(OPENED).when(STORE).then_nothing()
    given(OPENED, VERIFIED).when(CHECK).then_nothing()


def test_checks_of_one_manifest_say_nothing_of_another() -> None:
    given(OPENED, VERIFIED, STORED).when(RecordChecked(named("older"), ())).then_nothing()


@pytest.mark.parametrize(
    "history",
    [
        (),
        (OPENED, VERIFIED, STORED),
        (*READY, REBASED),
        (*READY, FAILED),
        (*READY, PUBLISHED),
        (*READY, FAILED, undone("check"), undone("store"), undone("verify"), COMPENSATED),
    ],
)
def test_a_pivot_whose_commit_moved_on_is_refused_so_its_branch_stays(
    history: tuple[CommitEvent, ...],
) -> None:
    given(*history).when(PUBLISH).then_refused(ConcurrencyConflictError)


def test_only_the_manifest_that_was_built_is_published() -> None:
    given(*READY).when(PublishCommit(named("other"))).then_refused(ConcurrencyConflictError)


def test_a_commit_whose_branch_moved_goes_back_to_the_store_step() -> None:
    given(*READY).when(RebaseCommit(1)).then(REBASED)
    state = given(*READY, REBASED).state
    assert (state.done, state.built, state.attempt) == (("verify",), None, 1)


def test_two_runners_that_saw_one_move_rebase_once() -> None:
    given(*READY, REBASED).when(RebaseCommit(1)).then_nothing()
    given(*READY).when(RebaseCommit(2)).then_nothing()


def test_an_open_commit_fails_once() -> None:
    given(*READY).when(FAIL).then(FAILED)
    given(*READY, FAILED).when(FAIL).then_nothing()
    assert given(*READY, FAILED).state.failure == FAILED


def test_steps_are_undone_in_reverse_order() -> None:
    story = given(*READY, FAILED)
    story.when(CompensateStep("store", "it")).then_nothing()
    story.when(CompensateStep("check", "it")).then(undone("check"))
    given(*READY, FAILED, undone("check")).when(CompensateStep("store", "it")).then(undone("store"))


def test_compensation_ends_when_all_is_undone() -> None:
    given(OPENED, VERIFIED, FAILED).when(EndCompensation()).then_nothing()
    given(OPENED, VERIFIED, FAILED, undone("verify")).when(EndCompensation()).then(COMPENSATED)
    over = given(OPENED, VERIFIED, FAILED, undone("verify"), COMPENSATED)
    over.when(EndCompensation()).then_nothing()
    over.when(CompensateStep("verify", "it")).then_nothing()


def test_nothing_is_undone_that_did_not_fail() -> None:
    given(*READY).when(CompensateStep("check", "it")).then_nothing()
    given(OPENED).when(EndCompensation()).then_nothing()
    given(*READY, PUBLISHED).when(CompensateStep("publish", "it")).then_nothing()


LATER: list[CommitCommand] = [VERIFY, STORE, CHECK, RebaseCommit(1), FAIL]


@pytest.mark.parametrize("command", LATER, ids=lambda command: type(command).__name__)
def test_what_comes_after_the_end_or_before_the_beginning_is_no_news(command: CommitCommand) -> None:
    for history in ((), (*READY, PUBLISHED), (OPENED, FAILED, COMPENSATED)):
        given(*history).when(command).then_nothing()
