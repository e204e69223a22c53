"""Whether picture and sound stay together: what is presented after edit lists, the drift, and the gaps.

Promises: exact fractions until the last step, so 100 ms is valid and anything more is not, here as on every
other machine. A finding is a warning with facts; no timestamp is ever changed (S4.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from .cadence import REORDERED_MAX, Cadence, cadence_of, is_reordered
from .gaps import MS_MAX, Gap, gaps_of, rounded_ms
from .movie import Movie, Track
from .timeline import media_ticks, timeline_of

DRIFT_MS_MAX = 100
"""Contract: seed 4.3."""
MISMATCH = "Tracks have significant duration mismatch"
"""Contract: seed 4.3."""
GAPS = "Tracks have timestamp gaps"
ROUNDING_MS = 1
"""Of an end whose beginning and length were rounded."""
ZERO = Fraction(0)
KINDS: dict[str, Literal["video", "audio", "other"]] = {"vide": "video", "soun": "audio"}


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
    looked_at = _from_the_start([timing for _, timing in pairs])
    gap_count = sum(len(each.gaps) for each in looked_at)
    is_paired = {each.kind for each in looked_at} == {"video", "audio"}
    return SyncReport(Sync(_drift_ms(pairs), gap_count, is_paired), looked_at)


def _from_the_start(timings: list[TrackTiming]) -> tuple[TrackTiming, ...]:
    """Without gaps that end before both pictures and sound have begun.

    Without an edit list, muxers write a late start as a first sample that lasts for long.
    """
    starts = [
        min((each.start for each in timings if each.kind == kind), default=ZERO) for kind in KINDS.values()
    ]
    begun_ms = rounded_ms(max(starts))
    return tuple(
        replace(each, gaps=tuple(gap for gap in each.gaps if gap.end_ms > begun_ms + ROUNDING_MS))
        for each in timings
    )


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
    held = (track for track in movie.tracks if track.samples.count)
    origin = min((Fraction(each.samples.begins_at, max(each.timescale, 1)) for each in held), default=ZERO)
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
    timeline = timeline_of(track, movie_timescale, origin, cadence.shown)
    segments, kind = timeline.segments, KINDS.get(track.handler, "other")
    return TrackTiming(
        track.track_id,
        kind,
        start=timeline.seconds(segments[0].at if segments else 0),
        duration=timeline.seconds(segments[-1].end if segments else 0),
        cadence=cadence,
        gaps=() if kind == "other" else gaps_of(timeline, cadence),
    )
