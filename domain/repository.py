"""A repository: its name, its owner, and whether everybody may read it.

Promises: a name belongs to one repository for good (its id is derived from it); a repository is private
unless made public (house: Rulings).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, assert_never, get_args

from domain.decider import Decider
from domain.errors import AlreadyExistsError, NotFoundError
from domain.event import Event, Producer
from domain.ids import ConsumerId, RepoId


class RepositoryCreated(Event):
    """A repository came into being, empty, under a name that is now taken."""

    TOPIC: ClassVar[str] = "repository.created.v2"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    name: str
    owner: ConsumerId
    public: bool


class RepositoryMadePublic(Event):
    """Everybody may read the repository from here on, without a key."""

    TOPIC: ClassVar[str] = "repository.made_public.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId


class RepositoryMadePrivate(Event):
    """Only keys issued for the repository may read it from here on."""

    TOPIC: ClassVar[str] = "repository.made_private.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId


RepositoryEvent = RepositoryCreated | RepositoryMadePublic | RepositoryMadePrivate


@dataclass(frozen=True, slots=True)
class CreateRepository:
    repo: RepoId
    name: str
    owner: ConsumerId
    public: bool


@dataclass(frozen=True, slots=True)
class ShowRepository:
    """Make it public, or private again."""

    public: bool


RepositoryCommand = CreateRepository | ShowRepository


@dataclass(frozen=True, slots=True)
class Repository:
    repo: RepoId | None = None
    name: str = ""
    owner: ConsumerId = ConsumerId("")
    public: bool = False

    @property
    def exists(self) -> bool:
        return self.repo is not None


def decide(state: Repository, command: RepositoryCommand) -> tuple[RepositoryEvent, ...]:
    match command:
        case CreateRepository(repo, name, owner, public):
            if state.exists:
                raise AlreadyExistsError(thing="repository", name=name)
            return (RepositoryCreated(repo=repo, name=name, owner=owner, public=public),)
        case ShowRepository(public):
            if state.repo is None:
                raise NotFoundError(thing="repository", name="")
            if public == state.public:
                return ()
            return (
                RepositoryMadePublic(repo=state.repo) if public else RepositoryMadePrivate(repo=state.repo),
            )
        case _:
            assert_never(command)


def evolve(state: Repository, event: RepositoryEvent) -> Repository:
    match event:
        case RepositoryCreated():
            return Repository(event.repo, event.name, event.owner, event.public)
        case RepositoryMadePublic():
            return replace(state, public=True)
        case RepositoryMadePrivate():
            return replace(state, public=False)
        case _:
            assert_never(event)


DECIDER = Decider("repository", Repository(), decide, evolve, get_args(RepositoryEvent))
