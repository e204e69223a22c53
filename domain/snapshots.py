"""What a commit's files are, as pure functions over trees: look, compare, change, and change again on top.

Promises: `diff` never looks into equal directories, `apply` rewrites only the directories on the way to a
change, and ``apply(base, diff(base, other)) == other``. An empty snapshot has no root. Serves the commit
saga, which goes back to `rebase` when its branch moved, checkouts and the list of a commit's changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from domain.errors import NotFoundError, PathClashError, PathCollisionError, PathConflictError
from domain.format.paths import case_key
from domain.format.tree import Entry, EntryKind, Tree
from domain.ids import Digest, FilePath, parse_path

Load = Callable[[Digest], Tree]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one file."""

    path: FilePath
    before: Digest | None
    """Its recipe before; None if there was no such file. `apply` does not look at it, `rebase` does."""
    after: Entry | None
    """The file from now on, named as the path ends; None if it is to go."""


def walk(root: Digest | None, load: Load) -> Iterator[tuple[FilePath, Entry]]:
    """Every file, directory by directory in the order of names. Lazy: a caller sets the limit."""
    for change in diff(None, root, load):
        assert change.after is not None
        yield change.path, change.after


def find(root: Digest | None, path: str, load: Load) -> Entry | None:
    """The file or directory at a path."""
    *directories, name = path.split("/")
    for directory in directories:
        entry = load(root).find(directory) if root is not None else None
        root = entry.digest if entry is not None and entry.kind == "tree" else None
    return load(root).find(name) if root is not None else None


def diff(base: Digest | None, other: Digest | None, load: Load) -> Iterator[Change]:
    """What turns one snapshot into the other, in the order of `walk`. Empty exactly if they are equal.

    Raises InvalidPathError if a path is too long, and whatever `load` raises.
    """
    steps: list[Change | _Pair] = [_Pair("", base, other)]
    while steps:
        step = steps.pop()
        if isinstance(step, Change):
            yield step
        else:
            steps.extend(reversed(list(_steps(step, load))))


def apply(
    root: Digest | None, changes: Iterable[Change], load: Load
) -> tuple[Digest | None, tuple[Tree, ...]]:
    """The snapshot after the changes, each path named once: its root and the new trees, children first.

    Raises NotFoundError if a file to remove is not there, PathClashError if a path would be a file and a
    directory, PathCollisionError if two names would differ in letter case only.
    """
    touched = _touched(changes, root, load)
    new: dict[Digest, Tree] = {}
    for directory in sorted(touched.values(), key=_depth, reverse=True):
        tree = directory.rebuilt()
        if tree is not None and tree.digest != directory.before:
            new[tree.digest] = tree
        if directory.path:
            parent, _, name = directory.path.rpartition("/")
            touched[parent].place(name, tree)
        else:
            root = tree.digest if tree is not None else None
    return root, tuple(new.values())


