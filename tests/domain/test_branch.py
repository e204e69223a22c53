"""A branch moves only from the head that was expected, and its name is free when it is deleted (S3.1)."""

from __future__ import annotations

from domain import branch
from domain.branch import (
    BranchCreated,
    BranchDeleted,
    BranchMoved,
    CreateBranch,
    DeleteBranch,
    Head,
    MoveBranch,
)
from domain.errors import AlreadyExistsError, NotFoundError, StaleHeadError
from domain.ids import CommitId, Digest
from tests.domain.examples import COMMIT, FILM, MAIN, OTHER_COMMIT, named
from tests.spec import Spec

given = Spec(branch.DECIDER).given
ONE, TWO = named("manifest 1"), named("manifest 2")


def created(commit: CommitId, manifest: Digest) -> BranchCreated:
    return BranchCreated(repo=FILM, branch=MAIN, name="main", commit=commit, manifest=manifest)


def moved(commit: CommitId, manifest: Digest, previous: Digest | None) -> BranchMoved:
    return BranchMoved(
        repo=FILM, branch=MAIN, name="main", commit=commit, manifest=manifest, previous=previous
    )


def move(expected: CommitId | None, to: CommitId, manifest: Digest) -> MoveBranch:
    return MoveBranch(FILM, MAIN, "main", expected, Head(to, manifest))


FIRST = moved(COMMIT, ONE, None)
DELETED = BranchDeleted(repo=FILM, branch=MAIN, name="main", manifest=ONE)


def test_a_branch_is_born_by_its_first_commit() -> None:
    given().when(move(None, COMMIT, ONE)).then(FIRST)


def test_a_branch_is_born_from_a_commit() -> None:
    given().when(CreateBranch(FILM, MAIN, "main", Head(COMMIT, ONE))).then(created(COMMIT, ONE))


def test_a_branch_that_lives_cannot_be_created() -> None:
    create = CreateBranch(FILM, MAIN, "main", Head(OTHER_COMMIT, TWO))
    given(FIRST).when(create).then_refused(AlreadyExistsError, thing="branch", name="main")


def test_a_branch_moves_from_the_head_that_was_expected() -> None:
    given(FIRST).when(move(COMMIT, OTHER_COMMIT, TWO)).then(moved(OTHER_COMMIT, TWO, ONE))


def test_a_branch_does_not_move_from_another_head() -> None:
    stale = given(FIRST).when(move(None, OTHER_COMMIT, TWO))
    stale.then_refused(StaleHeadError, branch="main", head=COMMIT, expected="unborn")
    unborn = given().when(move(COMMIT, OTHER_COMMIT, TWO))
    unborn.then_refused(StaleHeadError, branch="main", head="unborn", expected=COMMIT)


def test_a_branch_is_deleted_at_the_head_that_was_seen_or_at_any() -> None:
    given(FIRST).when(DeleteBranch("main", COMMIT)).then(DELETED)
    given(FIRST).when(DeleteBranch("main", None)).then(DELETED)


def test_a_branch_that_moved_is_not_deleted() -> None:
    given(FIRST).when(DeleteBranch("main", OTHER_COMMIT)).then_refused(StaleHeadError, head=COMMIT)


def test_a_branch_that_is_not_there_cannot_be_deleted() -> None:
    given().when(DeleteBranch("main", None)).then_refused(NotFoundError, thing="branch", name="main")
    given(FIRST, DELETED).when(DeleteBranch("main", None)).then_refused(NotFoundError)


def test_a_deleted_branch_is_unborn_and_can_be_born_again() -> None:
    assert given(FIRST, DELETED).state.commit is None
    given(FIRST, DELETED).when(move(None, COMMIT, ONE)).then(FIRST)
    again = CreateBranch(FILM, MAIN, "main", Head(COMMIT, ONE))
    given(FIRST, DELETED).when(again).then(created(COMMIT, ONE))
