"""What is known of a file's content, in the words of the wire: its tree entry's facts, its asset's findings.

Promises: pure; a content that nobody examined is told as one of which nothing is known; a codec that is
supported by now is told no more. Serves S4.1-S4.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from domain.asset.decider import Asset, Finding
from domain.asset.events import (
    AssetSalvaged,
    AvSyncWarningRaised,
    HdrMetadataExtracted,
    Mode,
    NleProjectParsed,
    NleProjectStoredOpaque,
    UnsupportedCodecFlagged,
)
from domain.errors import FormatError
from domain.format.media import facts as format_facts
from domain.format.media.codecs import check_codec
from domain.format.media.facts import MediaFacts
from domain.format.media.hdr import HdrMetadata
from domain.format.media.track_facts import TrackFacts
from domain.format.tree import Entry
from domain.ids import FilePath
from domain.nle.versions import SUPPORTED
from gateway.wire import v2_media as wire


@dataclass(frozen=True, slots=True)
class Content:
    """One file, and all that is known of what it holds."""

    path: FilePath
    entry: Entry
    asset: Asset
    facts: MediaFacts | None

    @staticmethod
    def of(path: FilePath, entry: Entry, asset: Asset) -> Content:
        """What the asset knows counts more than the tree: the newest reader wrote it, and no client."""
        stored = asset.stored
        facts = _decoded(stored.facts) if stored is not None else None
        return Content(path, entry, asset, facts or facts_in(entry))

    @property
    def mode(self) -> Mode | None:
        return self.asset.stored.mode if self.asset.stored is not None else None

    @property
    def is_understood(self) -> bool:
        """As media, also damaged, or as a project."""
        return self.facts is not None or self.asset.stored is not None or bool(self.asset.issues)

    @property
    def is_damaged(self) -> bool:
        return any(issue.severity == "error" for issue in self.asset.issues)

    @property
    def kind(self) -> wire.FileKind | None:
        if self.mode == "project":
            return "project"
        return _kind(self.facts) if self.facts is not None else None


def facts_in(entry: Entry) -> MediaFacts | None:
    """None also for facts of a version that is not known here."""
    try:
        return format_facts.facts_in(entry.extensions)
    except FormatError:
        return None


def _decoded(encoded: bytes) -> MediaFacts | None:
    try:
        return MediaFacts.decode(encoded) if encoded else None
    except FormatError:
        return None


def _kind(facts: MediaFacts) -> wire.FileKind:
    kinds = {track.kind for track in facts.tracks}
    return "video" if "video" in kinds else "audio" if "audio" in kinds else "other"


def is_to_be_drawn(content: Content) -> bool:
    """A worker draws it, sooner or later."""
    has_pictures = content.facts is None or content.kind == "video"
    return content.mode == "media" and has_pictures


def described(content: Content) -> str:
    """What it is, for those who took it for something else."""
    if content.is_damaged:
        return "its container is damaged"
    if content.mode == "media":
        return (
            "it is a film whose container is intact" if content.kind == "video" else "it is an intact sound"
        )
    if content.mode == "raw":
        return "its container is intact, and it is stored raw"
    if content.mode == "project":
        return "it is an editing project"
    return "it is neither media nor an editing project"


# ------------------------------------------------------------------ filters
def fits(content: Content, asked: wire.ListMedia) -> bool:
    """What asks for facts finds no file without them."""
    if asked.mode is not None and asked.mode != content.mode:
        return False
    if asked.warning is not None and not _is_warned_of(content, asked.warning):
        return False
    if content.facts is not None:
        return _fits_facts(content.facts, asked)
    needs_facts = (asked.codec, asked.hdr, asked.duration_ms_min, asked.duration_ms_max)
    return asked.kind in {None, content.kind} and all(each is None for each in needs_facts)


def _fits_facts(facts: MediaFacts, asked: wire.ListMedia) -> bool:
    return (
        (asked.kind is None or asked.kind == _kind(facts))
        and (asked.codec is None or any(_is_called(track.codec, asked.codec) for track in facts.tracks))
        and (asked.hdr is None or _is_hdr(facts.hdr, asked.hdr))
        and (asked.duration_ms_min is None or facts.duration_ms >= asked.duration_ms_min)
        and (asked.duration_ms_max is None or facts.duration_ms <= asked.duration_ms_max)
    )


def _is_warned_of(content: Content, asked: wire.AskedWarning) -> bool:
    words = set(warnings_of(content))
    match asked:
        case "any":
            return bool(words)
        case "none":
            return not words
        case _:
            return asked in words


def _is_called(codec: str, asked: str) -> bool:
    return asked in {codec, codec.partition(".")[0]}


def _is_hdr(hdr: HdrMetadata, asked: wire.AskedHdr) -> bool:
    match asked:
        case "any":
            return hdr.type is not None
        case "none":
            return hdr.type is None
        case _:
            return hdr.type == asked


# ------------------------------------------------------------------ told
def line(content: Content) -> wire.MediaLine:
    entry, facts = content.entry, content.facts
    film = next(_tracks(facts, "video"), None)
    picture = film.picture if film is not None else None
    varies = film is not None and film.variable is not None
    project = _project(content.asset)
    return wire.MediaLine(
        path=content.path,
        size_bytes=entry.size_bytes,
        recipe=entry.digest.hex(),
        mode=content.mode,
        kind=content.kind,
        container=facts.container if facts is not None else None,
        codecs=list(dict.fromkeys(each.codec for each in _tracks(facts, "video", "audio"))),
        duration_ms=facts.duration_ms if facts is not None else None,
        width=picture.width if picture is not None else None,
        height=picture.height if picture is not None else None,
        frame_rate=str(picture.rate) if picture is not None and not varies else None,
        hdr=facts.hdr.type if facts is not None else None,
        sync=_sync(content),
        nle=project.nle if project is not None else None,
        warnings=list(warnings_of(content)),
    )


def whole(content: Content) -> wire.Media:
    entry, asset, facts = content.entry, content.asset, content.facts
    return wire.Media(
        path=content.path,
        size_bytes=entry.size_bytes,
        recipe=entry.digest.hex(),
        mode=content.mode,
        kind=content.kind,
        reader=asset.stored.reader if asset.stored is not None else None,
        facts=cast("dict[str, JsonValue]", facts.as_fields()) if facts is not None else None,
        issues=[wire.MediaIssue(severity=each.severity, message=each.message) for each in asset.issues],
        unsupported=list(_unsupported(asset)),
        sync=_sync(content),
        hdr=_hdr(content),
        derived=list(_derived(asset)),
        project=_project(asset),
        salvage=salvage_of(asset),
        pictures=[
            wire.MediaPicture(
                kind=each.kind, size_bytes=each.size_bytes, width=each.width, height=each.height
            )
            for each in asset.pictures.values()
        ],
        warnings=list(warnings_of(content)),
    )


def warnings_of(content: Content) -> Iterable[wire.WarningWord]:
    """As the header X-Dits-Warning has them, the worst first."""
    sync = _sync(content)
    if content.is_damaged:
        yield "corrupted-container"
    elif content.asset.issues:
        yield "container-warning"
    if any(_unsupported(content.asset)):
        yield "unsupported-codec"
    if sync is not None and not sync.valid:
        yield "av-sync"
    if _lost(content.asset):
        yield "hdr-metadata-lost"
    if (
        NleProjectStoredOpaque.TOPIC in content.asset.found
        and NleProjectParsed.TOPIC not in content.asset.found
    ):
        yield "opaque-project"


def salvage_of(asset: Asset) -> wire.Salvage | None:
    """The one that is under way, else what became of the last one; None if nobody asked for any."""
    if asset.asked is not None:
        return _salvage("asked", target=asset.asked.target, branch=asset.asked.branch_name)
    if asset.unsalvaged is not None:
        return _salvage("failed", code=asset.unsalvaged.code, reason=asset.unsalvaged.reason)
    return _salvaged(asset.salvaged) if asset.salvaged is not None else None


def _salvaged(salvaged: AssetSalvaged) -> wire.Salvage:
    return _salvage(
        "salvaged", target=salvaged.target, commit=salvaged.commit, recipe=salvaged.salvaged.hex()
    )


def _salvage(state: wire.SalvageState, **known: str) -> wire.Salvage:
    names = ("target", "branch", "commit", "recipe", "code", "reason")
    return wire.Salvage.model_validate({"state": state, **dict.fromkeys(names), **known})


def _tracks(facts: MediaFacts | None, *kinds: str) -> Iterator[TrackFacts]:
    return (track for track in facts.tracks if track.kind in kinds) if facts is not None else iter(())


def _unsupported(asset: Asset) -> Iterator[wire.MediaCodec]:
    flagged = asset.found.get(UnsupportedCodecFlagged.TOPIC)
    if not isinstance(flagged, UnsupportedCodecFlagged):
        return
    for support in map(check_codec, flagged.codecs):
        if support.fallback is not None and support.warning is not None:
            yield wire.MediaCodec(codec=support.codec_id, fallback=support.fallback, warning=support.warning)


def _sync(content: Content) -> wire.MediaSync | None:
    facts, raised = content.facts, content.asset.found.get(AvSyncWarningRaised.TOPIC)
    if facts is not None:
        sync = facts.sync
        return wire.MediaSync(
            valid=sync.valid,
            driftMs=sync.drift_ms,
            suggestion=sync.suggestion,
            gaps=sync.gap_count,
            first_gaps=_gaps(raised),
            tracks=[_timing(track) for track in _tracks(facts, "video", "audio")],
        )
    if isinstance(raised, AvSyncWarningRaised):
        return wire.MediaSync(
            valid=False,
            driftMs=raised.drift_ms,
            suggestion=raised.suggestion,
            gaps=raised.gaps,
            first_gaps=_gaps(raised),
            tracks=[],
        )
    return None


def _gaps(raised: Finding | None) -> list[wire.MediaGap]:
    if not isinstance(raised, AvSyncWarningRaised):
        return []
    gaps = raised.first_gaps
    return [wire.MediaGap(track=gap.track, at_ms=gap.at_ms, lasting_ms=gap.lasting_ms) for gap in gaps]


def _timing(track: TrackFacts) -> wire.MediaTrackTiming:
    return wire.MediaTrackTiming(
        track=track.track_id,
        kind="video" if track.kind == "video" else "audio",
        start_ms=track.start_ms,
        duration_ms=track.duration_ms,
    )


def _hdr(content: Content) -> wire.MediaHdr | None:
    extracted = content.asset.found.get(HdrMetadataExtracted.TOPIC)
    hdr = content.facts.hdr if content.facts is not None else None
    if hdr is not None and hdr.type is not None:
        return wire.MediaHdr(
            type=hdr.type,
            mastering_display=bool(hdr.mastering_display),
            content_light_level=bool(hdr.content_light),
            dynamic_metadata=bool(hdr.dynamic),
            dolby_vision=bool(hdr.dolby_vision),
        )
    if isinstance(extracted, HdrMetadataExtracted):
        return wire.MediaHdr(
            type=extracted.hdr,
            mastering_display=bool(extracted.mastering_display),
            content_light_level=bool(extracted.content_light),
            dynamic_metadata=bool(extracted.dynamic),
            dolby_vision=bool(extracted.dolby_vision),
        )
    return None


def _derived(asset: Asset) -> Iterator[wire.MediaOrigin]:
    for each in asset.derived:
        yield wire.MediaOrigin(is_lost=each.is_lost, original=each.original.hex(), kinds=list(each.kinds))


def _lost(asset: Asset) -> frozenset[str]:
    """Kinds that were not put back since."""
    lost = frozenset[str]()
    for each in asset.derived:
        lost = lost | set(each.kinds) if each.is_lost else lost - set(each.kinds)
    return lost


def _project(asset: Asset) -> wire.MediaProject | None:
    parsed = asset.found.get(NleProjectParsed.TOPIC)
    opaque = asset.found.get(NleProjectStoredOpaque.TOPIC)
    if isinstance(parsed, NleProjectParsed):
        return wire.MediaProject(
            stored_as="parsed",
            nle=parsed.nle,
            version=parsed.version,
            supported=True,
            reason=None,
            references=list(parsed.references),
        )
    if isinstance(opaque, NleProjectStoredOpaque):
        return wire.MediaProject(
            stored_as="opaque",
            nle=opaque.nle,
            version=opaque.version,
            supported=opaque.version in SUPPORTED.get(opaque.nle, ()),
            reason=opaque.reason,
            references=[],
        )
    return None
