"""Which bytes belong to which stream."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.chunking import AUDIO, KIB, MIB, OPAQUE, SKELETON, VIDEO
from domain.format.media.layout import GAP_BYTES_MAX, PICTURES_MAX, TRACK_BYTES_MIN, Extent, layout_of
from domain.format.media.movie import Samples, Track
from tests.domain.format.media.cut_up import movie_of, track

BIG = TRACK_BYTES_MIN


def interleaved(*handlers: str, chunks: int = 4, chunk_bytes: int = BIG, start: int = 100) -> list[Track]:
    """One sample a chunk of each track in turn."""
    step = chunk_bytes * len(handlers)
    return [
        track(
            [chunk_bytes] * chunks,
            [(start + i * chunk_bytes + turn * step, 1) for turn in range(chunks)],
            handler,
        )
        for i, handler in enumerate(handlers)
    ]


def test_tracks_are_streams_and_the_rest_is_the_skeleton() -> None:
    layout = layout_of(movie_of(*interleaved("vide", "soun", chunks=1)), 2 * BIG + 150)
    assert layout is not None
    assert [course.profile for course in layout.courses] == [SKELETON, VIDEO, AUDIO]
    assert list(layout.extents()) == [
        Extent(0, 0, 100),
        Extent(1, 100, BIG),
        Extent(2, 100 + BIG, BIG),
        Extent(0, 100 + 2 * BIG, 50),
    ]


def test_neighbouring_chunks_of_a_track_are_one_extent() -> None:
    [alone] = interleaved("vide", chunks=5)
    layout = layout_of(movie_of(alone), 5 * BIG + 100)
    assert layout is not None
    assert layout.sizes.tolist() == [100, 5 * BIG]


def test_streams_are_numbered_as_the_file_uses_them() -> None:
    layout = layout_of(movie_of(*interleaved("vide", "soun", start=0)), 8 * BIG + 1)
    assert layout is not None
    assert [course.profile for course in layout.courses] == [VIDEO, AUDIO, SKELETON]
    assert layout.owners == bytes([0, 1] * 4 + [2])


def test_a_timecode_track_is_part_of_the_skeleton() -> None:
    timecode = track([4], [(40, 1)], "tmcd")
    layout = layout_of(movie_of(*interleaved("vide"), timecode), 4 * BIG + 100)
    assert layout is not None
    assert layout.sizes.tolist() == [100, 4 * BIG]


def test_sound_of_one_sample_size_needs_no_table() -> None:
    samples = Samples(100_000_000, 6, chunk_offsets=array("Q", [8]), chunk_counts=array("I", [100_000_000]))
    layout = layout_of(movie_of(Track(1, "soun", 48_000, 0, "in24", samples=samples)), 600_000_008)
    assert layout is not None
    assert layout.sizes.tolist() == [8, 600_000_000]


def test_foreign_data_between_tracks_is_cut_like_an_opaque_file() -> None:
    [alone] = interleaved("vide", start=GAP_BYTES_MAX + 1)
    layout = layout_of(movie_of(alone), GAP_BYTES_MAX + 1 + 4 * BIG)
    assert layout is not None
    assert layout.courses[0].profile is OPAQUE


def test_pictures_out_of_order_are_a_stream_without_units() -> None:
    swapped = track([BIG, BIG], [(100 + BIG, 1), (100, 1)])
    layout = layout_of(movie_of(swapped), 100 + 2 * BIG)
    assert layout is not None
    assert layout.courses[1].units is None
    assert layout.sizes.tolist() == [100, 2 * BIG]


@pytest.mark.parametrize(
    "tracks",
    [
        [],
        [track([BIG], [(1 << 40, 1)])],
        [track([BIG], [(2**64 - 1, 1)])],
        [track([BIG], [(0, 1)]), track([BIG], [(BIG - 1, 1)])],
        [track([BIG, BIG], [(0, 1), (5, 1)])],
        [track([BIG, BIG], [(0, 1)])],
        [track([BIG], [(0, 2)])],
        [track([BIG, BIG], [(0, 2)], sync=[1, 0])],
        [track([BIG, BIG], [(0, 2)], sync=[2])],
        [track([10], [(0, 1)])],
        interleaved(*["vide"] * (PICTURES_MAX + 1)),
    ],
    ids=["none", "outside", "far", "overlap", "self", "short", "long", "sync", "beyond", "tiny", "many"],
)
def test_a_movie_that_does_not_fit_its_file_has_no_layout(tracks: list[Track]) -> None:
    assert layout_of(movie_of(*tracks), 1 << 30) is None


def test_tables_that_contradict_themselves_have_no_layout() -> None:
    good = track([BIG], [(0, 1)])
    broken = replace(good, samples=replace(good.samples, chunk_counts=array("I", [1, 1])))
    assert layout_of(movie_of(good), BIG) is not None
    assert layout_of(movie_of(broken), BIG) is None


def test_sounds_in_too_many_runs_are_one_stream() -> None:
    sound, sound_bytes = interleaved("soun", "soun", chunks=BIG, chunk_bytes=1, start=KIB), 2 * BIG
    picture = track([MIB], [(KIB + sound_bytes, 1)])
    layout = layout_of(movie_of(picture, *sound), KIB + sound_bytes + MIB)
    assert layout is not None
    assert layout.sizes.tolist() == [KIB, sound_bytes, MIB]


def test_a_file_that_is_all_borders_has_no_layout() -> None:
    assert layout_of(movie_of(*interleaved("vide", "soun", chunks=9000, chunk_bytes=2)), 40_000) is None


TABLES = st.builds(
    track,
    st.lists(st.integers(0, 30_000), max_size=6),
    st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 4)), max_size=6),
    st.sampled_from(["vide", "soun", "tmcd"]),
    st.none() | st.lists(st.integers(0, 7), max_size=4),
)


@given(st.lists(TABLES, max_size=4), st.integers(0, 120_000))
def test_extents_cover_the_file_once_whatever_the_tables_say(tracks: list[Track], size_bytes: int) -> None:
    layout = layout_of(movie_of(*tracks), size_bytes)
    if layout is not None:
        totals: dict[Any, int] = dict.fromkeys(range(len(layout.courses)), 0)
        for stream, extent_bytes in zip(layout.owners, layout.sizes, strict=True):
            totals[stream] += extent_bytes
        assert sum(layout.sizes) == size_bytes
        assert list(totals.values()) == [course.size_bytes for course in layout.courses]
        assert all(sum(c.units.sizes) == c.size_bytes for c in layout.courses if c.units)
