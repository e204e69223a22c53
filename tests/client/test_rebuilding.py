"""How much of a half-written file can be kept: exactly its good beginning."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.errors import IntegrityError, NotDitsError
from gateway.client.format.digest import digest_of
from gateway.client.format.recipe import ChunkRef, Recipe, Run, Stream
from gateway.client.frames import packed, unpacked
from gateway.client.verifying import verified_bytes

CHUNKS = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=12)


@given(CHUNKS, st.data())
def test_a_partial_file_is_kept_up_to_its_last_whole_chunk(chunks: list[bytes], data: st.DataObject) -> None:
    content = b"".join(chunks)
    left = data.draw(st.integers(0, len(content)))
    recipe = Recipe.opaque(map(ChunkRef.of, chunks))
    borders = [sum(map(len, chunks[:count])) for count in range(len(chunks) + 1)]
    kept = verified_bytes(io.BytesIO(content[:left]), recipe)
    assert kept == max(border for border in borders if border <= left)


@given(CHUNKS, st.data())
def test_a_flipped_bit_ends_what_is_kept(chunks: list[bytes], data: st.DataObject) -> None:
    content = bytearray(b"".join(chunks))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1
    kept = verified_bytes(io.BytesIO(bytes(content)), Recipe.opaque(map(ChunkRef.of, chunks)))
    assert kept <= at


def test_interleaved_streams_are_verified_as_one_file() -> None:
    video, audio = [b"V" * 10, b"W" * 10], [b"a" * 6]
    streams = (
        Stream(1, b"".join(ChunkRef.of(c).row() for c in video)),
        Stream(1, ChunkRef.of(audio[0]).row()),
    )
    recipe = Recipe(streams, (Run(0, 7), Run(1, 3), Run(0, 13), Run(1, 3)))
    whole = b"V" * 7 + b"aaa" + b"VVV" + b"W" * 10 + b"aaa"
    assert verified_bytes(io.BytesIO(whole), recipe) == len(whole)
    assert verified_bytes(io.BytesIO(whole[:-1]), recipe) < len(whole)


def test_frames_come_out_as_they_went_in() -> None:
    contents = [b"one", b"", b"three"]
    names = [digest_of(content) for content in contents]
    sent = b"".join(bytes(part) for part in packed(list(zip(names, contents, strict=True))))
    assert list(map(bytes, unpacked(sent, names, server="dits"))) == contents


def test_a_frame_with_other_bytes_is_refused() -> None:
    name = digest_of(b"one")
    with pytest.raises(IntegrityError):
        list(unpacked(b"".join(map(bytes, packed([(name, b"two")]))), [name], server="dits"))


@given(st.integers(0, 38))
def test_frames_that_break_off_are_refused(length: int) -> None:
    name = digest_of(b"one")
    sent = b"".join(map(bytes, packed([(name, b"one")])))
    with pytest.raises(NotDitsError):
        list(unpacked(sent[:length], [name], server="dits"))
