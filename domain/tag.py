"""A tag: a name for one commit that never moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, assert_never, get_args

from domain.decider import Decider
from domain.errors import AlreadyExistsError, NotFoundError
from domain.event import Event, Producer
from domain.ids import CommitId, Digest, RepoId, TagId


class TagCreated(Event):
    """A commit got a name; the tag holds its manifest."""

    TOPIC: ClassVar[str] = "tag.created.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    tag: TagId
    name: str
    commit: CommitId
    manifest: Digest


class TagDeleted(Event):
    """The name is free again, and the manifest is no longer held by it."""

    TOPIC: ClassVar[str] = "tag.deleted.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    tag: TagId
    name: str
    manifest: Digest


TagEvent = TagCreated | TagDeleted


@dataclass(frozen=True, slots=True)
class CreateTag:
    repo: RepoId
    tag: TagId
    name: str
    commit: CommitId
    manifest: Digest


@dataclass(frozen=True, slots=True)
class DeleteTag:
    name: str


TagCommand = CreateTag | DeleteTag


@dataclass(frozen=True, slots=True)
class Tag:
    created: TagCreated | None = None


def decide(state: Tag, command: TagCommand) -> tuple[TagEvent, ...]:
    match command:
        case CreateTag(repo, tag, name, commit, manifest):
            if state.created is not None:
                raise AlreadyExistsError(thing="tag", name=name)
            return (TagCreated(repo=repo, tag=tag, name=name, commit=commit, manifest=manifest),)
        case DeleteTag(name):
            if state.created is None:
                raise NotFoundError(thing="tag", name=name)
            held = state.created
            return (TagDeleted(repo=held.repo, tag=held.tag, name=held.name, manifest=held.manifest),)
        case _:
            assert_never(command)


def evolve(state: Tag, event: TagEvent) -> Tag:  # noqa: ARG001 -- every fold has this shape
    match event:
        case TagCreated():
            return Tag(event)
        case TagDeleted():
            return Tag()
        case _:
            assert_never(event)


DECIDER = Decider("tag", Tag(), decide, evolve, get_args(TagEvent))
