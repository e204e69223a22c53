"""Recipes and trees as the routes read them: decoded once, and kept while they are in use.

Promises: what is kept is bounded by its weight; objects never change, so nothing kept is ever old.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from domain.format.recipe import Recipe
from domain.format.tree import Tree
from domain.ids import Digest
from domain.ports import ObjectName, ObjectStore

TREES_BYTES_MAX = 8 << 20
"""As stored; a decoded entry takes about four times as much."""
RECIPES_BYTES_MAX = 48 << 20
"""Decoded: their rows, about as much again for an index of them, and their runs. The largest has 72 MiB."""
RUN_BYTES = 112
"""Decoded, with its place in the index; a film of an hour may have 180,000."""

T = TypeVar("T")


@dataclass(slots=True)
class Kept(Generic[T]):
    """The least recently used go first; the newest one stays, however large it is. Safe for threads."""

    load: Callable[[Digest], tuple[T, int]]
    """The object and its weight."""
    weight_max: int
    _objects: OrderedDict[Digest, tuple[T, int]] = field(default_factory=OrderedDict)
    _weight: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, name: Digest) -> T:
        with self._lock:
            if name in self._objects:
                self._objects.move_to_end(name)
                return self._objects[name][0]
        loaded, weight = self.load(name)
        with self._lock:
            if name not in self._objects:
                self._objects[name] = (loaded, weight)
                self._weight += weight
            while self._weight > self.weight_max and len(self._objects) > 1:
                self._weight -= self._objects.popitem(last=False)[1][1]
        return loaded


class Content:
    """Raises ChunkNotFoundError, CorruptObjectError, UnavailableError, FormatError."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._trees = Kept(self._load_tree, TREES_BYTES_MAX)
        self._recipes = Kept(self._load_recipe, RECIPES_BYTES_MAX)

    def tree(self, name: Digest) -> Tree:
        return self._trees.get(name)

    def recipe(self, name: Digest) -> Recipe:
        return self._recipes.get(name)

    def _load_tree(self, name: Digest) -> tuple[Tree, int]:
        encoded = self._store.get(ObjectName("trees", name))
        return Tree.decode(encoded), len(encoded)

    def _load_recipe(self, name: Digest) -> tuple[Recipe, int]:
        encoded = self._store.get(ObjectName("recipes", name))
        recipe = Recipe.decode(encoded)
        return recipe, 2 * len(encoded) + RUN_BYTES * len(recipe.runs)
