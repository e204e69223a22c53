"""A track on the movie's timeline: which stretches of its media the edit list presents, and when.

Promises: whole numbers only, in units of which every tick of the track and of the movie has a whole number,
so nothing is rounded and a long edit list costs no more than reading it. Serves S4.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from .cadence import Presented
from .movie import Track

NORMAL_RATE = 0x10000


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the movie's time in which a stretch of the media is presented."""

    at: int
    media_at: int
    lasting: int

    @property
    def end(self) -> int:
        return self.at + self.lasting


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is presented, in order."""

    units: int
    """In a second."""
    tick: int
    """Of the track, in units."""
    segments: tuple[Segment, ...]

    def seconds(self, units: int) -> Fraction:
        return Fraction(units, self.units)


def timeline_of(track: Track, movie_timescale: int, origin: Fraction, shown: Presented) -> Timeline:
    """`origin`: where the movie begins in the time of its media, in seconds."""
    scale, movie_scale = max(track.timescale, 1), max(movie_timescale, 1)
    units = lcm(scale, movie_scale, origin.denominator)
    begin = int(origin * units)
    placed = _segments(track, shown, units // scale, units // movie_scale)
    segments = tuple(Segment(max(each.at - begin, 0), each.media_at, each.lasting) for each in placed)
    return Timeline(units, units // scale, segments)


def media_ticks(track: Track) -> int:
    """What the samples add up to; of a track without any, what its header says."""
    return track.samples.duration if track.samples.count else track.duration


def _segments(track: Track, shown: Presented, tick: int, movie_tick: int) -> Iterator[Segment]:
    """What the edit list presents, as far as there is media for it; empty edits only move what follows."""
    first, decoded = shown.first * tick, (track.samples.begins_at + media_ticks(track)) * tick
    if not track.edits:
        start, end = max(first, 0), shown.end * tick if track.samples.count else decoded
        yield Segment(start, start, max(end - start, 0))
        return
    at, end = 0, max(shown.end * tick, decoded)
    for edit in track.edits:
        wanted = edit.duration * movie_tick
        if edit.media_time >= 0:
            begin = max(edit.media_time * tick, first)
            late, there = begin - edit.media_time * tick, end - begin
            wanted = wanted or late + max(there, 0)
            lasting = min(wanted - late, there) if edit.rate == NORMAL_RATE else wanted - late
            if lasting > 0:
                yield Segment(at + late, begin, lasting)
        at += wanted
