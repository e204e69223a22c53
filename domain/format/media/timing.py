"""Whether picture and sound stay together: what is presented after edit lists, the drift, and the gaps.

Promises: exact fractions until the last step, so 100 ms is valid and anything more is not, here as on every
other machine. A finding is a warning with facts; no timestamp is ever changed (S4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from typing import Literal

from .cadence import REORDERED_MAX, Cadence, Presented, cadence_of, is_reordered
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
MS_MAX = 2**63 - 1
"""What the facts can hold; an edit list may claim more."""
NORMAL_RATE = 0x10000
ZERO = Fraction(0)
KINDS: dict[str, Literal["video", "audio", "other"]] = {"vide": "video", "soun": "audio"}


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
    kind: Literal["video", "audio", "other"]
    start: Fraction
    """Seconds until its first sample is presented."""
    duration: Fraction
    """Seconds from the movie's beginning to the end of its last sample."""
    cadence: Cadence
    gaps: tuple[Gap, ...] = ()
    """Of pictures and sound; at most GAPS_MAX."""

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
    return sync_report(movie, timings_of(movie))


def sync_report(movie: Movie, timings: tuple[TrackTiming, ...]) -> SyncReport:
    """From the timings of all the movie's tracks."""
    pairs = [
        (track, timing)
        for track, timing in zip(movie.tracks, timings, strict=True)
        if timing.kind != "other" and media_ticks(track)
    ]
    looked_at = tuple(timing for _, timing in pairs)
    gap_count = sum(len(each.gaps) for each in looked_at)
    is_paired = {each.kind for each in looked_at} == {"video", "audio"}
    return SyncReport(Sync(_drift_ms(pairs), gap_count, is_paired), looked_at)


def _drift_ms(pairs: list[tuple[Track, TrackTiming]]) -> int:
    """Rounded up, so that the number never says valid where the exact drift is not.

    The main picture track is the first that moves: a cover or chapter pictures are no film.
    """
    pictures = [(track.samples.count > 1, each.duration) for track, each in pairs if each.kind == "video"]
    sounds = [each.duration for _, each in pairs if each.kind == "audio"]
    if not pictures or not sounds:
        return 0
    _, main = max(pictures, key=lambda picture: picture[0])
    return min(max(-int(-abs(main - sound) * 1000 // 1) for sound in sounds), MS_MAX)


def timings_of(movie: Movie) -> tuple[TrackTiming, ...]:
    """Of every track, in their order; REORDERED_MAX samples of them all are sorted, a track whole or not."""
    begins = (_seconds(track.samples.begins_at, track) for track in movie.tracks if track.samples.count)
    origin = min(begins, default=ZERO)
    left, timings = REORDERED_MAX, list[TrackTiming]()
    for track in movie.tracks:
        timings.append(timing_of(track, movie.timescale, origin, left))
        if is_reordered(track.samples) and track.samples.count <= left:
            left -= track.samples.count
    return tuple(timings)


def timing_of(
    track: Track, movie_timescale: int, origin: Fraction = ZERO, sorted_max: int = REORDERED_MAX
) -> TrackTiming:
    """The track on the movie's timeline.

    `movie_timescale` is in ticks a second. `origin`: where the movie begins in the time of its media, for
    fragments of a recording that has gone on for long.
    """
    cadence = cadence_of(track, sorted_max)
    placed = _segments(track, movie_timescale, cadence.shown)
    segments = tuple(replace(each, at=max(each.at - origin, ZERO)) for each in placed)
    kind = KINDS.get(track.handler, "other")
    gaps = _gaps(segments[:SEGMENTS_MAX], _long_samples(cadence, max(track.timescale, 1)))
    return TrackTiming(
        track.track_id,
        kind,
        start=segments[0].at if segments else ZERO,
        duration=segments[-1].end if segments else ZERO,
        cadence=cadence,
        gaps=() if kind == "other" else tuple(islice(gaps, GAPS_MAX)),
    )


def _segments(track: Track, movie_timescale: int, shown: Presented) -> Iterator[Segment]:
    """What the edit list presents, as far as there is media for it; empty edits only move what follows."""
    scale, movie_scale = max(track.timescale, 1), max(movie_timescale, 1)
    first, end = shown.first, max(shown.end, track.samples.begins_at + media_ticks(track))
    if not track.edits:
        start = max(_seconds(first, track), ZERO)
        media_end = _seconds(track.samples.begins_at + media_ticks(track), track)
        yield Segment(start, start, max(media_end - start, ZERO))
        return
    at = ZERO
    for edit in track.edits:
        wanted = Fraction(edit.duration, movie_scale)
        if edit.media_time >= 0:
            begin = max(edit.media_time, first)
            late, there = Fraction(begin - edit.media_time, scale), Fraction(end - begin, scale)
            wanted = wanted or late + max(there, ZERO)
            lasting = min(wanted - late, there) if edit.rate == NORMAL_RATE else wanted - late
            if lasting > 0:
                yield Segment(at + late, Fraction(begin, scale), lasting)
        at += wanted


def _seconds(ticks: int, track: Track) -> Fraction:
    return Fraction(ticks, max(track.timescale, 1))


def media_ticks(track: Track) -> int:
    """What the samples add up to; of a track without any, what its header says."""
    return track.samples.duration if track.samples.count else track.duration


def _gaps(segments: tuple[Segment, ...], long: Iterator[tuple[Fraction, Fraction]]) -> Iterator[Gap]:
    """Between segments, and in them where one sample lasts far longer than a steady rate allows."""
    for earlier, later in pairwise(segments):
        empty_ms = rounded_ms(later.at - earlier.end)
        if empty_ms > GAP_MS_MAX:
            yield Gap(rounded_ms(earlier.end), empty_ms)
    for media_at, lasting in islice(long, LONG_SAMPLES_MAX):
        for segment in segments:
            begin = max(media_at, segment.media_at)
            seen = min(media_at + lasting, segment.media_at + segment.lasting) - begin
            if seen * 1000 > GAP_MS_MAX:
                yield Gap(rounded_ms(segment.at + begin - segment.media_at), rounded_ms(seen))
                break


def _long_samples(cadence: Cadence, scale: int) -> Iterator[tuple[Fraction, Fraction]]:
    """When a sample should have ended and how much longer it lasts, in seconds of the media's time.

    A varying rate has none: a picture that stands is a picture. The last sample is followed by nothing.
    """
    if cadence.is_variable:
        return
    at, last = cadence.shown.first, len(cadence.spells) - 1
    for index, spell in enumerate(cadence.spells):
        excess = spell.value - cadence.usual
        if excess * 1000 > GAP_MS_MAX * scale:
            for number in range(spell.count - (index == last)):
                yield Fraction(at + number * spell.value + cadence.usual, scale), Fraction(excess, scale)
        at += spell.count * spell.value


def rounded_ms(seconds: Fraction) -> int:
    """To the nearest millisecond, halves up, at most MS_MAX."""
    return min(int((seconds * 2000 + 1) // 2), MS_MAX)
