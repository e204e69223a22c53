"""What may be asked of an upload session, and the state it is asked of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.growing import GrowingSet
from domain.ids import CommitId, ConsumerId, Digest, FilePath, RepoId, SessionId


@dataclass(frozen=True, slots=True)
class StartSession:
    session: SessionId
    repo: RepoId
    consumer: ConsumerId
    base: str


@dataclass(frozen=True, slots=True)
class StoreChunks:
    """Say that chunks are durable and verified at a location."""

    location: str
    chunks: bytes
    sizes_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StartUpload:
    """Become the writer of a path. `offset_bytes` must be the confirmed one."""

    path: FilePath
    length_bytes: int
    offset_bytes: int


@dataclass(frozen=True, slots=True)
class ProgressUpload:
    path: FilePath
    writer: int
    chunks: bytes
    sizes_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InterruptUpload:
    path: FilePath
    writer: int


@dataclass(frozen=True, slots=True)
class CompleteUpload:
    path: FilePath
    writer: int
    recipe: Digest


@dataclass(frozen=True, slots=True)
class RecordRecipe:
    """One part of a recipe's children; parts come in order, repeats are no news."""

    recipe: Digest
    size_bytes: int
    part: int
    parts: int
    chunks: bytes


@dataclass(frozen=True, slots=True)
class RecordTree:
    tree: Digest
    part: int
    parts: int
    trees: bytes
    recipes: bytes


@dataclass(frozen=True, slots=True)
class CompleteSession:
    """Refused to a commit of another repository, as if there were no such session."""

    repo: RepoId
    commit: CommitId


@dataclass(frozen=True, slots=True)
class FailSession:
    """No news to a session that is over, or of another repository."""

    repo: RepoId
    commit: CommitId
    code: str


@dataclass(frozen=True, slots=True)
class ExpireSession:
    """Expire, unless the session has moved on from the version at which the watch began."""

    seen_version: int


SessionCommand = (
    StartSession
    | StoreChunks
    | StartUpload
    | ProgressUpload
    | InterruptUpload
    | CompleteUpload
    | RecordRecipe
    | RecordTree
    | CompleteSession
    | FailSession
    | ExpireSession
)


@dataclass(frozen=True, slots=True)
class FileUpload:
    length_bytes: int
    offset_bytes: int
    writer: int
    recipe: Digest | None = None
    interrupted: bool = False


Phase = Literal["absent", "open", "completed", "failed", "expired"]


_NOTHING_RECORDED: GrowingSet[tuple[Digest, int]] = GrowingSet()


@dataclass(frozen=True, slots=True)
class Session:
    phase: Phase = "absent"
    session: SessionId = SessionId("")
    repo: RepoId = RepoId("")
    consumer: ConsumerId = ConsumerId("")
    base: str = ""
    version: int = 0
    files: Mapping[FilePath, FileUpload] = field(default_factory=dict[FilePath, FileUpload])
    recorded: GrowingSet[tuple[Digest, int]] = _NOTHING_RECORDED
    """(recipe or tree, part) pairs that are in the log."""
    failure: str = ""
