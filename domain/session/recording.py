"""How a recipe or a tree is recorded: its children as commands, in parts that fit into events (I4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from domain.format.recipe import Recipe
from domain.format.tree import Tree
from domain.ids import Digest, packed
from domain.session.commands import RecordRecipe, RecordTree
from domain.session.events import NAMES_PER_PART_MAX

COMMANDS_PER_APPEND = 256
"""Events have names of about 300 bytes around them: 75 KiB of a message of 512."""
NAMES_BYTES_PER_APPEND = 256 * 1024
"""One full part: half of a message."""

Recording = TypeVar("Recording", RecordRecipe, RecordTree)


def recipe_commands(recipe: Recipe) -> Iterator[RecordRecipe]:
    """One command a part; a recipe without chunks (an empty file) has one empty part."""
    chunks = sorted({chunk.digest for stream in recipe.streams for chunk in stream.chunks})
    parts = _parts(chunks)
    for number, part in enumerate(parts):
        yield RecordRecipe(recipe.digest, recipe.size_bytes, number, len(parts), packed(part))


def tree_commands(tree: Tree) -> Iterator[RecordTree]:
    """One command a part; directories come first."""
    trees = sorted({entry.digest for entry in tree.entries if entry.kind == "tree"})
    recipes = sorted({entry.digest for entry in tree.entries if entry.kind == "recipe"})
    of_trees = _parts(trees) if trees else []
    of_recipes = _parts(recipes) if recipes else []
    sides = [*((part, list[Digest]()) for part in of_trees), *((list[Digest](), part) for part in of_recipes)]
    for number, (below, files) in enumerate(sides):
        yield RecordTree(tree.digest, number, len(sides), packed(below), packed(files))


def in_appends(commands: Iterable[Recording]) -> Iterator[list[Recording]]:
    """Batches that fit into one message each, however large the files and directories are."""
    batch: list[Recording] = []
    size_bytes = 0
    for command in commands:
        more_bytes = _names_bytes(command)
        if batch and (size_bytes + more_bytes > NAMES_BYTES_PER_APPEND or len(batch) == COMMANDS_PER_APPEND):
            yield batch
            batch, size_bytes = [], 0
        batch.append(command)
        size_bytes += more_bytes
    if batch:
        yield batch


def _names_bytes(command: RecordRecipe | RecordTree) -> int:
    if isinstance(command, RecordRecipe):
        return len(command.chunks)
    return len(command.trees) + len(command.recipes)


def _parts(names: Sequence[Digest]) -> list[list[Digest]]:
    size = NAMES_PER_PART_MAX
    return [list(names[first : first + size]) for first in range(0, len(names), size)] or [[]]
