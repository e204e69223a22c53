"""Which pictures are kept together."""

from __future__ import annotations

from array import array

from domain.format.chunking import KIB, MIB, VIDEO
from domain.format.media.movie import SAMPLES_MAX, Samples
from domain.format.media.units import Units, units_of
from tests.domain.format.media.cut_up import track

LONG = VIDEO.min_bytes


def told(sizes: list[int], sync: list[int] | None) -> list[tuple[int, int]]:
    """(size, whether a chunk begins there) of each unit."""
    units = units_of(track(sizes, [], sync=sync).samples)
    assert isinstance(units, Units)
    return list(zip(units.sizes, units.begins, strict=True))


def test_a_unit_goes_from_one_sync_sample_to_the_next() -> None:
    assert told([5, 1, 1, 6, 1], [0, 3]) == [(7, 1), (7, 0)]


def test_a_chunk_begins_with_a_long_group_and_behind_it() -> None:
    assert told([9, LONG, 9, 9], None) == [(9, 1), (LONG, 1), (9, 1), (9, 0)]


def test_a_very_long_group_is_taken_apart_into_its_samples() -> None:
    assert told([2 * MIB, 2 * MIB, 1, 9], [0, 3]) == [(2 * MIB, 1), (2 * MIB, 0), (1, 0), (9, 1)]


def test_what_lies_before_the_first_sync_sample_is_a_group() -> None:
    assert told([1, 2, 3, 4], [2]) == [(3, 1), (7, 0)]


def test_without_any_sync_sample_all_is_one_group() -> None:
    assert told([1, 2, 3], []) == [(6, 1)]


def test_samples_without_bytes_are_left_out() -> None:
    assert told([0, 4, 0, 0, 5 * MIB, 0], [0, 2, 3]) == [(4, 1), (5 * MIB, 1)]


def test_pictures_of_one_size_need_no_table() -> None:
    units = units_of(Samples(6, 100 * KIB, sync=array("I", [0, 4])))
    assert units == Units(array("Q", [400 * KIB, 200 * KIB]), bytearray([1, 1]))


def test_more_pictures_than_can_be_told_have_no_units() -> None:
    assert units_of(Samples(SAMPLES_MAX + 1, 1)) is None
