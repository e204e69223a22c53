"""How a recipe or a tree is recorded: its children as commands, in parts that fit into events (I4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from domain.format.recipe import Recipe
from domain.format.tree import Tree
from domain.ids import Digest, packed
from domain.session.commands import RecordRecipe, RecordTree
from domain.session.events import NAMES_PER_PART_MAX

TREES_PER_APPEND = 256
"""Events have names of about 300 bytes around them: 75 KiB of a message of 512."""
NAMES_BYTES_PER_APPEND = 256 * 1024
"""One full part: half of a message."""

EVENT_BYTES = 512
"""Envelope and fixed fields of one event, generously."""
APPEND_BYTES_MAX = 384 * 1024
APPEND_COMMANDS_MAX = 500


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


def in_appends(commands: Iterable[RecordTree]) -> Iterator[list[RecordTree]]:
    """Batches that fit into one message each, however large the directories are."""
    batch: list[RecordTree] = []
    size_bytes = 0
    for command in commands:
        more_bytes = len(command.trees) + len(command.recipes)
        if batch and (size_bytes + more_bytes > NAMES_BYTES_PER_APPEND or len(batch) == TREES_PER_APPEND):
            yield batch
            batch, size_bytes = [], 0
        batch.append(command)
        size_bytes += more_bytes
    if batch:
        yield batch


def appends(commands: Sequence[RecordRecipe | RecordTree]) -> Iterator[list[RecordRecipe | RecordTree]]:
    """Commands in groups whose events fit into one message (512 KiB, 1,000 events)."""
    group: list[RecordRecipe | RecordTree] = []
    size_bytes = 0
    for command in commands:
        command_bytes = EVENT_BYTES + _names_bytes(command)
        if group and (size_bytes + command_bytes > APPEND_BYTES_MAX or len(group) == APPEND_COMMANDS_MAX):
            yield group
            group, size_bytes = [], 0
        group.append(command)
        size_bytes += command_bytes
    if group:
        yield group


def _names_bytes(command: RecordRecipe | RecordTree) -> int:
    if isinstance(command, RecordRecipe):
        return len(command.chunks)
    return len(command.trees) + len(command.recipes)


def _parts(names: Sequence[Digest]) -> list[list[Digest]]:
    size = NAMES_PER_PART_MAX
    return [list(names[first : first + size]) for first in range(0, len(names), size)] or [[]]
