"""How long each sample of a track is shown: the frame rate, or the map of a rate that varies.

Promises: integers and fractions only, so the same file gives the same answer everywhere; work grows with the
spells of the tables, and with the samples only where pictures are stored out of order. Serves S4.3 (VFR).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, chain, groupby, islice, repeat
from operator import add, sub

from .movie import Samples, Spell, Track

REORDERED_MAX = 1_000_000
"""Samples of a movie that are sorted by presentation: 9 hours at 30 a second, in one second."""
TICKS_MIN = 8
"""Of a duration that rounding may move by one tick: 120 pictures a second in milliseconds."""
UNEVEN_MIN = 4
"""Fewer odd samples than these are flaws of a constant rate, not a varying one."""
UNEVEN_SHARE = 20
"""And so is less than one sample in so many. But where half of all are odd, none is usual."""
DENOMINATOR_MAX = 1001
NOMINAL_RATES = (
    *map(Fraction, (24, 25, 30, 50, 60, 48, 90, 100, 120, 240, 10, 12, 15, 20)),
    *(Fraction(pictures * 1000, 1001) for pictures in (24, 30, 60, 48, 120, 240)),
)
"""Those that exist."""
NEAR = Fraction(1, 4000)
"""Relative: a quarter of what divides 24 from 23.976."""
ROUNDING_TICKS, SURELY_ROUNDED_TICKS = Fraction(1), Fraction(1, 2)
"""What cutting off, and rounding to the nearest, can do to the length of a stretch."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A track's samples in the order of presentation, in ticks of its own time."""

    spells: tuple[Spell, ...]
    """How long they last: the VFR map."""
    first: int
    """When the first one is shown."""
    end: int
    """When the last one has been."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """When the samples of a track are shown."""

    rate: Fraction
    """Samples a second, odd ones aside; the mean if they vary; 0 without samples."""
    is_variable: bool
    usual: int
    """The most frequent duration, in ticks of the track's timescale."""
    shown: Presented

    @property
    def spells(self) -> tuple[Spell, ...]:
        return self.shown.spells


def cadence_of(track: Track, sorted_max: int = REORDERED_MAX) -> Cadence:
    shown = presented(track.samples, sorted_max)
    weights = _weights(shown.spells)
    if not weights:
        return Cadence(Fraction(0), is_variable=False, usual=0, shown=shown)
    usual = min(weights, key=lambda value: (-weights[value], value))
    leeway = max(track.timescale // 1000, 1) if usual >= TICKS_MIN else 0
    even = Counter({value: count for value, count in weights.items() if abs(value - usual) <= leeway})
    uneven = weights.total() - even.total()
    is_variable = 2 * uneven >= max(weights.total(), 1) or (
        uneven >= UNEVEN_MIN and uneven * UNEVEN_SHARE > weights.total()
    )
    return Cadence(_rate(weights if is_variable else even, track.timescale), is_variable, usual, shown)


def is_reordered(samples: Samples) -> bool:
    """May they be shown in another order than they are stored in?"""
    return any(spell.value for spell in samples.shifts)


def presented(samples: Samples, sorted_max: int = REORDERED_MAX) -> Presented:
    """The samples in the order in which they are shown, if they are not too many to be sorted."""
    begin = samples.begins_at
    if not is_reordered(samples):
        return Presented(samples.durations, begin, begin + samples.duration)
    if samples.count > sorted_max:
        return Presented(samples.durations, *_bounds(samples))
    lengths = list(islice(_each(samples.durations), samples.count))
    if not lengths:
        return Presented((), begin, begin)
    decoded_at = accumulate(lengths[:-1], initial=begin)
    stored = list(map(add, decoded_at, chain(_each(samples.shifts), repeat(0))))
    shown_at, end = sorted(stored), max(map(add, stored, lengths))
    lasting = chain(map(sub, shown_at[1:], shown_at), [max(end - shown_at[-1], 0)])
    alike = lru_cache(maxsize=4096)(Spell)
    spells = tuple(alike(len(list(same)), value) for value, same in groupby(lasting))
    return Presented(spells, shown_at[0], end)


def _bounds(samples: Samples) -> tuple[int, int]:
    """(when the first sample is shown, when the last has been), spell by spell."""
    at = samples.begins_at
    shifts = chain(samples.shifts, repeat(Spell(max(samples.count, 1), 0)))
    shift = next(shifts)
    first, end, left = at + shift.value, at, shift.count
    for spell in samples.durations:
        todo = spell.count
        while todo:
            taken = min(todo, left)
            first = min(first, at + shift.value)
            at += taken * spell.value
            end = max(end, at + shift.value)
            todo, left = todo - taken, left - taken
            if not left:
                shift = next(shifts)
                left = shift.count
    return first, end


def _each(spells: Iterable[Spell]) -> Iterator[int]:
    return chain.from_iterable(repeat(spell.value, spell.count) for spell in spells)


def _weights(spells: tuple[Spell, ...]) -> Counter[int]:
    """How many samples have each duration; the last sample's tells nothing, if there are others."""
    weights: Counter[int] = Counter()
    for spell in spells:
        weights[spell.value] += spell.count
    if weights.total() > 1:
        weights[spells[-1].value] -= 1
    return +weights


def _rate(weights: Counter[int], timescale: int) -> Fraction:
    """Of durations that may be rounded to ticks: the nominal rate that explains them best, if one does."""
    count, ticks = weights.total(), sum(value * count for value, count in weights.items())
    if ticks <= 0:
        return Fraction(0)
    mean = Fraction(timescale * count, ticks)
    if len(weights) == 1:
        return mean
    errors = {rate: abs(ticks - count * timescale / rate) for rate in NOMINAL_RATES}
    near = [rate for rate in NOMINAL_RATES if errors[rate] < max(ROUNDING_TICKS, ticks * NEAR)]
    best = min(near, key=lambda rate: max(errors[rate], SURELY_ROUNDED_TICKS), default=None)
    return mean.limit_denominator(DENOMINATOR_MAX) if best is None else best
