"""Recipes: what a range of a file is made of. Their encoding is tested in test_objects and test_vectors."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from domain.format.chunking import OPAQUE, WIDE, Profile, cut
from domain.format.digest import digest_of
from domain.format.errors import FormatError
from domain.format.recipe import CHUNKS_MAX, ChunkRef, Recipe, Run, Stream
from tests import strategies


def chunk(seed: int, size_bytes: int) -> ChunkRef:
    return ChunkRef(digest_of(seed.to_bytes(4, "big")), size_bytes)


def span(recipe: Recipe, start: int, stop: int) -> list[tuple[bytes, int]]:
    """Every byte of a range as (chunk, offset): small recipes only."""
    return [(p.digest, p.offset + i) for p in recipe.pieces(start, stop) for i in range(p.size_bytes)]


INTERLEAVED = Recipe(
    (Stream.of(3, (chunk(1, 5), chunk(2, 4))), Stream.of(4, (chunk(3, 3), chunk(4, 6)))),
    (Run(0, 7), Run(1, 4), Run(0, 2), Run(1, 5)),
)


@given(st.integers(0, 18), st.integers(0, 18))
def test_a_range_is_the_same_part_of_the_whole(a: int, b: int) -> None:
    start, stop = sorted((a, b))
    assert span(INTERLEAVED, start, stop) == span(INTERLEAVED, 0, 18)[start:stop]


def test_runs_interleave_streams() -> None:
    first, second, third, fourth = (chunk(i, 9).digest for i in (1, 2, 3, 4))
    whole = [(p.digest, p.offset, p.size_bytes) for p in INTERLEAVED.pieces(0, 18)]
    assert whole[:4] == [(first, 0, 5), (second, 0, 2), (third, 0, 3), (fourth, 0, 1)]
    assert whole[4:] == [(second, 2, 2), (fourth, 1, 5)]


@given(strategies.recipes(), st.data())
def test_the_pieces_of_any_range_add_up(recipe: Recipe, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, recipe.size_bytes))
    stop = data.draw(st.integers(start, recipe.size_bytes))
    pieces = list(recipe.pieces(start, stop))
    assert sum(piece.size_bytes for piece in pieces) == stop - start
    assert all(piece.size_bytes >= 1 for piece in pieces)


@given(strategies.recipes(), st.data())
def test_two_ranges_that_meet_are_one(recipe: Recipe, data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, recipe.size_bytes))
    halves = [*recipe.pieces(0, middle), *recipe.pieces(middle, recipe.size_bytes)]
    whole = list(recipe.pieces(0, recipe.size_bytes))
    assert len(whole) <= len(halves) <= len(whole) + 1
    assert {piece.digest for piece in whole} == set(recipe.children())


@pytest.mark.parametrize("profile", [OPAQUE, WIDE], ids=lambda each: each.name)
def test_a_cut_file_is_rebuilt_from_its_recipe(profile: Profile) -> None:
    content = blake3(b"film").digest(length=9_000_000)
    chunks = [bytes(each) for each in cut(content, profile)]
    store = {digest_of(each): each for each in chunks}
    recipe = Recipe.decode(Recipe.opaque(map(ChunkRef.of, chunks), profile).encode())
    parts = (store[p.digest][p.offset : p.offset + p.size_bytes] for p in recipe.pieces(7, len(content) - 7))
    assert b"".join(parts) == content[7:-7]


def test_an_empty_file_names_no_chunk() -> None:
    empty = Recipe.opaque(())
    assert (empty.size_bytes, empty.children(), list(empty.pieces(0, 0))) == (0, (), [])


def test_children_are_named_once() -> None:
    recipe = Recipe.opaque((chunk(1, 9), chunk(2, 9), chunk(1, 9)))
    assert recipe.children() == (chunk(1, 9).digest, chunk(2, 9).digest)


def test_more_chunks_than_the_limit_are_refused() -> None:
    rows = chunk(1, 1).row() * (CHUNKS_MAX + 1)
    with pytest.raises(FormatError, match="at most 1048576 chunks"):
        Recipe((Stream(1, rows),), (Run(0, CHUNKS_MAX + 1),))


@pytest.mark.long
def test_the_largest_recipe_fits_into_an_object() -> None:
    recipe = Recipe.opaque(chunk(i, 1_048_576) for i in range(CHUNKS_MAX))
    assert Recipe.decode(recipe.encode()) == recipe
    assert next(recipe.pieces(2**39, 2**40)).digest == chunk(2**19, 1).digest
