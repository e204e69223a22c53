"""Whether picture and sound stay together: what is presented after edit lists, the drift, and the gaps.

Promises: exact fractions until the last step, so 100 ms is valid and anything more is not, here as on every
other machine. A finding is a warning with facts; no timestamp is ever changed (S4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import Literal

from .cadence import cadence_of, stretches
from .movie import Movie, Track

DRIFT_MS_MAX = 100
"""Contract: seed 4.3."""
GAP_MS_MAX = 100
"""How much longer than usual a sample may last: what the seed allows the tracks, one sample may differ by."""
GAPS_MAX = 64
"""Of one track: whoever has more knows enough."""
LONG_SAMPLES_MAX = SEGMENTS_MAX = 1_000
"""Compared with each other in the search for gaps, so that hostile tables cost no more than a second."""
MISMATCH = "Tracks have significant duration mismatch"
"""Contract: seed 4.3."""
GAPS = "Tracks have timestamp gaps"
NORMAL_RATE = 0x10000


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the movie's time in which a stretch of the media is presented, in seconds."""

    at: Fraction
    media_at: Fraction
    lasting: Fraction

    @property
    def end(self) -> Fraction:
        return self.at + self.lasting


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing new is presented although it should be."""

    at_ms: int
    """In the movie's time."""
    lasting_ms: int


@dataclass(frozen=True, slots=True)
class TrackTiming:
    """One track on the movie's timeline, its edit list applied."""

    track_id: int
    kind: Literal["video", "audio"]
    start: Fraction
    """Seconds until its first sample is presented."""
    duration: Fraction
    """Seconds from the movie's beginning to the end of its last sample."""
    gaps: tuple[Gap, ...] = ()
    """At most GAPS_MAX."""

    def as_fields(self) -> dict[str, object]:
        return {
            "track": self.track_id,
            "kind": self.kind,
            "start_ms": rounded_ms(self.start),
            "duration_ms": rounded_ms(self.duration),
            "gaps": [{"at_ms": gap.at_ms, "lasting_ms": gap.lasting_ms} for gap in self.gaps],
        }


@dataclass(frozen=True, slots=True)
class Sync:
    """The verdict of S4.3, from three numbers."""

    drift_ms: int = 0
    """Between the main picture track and the sound track that differs most; 0 if one of them is missing."""
    gap_count: int = 0
    is_paired: bool = False
    """There are both pictures and sound."""

    @property
    def valid(self) -> bool:
        """A movie without sound, or without pictures, has nothing to be out of step with."""
        return self.drift_ms <= DRIFT_MS_MAX and not (self.is_paired and self.gap_count)

    @property
    def suggestion(self) -> str | None:
        if self.drift_ms > DRIFT_MS_MAX:
            return MISMATCH
        return None if self.valid else GAPS

    def as_fields(self) -> dict[str, object]:
        """As the table spells it."""
        return {"valid": self.valid, "driftMs": self.drift_ms, "suggestion": self.suggestion}


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The verdict with the tracks that it rests on: the resync report."""

    sync: Sync
    tracks: tuple[TrackTiming, ...]

    @property
    def valid(self) -> bool:
        return self.sync.valid

    @property
    def drift_ms(self) -> int:
        return self.sync.drift_ms

    @property
    def suggestion(self) -> str | None:
        return self.sync.suggestion

    def as_fields(self) -> dict[str, object]:
        return self.sync.as_fields() | {"tracks": [each.as_fields() for each in self.tracks]}


def check_sync(movie: Movie) -> SyncReport:
    """Looks at the tracks of pictures and sound that hold anything."""
    tracks = [each for kind in ("vide", "soun") for each in movie.of_kind(kind) if media_ticks(each)]
    timings = tuple(timing_of(track, movie.timescale) for track in tracks)
    gap_count = sum(len(each.gaps) for each in timings)
    is_paired = {each.kind for each in timings} == {"video", "audio"}
    return SyncReport(Sync(_drift_ms(tracks, timings), gap_count, is_paired), timings)


def _drift_ms(tracks: list[Track], timings: tuple[TrackTiming, ...]) -> int:
    """Rounded up, so that the number never says valid where the exact drift is not.

    The main picture track is the first that moves: a cover or chapter pictures are no film.
    """
    moves = [each.samples.count > 1 for each in tracks]
    pictures = [
        (is_moving, each) for is_moving, each in zip(moves, timings, strict=True) if each.kind == "video"
    ]
    sounds = [each.duration for each in timings if each.kind == "audio"]
    if not pictures or not sounds:
        return 0
    main = max(pictures, key=lambda pair: pair[0])[1].duration
    return max(-int(-abs(main - sound) * 1000 // 1) for sound in sounds)


def timing_of(track: Track, movie_timescale: int) -> TrackTiming:
    """The track on the movie's timeline. `movie_timescale` is in ticks a second."""
    segments = tuple(segments_of(track, movie_timescale))
    return TrackTiming(
        track.track_id,
        "video" if track.handler == "vide" else "audio",
        start=segments[0].at if segments else Fraction(0),
        duration=segments[-1].end if segments else Fraction(0),
        gaps=tuple(islice(_gaps(track, segments[:SEGMENTS_MAX]), GAPS_MAX)),
    )


