"""Cutting: one cut, whatever way the bytes come in."""

from __future__ import annotations

import io
import random
from functools import cache

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.format.chunking import (
    ARENA_CHUNKS,
    CHUNK_BYTES_MAX,
    KIB,
    OPAQUE,
    PROFILES,
    WIDE,
    Cutter,
    Profile,
    chunk_bytes_max,
    cut,
)
from domain.format.errors import FormatError
from tests.domain.format import cuts_by_the_book

TINY = Profile("tiny", 250, 1 * KIB, 4 * KIB, 16 * KIB)
"""The same algorithm with small numbers, so that hypothesis sees many cuts."""


@cache
def noise(size_bytes: int, seed: bytes = b"noise") -> bytes:
    return blake3(seed).digest(length=size_bytes)


def streamed(content: bytes, profile: Profile, block_sizes: list[int]) -> list[bytes]:
    cutter, at, chunks = Cutter(profile), 0, list[memoryview]()
    for size in block_sizes:
        chunks += cutter.feed(content[at : at + size])
        at += size
    chunks += cutter.feed(content[at:])
    return [bytes(chunk) for chunk in chunks + cutter.finish()]


CONTENTS = st.sampled_from(
    (b"", b"x", noise(1 * KIB), noise(16 * KIB), noise(200 * KIB), bytes(100 * KIB), noise(700) * 200)
)


@given(CONTENTS, st.lists(st.integers(0, 40 * KIB), max_size=30))
def test_blocks_of_any_size_are_cut_like_the_whole(content: bytes, block_sizes: list[int]) -> None:
    whole = [bytes(chunk) for chunk in cut(content, TINY)]
    assert streamed(content, TINY, block_sizes) == whole
    assert b"".join(whole) == content


@given(st.integers(0, 60), st.lists(st.integers(0, 40 * KIB), max_size=10))
def test_cutting_goes_on_at_any_earlier_cut(index: int, block_sizes: list[int]) -> None:
    content = noise(200 * KIB)
    whole = [bytes(chunk) for chunk in cut(content, TINY)]
    done = whole[:index]
    rest = content[sum(map(len, done)) :]
    assert done + streamed(rest, TINY, block_sizes) == whole


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(PROFILES), st.integers(1, 3_000_000), st.integers(0, 12_000_000))
def test_real_profiles_are_cut_alike_in_blocks(profile: Profile, block: int, size: int) -> None:
    content = noise(12_000_000)[:size]
    block = max(block, size // 200)
    blocks = [block] * (size // block)
    assert streamed(content, profile, blocks) == [bytes(chunk) for chunk in cut(content, profile)]


def test_a_cut_is_what_the_specification_says() -> None:
    content = noise(1_500_001)
    assert [len(chunk) for chunk in cut(content, OPAQUE)] == cuts_by_the_book.cut_lengths("opaque", content)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda each: each.name)
def test_chunks_keep_their_profiles_bounds(profile: Profile) -> None:
    sizes = [len(chunk) for chunk in cut(noise(40_000_000), profile)]
    assert all(profile.min_bytes <= size <= profile.max_bytes for size in sizes[:-1])
    assert 1 <= sizes[-1] <= profile.max_bytes <= CHUNK_BYTES_MAX


def test_an_inserted_byte_moves_few_cuts() -> None:
    content = noise(20_000_000)
    before = {bytes(chunk) for chunk in cut(content, OPAQUE)}
    after = [bytes(chunk) for chunk in cut(content[:999_999] + b"!" + content[999_999:], OPAQUE)]
    assert sum(chunk not in before for chunk in after) <= 5


def test_chunks_outlive_everything_that_comes_later() -> None:
    content, cutter = noise(10_000_000), Cutter(OPAQUE)
    block, chunks = bytearray(100_000), list[memoryview]()
    for at in range(0, len(content), len(block)):
        block[:] = content[at : at + len(block)]
        chunks += cutter.feed(block)
    chunks += cutter.finish()
    assert b"".join(chunks) == content
    assert all(chunk.readonly for chunk in chunks)


def test_a_reader_may_fill_the_room_itself() -> None:
    content, cutter = noise(9_000_000), Cutter(OPAQUE)
    source, chunks = io.BytesIO(content), list[memoryview]()
    while count := source.readinto(cutter.room()):
        chunks += cutter.filled(count)
    assert [bytes(c) for c in chunks + cutter.finish()] == [bytes(c) for c in cut(content, OPAQUE)]


@pytest.mark.parametrize("profile", [OPAQUE, WIDE], ids=lambda each: each.name)
def test_a_cutter_holds_less_than_one_largest_chunk_between_blocks(profile: Profile) -> None:
    chance, cutter, content = random.Random(7), Cutter(profile), noise(30_000_000)
    at = 0
    while at < len(content):
        size = chance.randrange(1, 2_000_000)
        at += size
        cutter.feed(content[at - size : at])
        assert cutter.held_bytes < profile.max_bytes
        assert profile.max_bytes // 4 <= len(cutter.room()) <= ARENA_CHUNKS * profile.max_bytes


def test_held_bytes_say_how_far_the_last_cut_lies_behind() -> None:
    cutter = Cutter(OPAQUE)
    out = sum(map(len, cutter.feed(noise(5_000_000))))
    assert out + cutter.held_bytes == 5_000_000


def test_a_finished_cutter_is_ready_for_another_content() -> None:
    cutter = Cutter(TINY)
    first = [bytes(chunk) for chunk in cutter.feed(noise(50_000)) + cutter.finish()]
    second = [bytes(chunk) for chunk in cutter.feed(noise(50_000)) + cutter.finish()]
    assert first == second


def test_profiles_of_tracks_may_use_the_largest_chunk() -> None:
    assert [chunk_bytes_max(each) for each in (1, 2, 3, 4, 5)] == [OPAQUE.max_bytes] + [CHUNK_BYTES_MAX] * 4


@pytest.mark.parametrize("profile_id", [0, 6, 255])
def test_an_unregistered_profile_is_refused(profile_id: int) -> None:
    with pytest.raises(FormatError):
        chunk_bytes_max(profile_id)
