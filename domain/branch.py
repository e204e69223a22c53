"""A branch: a name and the commit it stands at.

Promises: it moves only from the head that was expected (compare-and-set by the decider, S3.1); it is born
by its first commit or from a commit; one deleted and born again keeps its id and its history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, assert_never, get_args

from domain.decider import Decider
from domain.errors import AlreadyExistsError, NotFoundError, StaleHeadError
from domain.event import Event, Producer
from domain.ids import BranchId, CommitId, Digest, RepoId


@dataclass(frozen=True, slots=True)
class Head:
    """A published commit and its manifest."""

    commit: CommitId
    manifest: Digest


class BranchCreated(Event):
    """A branch was born at a commit that was already published."""

    TOPIC: ClassVar[str] = "branch.created.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    branch: BranchId
    name: str
    commit: CommitId
    manifest: Digest


class BranchMoved(Event):
    """The branch's head is another commit now; `previous` is None at its first one."""

    TOPIC: ClassVar[str] = "branch.moved.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    branch: BranchId
    name: str
    commit: CommitId
    manifest: Digest
    previous: Digest | None


class BranchDeleted(Event):
    """The name is free again; the commits stay for whoever else holds them."""

    TOPIC: ClassVar[str] = "branch.deleted.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    branch: BranchId
    name: str
    manifest: Digest


BranchEvent = BranchCreated | BranchMoved | BranchDeleted


@dataclass(frozen=True, slots=True)
class CreateBranch:
    repo: RepoId
    branch: BranchId
    name: str
    head: Head


@dataclass(frozen=True, slots=True)
class MoveBranch:
    """Move from `expected` (None: unborn) to `head`."""

    repo: RepoId
    branch: BranchId
    name: str
    expected: CommitId | None
    head: Head


@dataclass(frozen=True, slots=True)
class DeleteBranch:
    name: str
    expected: CommitId | None
    """The head that the caller saw; None deletes whatever it is."""


BranchCommand = CreateBranch | MoveBranch | DeleteBranch


@dataclass(frozen=True, slots=True)
class Branch:
    repo: RepoId = RepoId("")
    branch: BranchId = BranchId("")
    name: str = ""
    head: Head | None = None

    @property
    def commit(self) -> CommitId | None:
        return self.head.commit if self.head is not None else None


def decide(state: Branch, command: BranchCommand) -> tuple[BranchEvent, ...]:
    match command:
        case CreateBranch(repo, branch, name, head):
            if state.head is not None:
                raise AlreadyExistsError(thing="branch", name=name)
            return (
                BranchCreated(
                    repo=repo, branch=branch, name=name, commit=head.commit, manifest=head.manifest
                ),
            )
        case MoveBranch(repo, branch, name, expected, head):
            _refuse_stale(state, name, expected)
            return (
                BranchMoved(
                    repo=repo,
                    branch=branch,
                    name=name,
                    commit=head.commit,
                    manifest=head.manifest,
                    previous=state.head.manifest if state.head is not None else None,
                ),
            )
        case DeleteBranch(name, expected):
            if state.head is None:
                raise NotFoundError(thing="branch", name=name)
            if expected is not None:
                _refuse_stale(state, name, expected)
            return (
                BranchDeleted(
                    repo=state.repo, branch=state.branch, name=state.name, manifest=state.head.manifest
                ),
            )
        case _:
            assert_never(command)


def _refuse_stale(state: Branch, name: str, expected: CommitId | None) -> None:
    if state.commit != expected:
        raise StaleHeadError(branch=name, head=state.commit or "unborn", expected=expected or "unborn")


def evolve(state: Branch, event: BranchEvent) -> Branch:
    match event:
        case BranchCreated() | BranchMoved():
            return Branch(event.repo, event.branch, event.name, Head(event.commit, event.manifest))
        case BranchDeleted():
            return replace(state, head=None)
        case _:
            assert_never(event)


DECIDER = Decider("branch", Branch(), decide, evolve, get_args(BranchEvent))
