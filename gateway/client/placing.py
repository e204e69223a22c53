"""Where the files of a commit go on this disk, and what lies there already.

Promises: nothing is written outside of the directory, through a link, or over a file of another spelling;
work that no checkout wrote is found before anything is touched.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from .contents import Contents
from .errors import LocalFileError, OutsideDirectoryError, PathsCollideError
from .format.digest import Digest
from .format.paths import broken_path_rule
from .format.tree import Entry
from .rebuilding import Wanted
from .verifying import verified_bytes


@dataclass(frozen=True, slots=True)
class Written:
    """A file as a checkout left it."""

    recipe: str
    size_bytes: int
    modified_ns: int

    def is_untouched(self, file: Path) -> bool:
        try:
            seen = file.lstat()
        except OSError:
            return False
        still = (seen.st_size, seen.st_mtime_ns) == (self.size_bytes, self.modified_ns)
        return stat.S_ISREG(seen.st_mode) and still


@dataclass(slots=True)
class Record:
    """What checkouts wrote into a directory: how a file of ours is told from somebody's work."""

    repo: str = ""
    ref: str = ""
    commit: str = ""
    files: dict[str, Written] = field(default_factory=dict[str, Written])

    @staticmethod
    def of(known: Mapping[str, object]) -> Record:
        """An empty one if the note makes no sense: then every file counts as somebody's work."""
        try:
            files = cast("Mapping[str, tuple[str, int, int]]", known["files"])
            written = {path: Written(str(r), int(s), int(m)) for path, (r, s, m) in files.items()}
            return Record(str(known["repo"]), str(known["ref"]), str(known["commit"]), written)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Record()

    def as_note(self, directory: Path) -> dict[str, object]:
        files = {path: [w.recipe, w.size_bytes, w.modified_ns] for path, w in self.files.items()}
        about = {"directory": str(directory), "repo": self.repo, "ref": self.ref, "commit": self.commit}
        return {**about, "files": files}

    def remember(self, path: str, recipe: Digest, file: Path) -> None:
        seen = file.lstat()
        self.files[path] = Written(recipe.hex(), seen.st_size, seen.st_mtime_ns)


@dataclass(slots=True)
class Plan:
    wanted: list[Wanted] = field(default_factory=list[Wanted])
    there: dict[str, Digest] = field(default_factory=dict[str, Digest])
    """Already on the disk with the content of the commit."""
    edited: list[str] = field(default_factory=list[str])
    gone: list[str] = field(default_factory=list[str])
    """Written by an earlier checkout, untouched, and no longer in the commit."""


class Place:
    """One directory. For one checkout."""

    def __init__(self, directory: Path, repo: str, contents: Contents) -> None:
        self._directory = directory
        self._repo = repo
        self._contents = contents
        self._sound = {directory}
        self._names = dict[Path, frozenset[str]]()

    def plan(self, files: Iterable[tuple[str, Entry]], record: Record, *, trust_record: bool) -> Plan:
        """Raises OutsideDirectoryError, PathsCollideError, LocalFileError."""
        plan, paths = Plan(), set[str]()
        by_recipe = {written.recipe: path for path, written in record.files.items()}
        for path, entry in files:
            paths.add(path)
            target = self.target(path)
            known = record.files.get(path)
            untouched = known is not None and known.is_untouched(target)
            known_good = (
                trust_record and untouched and known is not None and known.recipe == entry.digest.hex()
            )
            if known_good or (os.path.lexists(target) and self._holds(target, entry)):
                plan.there[path] = entry.digest
                continue
            if not untouched and os.path.lexists(target):
                plan.edited.append(path)
            source = path if untouched else by_recipe.get(entry.digest.hex())
            nearby = self._nearby(record, source)
            about = (entry.size_bytes, entry.extensions, nearby)
            plan.wanted.append(Wanted(path, target, entry.digest, *about))
        plan.gone.extend(self._gone(record, paths))
        return plan

    def _nearby(self, record: Record, path: str | None) -> tuple[Path, Digest] | None:
        """The file under that path, if it is as a checkout left it."""
        if path is None:
            return None
        file, written = self._directory.joinpath(*path.split("/")), record.files[path]
        return (file, Digest(bytes.fromhex(written.recipe))) if written.is_untouched(file) else None

    def target(self, path: str) -> Path:
        """Raises OutsideDirectoryError, PathsCollideError."""
        rule = broken_path_rule(path)
        if rule is not None:
            raise OutsideDirectoryError(path=path.encode("unicode_escape").decode()[:64], reason=rule)
        target = self._directory.joinpath(*path.split("/"))
        self._check_parents(path, target.parent)
        if os.path.lexists(target) and target.name not in self._listed(target.parent):
            other = next((n for n in self._listed(target.parent) if n.lower() == target.name.lower()), "?")
            raise PathsCollideError(path=path, other=other)
        return target

    def _holds(self, target: Path, entry: Entry) -> bool:
        seen = target.lstat()
        if stat.S_ISDIR(seen.st_mode):
            raise LocalFileError(path=str(target), verb="written", reason="it is a directory here")
        if not stat.S_ISREG(seen.st_mode) or seen.st_size != entry.size_bytes:
            return False
        with target.open("rb", buffering=0) as file:
            recipe = self._contents.recipe(self._repo, entry.digest)
            return verified_bytes(file, recipe) == entry.size_bytes

    def _check_parents(self, path: str, parent: Path) -> None:
        """Every directory on the way is a real one, or not there yet."""
        if parent in self._sound:
            return
        self._check_parents(path, parent.parent)
        if parent.is_symlink():
            raise OutsideDirectoryError(path=path, reason=f"'{parent.name}' is a link here")
        if parent.exists() and not parent.is_dir():
            raise LocalFileError(
                path=str(parent), verb="written", reason="it is a file here, not a directory"
            )
        self._sound.add(parent)

    def _listed(self, parent: Path) -> frozenset[str]:
        if parent not in self._names:
            self._names[parent] = frozenset(os.listdir(parent))  # noqa: PTH208 -- names are all we need
        return self._names[parent]

    def _gone(self, record: Record, paths: set[str]) -> Iterator[str]:
        for path, written in record.files.items():
            if path not in paths and written.is_untouched(self._directory.joinpath(*path.split("/"))):
                yield path
