"""A movie as its boxes tell it: tracks with their sample tables, fragments included, and what is wrong.

Promises: plain values; everything in them was checked against the file's size and against the limits below,
so whoever uses them needs no bound of their own. Sample tables are columns, not lists of samples:
a table of a million samples takes a few MB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

SAMPLES_MAX = 8_000_000
"""Of all tracks whose samples differ in size: 40 hours of film with sound, about 64 MB of columns."""
SAMPLE_CHUNKS_MAX = 2_000_000
"""Chunks of the container (runs of samples that lie together), of all tracks."""
TRACKS_MAX = 128
ENTRY_BYTES_MAX = 64 * 1024
"""Of a sample entry, with its codec configuration."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Issue:
    """What a look at the container found (S4.1); the message is a contract."""

    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Box:
    """One box. `kind` is its type as four Latin-1 characters."""

    kind: str
    offset: int
    header_bytes: int
    """8, 16 with a 64-bit size; 24 or 32 for a uuid box."""
    declared_bytes: int
    """With the header, as the box says; what is left for a size of 0."""
    actual_bytes: int
    """What its parent, or the file, has left of that."""
    depth: int = 0

    @property
    def content_offset(self) -> int:
        return self.offset + self.header_bytes

    @property
    def end(self) -> int:
        """Of what is there."""
        return self.offset + self.actual_bytes


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of an edit list."""

    duration: int
    """In the movie's timescale; 0 in fragmented files: to the end."""
    media_time: int
    """In the track's timescale; -1 is an empty edit."""
    rate: int
    """16.16 fixed point; 0 dwells on one frame."""


@dataclass(frozen=True, slots=True)
class Spell:
    """So many samples in a row with the same value: a duration or a composition offset."""

    count: int
    value: int


@dataclass(frozen=True, slots=True)
class Samples:
    """A track's samples in decoding order, from stbl and from all fragments."""

    count: int = 0
    uniform_bytes: int = 0
    """If all have this size, as PCM has; then `sizes` is empty."""
    sizes: array[int] = field(default_factory=lambda: array("I"))
    chunk_offsets: array[int] = field(default_factory=lambda: array("Q"))
    """Where each run of samples begins in the file."""
    chunk_counts: array[int] = field(default_factory=lambda: array("I"))
    """How many samples each of them has."""
    durations: tuple[Spell, ...] = ()
    """In the track's timescale (stts, trun)."""
    shifts: tuple[Spell, ...] = ()
    """From decoding to presentation (ctts, trun); none if all are 0."""
    sync: array[int] | None = None
    """Indices from 0 of samples that decoding can begin at, ascending; None: every one."""
    begins_at: int = 0
    """When the first sample is decoded, in the track's timescale: what the first fragment says (tfdt)."""

    @property
    def duration(self) -> int:
        """Of the media, in the track's timescale."""
        return sum(spell.count * spell.value for spell in self.durations)


@dataclass(frozen=True, slots=True)
class Track:
    track_id: int
    handler: str
    """vide, soun, tmcd, text, subt, meta, ..."""
    timescale: int
    duration: int
    """As mdhd says; `samples.duration` is what the samples add up to."""
    codec: str
    """The sample entry's type, such as avc1; empty if there is none."""
    entry: bytes = b""
    """The whole first sample entry, header and configuration boxes included; at most ENTRY_BYTES_MAX."""
    width: int = 0
    height: int = 0
    """Coded size, of a picture."""
    channels: int = 0
    sample_rate: int = 0
    language: str = "und"
    edits: tuple[Edit, ...] = ()
    samples: Samples = field(default_factory=Samples)
    quarter_turns: int = 0
    """Clockwise, 0 to 3, by which a picture is turned before it is shown."""


@dataclass(frozen=True, slots=True)
class Movie:
    """What a container holds."""

    brands: tuple[str, ...]
    """Major brand first, then compatible ones; empty without ftyp, as old QuickTime files have none."""
    timescale: int
    duration: int
    tracks: tuple[Track, ...]
    is_fragmented: bool
    boxes: tuple[Box, ...]
    """Those of the top level, in the file's order."""
    issues: tuple[Issue, ...]

    @property
    def is_sound(self) -> bool:
        """Nothing worse than a warning was found."""
        return all(issue.severity != "error" for issue in self.issues)

    def of_kind(self, handler: str) -> Iterator[Track]:
        return (track for track in self.tracks if track.handler == handler)
