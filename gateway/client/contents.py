"""Reading content by its name: chunks, recipes, trees and manifests.

Promises: every byte is hashed before it is handed on, so what is wrong is `IntegrityError`, never a file
(I8). A recipe that was superseded is read by the one that stands for it, and still vouches for the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import operations as op
from .calls import Calls
from .errors import IntegrityError
from .format.digest import Digest, digest_of
from .format.manifest import Manifest
from .format.recipe import Recipe
from .format.tree import Tree
from .frames import unpacked
from .operations import Operation
from .wire import Answer

CHUNKS_MAX = 256
"""Of one question (API)."""


DIGEST_TEXT = re.compile(r"[0-9a-f]{64}")
SUPERSEDED_BY = "x-dits-superseded-by"


@dataclass(frozen=True, slots=True)
class Recipes:
    """The recipe that a tree names, and the one whose chunks are to be read; mostly the same."""

    named: Recipe
    newest: Recipe


class Contents:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def chunks(self, repo: str, digests: Sequence[Digest]) -> dict[Digest, memoryview]:
        """At most 256 different chunks. Raises IntegrityError, ProblemError."""
        assert len(digests) <= CHUNKS_MAX, len(digests)
        answer = self._calls.bytes(op.CHUNKS_GET, {"repo": repo}, [b"".join(digests)])
        contents = unpacked(answer.content, digests, server=self._calls.http.server)
        return dict(zip(digests, contents, strict=True))

    def recipe(self, repo: str, digest: Digest) -> Recipe:
        """As it is named."""
        return Recipe.decode(self._object(op.RECIPES_GET, repo, digest).content)

    def recipes(self, repo: str, digest: Digest) -> Recipes:
        """As it is named and as it is read. Raises IntegrityError if the one cannot stand for the other."""
        answer = self._object(op.RECIPES_GET, repo, digest)
        named, successor = Recipe.decode(answer.content), answer.headers.get(SUPERSEDED_BY, "")
        if not DIGEST_TEXT.fullmatch(successor):
            return Recipes(named, named)
        newest = self.recipe(repo, Digest(bytes.fromhex(successor)))
        if newest.size_bytes != named.size_bytes:
            raise IntegrityError(thing="recipe", name=successor)
        return Recipes(named, newest)

    def tree(self, repo: str, digest: Digest) -> Tree:
        return Tree.decode(self._object(op.TREES_GET, repo, digest).content)

    def manifest(self, repo: str, digest: Digest) -> Manifest:
        return Manifest.decode(self._object(op.MANIFESTS_GET, repo, digest).content)

    def _object(self, operation: Operation, repo: str, digest: Digest) -> Answer:
        answer = self._calls.bytes(operation, {"repo": repo, "digest": digest.hex()})
        if digest_of(answer.content) != digest:
            raise IntegrityError(thing=operation.name.partition(".")[0].removesuffix("s"), name=digest.hex())
        return answer
