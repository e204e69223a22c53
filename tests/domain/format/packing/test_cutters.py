"""What a file is cut by is chosen by its content, and whatever it is, it is rebuilt."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.format.chunking import SKELETON
from domain.format.cutters import cutter_for, may_be_cut
from domain.format.digest import Digest
from domain.format.media.source import BytesSource
from domain.format.rebuilding import RecipeSource
from domain.format.recipe import ChunkRef, Recipe
from tests.media.projects import clips, edited, saved

Store = dict[Digest, bytes]


PROJECT = saved(clips(1))


def stored(content: bytes, store: Store) -> Recipe | None:
    cutter = cutter_for(BytesSource(content))
    if cutter is None:
        return None
    kept = [bytearray() for _ in cutter.profiles]
    for chunk in (each for group in cutter.groups() for each in group):
        ref = ChunkRef.of(chunk.content)
        store[ref.digest] = bytes(chunk.content)
        kept[chunk.stream] += ref.row()
    return cutter.recipe(kept)


def test_a_packed_project_is_cut_unpacked_and_rebuilt_packed() -> None:
    store = Store()
    recipe = stored(PROJECT, store)
    assert recipe is not None
    assert [stream.profile_id for stream in recipe.streams] == [SKELETON.id]
    assert recipe.size_bytes == len(PROJECT) < recipe.unpacked.size_bytes == sum(map(len, store.values()))
    assert RecipeSource(recipe, store.__getitem__).read(0, len(PROJECT)) == PROJECT


def test_the_next_save_costs_what_changed() -> None:
    store = Store()
    stored(PROJECT, store)
    before = sum(map(len, store.values()))
    stored(saved(edited(clips(1), 2)), store)
    assert sum(map(len, store.values())) - before < len(PROJECT) / 2


def test_any_range_of_a_packed_file_is_the_same() -> None:
    store = Store()
    recipe = stored(PROJECT, store)
    assert recipe is not None
    source = RecipeSource(recipe, store.__getitem__)
    for start in range(0, len(PROJECT), 7_919):
        assert source.read(start, 2_000) == PROJECT[start : start + 2_000]
    assert source.read(len(PROJECT), 1) == b""


@settings(max_examples=10)
@given(st.integers(10, len(PROJECT) - 1), st.integers(0, 255), st.booleans())
def test_a_damaged_packed_file_is_rebuilt_as_it_is_or_cut_blindly(at: int, value: int, is_cut: bool) -> None:
    content = PROJECT[:at] if is_cut else PROJECT[:at] + bytes([value]) + PROJECT[at + 1 :]
    store = Store()
    recipe = stored(content, store)
    assert recipe is None or RecipeSource(recipe, store.__getitem__).read(0, len(content)) == content


@given(st.binary(max_size=64))
def test_what_may_not_be_cut_is_not(head: bytes) -> None:
    assert may_be_cut(head) or cutter_for(BytesSource(head)) is None
