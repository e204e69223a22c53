"""What Dits keeps of one track among the facts about a file.

Promises: integers, fractions and texts only; a row of bytes for each value and one value for each row; what a
later writer adds behind the known fields is kept. `docs/formats.md`, Media facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..codec import Body, number, require
from .cadence import Cadence
from .codecs import check_codec, codec_string
from .compact import compact, compact_fraction, compact_text, read_compact, read_fraction
from .gaps import rounded_ms
from .movie import Spell, Track
from .shape import Shape, shape_of
from .source import Source
from .timecode import Timecode, timecode_of
from .timing import TrackTiming

TrackKind = Literal["video", "audio", "timecode", "text", "other"]
KINDS: tuple[TrackKind, ...] = ("video", "audio", "timecode", "text", "other")
"""In the order of their numbers, from 1."""
HANDLERS: dict[str, TrackKind] = {
    "vide": "video",
    "soun": "audio",
    "tmcd": "timecode",
    "text": "text",
    "subt": "text",
    "sbtl": "text",
    "clcp": "text",
}
SPELLS_MAX = 64
"""Of a VFR map that is kept; of a longer one only its outline."""
TEXT_CHARACTERS_MAX = 40
"""Of a codec or a language; the longest codec string of RFC 6381 that we write has 36."""
IS_PICTURE, IS_SOUND, IS_VARIABLE, HAS_TIMECODE = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class RateMap:
    """How a varying frame rate varies, in ticks of the track's timescale."""

    timescale: int
    shortest: int
    longest: int
    spell_count: int
    spells: tuple[Spell, ...] = ()
    """All of them in the order of presentation, or none."""


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    """Coded size."""
    rate: Fraction
    """Pictures a second; the mean if it varies."""


@dataclass(frozen=True, slots=True)
class Sound:
    channels: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """One track; `picture` or `sound` where it is one."""

    track_id: int
    kind: TrackKind
    codec: str
    """As RFC 6381 writes it."""
    language: str
    """Empty if it is undetermined."""
    start_ms: int
    duration_ms: int
    """On the movie's timeline, after the edit list."""
    samples: int
    picture: Picture | None = None
    sound: Sound | None = None
    variable: RateMap | None = None
    timecode: Timecode | None = None
    more: bytes = b""
    """Behind the known parts: a picture's shape, where it has one, and what a later writer adds."""

    def encode(self) -> bytes:
        row = compact(self.track_id) + number(1 + KINDS.index(self.kind), 1)
        row += compact_text(self.codec) + compact_text(self.language)
        row += compact(self.start_ms) + compact(self.duration_ms) + compact(self.samples)
        row += number(self._flags(), 1)
        if self.picture:
            row += compact(self.picture.width) + compact(self.picture.height)
            row += compact_fraction(self.picture.rate)
        if self.sound:
            row += compact(self.sound.channels) + compact(self.sound.sample_rate)
        if self.variable:
            row += _encoded_map(self.variable)
        if self.timecode:
            row += _encoded_timecode(self.timecode)
        return row + self.more

    def _flags(self) -> int:
        parts = (self.picture, self.sound, self.variable, self.timecode)
        return sum(1 << place for place, part in enumerate(parts) if part is not None)

    @classmethod
    def decode(cls, row: bytes) -> TrackFacts:
        """Raises FormatError."""
        body = Body(row)
        track_id, kind = read_compact(body), body.number(1)
        require(1 <= kind <= len(KINDS), "a track is of no known kind")
        codec, language = body.text(1), body.text(1)
        start_ms, duration_ms, samples = (read_compact(body) for _ in range(3))
        flags = body.number(1)
        require(flags < 16, "a track has an unknown flag")
        return cls(
            track_id,
            KINDS[kind - 1],
            codec,
            language,
            start_ms,
            duration_ms,
            samples,
            picture=Picture(read_compact(body), read_compact(body), read_fraction(body))
            if flags & IS_PICTURE
            else None,
            sound=Sound(read_compact(body), read_compact(body)) if flags & IS_SOUND else None,
            variable=_decoded_map(body) if flags & IS_VARIABLE else None,
            timecode=_decoded_timecode(body) if flags & HAS_TIMECODE else None,
            more=body.take(body.left_bytes),
        )

    @property
    def shape(self) -> Shape:
        return Shape.in_front_of(self.more) if self.picture else Shape()

    def as_fields(self) -> dict[str, object]:
        """What `dits media show` prints; fields that do not apply are left out."""
        fields: dict[str, object] = {
            "track": self.track_id,
            "kind": self.kind,
            "codec": self.codec,
            "language": self.language or "und",
            "start_ms": self.start_ms,
            "duration_ms": self.duration_ms,
            "samples": self.samples,
        }
        if self.kind in {"video", "audio"}:
            fields["supported"] = check_codec(self.codec).is_supported
        if self.picture:
            fields |= {"width": self.picture.width, "height": self.picture.height}
            fields |= {"frame_rate": str(self.picture.rate), "variable_frame_rate": self.variable is not None}
            fields |= self.shape.as_fields()
        if self.sound:
            fields |= {"channels": self.sound.channels, "sample_rate": self.sound.sample_rate}
        if self.variable:
            fields["frame_durations"] = _map_fields(self.variable)
        if self.timecode:
            fields["timecode"] = self.timecode.label
        return fields


