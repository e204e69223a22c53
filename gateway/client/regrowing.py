"""New trees out of a commit's trees and what changed: for commits too large to be told change by change.

Promises: unchanged directories keep their trees; the result is what the server would build of the same
changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import PathsClashError
from .format.digest import Digest
from .format.tree import Entry, Tree
from .snapshot import Snapshot
from .wire import Buffer


@dataclass(frozen=True, slots=True)
class NewFile:
    recipe: Digest
    size_bytes: int


Changes = Mapping[str, NewFile | None]
"""Path to its new file; None removes the path."""


@dataclass(slots=True)
class Regrown:
    """The new root (None if no file is left) and every tree that was not there before."""

    root: Digest | None = None
    trees: list[tuple[Digest, Buffer]] = field(default_factory=list[tuple[Digest, Buffer]])


def regrow(snapshot: Snapshot, changes: Changes) -> Regrown:
    """Raises PathsClashError, FormatError."""
    result = Regrown()
    entry = _directory(snapshot, "", snapshot.root, dict(changes), result)
    result.root = None if entry is None else entry.digest
    return result


def _directory(
    snapshot: Snapshot, name: str, before: Digest | None, changes: dict[str, NewFile | None], result: Regrown
) -> Entry | None:
    """The directory's entry after the changes below it; None if it has become empty."""
    entries = {} if before is None else {entry.name: entry for entry in snapshot.tree(before).entries}
    deeper = dict[str, dict[str, NewFile | None]]()
    for path, new in changes.items():
        head, slash, rest = path.partition("/")
        if slash:
            deeper.setdefault(head, {})[rest] = new
        elif new is None:
            entries.pop(head, None)
        else:
            entries[head] = Entry(head, "recipe", new.recipe, new.size_bytes)
    for head, below in deeper.items():
        old = entries.get(head)
        if old is not None and old.kind == "recipe":
            raise PathsClashError(path=head)
        entry = _directory(snapshot, head, old.digest if old else None, below, result)
        entries.pop(head, None)
        if entry is not None:
            entries[head] = entry
    return _recorded(name, before, entries, result)


def _recorded(name: str, before: Digest | None, entries: dict[str, Entry], result: Regrown) -> Entry | None:
    if not entries:
        return None
    tree = Tree.of(entries.values())
    if tree.digest != before:
        result.trees.append((tree.digest, tree.encode()))
    return Entry(name or "root", "tree", tree.digest, tree.size_bytes)
