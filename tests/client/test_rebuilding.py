"""How much of a half-written file can be kept: exactly its good beginning."""

from __future__ import annotations

import io
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.client.errors import IntegrityError, NotDitsError
from gateway.client.format.digest import digest_of
from gateway.client.format.recipe import ChunkRef, Recipe, Run, Stream
from gateway.client.frames import packed, unpacked
from gateway.client.nearby import Nearby
from gateway.client.rebuilding import MIB, Growing, Step, batched
from gateway.client.verifying import kept_of, verified_bytes

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


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[Recipe, bytes]:
    """Up to three streams, with runs of any size, and the file that they make; chunks may be equal."""
    chunk = st.sampled_from([b"equal", b"also equal"]) | st.binary(min_size=1, max_size=20)
    left = [
        (number, draw(st.lists(chunk, min_size=1, max_size=4))) for number in range(draw(st.integers(1, 3)))
    ]
    streams = tuple(Stream.of(4, map(ChunkRef.of, chunks)) for _, chunks in left)
    rest, runs, whole = {number: b"".join(chunks) for number, chunks in left}, list[Run](), b""
    while any(rest.values()):
        last = runs[-1].stream if runs else -1
        others = [number for number, content in rest.items() if content and number != last]
        opened = [number for number in others if number <= len({run.stream for run in runs})]
        if not opened:
            return draw(interleaved())
        number = draw(st.sampled_from(opened))
        size = draw(st.integers(1, len(rest[number]))) if sum(map(bool, rest.values())) > 1 else None
        whole += rest[number][:size]
        runs.append(Run(number, len(rest[number][:size])))
        rest[number] = rest[number][runs[-1].size_bytes :]
    return Recipe(streams, tuple(runs)), whole


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(interleaved(), st.data())
def test_of_interleaved_streams_is_kept_what_whole_chunks_vouch_for(
    film: tuple[Recipe, bytes], data: st.DataObject
) -> None:
    recipe, whole = film
    assert verified_bytes(io.BytesIO(whole), recipe) == len(whole)
    left = data.draw(st.integers(0, len(whole)))
    verified = verified_bytes(io.BytesIO(whole[:left]), recipe)
    assert verified == vouched_for(recipe, left) if all_differ(recipe) else verified <= left
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    kept = kept_of(io.BytesIO(flipped), recipe)
    assert kept.end <= at or any(h.offset <= at < h.offset + h.piece.size_bytes for h in kept.holes)


def all_differ(recipe: Recipe) -> bool:
    """Two streams in equal chunks at once are not told apart, and less may be kept then."""
    return len(recipe.children()) == sum(map(len, recipe.streams))


def vouched_for(recipe: Recipe, left: int) -> int:
    """The first byte of a chunk that does not end within the first `left` bytes."""
    used, starts = dict.fromkeys(range(len(recipe.streams)), 0), list[int]()
    places: dict[int, list[int]] = {number: [] for number in used}
    at = 0
    for run in recipe.runs:
        places[run.stream] += range(at, at + run.size_bytes)
        at += run.size_bytes
    for number, stream in enumerate(recipe.streams):
        for size in stream.sizes():
            first, last = places[number][used[number]], places[number][used[number] + size - 1]
            starts += [first] if last >= left else []
            used[number] += size
    return min([left, *starts])


@settings(max_examples=30, deadline=None)
@given(interleaved(), st.data())
def test_a_file_nearby_gives_any_chunk_of_its_tracks(
    tmp_path_factory: pytest.TempPathFactory, film: tuple[Recipe, bytes], data: st.DataObject
) -> None:
    recipe, whole = film
    file = tmp_path_factory.getbasetemp() / "nearby.mov"
    file.unlink(missing_ok=True)
    at = data.draw(st.none() | st.integers(0, len(whole) - 1))
    file.write_bytes(whole if at is None else whole[:at])
    nearby = Nearby(file, recipe)
    found = {digest: nearby.chunk(digest) for digest in recipe.children()}
    nearby.close()
    assert all(digest_of(chunk) == digest for digest, chunk in found.items() if chunk is not None)
    assert at is not None or None not in found.values()


def test_chunks_that_go_on_in_the_next_batch_are_fetched_once() -> None:
    runs = [Run(i % 2, MIB) for i in range(40)]
    video = Stream.of(3, [ChunkRef(digest_of(b"%d" % i), 4 * MIB) for i in range(5)])
    sound = Stream.of(3, [ChunkRef(digest_of(b"s%d" % i), 4 * MIB) for i in range(5)])
    recipe = Recipe((video, sound), tuple(runs))
    growing = cast("Growing", None)
    steps = [Step(growing, 0, piece) for piece in recipe.pieces(0, recipe.size_bytes)]
    batches = list(batched(steps))
    assert len(batches) == 5
    assert sorted(d for each in batches for d in each.digests - each.before) == sorted(recipe.children())


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
