"""How a file is to be cut, chosen by its content: by its tracks, unpacked, or blindly.

Promises: a function of the bytes alone, so client and server cut alike; whatever the bytes are, they are
rebuilt, for what cannot be understood is cut blindly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from .chunking import Profile
from .media.cutting import StreamChunk, cut_file
from .media.reading import is_media
from .media.source import Source
from .packing.cutting import UnpackedCutter
from .packing.finding import is_worth_unpacking, packing_of
from .packing.packing import GZIP_MAGIC
from .recipe import Recipe


class ContentCutter(Protocol):
    """Cuts one file, once."""

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Of the streams."""
        ...

    def groups(self) -> Iterator[list[StreamChunk]]:
        """Chunks as they are known, in each stream's order."""
        ...

    def recipe(self, rows: Sequence[bytes | bytearray]) -> Recipe:
        """From the rows of all chunks, by stream. Raises FormatError if a limit is passed."""
        ...


def may_be_cut(head: bytes) -> bool:
    """A cheap look at the first 64 bytes: False is certain, True is worth `cutter_for`."""
    return is_media(head) or head.startswith(GZIP_MAGIC)


def cutter_for(source: Source) -> ContentCutter | None:
    """None: it is cut blindly, as `chunking.profile_for` says. Raises what the source does."""
    packing = packing_of(source) if is_worth_unpacking(source) else None
    return cut_file(source) if packing is None else UnpackedCutter(source, packing)
