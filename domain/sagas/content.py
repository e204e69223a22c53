"""Is everything that a commit names there? Read from the log, never by asking the store for each chunk.

What a session recorded is there: a `ChunkStored` is said only of durable, verified bytes. What it did not
record must be live in the repository (I2): the caller asks that of the read model, in as few questions as
there are kinds of things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from domain.errors import UnknownContentError
from domain.event import Event
from domain.ids import Digest, unpacked
from domain.ports import ObjectKind
from domain.session.events import ChunkStored, RecipeRecorded, TreeRecorded

Missing = Callable[[ObjectKind, frozenset[Digest]], frozenset[Digest]]


@dataclass(slots=True)
class SentContent:
    """What one session has recorded so far; filled event by event."""

    chunks: set[Digest] = field(default_factory=set[Digest])
    recipe_chunks: dict[Digest, set[Digest]] = field(default_factory=dict[Digest, set[Digest]])
    recipe_sizes: dict[Digest, int] = field(default_factory=dict[Digest, int])
    tree_children: dict[Digest, tuple[set[Digest], set[Digest]]] = field(
        default_factory=dict[Digest, tuple[set[Digest], set[Digest]]]
    )
    """Of each tree: (trees, recipes)."""
    parts_open: dict[Digest, int] = field(default_factory=dict[Digest, int])
    """How many parts of a recipe or tree are still to come."""

    def add(self, event: Event) -> None:
        match event:
            case ChunkStored():
                self.chunks.update(unpacked(event.chunks))
            case RecipeRecorded():
                self.recipe_chunks.setdefault(event.recipe, set()).update(unpacked(event.chunks))
                self.recipe_sizes[event.recipe] = event.size_bytes
                self._part_came(event.recipe, event.parts)
            case TreeRecorded():
                trees, recipes = self.tree_children.setdefault(event.tree, (set(), set()))
                trees.update(unpacked(event.trees))
                recipes.update(unpacked(event.recipes))
                self._part_came(event.tree, event.parts)
            case _:
                pass

    def _part_came(self, name: Digest, parts: int) -> None:
        self.parts_open[name] = self.parts_open.get(name, parts) - 1

    def holds(self, name: Digest) -> bool:
        """Is every part of this recipe or tree recorded?"""
        return self.parts_open.get(name) == 0


@dataclass(frozen=True, slots=True)
class Verified:
    """How much a commit brings along that was not live before."""

    recipe_count: int
    chunk_count: int


def verify(
    sent: SentContent, trees: Iterable[Digest], recipes: Iterable[Digest], missing: Missing
) -> Verified:
    """Follow everything named down to chunks that were sent or are live.

    `missing` answers which of some names are not live in the repository as that kind of thing. Raises
    UnknownContentError naming the first thing that nobody sent.
    """
    named_recipes = set(recipes) | _recipes_below(sent, trees, missing)
    new = {name for name in named_recipes if sent.holds(name)}
    _refuse("recipe", missing("recipes", frozenset(named_recipes - new)))
    chunks: set[Digest] = set()
    for name in new:
        chunks |= sent.recipe_chunks[name]
    unsent = chunks - sent.chunks
    _refuse("chunk", missing("chunks", frozenset(unsent)))
    return Verified(len(new), len(chunks))


def _recipes_below(sent: SentContent, trees: Iterable[Digest], missing: Missing) -> set[Digest]:
    """The recipes of all trees that the session sent; trees that it did not send must be live."""
    recipes: set[Digest] = set()
    others: set[Digest] = set()
    seen: set[Digest] = set()
    waiting = list(trees)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if not sent.holds(name):
            others.add(name)
            continue
        below, files = sent.tree_children[name]
        waiting.extend(below)
        recipes |= files
    _refuse("tree", missing("trees", frozenset(others)))
    return recipes


def _refuse(thing: str, unknown: frozenset[Digest]) -> None:
    if unknown:
        raise UnknownContentError(thing=thing, count=len(unknown), first=min(unknown).hex())
