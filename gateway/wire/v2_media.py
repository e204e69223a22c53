"""Bodies of the media routes in edition v2: what is known of a file's content, salvage, pictures.

Promises: the members of `MediaSync` and `MediaProject` are those of S4.3 and S4.5, spelt as there; facts are
told as they were found, so a newer reader's are no new wire form.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from domain.asset.events import Mode, PictureKind, Severity
from gateway.operation import Wire
from gateway.wire.v2 import HexId, Listing, Path, RefName

MEDIA_PER_PAGE_MAX = 500
CODEC_CHARACTERS_MAX = 64
DURATION_MS_MAX = 2**53
"""What every JSON reader counts exactly; 285,000 years."""

FileKind = Literal["video", "audio", "project", "other"]
"""By its pictures, else its sound; `other` is a container without either."""
HdrKind = Literal["hdr10", "hdr10+", "dolby-vision", "hlg"]
AskedHdr = Literal["hdr10", "hdr10+", "dolby-vision", "hlg", "any", "none"]
WarningWord = Literal[
    "corrupted-container",
    "container-warning",
    "unsupported-codec",
    "av-sync",
    "hdr-metadata-lost",
    "opaque-project",
]
"""As the header X-Dits-Warning has them; a damaged container in a published commit was taken raw."""
AskedWarning = Literal[WarningWord, "any", "none"]
SalvageState = Literal["asked", "salvaged", "failed"]


# ------------------------------------------------------------------ a list
class ListMedia(Wire):
    """Files that Dits understands as media or as projects; what is not asked for is not looked at."""

    limit: int = Field(MEDIA_PER_PAGE_MAX, ge=1, le=MEDIA_PER_PAGE_MAX)
    after: str = Field("", max_length=1_024)
    """The `page.next` of the part before."""
    prefix: str = Field("", max_length=1_024)
    codec: str | None = Field(None, min_length=1, max_length=CODEC_CHARACTERS_MAX)
    """A whole name, such as `avc1.64001f`, or what stands before its first dot."""
    hdr: AskedHdr | None = None
    """`any` is all four, `none` is none of them."""
    kind: FileKind | None = None
    mode: Mode | None = None
    warning: AskedWarning | None = None
    """One of those that the list shows; `any` is every file that should be looked at, `none` the others."""
    duration_ms_min: int | None = Field(None, ge=0, le=DURATION_MS_MAX)
    duration_ms_max: int | None = Field(None, ge=0, le=DURATION_MS_MAX)


class MediaTrackTiming(Wire):
    """When a track begins and ends in the movie's time, its edit list applied."""

    track: int
    kind: Literal["video", "audio"]
    start_ms: int
    duration_ms: int


class MediaGap(Wire):
    """A stretch of the movie's time in which a track presents nothing new although it should."""

    track: int
    at_ms: int
    lasting_ms: int


class MediaSync(Wire):
    """Whether picture and sound stay together (S4.3); `tracks` and `first_gaps` are what a resync needs."""

    valid: bool
    driftMs: int  # noqa: N815 -- the table's spelling
    suggestion: str | None
    gaps: int
    first_gaps: list[MediaGap]
    """At most 100, in the order of the movie's time; told of a film that is out of sync."""
    tracks: list[MediaTrackTiming]


class MediaLine(Wire):
    """One file in a list; members that are null are not known of it."""

    path: str
    size_bytes: int
    recipe: str
    mode: Mode | None
    kind: FileKind | None
    container: str | None
    codecs: list[str]
    duration_ms: int | None
    width: int | None
    height: int | None
    frame_rate: str | None
    """Frames a second as a fraction, such as `24000/1001`; null if it varies."""
    hdr: HdrKind | None
    sync: MediaSync | None
    nle: str | None
    """The editing program of a project."""
    warnings: list[WarningWord]


class MediaLines(Listing[MediaLine]):
    """In the order of their path's segments; a part may be empty and yet not be the last."""


# ------------------------------------------------------------------ one file
class MediaIssue(Wire):
    severity: Severity
    message: str


class MediaCodec(Wire):
    """A codec outside the documented set (S4.2)."""

    codec: str
    fallback: Literal["raw"]
    warning: str


class MediaHdr(Wire):
    """Which colour metadata is there (S4.4)."""

    type: str
    """hdr10, hdr10+, dolby-vision or hlg."""
    mastering_display: bool
    content_light_level: bool
    dynamic_metadata: bool
    dolby_vision: bool


class MediaOrigin(Wire):
    """What became of colour metadata of the file that this one was made of."""

    is_lost: bool
    """Else it was put back."""
    original: str
    """The other content's recipe."""
    kinds: list[str]


class MediaProject(Wire):
    """A project of an editing program (S4.5)."""

    stored_as: Literal["opaque", "parsed"]
    nle: str
    version: str
    supported: bool
    reason: str | None
    """Why it is opaque; null if it is not."""
    references: list[str]
    """Media that it names, as it names them."""


class Salvage(Wire):
    """What becomes of a wish for the playable part of a damaged file (S4.1)."""

    state: SalvageState
    target: str | None
    """Where the salvaged file lies, or is to lie; null after a failure."""
    branch: str | None
    commit: str | None
    """The one that brought it."""
    recipe: str | None
    code: str | None
    reason: str | None
    """Why nothing could be written."""


class MediaPicture(Wire):
    kind: PictureKind
    size_bytes: int
    width: int
    height: int


class Media(Wire):
    """Everything that is known of one file's content; null and empty where there is nothing to tell."""

    path: str
    size_bytes: int
    recipe: str
    mode: Mode | None
    kind: FileKind | None
    reader: int | None
    """The version of the reader that looked; null if none has."""
    facts: dict[str, JsonValue] | None
    issues: list[MediaIssue]
    unsupported: list[MediaCodec]
    sync: MediaSync | None
    hdr: MediaHdr | None
    derived: list[MediaOrigin]
    project: MediaProject | None
    salvage: Salvage | None
    pictures: list[MediaPicture]
    warnings: list[WarningWord]


# ------------------------------------------------------------------ asking
class AskSalvage(Wire):
    """`commit` may be one that was refused for this file; without it the branch's head is meant."""

    branch: RefName
    path: Path
    commit: HexId | None = None
    target: Path | None = None
    """Without it, beside the original: `reel.mov` becomes `reel.salvaged.mov`."""


class AskPicture(Wire):
    kind: PictureKind = "poster"
