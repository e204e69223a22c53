"""The timecode that a camera or an editing system wrote beside the pictures (QuickTime's tmcd).

Promises: reads 8 bytes of the file and no more; a track that makes no sense has no timecode. A timecode is
kept as a count of frames with its rate, because drop-frame numbers are labels, not time (SMPTE ST 12-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .movie import Movie, Track
from .samples import place_of
from .source import Source

ENTRY_BYTES_MIN = 33
"""Up to and with the nominal number of frames in a second."""
IS_DROP, IS_COUNTER = 0x1, 0x8
KINDS = {"tmcd": 4, "tc64": 8}
"""Sample entries, and how wide the count in their samples is."""
FRAMES_MAX = 2**40
"""More than a thousand years: beyond it the count is not one."""


@dataclass(frozen=True, slots=True)
class Timecode:
    """Where on the tape the first picture lies."""

    frames: int
    """Since 00:00:00:00."""
    nominal: int
    """Frames in a second as labels count them: 30 for 29.97."""
    rate: Fraction
    """Frames in a real second."""
    is_drop: bool = False
    """Two labels are left out in every minute that is no tenth one (four at 60)."""

    @property
    def label(self) -> str:
        """Such as 01:00:00:00, or 01:00:00;00 where labels are dropped."""
        number = self._numbered() if self.is_drop else self.frames
        seconds, frame = divmod(number, self.nominal)
        minutes, second = divmod(seconds, 60)
        hours, minute = divmod(minutes, 60)
        return f"{hours % 24:02d}:{minute:02d}:{second:02d}{';' if self.is_drop else ':'}{frame:02d}"

    def _numbered(self) -> int:
        """The frame's label as a number: left-out labels are counted as well."""
        left_out = self.nominal // 15
        in_minute = self.nominal * 60 - left_out
        in_ten = self.nominal * 600 - left_out * 9
        tens, rest = divmod(self.frames, in_ten)
        minutes = 0 if rest < self.nominal * 60 else 1 + (rest - self.nominal * 60) // in_minute
        return self.frames + left_out * (9 * tens + minutes)


def timecode_of(track: Track, source: Source) -> Timecode | None:
    """The timecode at the track's first sample; None if it is no timecode track or a mere counter."""
    width, entry, place = KINDS.get(track.codec), track.entry, place_of(track.samples, 0)
    if width is None or place is None or len(entry) < ENTRY_BYTES_MIN:
        return None
    flags, timescale, frame_duration = (int.from_bytes(entry[at : at + 4], "big") for at in (20, 24, 28))
    nominal = entry[32]
    raw = source.read(place.offset, width)
    frames = int.from_bytes(raw, "big", signed=True)
    if len(raw) < width or flags & IS_COUNTER or not (nominal and timescale and frame_duration):
        return None
    if not 0 <= frames < FRAMES_MAX:
        return None
    is_drop = bool(flags & IS_DROP) and nominal % 30 == 0
    return Timecode(frames, nominal, Fraction(timescale, frame_duration), is_drop)


def timecode_in(movie: Movie, source: Source) -> Timecode | None:
    """The first timecode of the movie."""
    found = (timecode_of(track, source) for track in movie.tracks)
    return next((timecode for timecode in found if timecode is not None), None)