def segments_of(track: Track, movie_timescale: int) -> Iterator[Segment]:
    """What the edit list presents, as far as there is media for it; empty edits only move what follows."""
    scale, movie_scale = max(track.timescale, 1), max(movie_timescale, 1)
    first, end = _media_span(track)
    if not track.edits:
        start = max(Fraction(first, scale), Fraction(0))
        yield Segment(start, start, max(Fraction(media_ticks(track), scale) - start, Fraction(0)))
        return
    at = Fraction(0)
    for edit in track.edits:
        wanted = Fraction(edit.duration, movie_scale)
        if edit.media_time >= 0:
            begin = max(edit.media_time, first)
            late, there = Fraction(begin - edit.media_time, scale), Fraction(end - begin, scale)
            wanted = wanted or late + max(there, Fraction(0))
            lasting = min(wanted - late, there) if edit.rate == NORMAL_RATE else wanted - late
            if lasting > 0:
                yield Segment(at + late, Fraction(begin, scale), lasting)
        at += wanted


def media_ticks(track: Track) -> int:
    """What the samples add up to; of a track without any, what its header says."""
    return track.samples.duration if track.samples.count else track.duration


def _media_span(track: Track) -> tuple[int, int]:
    """From the first sample that is shown to the end of the last one, in ticks of the media's own time."""
    first, end = None, media_ticks(track)
    for stretch in stretches(track.samples):
        first = stretch.first if first is None else min(first, stretch.first)
        end = max(end, stretch.end)
    return first or 0, end


def _gaps(track: Track, segments: tuple[Segment, ...]) -> Iterator[Gap]:
    """Between segments, and in them where one sample lasts far longer than a steady rate allows."""
    for earlier, later in pairwise(segments):
        empty_ms = rounded_ms(later.at - earlier.end)
        if empty_ms > GAP_MS_MAX:
            yield Gap(rounded_ms(earlier.end), empty_ms)
    for media_at, lasting in islice(_long_samples(track), LONG_SAMPLES_MAX):
        for segment in segments:
            begin = max(media_at, segment.media_at)
            seen = min(media_at + lasting, segment.media_at + segment.lasting) - begin
            if seen * 1000 > GAP_MS_MAX:
                yield Gap(rounded_ms(segment.at + begin - segment.media_at), rounded_ms(seen))
                break


def _long_samples(track: Track) -> Iterator[tuple[Fraction, Fraction]]:
    """When a sample should have ended and how much longer it lasts, in seconds of the media's time.

    A varying rate has none: a picture that stands is a picture. The last sample is followed by nothing.
    """
    cadence, scale = cadence_of(track), max(track.timescale, 1)
    if cadence.is_variable or not cadence.spells:
        return
    at, _ = _media_span(track)
    last = len(cadence.spells) - 1
    for index, spell in enumerate(cadence.spells):
        excess = spell.value - cadence.usual
        if excess * 1000 > GAP_MS_MAX * scale:
            for number in range(spell.count - (index == last)):
                yield Fraction(at + number * spell.value + cadence.usual, scale), Fraction(excess, scale)
        at += spell.count * spell.value


def rounded_ms(seconds: Fraction) -> int:
    """To the nearest millisecond, halves up."""
    return int((seconds * 2000 + 1) // 2)
