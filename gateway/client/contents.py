"""Reading content by its name: chunks, recipes, trees and manifests.

Promises: every byte is hashed before it is handed on, so what is wrong is `IntegrityError`, never a file
(I8).
"""

from __future__ import annotations

from collections.abc import Sequence

from . import operations as op
from .calls import Calls
from .errors import IntegrityError
from .format.digest import Digest, digest_of
from .format.manifest import Manifest
from .format.recipe import Recipe
from .format.tree import Tree
from .frames import unpacked
from .operations import Operation

CHUNKS_MAX = 256
"""Of one question (API)."""


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
        return Recipe.decode(self._object(op.RECIPES_GET, repo, digest))

    def tree(self, repo: str, digest: Digest) -> Tree:
        return Tree.decode(self._object(op.TREES_GET, repo, digest))

    def manifest(self, repo: str, digest: Digest) -> Manifest:
        return Manifest.decode(self._object(op.MANIFESTS_GET, repo, digest))

    def _object(self, operation: Operation, repo: str, digest: Digest) -> bytes:
        encoded = self._calls.bytes(operation, {"repo": repo, "digest": digest.hex()}).content
        if digest_of(encoded) != digest:
            raise IntegrityError(thing=operation.name.partition(".")[0].removesuffix("s"), name=digest.hex())
        return encoded
