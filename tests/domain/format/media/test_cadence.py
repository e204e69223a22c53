"""Frame rates and maps of varying ones (S4.3)."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from domain.format.media.cadence import cadence_of, presented
from domain.format.media.movie import Spell
from tests.domain.format.media.by_hand import samples, video

NTSC = Fraction(30_000, 1001)


@pytest.mark.parametrize(
    ("timescale", "spells", "rate"),
    [
        (25, (Spell(100, 1),), Fraction(25)),
        (90_000, (Spell(100, 3003),), NTSC),
        (30_000, (Spell(99, 1001), Spell(1, 1)), NTSC),
        (1000, (Spell(1, 500),), Fraction(2)),
    ],
    ids=["25", "29.97", "a short last picture", "one picture"],
)
def test_a_steady_rate_is_said_exactly(timescale: int, spells: tuple[Spell, ...], rate: Fraction) -> None:
    cadence = cadence_of(video(*spells, timescale=timescale))
    assert (cadence.rate, cadence.is_variable) == (rate, False)


@pytest.mark.parametrize(("lengths", "rate"), [((33, 33, 34), 30), ((41, 42, 42), 24), ((40, 40, 40), 25)])
def test_rounded_milliseconds_are_taken_for_the_rate_they_mean(lengths: tuple[int, ...], rate: int) -> None:
    cadence = cadence_of(video(*(Spell(1, length) for length in lengths * 333)))
    assert cadence.rate == rate
    assert not cadence.is_variable


@pytest.mark.parametrize(
    ("timescale", "spells", "rate"),
    [
        (12_800, (Spell(1, 786), Spell(46, 512)), 25),
        (1000, (Spell(500, 40), Spell(1, 80), Spell(499, 40)), 25),
        (24_000, (Spell(10, 1001), Spell(1, 3003), Spell(10, 1001)), Fraction(24_000, 1001)),
    ],
    ids=["a long first one", "one that was dropped", "two that were dropped"],
)
def test_odd_samples_do_not_change_the_rate(
    timescale: int, spells: tuple[Spell, ...], rate: Fraction
) -> None:
    cadence = cadence_of(video(*spells, timescale=timescale))
    assert (cadence.rate, cadence.is_variable) == (rate, False)


@pytest.mark.parametrize("count", [12, 48, 500, 5_000])
@pytest.mark.parametrize("rate", [12, 15, 24, 25, 30, 48, 60, 90, 120])
def test_milliseconds_tell_a_whole_rate(rate: int, count: int) -> None:
    shown = [number * 1000 // rate for number in range(count + 1)]
    lengths = [later - earlier for earlier, later in pairwise(shown)]
    assert cadence_of(video(*(Spell(1, length) for length in lengths))).rate == rate


@pytest.mark.parametrize("rate", [24, 30, 60])
def test_milliseconds_tell_a_broken_rate_of_a_few_minutes(rate: int) -> None:
    shown = [round(number * Fraction(1001, rate)) for number in range(5_000)]
    lengths = [later - earlier for earlier, later in pairwise(shown)]
    assert cadence_of(video(*(Spell(1, length) for length in lengths))).rate == Fraction(rate * 1000, 1001)


def test_a_rate_that_nobody_uses_is_not_taken_for_a_near_one() -> None:
    shown = [number * 1001 // 25 for number in range(5_000)]
    rate = cadence_of(video(*(Spell(1, b - a) for a, b in pairwise(shown)))).rate
    assert abs(rate - Fraction(25_000, 1001)) < Fraction(1, 1000)
    assert rate != 25


def test_a_rate_that_changes_half_way_varies() -> None:
    cadence = cadence_of(video(Spell(100, 40), Spell(100, 20)))
    assert cadence.is_variable
    assert cadence.spells == (Spell(100, 40), Spell(100, 20))


def test_a_few_odd_pictures_do_not_make_a_rate_vary() -> None:
    assert not cadence_of(video(Spell(100, 40), Spell(3, 80), Spell(100, 40))).is_variable


def test_no_sample_has_no_rate() -> None:
    assert cadence_of(video(Spell(0, 40))).rate == 0


def test_pictures_are_put_in_the_order_in_which_they_are_shown() -> None:
    held = samples(Spell(4, 10), shifts=(Spell(1, 0), Spell(1, 25), Spell(2, 0)))
    assert presented(held).spells == (Spell(1, 20), Spell(1, 10), Spell(1, 5), Spell(1, 10))


def test_shifts_that_end_early_are_none() -> None:
    shown = presented(samples(Spell(3, 10), shifts=(Spell(1, 5),)))
    assert (shown.spells, shown.first, shown.end) == ((Spell(1, 5), Spell(2, 10)), 5, 30)


def test_a_whole_film_with_reordered_pictures_has_one_rate() -> None:
    shifts = tuple(Spell(1, value * 512) for value in (2, 4, 1, 1)) * 50_000
    cadence = cadence_of(video(Spell(200_000, 512), shifts=shifts, timescale=12_288))
    assert (cadence.rate, cadence.is_variable) == (Fraction(24), False)
