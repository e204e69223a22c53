"""What Dits keeps of a media file beside its bytes: an extension of its entry in the tree.

Promises: the same file gives the same bytes on every machine; at most FACTS_BYTES_MAX of them, for which
detail is left out in a stated order; a reader keeps items that it does not know (`docs/formats.md`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..codec import Body, number, require
from ..extension import MEDIA_FACTS, Extension, Extensions
from .colour import Colour
from .compact import compact, compact_text, read_compact
from .hdr import TYPES, HdrMetadata, hdr_of
from .movie import Movie
from .source import Source
from .timing import Sync, sync_report, timings_of
from .track_facts import TrackFacts, track_facts_of

FACTS_VERSION = 1
FACTS_BYTES_MAX = 4000
"""So that an entry's extension block of 4096 bytes has room for another, small extension."""
CONTAINER, TRACKS, HDR, SYNC = 1, 2, 3, 4
"""Tags of the items."""
LEFT_OUT = ("frame_durations", "codec_parameters", "tracks")
"""In this order, until the rest fits: all VFR maps; of codecs what follows the first dot, and every timecode
but the first; the last tracks."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A media file, summed up."""

    brand: str
    """The major brand; empty without ftyp."""
    is_fragmented: bool
    duration_ms: int
    """Of the longest track."""
    errors: int
    warnings: int
    """How many issues a look at the container found (S4.1)."""
    track_count: int
    """Of the file; `tracks` may have fewer."""
    tracks: tuple[TrackFacts, ...] = ()
    hdr: HdrMetadata = HdrMetadata()  # noqa: RUF009 - frozen
    sync: Sync = Sync()  # noqa: RUF009 - frozen
    left_out: int = 0
    """How many kinds of detail of LEFT_OUT."""
    more: tuple[tuple[int, bytes], ...] = ()
    """Items of a later writer: tag and value."""

    @property
    def container(self) -> str:
        """mov or mp4: a file without ftyp is of the time when only QuickTime was."""
        return "mov" if self.brand in {"", "qt  "} else "mp4"

    def encode(self) -> bytes:
        """Raises FormatError if they are too long: `facts_of` leaves out what must be."""
        encoded = _encoded(self)
        require(len(encoded) <= FACTS_BYTES_MAX, "the facts about a file are too long")
        return encoded

    @classmethod
    def decode(cls, encoded: bytes) -> MediaFacts:
        """Raises FormatError, also for a version that is not known here."""
        require(len(encoded) <= FACTS_BYTES_MAX, "the facts about a file are too long")
        body = Body(encoded)
        version = body.number(1)
        require(version == FACTS_VERSION, f"media facts of version {version} are not known here")
        items = dict(_items(body))
        require(CONTAINER in items and TRACKS in items and SYNC in items, "an item of the facts is missing")
        container, tracks, sync = Body(items[CONTAINER]), Body(items[TRACKS]), Body(items[SYNC])
        brand, is_fragmented = container.text(1), bool(container.number(1))
        duration_ms, errors, warnings, left_out = (read_compact(container) for _ in range(4))
        facts = cls(
            brand,
            is_fragmented,
            duration_ms,
            errors,
            warnings,
            track_count=read_compact(tracks),
            tracks=tuple(_rows(tracks)),
            hdr=_decoded_hdr(Body(items[HDR])) if HDR in items else HdrMetadata(),
            sync=Sync(read_compact(sync), read_compact(sync), bool(sync.number(1))),
            left_out=left_out,
            more=tuple((tag, value) for tag, value in items.items() if tag > SYNC),
        )
        require(facts.encode() == encoded, "the facts are not in their only form")
        return facts

    def extension(self) -> Extension:
        return Extension(MEDIA_FACTS, self.encode())

    def as_fields(self) -> dict[str, object]:
        """What `dits media show` prints."""
        return {
            "container": self.container,
            "brand": self.brand,
            "fragmented": self.is_fragmented,
            "duration_ms": self.duration_ms,
            "errors": self.errors,
            "warnings": self.warnings,
            "track_count": self.track_count,
            "tracks": [each.as_fields() for each in self.tracks],
            "hdr": self.hdr.as_fields(),
            "sync": self.sync.as_fields() | {"gap_count": self.sync.gap_count},
            "left_out": list(LEFT_OUT[: self.left_out]),
        }


