"""The configuration boxes inside one sample entry: what a codec needs to know before its first sample.

Promises: bounded by the entry itself, which is at most ENTRY_BYTES_MAX; never raises, whatever the bytes are:
a box that does not fit ends the list. Serves S4.2 and S4.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .movie import Track

BOXES_MAX = 64
"""Of one entry: the fullest cameras write a dozen."""
DEPTH_MAX = 4
"""wave in an entry, and what encryption wraps around it."""
NESTED = frozenset({"wave", "sinf", "schi"})
VISUAL_BYTES = 8 + 78
SOUND_BYTES = (8 + 28, 8 + 28 + 16, 8 + 28 + 36)
"""Of an entry without extension, and of the two that QuickTime adds (versions 1 and 2)."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One box of an entry, its header taken off."""

    kind: str
    content: bytes


def configurations(track: Track) -> tuple[Configuration, ...]:
    """The boxes of the track's first sample entry, those inside `wave` and `sinf` included."""
    match track.handler:
        case "vide":
            return tuple(_boxes(track.entry, VISUAL_BYTES, DEPTH_MAX))[:BOXES_MAX]
        case "soun":
            return tuple(_boxes(track.entry, _sound_start(track.entry), DEPTH_MAX))[:BOXES_MAX]
        case _:
            return ()


def configuration(track: Track, *kinds: str) -> bytes:
    """The content of the first box of one of these kinds; empty if there is none."""
    return next((each.content for each in configurations(track) if each.kind in kinds), b"")


def _sound_start(entry: bytes) -> int:
    """ISO has a version 1 without QuickTime's extension, so that place wins where a chain of boxes fits."""
    version = min(int.from_bytes(entry[16:18], "big"), 2)
    plausible = (start for start in (SOUND_BYTES[0], SOUND_BYTES[version]) if _is_chain(entry, start))
    return next(plausible, SOUND_BYTES[version])


def _is_chain(entry: bytes, start: int) -> bool:
    position, count = start, 0
    while len(entry) - position >= 8 and count < BOXES_MAX:
        size_bytes = int.from_bytes(entry[position : position + 4], "big")
        if not 8 <= size_bytes <= len(entry) - position:
            return False
        position, count = position + size_bytes, count + 1
    return count > 0


def _boxes(content: bytes, start: int, depth: int) -> Iterator[Configuration]:
    position = start
    while len(content) - position >= 8:
        size_bytes = int.from_bytes(content[position : position + 4], "big")
        if not 8 <= size_bytes <= len(content) - position:
            return
        kind = content[position + 4 : position + 8].decode("latin-1")
        inner = content[position + 8 : position + size_bytes]
        yield Configuration(kind, inner)
        if kind in NESTED and depth > 1:
            yield from _boxes(inner, 0, depth - 1)
        position += size_bytes
