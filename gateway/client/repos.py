"""Repositories, and the branches and tags in them."""

from __future__ import annotations

from . import operations as op
from .calls import Calls
from .operations import Operation
from .results import Ref, Repo


class Repos:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> tuple[Repo, ...]:
        return tuple(self._calls.items(op.REPOS_LIST, {}, Repo.of))

    def create(self, name: str, *, public: bool = False) -> Repo:
        body = {"name": name, "visibility": _visibility(public=public)}
        return Repo.of(self._calls.ask(op.REPOS_CREATE, body=body))

    def get(self, name: str) -> Repo:
        return Repo.of(self._calls.ask(op.REPOS_GET, {"repo": name}))

    def show(self, name: str, *, public: bool) -> Repo:
        """Show it to everybody, or to keys alone."""
        body = {"visibility": _visibility(public=public)}
        return Repo.of(self._calls.ask(op.REPOS_SHOW, {"repo": name}, body=body))


class Refs:
    """The branches of a repository, or its tags."""

    def __init__(self, calls: Calls, operations: tuple[Operation, ...]) -> None:
        self._calls = calls
        self._list, self._get, self._create, self._delete = operations

    def list(self, repo: str) -> tuple[Ref, ...]:
        return tuple(self._calls.items(self._list, {"repo": repo}, Ref.of))

    def get(self, repo: str, name: str) -> Ref:
        return Ref.of(self._calls.ask(self._get, {"repo": repo, "name": name}))

    def create(self, repo: str, name: str, commit: str) -> Ref:
        return Ref.of(self._calls.ask(self._create, {"repo": repo}, body={"name": name, "commit": commit}))

    def delete(self, repo: str, name: str) -> None:
        self._calls.ask(self._delete, {"repo": repo, "name": name})


def _visibility(*, public: bool) -> str:
    return "public" if public else "private"


def branches(calls: Calls) -> Refs:
    return Refs(calls, (op.BRANCHES_LIST, op.BRANCHES_GET, op.BRANCHES_CREATE, op.BRANCHES_DELETE))


def tags(calls: Calls) -> Refs:
    return Refs(calls, (op.TAGS_LIST, op.TAGS_GET, op.TAGS_CREATE, op.TAGS_DELETE))
