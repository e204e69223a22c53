"""What lies on this disk under the paths that a push was given, and what each file is called in a commit.

Promises: nothing is left out in silence: what cannot be versioned (links, devices, empty directories) is
listed with its reason, what must not be (a path that breaks a rule, two that collide) is an error before
a byte is sent.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import LocalFileError, NoSuchFileError, PathRefusedError, PathsCollideError
from .format.paths import broken_path_rule, case_key

PARTIAL_PREFIX, PARTIAL_SUFFIX = ".dits-", ".part"
"""How a checkout names a file that is not whole yet."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A regular file and the path it is committed under."""

    path: str
    """Normal form C: macOS gives names decomposed, and they are pushed composed."""
    file: Path
    size_bytes: int
    modified_ns: int

    def is_still_itself(self) -> bool:
        """Was it left alone since it was found?"""
        seen = self.file.stat()
        return (seen.st_size, seen.st_mtime_ns) == (self.size_bytes, self.modified_ns)


@dataclass(frozen=True, slots=True)
class Skipped:
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    files: tuple[LocalFile, ...]
    """In the order of their paths."""
    skipped: tuple[Skipped, ...]
    directories: tuple[str, ...]
    """The committed paths of the directories that were given, to be searched for removed files; "" is all."""


def find(paths: Iterable[str | Path], root: str | Path) -> Found:
    """A path below `root` keeps its path from there; any other lands under its own name.

    Raises NoSuchFileError, PathRefusedError, PathsCollideError, LocalFileError.
    """
    files, skipped, directories = dict[str, LocalFile](), list[Skipped](), list[str]()
    base = Path(os.path.abspath(root))  # noqa: PTH100 -- links stay links; resolve() would follow them
    for given in paths:
        start = Path(os.path.abspath(given))  # noqa: PTH100
        if not os.path.lexists(start):
            raise NoSuchFileError(path=str(given))
        if start.is_dir():
            directories.append(committed_path(start, base))
        for found in _walk(start, base):
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                files[found.path] = found
    _refuse_collisions(sorted(files))
    return Found(tuple(files[path] for path in sorted(files)), tuple(skipped), tuple(directories))


def committed_path(file: Path, base: Path) -> str:
    """What the file is called in a commit; "" is the root."""
    inside = file.is_relative_to(base)
    text = file.relative_to(base).as_posix() if inside else file.name
    return "" if text == "." else unicodedata.normalize("NFC", text)


def _walk(start: Path, base: Path) -> Iterator[LocalFile | Skipped]:
    mode = start.lstat().st_mode
    outer = base if start.is_relative_to(base) else start.parent
    if not stat.S_ISDIR(mode):
        yield _one(start, outer)
        return
    waiting = [start]
    while waiting:
        directory = waiting.pop()
        entries = _entries(directory)
        if not entries:
            yield Skipped(committed_path(directory, outer) or ".", "an empty directory is not stored")
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            else:
                yield _one(Path(entry.path), outer)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise LocalFileError(path=str(directory), verb="read", reason=_reason(error)) from error


def _one(file: Path, outer: Path) -> LocalFile | Skipped:
    path = committed_path(file, outer)
    seen = file.lstat()
    if stat.S_ISLNK(seen.st_mode):
        return Skipped(path, "a symbolic link is not stored")
    if not stat.S_ISREG(seen.st_mode):
        return Skipped(path, "only regular files are stored")
    if file.name.startswith(PARTIAL_PREFIX) and file.name.endswith(PARTIAL_SUFFIX):
        return Skipped(path, "an unfinished checkout")
    rule = broken_path_rule(path)
    if rule is not None:
        raise PathRefusedError(path=path.encode("unicode_escape").decode()[:64], rule=rule)
    return LocalFile(path, file, seen.st_size, seen.st_mtime_ns)


def _refuse_collisions(paths: Iterable[str]) -> None:
    """Every directory on the way counts too: A/x and a/y collide."""
    seen = dict[str, str]()
    for path in paths:
        segments = path.split("/")
        for depth in range(1, len(segments) + 1):
            part = "/".join(segments[:depth])
            other = seen.setdefault(case_key(part), part)
            if other != part:
                raise PathsCollideError(path=part, other=other)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
