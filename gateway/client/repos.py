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
        return self._calls.ask(op.REPOS_LIST).each("repos", Repo.of)

    def create(self, name: str, *, public: bool = False) -> Repo:
        return Repo.of(self._calls.ask(op.REPOS_CREATE, body={"name": name, "public": public}))

    def get(self, name: str) -> Repo:
        return Repo.of(self._calls.ask(op.REPOS_GET, {"repo": name}))

    def show(self, name: str, *, public: bool) -> Repo:
        """Show it to everybody, or to keys alone."""
        return Repo.of(self._calls.ask(op.REPOS_SHOW, {"repo": name}, body={"public": public}))


class Refs:
    """The branches of a repository, or its tags."""

    def __init__(self, calls: Calls, word: str, operations: tuple[Operation, ...]) -> None:
        self._calls = calls
        self._word = word
        self._list, self._get, self._create, self._delete = operations

    def list(self, repo: str) -> tuple[Ref, ...]:
        pages = self._calls.pages(self._list, {"repo": repo})
        return tuple(ref for page in pages for ref in page.each(self._word, Ref.of))

    def get(self, repo: str, name: str) -> Ref:
        return Ref.of(self._calls.ask(self._get, {"repo": repo, "name": name}))

    def create(self, repo: str, name: str, commit: str) -> Ref:
        return Ref.of(self._calls.ask(self._create, {"repo": repo}, body={"name": name, "commit": commit}))

    def delete(self, repo: str, name: str) -> None:
        self._calls.ask(self._delete, {"repo": repo, "name": name})


def branches(calls: Calls) -> Refs:
    return Refs(
        calls, "branches", (op.BRANCHES_LIST, op.BRANCHES_GET, op.BRANCHES_CREATE, op.BRANCHES_DELETE)
    )


def tags(calls: Calls) -> Refs:
    return Refs(calls, "tags", (op.TAGS_LIST, op.TAGS_GET, op.TAGS_CREATE, op.TAGS_DELETE))
