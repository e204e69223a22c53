"""A repository is created once and is private unless made public."""

from __future__ import annotations

from domain import repository
from domain.errors import AlreadyExistsError, NotFoundError
from domain.repository import (
    CreateRepository,
    RepositoryCreated,
    RepositoryMadePrivate,
    RepositoryMadePublic,
    ShowRepository,
)
from tests.domain.examples import ADA, FILM
from tests.spec import Spec

given = Spec(repository.DECIDER).given
CREATED = RepositoryCreated(repo=FILM, name="film", owner=ADA, public=False)
SHOWN = RepositoryMadePublic(repo=FILM)
HIDDEN = RepositoryMadePrivate(repo=FILM)


def test_a_repository_is_created_once() -> None:
    create = CreateRepository(FILM, "film", ADA, public=False)
    given().when(create).then(CREATED)
    given(CREATED).when(create).then_refused(AlreadyExistsError, thing="repository", name="film")


def test_a_private_repository_is_made_public() -> None:
    given(CREATED).when(ShowRepository(public=True)).then(SHOWN)


def test_a_public_repository_is_made_private_again() -> None:
    given(CREATED, SHOWN).when(ShowRepository(public=False)).then(HIDDEN)


def test_showing_what_is_shown_already_is_no_news() -> None:
    given(CREATED, SHOWN).when(ShowRepository(public=True)).then_nothing()
    given(CREATED, SHOWN, HIDDEN).when(ShowRepository(public=False)).then_nothing()


def test_a_repository_that_is_not_there_cannot_be_shown() -> None:
    given().when(ShowRepository(public=True)).then_refused(NotFoundError, thing="repository")


def test_the_fold_keeps_name_owner_and_visibility() -> None:
    state = given(CREATED, SHOWN).state
    assert (state.repo, state.name, state.owner, state.public) == (FILM, "film", ADA, True)
