"""The facts of one commit, in the order in which they can come."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from domain.event import Event, Producer
from domain.ids import BranchId, CommitId, ConsumerId, Digest, FilePath, RepoId, SessionId

Step = Literal["verify", "store", "check", "publish"]
WARNINGS_MAX = 100
"""Told with a commit; each asset has its own events."""


class PathChange(BaseModel):
    """A path's new recipe; None removes the path."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, ser_json_bytes="hex", val_json_bytes="hex"
    )
    path: FilePath
    recipe: Digest | None


class LockToken(BaseModel):
    """The fencing token that a committer shows for a path."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    path: FilePath
    token: int


class CheckWarning(BaseModel):
    """What a check lets pass, and tells."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    path: FilePath
    code: str
    """As the header X-Dits-Warning has it, such as unsupported-codec."""
    message: str


class CommitOpened(Event):
    """Somebody asked for a commit; everything the saga needs is in here."""

    TOPIC: ClassVar[str] = "commit.opened.v2"
    PRODUCER: ClassVar[Producer] = "client"
    commit: CommitId
    repo: RepoId
    branch: BranchId
    branch_name: str
    session: SessionId
    base: CommitId | None
    """The commit that `changes` or `tree` were made on."""
    tree: Digest | None
    """The whole new root tree, or None if `changes` say what changed."""
    changes: tuple[PathChange, ...]
    fixed_head: bool
    """The client allows no other head than `base`; otherwise the commit follows a head that moved."""
    author: ConsumerId
    author_name: str
    message: str
    tokens: tuple[LockToken, ...]
    raw: tuple[FilePath, ...]
    """Paths whose content is taken as it is, also a damaged container (S4.1)."""
    opened_at_ms: int
    """Unix time; becomes the manifest's."""


class CommitVerified(Event):
    """Everything the commit names is in the log as stored and verified."""

    TOPIC: ClassVar[str] = "commit.verified.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    recipe_count: int
    chunk_count: int


class ManifestRecorded(Event):
    """Trees and manifest are stored and verified: the edges manifest -> parents and tree (I4)."""

    TOPIC: ClassVar[str] = "commit.manifest_recorded.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    repo: RepoId
    manifest: Digest
    tree: Digest | None
    """None is a commit that holds no file."""
    parents: tuple[Digest, ...]
    head: CommitId | None
    """The branch head it was built on, which the pivot expects."""


class CommitChecked(Event):
    """The named checks passed."""

    TOPIC: ClassVar[str] = "commit.checked.v2"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    checks: tuple[str, ...]
    warnings: tuple[CheckWarning, ...]
    """The first of them, at most WARNINGS_MAX."""


class CommitRebased(Event):
    """The head moved before the pivot; trees are built again on the new one."""

    TOPIC: ClassVar[str] = "commit.rebased.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    attempt: int


class CommitPublished(Event):
    """The pivot: the commit is its branch's head. In the same append as BranchMoved."""

    TOPIC: ClassVar[str] = "commit.published.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    repo: RepoId
    branch: BranchId
    branch_name: str
    manifest: Digest
    author_name: str
    message: str


class CommitFailed(Event):
    """A step failed for good; compensation begins."""

    TOPIC: ClassVar[str] = "commit.failed.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    step: Step
    code: str
    message: str
    facts: tuple[tuple[str, str], ...]


class CommitStepCompensated(Event):
    """One step was undone; steps come in reverse order. No content-addressed object is deleted."""

    TOPIC: ClassVar[str] = "commit.step_compensated.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    step: Step
    undone: str
    """What was undone, in words."""


class CommitCompensated(Event):
    """The failed commit left nothing behind but what the collector will find; its session ended with it."""

    TOPIC: ClassVar[str] = "commit.compensated.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    commit: CommitId
    repo: RepoId
    code: str


CommitEvent = (
    CommitOpened
    | CommitVerified
    | ManifestRecorded
    | CommitChecked
    | CommitRebased
    | CommitPublished
    | CommitFailed
    | CommitStepCompensated
    | CommitCompensated
)