def rebase(base: Digest | None, ours: Digest | None, theirs: Digest | None, load: Load) -> tuple[Change, ...]:
    """Our changes since `base` that are still to be applied to `theirs`.

    Raises PathConflictError for the first path that both changed, unless to the same, or that one side made a
    file and the other a directory.
    """
    their_changes = {change.path: change for change in diff(base, theirs, load)}
    files = {path for path, change in their_changes.items() if change.after is not None}
    directories = {parent for path in files for parent in _parents(path)}
    ahead = list[Change]()
    for change in diff(base, ours, load):
        their = their_changes.get(change.path)
        if their is None and not _clashes(change, files, directories):
            ahead.append(change)
        elif their is None or their.after != change.after:
            raise PathConflictError(path=change.path)
    return tuple(ahead)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two directories to be compared, at the same place."""

    prefix: str
    base: Digest | None
    other: Digest | None


def _steps(pair: _Pair, load: Load) -> Iterator[Change | _Pair]:
    """Name by name: first what becomes of a file, then what becomes of a directory."""
    if pair.base == pair.other:
        return
    base = _by_name(pair.base, load)
    other = _by_name(pair.other, load)
    for name in sorted(base.keys() | other.keys()):
        before, after = base.get(name), other.get(name)
        if before == after:
            continue
        path = parse_path(pair.prefix + name)
        file_before, file_after = _if_kind("recipe", before), _if_kind("recipe", after)
        if file_before != file_after:
            yield Change(path, file_before.digest if file_before else None, file_after)
        below_before, below_after = _if_kind("tree", before), _if_kind("tree", after)
        yield _Pair(
            path + "/",
            below_before.digest if below_before else None,
            below_after.digest if below_after else None,
        )


@dataclass(slots=True)
class _Directory:
    """A directory on the way to a change, being rebuilt."""

    path: str
    before: Digest | None
    files: dict[str, Entry]
    directories: dict[str, Entry]
    changes: list[Change] = field(default_factory=list)

    @staticmethod
    def at(path: str, digest: Digest | None, load: Load) -> _Directory:
        entries = _by_name(digest, load)
        files = {name: entry for name, entry in entries.items() if entry.kind == "recipe"}
        directories = {name: entry for name, entry in entries.items() if entry.kind == "tree"}
        return _Directory(path, digest, files, directories)

    def place(self, name: str, tree: Tree | None) -> None:
        """What became of a directory below; an empty one is not kept."""
        if tree is None:
            self.directories.pop(name, None)
        else:
            self.directories[name] = Entry(name, "tree", tree.digest, tree.size_bytes)

    def rebuilt(self) -> Tree | None:
        for change in self.changes:
            self._place_file(change)
        both = self.files.keys() & self.directories.keys()
        if both:
            raise PathClashError(path=self._path_of(min(both)))
        self._refuse_collisions()
        entries = self.files | self.directories
        return Tree.of(entries.values()) if entries else None

    def _place_file(self, change: Change) -> None:
        name = change.path.rpartition("/")[2]
        if change.after is not None:
            assert change.after.name == name, change
            assert change.after.kind == "recipe", change
            self.files[name] = change.after
        elif self.files.pop(name, None) is None:
            raise NotFoundError(thing="file", name=change.path)

    def _refuse_collisions(self) -> None:
        seen: dict[str, str] = {}
        for name in sorted(self.files.keys() | self.directories.keys()):
            other = seen.setdefault(case_key(name), name)
            if other != name:
                raise PathCollisionError(path=self._path_of(name), other=self._path_of(other))

    def _path_of(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name


def _touched(changes: Iterable[Change], root: Digest | None, load: Load) -> dict[str, _Directory]:
    """Every directory on the way to a change, as it is now, by its path; the root's is empty."""
    touched: dict[str, _Directory] = {}
    seen = set[str]()
    for change in changes:
        assert change.path not in seen, change.path
        seen.add(change.path)
        digest, parent = root, ""
        for path in ("", *_parents(change.path)):
            if path:
                entry = touched[parent].directories.get(path.rpartition("/")[2])
                digest = entry.digest if entry is not None else None
            if path not in touched:
                touched[path] = _Directory.at(path, digest, load)
            parent = path
        touched[parent].changes.append(change)
    return touched


def _clashes(change: Change, files: set[FilePath], directories: set[str]) -> bool:
    """Would a file of ours lie above or below one of theirs?"""
    if change.after is None:
        return False
    return change.path in directories or any(parent in files for parent in _parents(change.path))


def _by_name(digest: Digest | None, load: Load) -> dict[str, Entry]:
    return {} if digest is None else {entry.name: entry for entry in load(digest).entries}


def _if_kind(kind: EntryKind, entry: Entry | None) -> Entry | None:
    return entry if entry is not None and entry.kind == kind else None


def _parents(path: str) -> Iterator[str]:
    """``a``, ``a/b`` of ``a/b/c``."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _depth(directory: _Directory) -> int:
    return directory.path.count("/") + bool(directory.path)
