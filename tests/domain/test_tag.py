"""A tag names one commit and never moves."""

from __future__ import annotations

from domain import tag
from domain.errors import AlreadyExistsError, NotFoundError
from domain.tag import CreateTag, DeleteTag, TagCreated, TagDeleted
from tests.domain.examples import COMMIT, CUT_1, FILM, OTHER_COMMIT, named
from tests.spec import Spec

given = Spec(tag.DECIDER).given
ONE = named("manifest 1")
CREATED = TagCreated(repo=FILM, tag=CUT_1, name="cut-1", commit=COMMIT, manifest=ONE)
DELETED = TagDeleted(repo=FILM, tag=CUT_1, name="cut-1", manifest=ONE)


def test_a_commit_gets_a_name() -> None:
    given().when(CreateTag(FILM, CUT_1, "cut-1", COMMIT, ONE)).then(CREATED)


def test_a_tag_never_moves() -> None:
    again = CreateTag(FILM, CUT_1, "cut-1", OTHER_COMMIT, named("manifest 2"))
    given(CREATED).when(again).then_refused(AlreadyExistsError, thing="tag", name="cut-1")


def test_a_deleted_tag_names_what_it_held() -> None:
    given(CREATED).when(DeleteTag("cut-1")).then(DELETED)


def test_a_tag_that_is_not_there_cannot_be_deleted() -> None:
    given().when(DeleteTag("cut-1")).then_refused(NotFoundError, thing="tag", name="cut-1")
    given(CREATED, DELETED).when(DeleteTag("cut-1")).then_refused(NotFoundError)


def test_the_name_of_a_deleted_tag_is_free() -> None:
    given(CREATED, DELETED).when(CreateTag(FILM, CUT_1, "cut-1", COMMIT, ONE)).then(CREATED)