def track_facts_of(track: Track, timing: TrackTiming, source: Source) -> TrackFacts:
    is_picture, is_sound, cadence = timing.kind == "video", timing.kind == "audio", timing.cadence
    return TrackFacts(
        track.track_id,
        HANDLERS.get(track.handler, "other"),
        codec_string(track)[:TEXT_CHARACTERS_MAX],
        "" if track.language == "und" else track.language[:TEXT_CHARACTERS_MAX],
        rounded_ms(timing.start),
        rounded_ms(timing.duration),
        track.samples.count,
        picture=Picture(track.width, track.height, cadence.rate) if is_picture else None,
        sound=Sound(track.channels, track.sample_rate) if is_sound else None,
        variable=_map_of(cadence, track.timescale) if is_picture and cadence.is_variable else None,
        timecode=timecode_of(track, source),
        more=shape_of(track).encode() if is_picture else b"",
    )


def _map_of(cadence: Cadence, timescale: int) -> RateMap:
    values, count = [spell.value for spell in cadence.spells], len(cadence.spells)
    kept = cadence.spells if count <= SPELLS_MAX else ()
    return RateMap(timescale, min(values), max(values), count, kept)


def _encoded_map(variable: RateMap) -> bytes:
    row = compact(variable.timescale) + compact(variable.shortest) + compact(variable.longest)
    row += compact(variable.spell_count) + compact(len(variable.spells))
    return row + b"".join(compact(spell.count) + compact(spell.value) for spell in variable.spells)


def _decoded_map(body: Body) -> RateMap:
    timescale, shortest, longest, spell_count, kept = (read_compact(body) for _ in range(5))
    require(kept in {0, spell_count} and kept <= SPELLS_MAX, "a map of frame durations is kept whole or not")
    spells = tuple(Spell(read_compact(body), read_compact(body)) for _ in range(kept))
    return RateMap(timescale, shortest, longest, spell_count, spells)


def _map_fields(variable: RateMap) -> dict[str, object]:
    return {
        "timescale": variable.timescale,
        "shortest": variable.shortest,
        "longest": variable.longest,
        "spell_count": variable.spell_count,
        "spells": [[spell.count, spell.value] for spell in variable.spells],
    }


def _encoded_timecode(timecode: Timecode) -> bytes:
    counted = compact(timecode.frames) + number(timecode.nominal, 1) + compact_fraction(timecode.rate)
    return counted + number(timecode.is_drop, 1)


def _decoded_timecode(body: Body) -> Timecode:
    frames, nominal, rate, is_drop = read_compact(body), body.number(1), read_fraction(body), body.number(1)
    require(nominal > 0 and is_drop <= 1, "a timecode counts no frames")
    require(not is_drop or nominal % 30 == 0, "a timecode drops labels at 30 or 60 only")
    return Timecode(frames, nominal, rate, bool(is_drop))
