"""The files of one commit, read from its trees as far as somebody looks.

Promises: every tree is hashed when it is read; only directories on the way to what was asked are fetched.
"""

from __future__ import annotations

from collections.abc import Iterator

from .contents import Contents
from .format.digest import Digest
from .format.tree import Entry, Tree

TREES_KEPT_MAX = 4096
"""Directories remembered while a push looks its files up."""


class Snapshot:
    """What a commit holds; with `root` None, nothing."""

    def __init__(self, contents: Contents, repo: str, root: Digest | None) -> None:
        self._contents = contents
        self._repo = repo
        self.root = root
        self._trees = dict[Digest, Tree]()

    @staticmethod
    def of(contents: Contents, repo: str, manifest: str | None) -> Snapshot:
        """Of the commit with this manifest; None is before the first commit."""
        if manifest is None:
            return Snapshot(contents, repo, None)
        root = contents.manifest(repo, Digest(bytes.fromhex(manifest))).root
        return Snapshot(contents, repo, root)

    def find(self, path: str) -> Entry | None:
        """The file or directory at a path."""
        digest, entry = self.root, None
        for name in path.split("/"):
            if digest is None or (entry := self.tree(digest).find(name)) is None:
                return None
            digest = entry.digest if entry.kind == "tree" else None
        return entry

    def files(self, directory: str = "") -> Iterator[tuple[str, Entry]]:
        """All files below a directory ("" is the root) with their paths, in the order of names."""
        if not directory:
            yield from self._below("", self.root)
            return
        entry = self.find(directory)
        if entry is not None and entry.kind == "tree":
            yield from self._below(directory + "/", entry.digest)

    def tree(self, digest: Digest) -> Tree:
        known = self._trees.get(digest)
        if known is None:
            known = self._contents.tree(self._repo, digest)
            if len(self._trees) < TREES_KEPT_MAX:
                self._trees[digest] = known
        return known

    def _below(self, prefix: str, digest: Digest | None) -> Iterator[tuple[str, Entry]]:
        if digest is None:
            return
        for entry in self.tree(digest).entries:
            if entry.kind == "tree":
                yield from self._below(f"{prefix}{entry.name}/", entry.digest)
            else:
                yield prefix + entry.name, entry
