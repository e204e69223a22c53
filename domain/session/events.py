"""The facts of an upload session (seed S2.1, house: Sessions and commits)."""

from __future__ import annotations

from typing import ClassVar

from domain.event import Event, Producer
from domain.ids import CommitId, ConsumerId, Digest, FilePath, RepoId, SessionId

NAMES_PER_PART_MAX = 8_192
"""Digests in one event: 256 KiB of names, half of a message."""


class UploadSessionStarted(Event):
    """A client may send content; everything that lived at `base` is pinned until the session ends."""

    TOPIC: ClassVar[str] = "session.started.v1"
    PRODUCER: ClassVar[Producer] = "client"
    session: SessionId
    repo: RepoId
    consumer: ConsumerId
    base: str
    """The position (encoded) from which "have" is answered; empty if the log was empty."""


class ChunkStored(Event):
    """Chunks became durable and verified in one place: all that one request stored there (S1.1)."""

    TOPIC: ClassVar[str] = "session.chunk_stored.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    session: SessionId
    repo: RepoId
    location: str
    chunks: bytes
    """BLAKE3-256 names, 32 bytes each."""
    sizes_bytes: tuple[int, ...]


class UploadStarted(Event):
    """A writer began or resumed a whole file; older writers of the same path are fenced off."""

    TOPIC: ClassVar[str] = "session.upload_started.v1"
    PRODUCER: ClassVar[Producer] = "client"
    session: SessionId
    path: FilePath
    length_bytes: int
    offset_bytes: int
    writer: int


class UploadProgressed(Event):
    """One more part of a file is durable; said per part, not per packet."""

    TOPIC: ClassVar[str] = "session.upload_progressed.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    session: SessionId
    path: FilePath
    offset_bytes: int
    """Where the file stands now: the confirmed offset, a chunk border."""
    chunks: bytes
    """The part's chunks in file order, 32 bytes each."""
    sizes_bytes: tuple[int, ...]


class UploadInterrupted(Event):
    """A writer went away before the end; the offset stands."""

    TOPIC: ClassVar[str] = "session.upload_interrupted.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    session: SessionId
    path: FilePath
    offset_bytes: int


class UploadCompleted(Event):
    """All bytes of one file are durable and its recipe is recorded."""

    TOPIC: ClassVar[str] = "session.upload_completed.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    session: SessionId
    path: FilePath
    recipe: Digest
    size_bytes: int


class RecipeRecorded(Event):
    """A recipe's object is stored, and these are its chunks: the edges recipe -> chunk (I4)."""

    TOPIC: ClassVar[str] = "session.recipe_recorded.v1"
    PRODUCER: ClassVar[Producer] = "client"
    session: SessionId
    repo: RepoId
    recipe: Digest
    size_bytes: int
    """Of the file that it rebuilds."""
    part: int
    parts: int
    chunks: bytes
    """This part's distinct children, 32 bytes each."""


class TreeRecorded(Event):
    """A tree's object is stored, and these are its children: edges tree -> trees and recipes (I4)."""

    TOPIC: ClassVar[str] = "session.tree_recorded.v1"
    PRODUCER: ClassVar[Producer] = "client"
    session: SessionId
    repo: RepoId
    tree: Digest
    part: int
    parts: int
    trees: bytes
    recipes: bytes


class UploadSessionCompleted(Event):
    """The session's content was published by a commit; said at the pivot."""

    TOPIC: ClassVar[str] = "session.completed.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    session: SessionId
    repo: RepoId
    commit: CommitId


class UploadSessionFailed(Event):
    """The session's commit failed for good; what was sent is left to the collector (S1.3)."""

    TOPIC: ClassVar[str] = "session.failed.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    session: SessionId
    repo: RepoId
    commit: CommitId
    code: str


class UploadExpired(Event):
    """Nothing was heard of the session for its idle limit; its pins are gone."""

    TOPIC: ClassVar[str] = "session.expired.v1"
    PRODUCER: ClassVar[Producer] = "session watcher"
    session: SessionId
    repo: RepoId


SessionEvent = (
    UploadSessionStarted
    | ChunkStored
    | UploadStarted
    | UploadProgressed
    | UploadInterrupted
    | UploadCompleted
    | RecipeRecorded
    | TreeRecorded
    | UploadSessionCompleted
    | UploadSessionFailed
    | UploadExpired
)
