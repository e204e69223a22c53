"""What the server knows of a file's content, as frozen values: facts, findings, salvage and pictures.

Promises: as in `results`: members that are not known here are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .results import Fields


@dataclass(frozen=True, slots=True)
class TrackTiming:
    """When a track begins, and `duration_ms` is when it ends, in the movie's time."""

    track: int
    kind: str
    start_ms: int
    duration_ms: int

    @staticmethod
    def of(fields: Fields) -> TrackTiming:
        numbers = (fields.number("track"), fields.number("start_ms"), fields.number("duration_ms"))
        track, start_ms, duration_ms = numbers
        return TrackTiming(track, fields.text("kind"), start_ms, duration_ms)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the movie's time in which a track presents nothing new although it should."""

    track: int
    at_ms: int
    lasting_ms: int

    @staticmethod
    def of(fields: Fields) -> Gap:
        return Gap(fields.number("track"), fields.number("at_ms"), fields.number("lasting_ms"))


@dataclass(frozen=True, slots=True)
class Sync:
    """Whether picture and sound stay together."""

    valid: bool
    drift_ms: int
    suggestion: str | None
    gaps: int
    first_gaps: tuple[Gap, ...]
    """At most 100, in the order of the movie's time; told of a film that is out of sync."""
    tracks: tuple[TrackTiming, ...]

    @staticmethod
    def of(fields: Fields) -> Sync:
        return Sync(
            fields.truth("valid"),
            fields.number("driftMs"),
            fields.text_or_none("suggestion"),
            fields.number("gaps"),
            fields.each("first_gaps", Gap.of),
            fields.each("tracks", TrackTiming.of),
        )


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One file in a list; None is not known of it."""

    path: str
    size_bytes: int
    recipe: str
    mode: str | None
    """media, raw or project."""
    kind: str | None
    """video, audio, project or other."""
    container: str | None
    codecs: tuple[str, ...]
    duration_ms: int | None
    width: int | None
    height: int | None
    frame_rate: str | None
    """A fraction; None also if it varies."""
    hdr: str | None
    sync: Sync | None
    nle: str | None
    warnings: tuple[str, ...]

    @staticmethod
    def of(fields: Fields) -> MediaLine:
        return MediaLine(
            path=fields.text("path"),
            size_bytes=fields.number("size_bytes"),
            recipe=fields.text("recipe"),
            mode=fields.text_or_none("mode"),
            kind=fields.text_or_none("kind"),
            container=fields.text_or_none("container"),
            codecs=fields.texts("codecs"),
            duration_ms=fields.number_or_none("duration_ms"),
            width=fields.number_or_none("width"),
            height=fields.number_or_none("height"),
            frame_rate=fields.text_or_none("frame_rate"),
            hdr=fields.text_or_none("hdr"),
            sync=fields.inner_or_none("sync", Sync.of),
            nle=fields.text_or_none("nle"),
            warnings=fields.texts("warnings"),
        )


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that is wrong with a container."""

    severity: str
    message: str

    @staticmethod
    def of(fields: Fields) -> Issue:
        return Issue(fields.text("severity"), fields.text("message"))


@dataclass(frozen=True, slots=True)
class Hdr:
    """Which colour metadata is there."""

    type: str
    mastering_display: bool
    content_light_level: bool
    dynamic_metadata: bool
    dolby_vision: bool

    @staticmethod
    def of(fields: Fields) -> Hdr:
        return Hdr(
            fields.text("type"),
            fields.truth("mastering_display"),
            fields.truth("content_light_level"),
            fields.truth("dynamic_metadata"),
            fields.truth("dolby_vision"),
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """What became of colour metadata of the file that this one was made of."""

    is_lost: bool
    original: str
    kinds: tuple[str, ...]

    @staticmethod
    def of(fields: Fields) -> Origin:
        return Origin(fields.truth("is_lost"), fields.text("original"), fields.texts("kinds"))


@dataclass(frozen=True, slots=True)
class Project:
    """A project of an editing program, and the media that it names."""

    stored_as: str
    """parsed or opaque."""
    nle: str
    version: str
    supported: bool
    """Its version is one that is understood; it may yet be opaque, for another reason."""
    reason: str | None
    """Why it is opaque; None if it is not."""
    references: tuple[str, ...]

    @staticmethod
    def of(fields: Fields) -> Project:
        stored_as, nle, version = (fields.text(name) for name in ("stored_as", "nle", "version"))
        supported, reason = fields.truth("supported"), fields.text_or_none("reason")
        return Project(stored_as, nle, version, supported, reason, fields.texts("references"))


@dataclass(frozen=True, slots=True)
class Salvage:
    """What becomes of a wish for the playable part of a damaged file."""

    state: str
    """asked, salvaged or failed."""
    target: str | None
    branch: str | None
    commit: str | None
    recipe: str | None
    code: str | None
    reason: str | None

    @staticmethod
    def of(fields: Fields) -> Salvage:
        names = ("target", "branch", "commit", "recipe", "code", "reason")
        return Salvage(fields.text("state"), *(fields.text_or_none(name) for name in names))


@dataclass(frozen=True, slots=True)
class Picture:
    """One that was drawn and can be had."""

    kind: str
    size_bytes: int
    width: int
    height: int

    @staticmethod
    def of(fields: Fields) -> Picture:
        numbers = (fields.number(name) for name in ("size_bytes", "width", "height"))
        return Picture(fields.text("kind"), *numbers)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """Everything that is known of one file's content."""

    path: str
    size_bytes: int
    recipe: str
    mode: str | None
    kind: str | None
    reader: int | None
    """The version of the reader that looked; None if none has."""
    facts: Mapping[str, object] | None
    issues: tuple[Issue, ...]
    unsupported: tuple[str, ...]
    """What is said of each codec outside the supported set."""
    sync: Sync | None
    hdr: Hdr | None
    derived: tuple[Origin, ...]
    project: Project | None
    salvage: Salvage | None
    pictures: tuple[Picture, ...]
    warnings: tuple[str, ...]

    @staticmethod
    def of(fields: Fields) -> MediaFile:
        return MediaFile(
            path=fields.text("path"),
            size_bytes=fields.number("size_bytes"),
            recipe=fields.text("recipe"),
            mode=fields.text_or_none("mode"),
            kind=fields.text_or_none("kind"),
            reader=fields.number_or_none("reader"),
            facts=fields.inner_or_none("facts", lambda inner: inner.raw),
            issues=fields.each("issues", Issue.of),
            unsupported=fields.each("unsupported", lambda inner: inner.text("warning")),
            sync=fields.inner_or_none("sync", Sync.of),
            hdr=fields.inner_or_none("hdr", Hdr.of),
            derived=fields.each("derived", Origin.of),
            project=fields.inner_or_none("project", Project.of),
            salvage=fields.inner_or_none("salvage", Salvage.of),
            pictures=fields.each("pictures", Picture.of),
            warnings=fields.texts("warnings"),
        )
