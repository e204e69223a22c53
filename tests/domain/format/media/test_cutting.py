"""Media cut by its tracks: bit for bit again, in flat memory, and little of it new after an edit."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.format.chunking import KIB, MIB, VIDEO
from domain.format.errors import FormatError
from domain.format.media.cutting import BLOCK_BYTES, MediaCutter, cut_file
from domain.format.media.layout import layout_of
from domain.format.media.source import BytesSource
from tests.domain.format.cuts_by_the_book import picture_cuts
from tests.domain.format.media.cut_up import CutUp, cut_pictures, movie_of, noise, track
from tests.media import encodes
from tests.media.making import MadeTrack, fragmented, movie

Group = list[int]
SIZES = st.sampled_from([0, 1, 700, 30 * KIB, 90 * KIB, 300 * KIB, 600 * KIB]) | st.integers(0, 200 * KIB)
GROUPS = st.lists(st.lists(SIZES, min_size=1, max_size=6), max_size=12)


def film(lengths: Sequence[int], seed: str, step: int = 6) -> MadeTrack:
    """Pictures of other content each, a group every `step` of them."""
    content, samples, at = noise(sum(lengths), seed), list[bytes](), 0
    for length in lengths:
        samples.append(content[at : at + length])
        at += length
    return MadeTrack(tuple(samples), sync=tuple(range(0, len(lengths), step)))


def sound(count: int, seed: str = "sound") -> MadeTrack:
    content = noise(count * 400, seed)
    samples = tuple(content[i * 400 : (i + 1) * 400] for i in range(count))
    return MadeTrack(samples, "soun", "mp4a", 48_000, durations=(1024,), per_chunk=12)


def reel(count: int = 120, seed: str = "reel") -> MadeTrack:
    """Of about 6 MiB, with groups above and below the least size of a chunk."""
    chance = random.Random(seed)
    return film([chance.randrange(9_000, 90_000) for _ in range(count)], seed)


def without(made: MadeTrack, start: int, stop: int, step: int = 6) -> MadeTrack:
    samples = made.samples[:start] + made.samples[stop:]
    sync = None if made.sync is None else tuple(range(0, len(samples), step))
    return MadeTrack(samples, made.handler, made.codec, made.timescale, per_chunk=made.per_chunk, sync=sync)


def cut_up(content: bytes) -> CutUp:
    done = CutUp.of(content)
    assert done is not None
    return done


BASE = movie(reel(), sound(1500))


@settings(max_examples=60, deadline=None)
@given(GROUPS, st.integers(1, 300 * KIB))
def test_pictures_are_cut_as_the_specification_says(groups: list[Group], block_bytes: int) -> None:
    content = noise(sum(map(sum, groups)), "pictures")
    chunks = cut_pictures(groups, content, max(block_bytes, len(content) // 50))
    assert b"".join(chunks) == content
    assert list(map(len, chunks)) == picture_cuts(groups, content)


@pytest.mark.parametrize(
    "groups", [[[5 * MIB]], [[300 * KIB] * 20], [[9 * MIB + 1], [3]], [[100 * KIB] * 60, [8 * KIB] * 9]]
)
def test_groups_above_the_largest_chunk_are_cut_inside(groups: list[Group]) -> None:
    content = noise(sum(map(sum, groups)), "long")
    chunks = cut_pictures(groups, content)
    assert b"".join(chunks) == content
    assert list(map(len, chunks)) == picture_cuts(groups, content)


def test_a_group_of_the_least_size_is_a_chunk_of_its_own() -> None:
    groups = [[VIDEO.min_bytes], [9], [VIDEO.max_bytes], [VIDEO.min_bytes - 1], [VIDEO.min_bytes]]
    content = noise(sum(map(sum, groups)))
    assert [len(chunk) for chunk in cut_pictures(groups, content)] == list(map(sum, groups))


@pytest.mark.parametrize("length", [6_000, 40_000, 400_000, 1_500_000, 5_000_000])
def test_cuts_do_not_depend_on_groups_that_went_before(length: int) -> None:
    groups = [[length // 5] * 5] * (24 * MIB // length)
    content = noise(sum(map(sum, groups)), "trim")
    before = set(cut_pictures(groups, content))
    rest = cut_pictures(groups[3:], content[3 * length :])
    assert sum(len(chunk) for chunk in rest if chunk not in before) <= (
        2 * MIB if length < VIDEO.min_bytes else 0
    )


def test_a_black_film_is_not_a_chunk_a_picture() -> None:
    chunks = cut_pictures([[500]] * 20_000, bytes(500 * 20_000))
    assert len(chunks) < 200


@pytest.mark.parametrize(
    "edited",
    [
        movie(reel(), sound(1500), tail=b"\0\0\0\x10udtaa title"),
        movie(reel(), sound(1500), fast_start=True),
        movie(reel(), sound(1500), wide=True),
        fragmented(reel(), sound(1500), per_fragment=6),
    ],
    ids=["title", "faststart", "wide", "fragmented"],
)
def test_a_file_wrapped_otherwise_has_the_same_tracks(edited: bytes) -> None:
    base, after = cut_up(BASE), cut_up(edited)
    assert after.rebuilt() == edited
    assert after.new_bytes(base, 3) == after.new_bytes(base, 4) == 0


def test_another_sound_leaves_the_pictures_as_they_were() -> None:
    edited = cut_up(movie(reel(), sound(1500, "other")))
    assert edited.new_bytes(cut_up(BASE), 3) == 0


@pytest.mark.parametrize(("start", "stop"), [(0, 30), (60, 84), (90, 120)])
def test_a_trim_stores_little_of_what_is_left(start: int, stop: int) -> None:
    edited = cut_up(movie(without(reel(), start, stop), sound(1500)))
    assert edited.new_bytes(cut_up(BASE), 3) <= 300 * KIB


@pytest.mark.parametrize(
    "made",
    [
        encodes.mp4,
        encodes.mov,
        encodes.fast_start,
        encodes.fragmented_mp4,
        encodes.several_tracks,
        encodes.with_b_frames,
        encodes.variable_rate,
        encodes.all_intra,
    ],
)
def test_real_encodes_are_cut_by_tracks_and_rebuilt(made: Callable[[], bytes]) -> None:
    done = cut_up(made())
    assert done.rebuilt() == made()
    assert {stream.profile_id for stream in done.recipe.streams} == {3, 4, 5}


def mostly_tables() -> bytes:
    return movie(film([16] * 1200, "small"), sound(50))


def mostly_fragments() -> bytes:
    return fragmented(film([16] * 1200, "small"), sound(50), per_fragment=40)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([encodes.mp4, encodes.mov, mostly_tables, mostly_fragments]))
def test_a_mutilated_file_is_rebuilt_or_opaque(data: st.DataObject, made: Callable[[], bytes]) -> None:
    content = bytearray(made())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    at = data.draw(st.integers(0, len(content)))
    whole = bytes(
        content[:at] + data.draw(st.binary(max_size=9)) + content[data.draw(st.integers(at, at + 9)) :]
    )
    left = whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole
    done = CutUp.of(left)
    assert done is None or done.rebuilt() == left


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_rebuilt_or_opaque(content: bytes) -> None:
    done = CutUp.of(content)
    assert done is None or done.rebuilt() == content


def test_a_source_that_ends_early_is_said() -> None:
    cutter = cut_file(BytesSource(BASE))
    assert cutter is not None
    cut_short = MediaCutter(BytesSource(BASE[: 2 * BLOCK_BYTES]), cutter.movie, cutter.layout)
    with pytest.raises(FormatError):
        list(cut_short.groups())


def test_groups_come_while_the_file_is_read() -> None:
    cutter = cut_file(BytesSource(BASE))
    assert cutter is not None
    groups = [sum(len(chunk.content) for chunk in group) for group in cutter.groups()]
    assert len(groups) >= 3
    assert max(groups) < 3 * MIB


class EndlessSource:
    """A content that takes no memory."""

    size_bytes = 200 * MIB
    longest_bytes = 0

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.longest_bytes = max(self.longest_bytes, size_bytes)
        return offset.to_bytes(8, "big") * (size_bytes // 8)


def test_one_endless_group_of_pictures_is_cut_in_flat_memory() -> None:
    pictures = track([40 * KIB] * 4096, [(i * 45 * KIB, 1) for i in range(4096)], sync=[0])
    heard = track([5 * KIB] * 4096, [(i * 45 * KIB + 40 * KIB, 1) for i in range(4096)], "soun")
    movie_, source = movie_of(pictures, heard), EndlessSource()
    layout = layout_of(movie_, source.size_bytes)
    assert layout is not None
    tracemalloc.start()
    cut_bytes = sum(
        len(chunk.content) for group in MediaCutter(source, movie_, layout).groups() for chunk in group
    )
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cut_bytes == source.size_bytes
    assert (peak_bytes < 16 * MIB, source.longest_bytes) == (True, BLOCK_BYTES)