def facts_of(source: Source, movie: Movie) -> MediaFacts:
    """Of a movie that was read from this source; as much of it as fits."""
    timings = timings_of(movie)
    pairs = zip(movie.tracks, timings, strict=True)
    tracks = tuple(track_facts_of(track, timing, source) for track, timing in pairs)
    severities = [issue.severity for issue in movie.issues]
    facts = MediaFacts(
        (movie.brands or ("",))[0],
        movie.is_fragmented,
        max((each.duration_ms for each in tracks), default=0),
        severities.count("error"),
        severities.count("warning"),
        len(tracks),
        tracks,
        hdr_of(movie, source),
        sync_report(movie, timings).sync,
    )
    return _fitted(facts)


def facts_in(extensions: Extensions) -> MediaFacts | None:
    """The facts among a file's extensions; None if there are none. Raises FormatError."""
    found = (MediaFacts.decode(each.value) for each in extensions if each.tag == MEDIA_FACTS)
    return next(found, None)


def _fitted(facts: MediaFacts) -> MediaFacts:
    left_out = 0
    while left_out < len(LEFT_OUT) and len(_encoded(facts)) > FACTS_BYTES_MAX:
        left_out += 1
        facts = replace(facts, left_out=left_out, tracks=tuple(_reduced(facts, left_out)))
    return facts


def _reduced(facts: MediaFacts, left_out: int) -> Iterator[TrackFacts]:
    match LEFT_OUT[left_out - 1]:
        case "frame_durations":
            for each in facts.tracks:
                yield replace(each, variable=each.variable and replace(each.variable, spells=()))
        case "codec_parameters":
            first = next((each for each in facts.tracks if each.timecode), None)
            for each in facts.tracks:
                timecode = each.timecode if each is first else None
                yield replace(each, codec=each.codec.split(".")[0], timecode=timecode)
        case _:
            room = FACTS_BYTES_MAX - len(_encoded(replace(facts, tracks=())))
            for each in facts.tracks:
                room -= len(_row(each))
                if room < 0:
                    return
                yield each


def _encoded(facts: MediaFacts) -> bytes:
    counts = (facts.duration_ms, facts.errors, facts.warnings, facts.left_out)
    sync = facts.sync
    values = {
        CONTAINER: compact_text(facts.brand)
        + number(facts.is_fragmented, 1)
        + b"".join(map(compact, counts)),
        TRACKS: compact(facts.track_count) + b"".join(map(_row, facts.tracks)),
        HDR: b"" if facts.hdr == HdrMetadata() else _encoded_hdr(facts.hdr),
        SYNC: compact(sync.drift_ms) + compact(sync.gap_count) + number(sync.is_paired, 1),
    }
    items = [*((tag, value) for tag, value in values.items() if value), *facts.more]
    return number(FACTS_VERSION, 1) + b"".join(
        number(tag, 1) + number(len(value), 2) + value for tag, value in items
    )


def _items(body: Body) -> Iterator[tuple[int, bytes]]:
    while body.left_bytes:
        yield body.number(1), body.take(body.number(2))


def _row(track: TrackFacts) -> bytes:
    row = track.encode()
    return compact(len(row)) + row


def _rows(body: Body) -> Iterator[TrackFacts]:
    while body.left_bytes:
        yield TrackFacts.decode(body.take(read_compact(body)))


def _encoded_hdr(hdr: HdrMetadata) -> bytes:
    """The type's number, four bytes of colour, and the four payloads, each after its length."""
    colour = hdr.colour
    head = bytes([TYPES.index(hdr.type) + 1 if hdr.type else 0, colour.primaries, colour.transfer])
    head += bytes([colour.matrix, colour.is_full_range])
    payloads = (hdr.mastering_display, hdr.content_light, hdr.dynamic, hdr.dolby_vision)
    return head + b"".join(compact(len(payload)) + payload for payload in payloads)


def _decoded_hdr(body: Body) -> HdrMetadata:
    kind, primaries, transfer, matrix, is_full_range = body.take(5)
    require(kind <= len(TYPES), "a dynamic range of no known type")
    payloads = [body.take(read_compact(body)) for _ in range(4)]
    body.end()
    colour = Colour(primaries, transfer, matrix, bool(is_full_range))
    return HdrMetadata(TYPES[kind - 1] if kind else None, colour, *payloads)
