"""Samples that lie inside the file and still where none can be (S4.1)."""

from __future__ import annotations

from array import array
from itertools import accumulate
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.homes import Homes
from domain.format.media.movie import Box, Issue, Samples
from tests.domain.format.media.columns import read
from tests.media.making import MadeTrack, box, clip, fragmented, ftyp, movie, song


def moved(content: bytes, offsets: list[int]) -> bytes:
    """Of the first track, whose chunks are said to lie elsewhere."""
    at = content.index(b"stco") + 12
    told = b"".join(offset.to_bytes(4, "big") for offset in offsets)
    return content[:at] + told + content[at + len(told) :]


def test_s4_1_samples_in_the_tables_are_an_error() -> None:
    found = read(moved(movie(clip(), song()), [4] * 10))
    assert found.issues == (Issue("error", "Track 1: 10 of 10 samples lie outside every mdat"),)


def test_s4_1_one_sample_that_lies_outside_is_counted() -> None:
    found = read(moved(movie(clip(), song()), [4]))
    assert found.issues == (Issue("error", "Track 1: 1 of 10 samples lie outside every mdat"),)


@pytest.mark.parametrize("kind", ["free", "wide", "skip", "uuid", "meta", "new!"])
def test_samples_in_a_box_that_may_hold_them_are_a_warning(kind: str) -> None:
    head = ftyp() + box(kind, bytes(2_000))
    found = read(moved(movie(clip(), song(), head=head), [len(ftyp()) + 50]))
    assert found.issues == (Issue("warning", "Track 1: 1 of 10 samples lie outside every mdat"),)


@pytest.mark.parametrize("content", [fragmented(clip(), song()), movie(clip()) + box("mdat", b"more")])
def test_samples_of_several_mdat_boxes_are_at_home(content: bytes) -> None:
    assert read(content).issues == ()


def test_a_sample_without_bytes_is_nowhere() -> None:
    assert read(moved(movie(MadeTrack((b"",)), song()), [4])).issues == ()


def test_s4_1_many_chunks_and_many_homes_are_not_compared_each_with_each() -> None:
    homes = Homes.of(Box("mdat", at, 8, 16, 16) for at in range(0, 3_200_000, 16))
    offsets = array("Q", range(4, 1_600_004, 8))
    samples = Samples(200_000, 8, chunk_offsets=offsets, chunk_counts=array("I", [1] * 200_000))
    began = process_time()
    assert homes.count_outside(samples) == 200_000
    assert process_time() - began < 2


@given(
    st.lists(st.integers(1, 9), max_size=12),
    st.lists(st.integers(9, 30), min_size=1, max_size=5),
    st.integers(0, 60),
)
def test_a_chunk_of_one_sample_is_at_home_if_a_box_holds_it(
    sizes: list[int], lengths: list[int], offset: int
) -> None:
    starts = accumulate(lengths, initial=0)
    boxes = [Box("mdat", at, 8, size, size) for at, size in zip(starts, lengths, strict=False)]
    offsets = [offset + 3 * number for number in range(len(sizes))]
    held = Samples(len(sizes), 0, array("I", sizes), array("Q", offsets), array("I", [1] * len(sizes)))
    within = [
        any(b.offset + 8 <= at and at + n <= b.end for b in boxes)
        for at, n in zip(offsets, sizes, strict=True)
    ]
    assert Homes.of(boxes).count_outside(held) == within.count(False)
