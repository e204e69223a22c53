"""Gaps: stretches of a track's time in which nothing new is presented although it should be (S4.3).

Promises: every segment of the edit list and every spell of the tables is looked at once, whatever they
claim, so nothing is left out but what comes after GAPS_MAX; no sample is looked at that is no gap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice

from .cadence import Cadence
from .timeline import Segment, Timeline

GAP_MS_MAX = 100
"""How much longer than usual a sample may last: what the seed allows the tracks, one sample may differ by."""
GAPS_MAX = 64
"""Of one track: whoever has more knows enough."""
STEADY_SAMPLES_MIN = 10
"""Fewer than these have no usual duration: slides, chapter pictures."""
STEADY_RATE_MIN = 2
"""Samples a second; slower ones are shown for as long as somebody wants."""
MS_MAX = 2**63 - 1
"""What the facts can hold; an edit list may claim more."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing new is presented although it should be."""

    at_ms: int
    """In the movie's time."""
    lasting_ms: int

    @property
    def end_ms(self) -> int:
        return self.at_ms + self.lasting_ms


@dataclass(frozen=True, slots=True)
class _LongSamples:
    """So many in a row that last too long, in units of a timeline."""

    at: int
    count: int
    each: int
    usual: int

    def within(self, segment: Segment) -> Iterator[tuple[int, int]]:
        """(when in the movie, how long) they last longer than usual, as far as the segment shows it."""
        media_end = segment.media_at + segment.lasting
        for number in range(max((segment.media_at - self.at) // self.each, 0), self.count):
            late_at = self.at + number * self.each + self.usual
            begin = max(late_at, segment.media_at)
            if begin >= media_end:
                return
            end = min(late_at + self.each - self.usual, media_end)
            yield segment.at + begin - segment.media_at, end - begin


def gaps_of(timeline: Timeline, cadence: Cadence) -> tuple[Gap, ...]:
    """The first GAPS_MAX, in the order of the movie's time."""
    limit = timeline.units * GAP_MS_MAX // 1000
    stretches = ((at, lasting) for at, lasting in _stretches(timeline, cadence) if lasting > limit)
    return tuple(
        Gap(rounded_ms(timeline.seconds(at)), rounded_ms(timeline.seconds(lasting)))
        for at, lasting in islice(stretches, GAPS_MAX)
    )


def _stretches(timeline: Timeline, cadence: Cadence) -> Iterator[tuple[int, int]]:
    """What may be a gap: before each segment but the first, and in each of them."""
    long = tuple(_long_samples(timeline, cadence))
    starts = [each.at for each in long]
    earlier: Segment | None = None
    for segment in timeline.segments:
        if earlier is not None:
            yield earlier.end, segment.at - earlier.end
        first = max(bisect_right(starts, segment.media_at) - 1, 0)
        last = bisect_right(starts, segment.media_at + segment.lasting)
        yield from chain.from_iterable(each.within(segment) for each in long[first:last])
        earlier = segment


def _long_samples(timeline: Timeline, cadence: Cadence) -> Iterator[_LongSamples]:
    """Without a steady rate there are none: a picture that stands is a picture.

    The last sample is followed by nothing.
    """
    if not _is_steady(timeline, cadence):
        return
    tick, last = timeline.tick, len(cadence.spells) - 1
    excess_max = timeline.units * GAP_MS_MAX // 1000 // tick
    at = cadence.shown.first
    for index, spell in enumerate(cadence.spells):
        count = spell.count - (index == last)
        if spell.value - cadence.usual > excess_max and count:
            yield _LongSamples(at * tick, count, spell.value * tick, cadence.usual * tick)
        at += spell.count * spell.value


def _is_steady(timeline: Timeline, cadence: Cadence) -> bool:
    is_fast = cadence.usual * timeline.tick * STEADY_RATE_MIN <= timeline.units
    return (
        is_fast
        and not cadence.is_variable
        and sum(each.count for each in cadence.spells) >= STEADY_SAMPLES_MIN
    )


def rounded_ms(seconds: Fraction) -> int:
    """To the nearest millisecond, halves up, at most MS_MAX."""
    return min(int((seconds * 2000 + 1) // 2), MS_MAX)
