"""What `dits recipes rechunk` would come to: everything is read and cut, nothing is stored or told.

Promises: counts a chunk once, however many files share it; memory is about 100 bytes a chunk of the films
that would be converted, 350 MB for a terabyte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.errors import ChunkNotFoundError, CorruptObjectError
from domain.format.recipe import Recipe
from domain.ids import Digest
from domain.recutting import ANY_BYTES, Fresh, recut
from domain.successions import newest
from workers.rechunking import Rechunker, StoppedError

Sizes = dict[Digest, int]


@dataclass(slots=True)
class Saving:
    """What the store would hold more at once, and less once the collector has come."""

    recipes: int = 0
    size_bytes: int = 0
    """Of the files that these recipes rebuild."""
    left: Sizes = field(default_factory=Sizes)
    """Chunks of the recipes that would be superseded."""
    fresh: Sizes = field(default_factory=Sizes)
    """Chunks of those that would stand for them."""
    kept: set[Digest] = field(default_factory=set[Digest])
    """Those of either that another recipe of the repository holds."""

    @property
    def freed_bytes(self) -> int:
        return sum(
            size for name, size in self.left.items() if name not in self.kept and name not in self.fresh
        )

    @property
    def added_bytes(self) -> int:
        return sum(
            size for name, size in self.fresh.items() if name not in self.kept and name not in self.left
        )


def saving(rechunker: Rechunker, recipes: Iterable[Digest]) -> Saving:
    """Of what was looked at when somebody asked it to stop."""
    found, others = Saving(), list[Digest]()
    for name in recipes:
        try:
            if rechunker.stopping():
                break
            if not _is_counted(rechunker, name, found):
                others.append(name)
        except StoppedError:
            break
    for name in others:
        if newest(rechunker.events, rechunker.repo, name) == name:
            held = set(rechunker.recipe(name).children())
            found.kept |= held & (found.left.keys() | found.fresh.keys())
    return found


def _is_counted(rechunker: Rechunker, name: Digest, found: Saving) -> bool:
    try:
        old = rechunker.candidate(name)
        fresh = None if old is None else _cut(rechunker, old)
    except (ChunkNotFoundError, CorruptObjectError):
        return False
    if old is None or fresh is None:
        return False
    found.recipes += 1
    found.size_bytes += old.size_bytes
    found.left |= {chunk.digest: chunk.size_bytes for stream in old.streams for chunk in stream.chunks}
    found.fresh |= fresh
    return True


def _cut(rechunker: Rechunker, old: Recipe) -> Sizes | None:
    """The chunks that the file would have."""
    sizes = Sizes()

    def count(fresh: Fresh) -> None:
        sizes.update((name, len(content)) for name, content in fresh.items())

    return sizes if recut(rechunker.source(old), count, bytes_max=ANY_BYTES) is not None else None
