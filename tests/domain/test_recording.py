"""Recipes and trees are recorded in parts that fit into events, all children, each once (I4)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.format.chunking import OPAQUE
from domain.format.digest import Digest
from domain.format.recipe import ChunkRef, Recipe
from domain.format.tree import Entry, Tree
from domain.ids import unpacked
from domain.session.events import NAMES_PER_PART_MAX
from domain.session.recording import (
    COMMANDS_PER_APPEND,
    NAMES_BYTES_PER_APPEND,
    in_appends,
    recipe_commands,
    tree_commands,
)
from tests.strategies import recipes, trees


def numbered(number: int) -> Digest:
    return Digest(number.to_bytes(32, "big"))


@given(recipes())
def test_a_recipes_children_are_all_recorded_each_once(recipe: Recipe) -> None:
    commands = list(recipe_commands(recipe))
    told = [chunk for command in commands for chunk in unpacked(command.chunks)]
    assert told == sorted(recipe.children())
    assert {(each.recipe, each.size_bytes, each.parts) for each in commands} == {
        (recipe.digest, recipe.size_bytes, len(commands))
    }


@given(trees)
def test_a_trees_children_are_all_recorded_each_once(tree: Tree) -> None:
    commands = list(tree_commands(tree))
    assert [t for each in commands for t in unpacked(each.trees)] == sorted(tree.children("tree"))
    assert [r for each in commands for r in unpacked(each.recipes)] == sorted(tree.children("recipe"))
    assert [(each.part, each.parts) for each in commands] == [
        (n, len(commands)) for n in range(len(commands))
    ]


def test_a_long_recipe_is_recorded_in_parts_of_8192_names() -> None:
    chunks = [ChunkRef(numbered(number), 1) for number in range(NAMES_PER_PART_MAX + 1)]
    parts = [len(unpacked(each.chunks)) for each in recipe_commands(Recipe.opaque(chunks, OPAQUE))]
    assert parts == [NAMES_PER_PART_MAX, 1]


def test_a_large_directory_is_recorded_in_parts_of_8192_names() -> None:
    files = [Entry(f"{number:05}", "recipe", numbered(number), 1) for number in range(NAMES_PER_PART_MAX + 1)]
    tree = Tree.of([*files, Entry("dir", "tree", numbered(1 << 20), 1)])
    parts = [(len(unpacked(each.trees)), len(unpacked(each.recipes))) for each in tree_commands(tree)]
    assert parts == [(1, 0), (0, NAMES_PER_PART_MAX), (0, 1)]


def test_an_empty_file_has_one_part_without_names() -> None:
    (command,) = recipe_commands(Recipe.opaque([]))
    assert (command.part, command.parts, command.chunks) == (0, 1, b"")


def test_parts_of_a_huge_directory_are_not_appended_together() -> None:
    files = [Entry(f"{number:05}", "recipe", numbered(number), 1) for number in range(3 * NAMES_PER_PART_MAX)]
    batches = list(in_appends(tree_commands(Tree.of(files))))
    assert [len(batch) for batch in batches] == [1, 1, 1]
    assert all(len(batch[0].recipes) <= NAMES_BYTES_PER_APPEND for batch in batches)


@given(st.lists(trees, max_size=5), st.integers(1, 120))
def test_appends_hold_all_commands_in_order_and_never_too_many(some: list[Tree], times: int) -> None:
    commands = [command for tree in some for command in tree_commands(tree)] * times
    batches = list(in_appends(commands))
    assert [command for batch in batches for command in batch] == commands
    assert all(1 <= len(batch) <= COMMANDS_PER_APPEND for batch in batches)
