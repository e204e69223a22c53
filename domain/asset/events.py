"""The facts of one asset: how it is stored, what was found in it, and what was made of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from domain.event import Event, Producer
from domain.ids import BranchId, CommitId, ConsumerId, Digest, FilePath, RepoId

Mode = Literal["media", "raw", "project"]
"""Understood as media; media stored as it came, by choice or for its codecs; an editing project."""
Severity = Literal["error", "warning"]
PictureKind = Literal["poster", "sheet"]


class FoundIssue(BaseModel):
    """One thing that is wrong with a container."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    severity: Severity
    message: str


class FoundGap(BaseModel):
    """A stretch of the movie's time in which nothing new is presented although it should be."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    track: int
    at_ms: int
    lasting_ms: int


class AssetStored(Event):
    """A commit brought this content, and this is what it is; said again if a newer reader finds more."""

    TOPIC: ClassVar[str] = "asset.stored.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    recipe: Digest
    size_bytes: int
    mode: Mode
    facts: bytes
    """Encoded media facts (`docs/formats.md`); empty if there are none."""
    issues: tuple[FoundIssue, ...]
    """Of the container, the first 32, errors before warnings; errors only if it was taken raw by choice."""
    reader: int
    """The version of the reader that looked."""


class AssetValidationFailed(Event):
    """A container is damaged: the commit was refused, or the file was taken as raw by choice (S4.1)."""

    TOPIC: ClassVar[str] = "asset.validation_failed.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    recipe: Digest
    path: FilePath
    commit: CommitId
    issues: tuple[FoundIssue, ...]


class UnsupportedCodecFlagged(Event):
    """Media in a codec outside the documented set: stored raw, looked at again when the set grows (S4.2)."""

    TOPIC: ClassVar[str] = "asset.unsupported_codec_flagged.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    recipe: Digest
    codecs: tuple[str, ...]


class AvSyncWarningRaised(Event):
    """Sound and picture differ in length by more than 100 ms, or timestamps have gaps (S4.3)."""

    TOPIC: ClassVar[str] = "asset.av_sync_warning_raised.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    recipe: Digest
    drift_ms: int
    gaps: int
    first_gaps: tuple[FoundGap, ...]
    """At most 100, in the order of the movie's time."""
    suggestion: str


class HdrMetadataExtracted(Event):
    """The colour metadata of an HDR picture, kept apart from it (S4.4)."""

    TOPIC: ClassVar[str] = "asset.hdr_metadata_extracted.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    recipe: Digest
    hdr: str
    """hdr10, hdr10+, dolby-vision or hlg."""
    mastering_display: bytes
    """As an mdcv box holds it; empty if there is none, as are the next three."""
    content_light: bytes
    dynamic: bytes
    """The first ST 2094-40 message."""
    dolby_vision: bytes


class HdrMetadataReinserted(Event):
    """A derivative had lost colour metadata of its original; it was put back, as a new asset (S4.4)."""

    TOPIC: ClassVar[str] = "asset.hdr_metadata_reinserted.v1"
    PRODUCER: ClassVar[Producer] = "media worker"
    repo: RepoId
    recipe: Digest
    original: Digest
    kinds: tuple[str, ...]


class HdrMetadataLost(Event):
    """A derivative lacks colour metadata of its original that cannot be put back (S4.4)."""

    TOPIC: ClassVar[str] = "asset.hdr_metadata_lost.v1"
    PRODUCER: ClassVar[Producer] = "media worker"
    repo: RepoId
    recipe: Digest
    original: Digest
    kinds: tuple[str, ...]


class NleProjectParsed(Event):
    """An editing project of a version that is understood, and the media that it names (S4.5)."""

    TOPIC: ClassVar[str] = "asset.nle_project_parsed.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    recipe: Digest
    nle: str
    version: str
    references: tuple[str, ...]


class NleProjectStoredOpaque(Event):
    """An editing project of another version, or one that cannot be read, stored byte for byte (S4.5)."""

    TOPIC: ClassVar[str] = "asset.nle_project_stored_opaque.v1"
    PRODUCER: ClassVar[Producer] = "saga runner"
    repo: RepoId
    recipe: Digest
    nle: str
    version: str
    reason: str
    """Why it is not parsed."""


class SalvageAsked(Event):
    """Somebody wants what can be played of a damaged file, beside it on a branch (S4.1)."""

    TOPIC: ClassVar[str] = "asset.salvage_asked.v1"
    PRODUCER: ClassVar[Producer] = "client"
    repo: RepoId
    recipe: Digest
    path: FilePath
    """Of the original."""
    target: FilePath
    """Where the salvaged file is to lie."""
    branch: BranchId
    branch_name: str
    asked_by: ConsumerId
    asked_by_name: str


class AssetSalvaged(Event):
    """The playable part was written anew, as an asset of its own; the original is untouched (S4.1)."""

    TOPIC: ClassVar[str] = "asset.salvaged.v1"
    PRODUCER: ClassVar[Producer] = "media worker"
    repo: RepoId
    recipe: Digest
    salvaged: Digest
    target: FilePath
    commit: CommitId


class SalvageFailed(Event):
    """Nothing playable could be written; it may be asked for again."""

    TOPIC: ClassVar[str] = "asset.salvage_failed.v1"
    PRODUCER: ClassVar[Producer] = "media worker"
    repo: RepoId
    recipe: Digest
    code: str
    reason: str


class PictureDrawn(Event):
    """A poster frame or a contact sheet of a video lies among the derived objects; it can be drawn again."""

    TOPIC: ClassVar[str] = "asset.picture_drawn.v1"
    PRODUCER: ClassVar[Producer] = "media worker"
    repo: RepoId
    recipe: Digest
    kind: PictureKind
    picture: Digest
    """Its name among the derived objects: a JPEG."""
    size_bytes: int
    width: int
    height: int


class RecipeSuperseded(Event):
    """Another recipe rebuilds the same bytes and is read in its place from now on; trees name the old."""

    TOPIC: ClassVar[str] = "asset.recipe_superseded.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    repo: RepoId
    old: Digest
    new: Digest


AssetEvent = (
    AssetStored
    | AssetValidationFailed
    | UnsupportedCodecFlagged
    | AvSyncWarningRaised
    | HdrMetadataExtracted
    | HdrMetadataReinserted
    | HdrMetadataLost
    | NleProjectParsed
    | NleProjectStoredOpaque
    | SalvageAsked
    | AssetSalvaged
    | SalvageFailed
    | PictureDrawn
    | RecipeSuperseded
)
