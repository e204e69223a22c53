"""Edition v1 of the bodies, where v2 says them otherwise; the others are v2's. Published: nothing here moves.

Promises: closed and strict as the head's, with the same bounds; what fits here can be raised to the head.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gateway.operation import Wire
from gateway.wire import v2


# ------------------------------------------------------------------ repositories
class CreateRepo(Wire):
    name: v2.Name
    public: bool = False


class ShowRepo(Wire):
    public: bool


class Repo(Wire):
    name: str
    id: str
    public: bool
    owner: str
    """The consumer's id."""


class Repos(Wire):
    repos: list[Repo]


# ------------------------------------------------------------------ branches, tags, commits, files
class Branches(Wire):
    branches: list[v2.Branch]
    next: str | None = None


class Tags(Wire):
    tags: list[v2.Tag]
    next: str | None = None


class OpenCommit(Wire):
    branch: v2.RefName
    session: v2.HexId
    base: v2.HexId | None = None
    changes: list[v2.Change] | None = Field(None, max_length=v2.CHANGES_MAX)
    tree: v2.HexDigest | None = None
    fixed_head: bool = False
    message: v2.Message = ""
    tokens: list[v2.ShownToken] = Field(default_factory=list[v2.ShownToken], max_length=v2.CHANGES_MAX)


class Commit(Wire):
    commit: str
    state: v2.CommitState
    step: str | None = None
    """The next step of an open commit, or the one that failed."""
    branch: str
    session: str
    manifest: str | None
    tree: str | None
    parents: list[str]
    """Commit ids."""
    author: str
    message: str
    committed_at: str
    attempts: int = 1
    """How often it was built; more than one means that the branch moved meanwhile."""
    failure: v2.Failure | None = None


class ListCommits(Wire):
    branch: v2.RefName = "main"
    limit: int = Field(50, ge=1, le=1_000)
    before: v2.HexId | None = None


class CommitLines(Wire):
    commits: list[v2.CommitLine]


class ChangedFiles(Wire):
    changes: list[v2.ChangedFile]
    next: str | None = None


class Files(Wire):
    files: list[v2.File]
    next: str | None = None


# ------------------------------------------------------------------ locks
class AcquireLocks(Wire):
    paths: list[v2.Path] = Field(min_length=1, max_length=1_000)
    lease: v2.LeaseKind = "until"
    lease_s: v2.LeaseSeconds | None = None

    @model_validator(mode="after")
    def _beats_often_enough(self) -> Self:
        v2.refuse_rare_beats(self.lease, self.lease_s)
        return self


class Lock(Wire):
    path: str
    holder: str
    token: int | None
    """Shown to its holder only."""
    lease: v2.LeaseKind
    lease_s: int
    since: str


class Locks(Wire):
    locks: list[Lock]
    next: str | None = None


# ------------------------------------------------------------------ keys and projections
class IssueKey(Wire):
    name: v2.Name
    scopes: list[v2.ScopeName] = Field(min_length=1, max_length=16)
    repos: list[v2.Name] | None = Field(None, max_length=256)


class Key(Wire):
    consumer: str
    name: str
    key_id: str
    scopes: list[str]
    repos: list[str] | None


class Keys(Wire):
    keys: list[Key]


class ProjectionLines(Wire):
    projections: list[v2.ProjectionLine]


class ParkedEvents(Wire):
    parked: list[v2.ParkedEvent]


# ------------------------------------------------------------------ uploads
class CompletedFile(Wire):
    path: str
    recipe: str
    size_bytes: int
