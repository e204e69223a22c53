"""The messages beside the pictures in H.264 and HEVC (SEI).

Promises: looks at the first LOOKED_AT_BYTES of what it is given and stops at the first picture; lengths that
lie end the search, nothing raises. Emulation prevention is taken out before a payload is believed (S4.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

LOOKED_AT_BYTES = 64 * 1024
"""Of one sample: metadata stands before its first slice, after parameter sets of some hundred bytes."""
UNITS_MAX = 64
"""Of one sample, and messages of one unit."""
MASTERING_DISPLAY, CONTENT_LIGHT, REGISTERED, ALTERNATIVE_TRANSFER = 137, 144, 4, 147
"""Payload types, the same in H.264 and HEVC (ITU-T H.274)."""

Family = Literal["avc", "hevc"]


@dataclass(frozen=True, slots=True)
class Message:
    """One SEI message: its payload type and what it says."""

    kind: int
    payload: bytes


def messages(sample: bytes, family: Family, length_bytes: int) -> Iterator[Message]:
    """Of one sample, whose units are each preceded by their length in `length_bytes` bytes."""
    for unit in units(sample, length_bytes):
        if is_picture(unit, family):
            return
        yield from messages_of(unit, family)


def messages_of(unit: bytes, family: Family) -> Iterator[Message]:
    """Of one unit; none if it is of another type."""
    if unit_type(unit, family) in ({6} if family == "avc" else {39, 40}):
        yield from _payloads(unescaped(unit[1 if family == "avc" else 2 :]))


def units(sample: bytes, length_bytes: int) -> Iterator[bytes]:
    """The NAL units that begin in the first LOOKED_AT_BYTES; the last may be cut short."""
    position = 0
    for _ in range(UNITS_MAX):
        start = position + length_bytes
        size_bytes = int.from_bytes(sample[position:start], "big")
        if not size_bytes or start >= min(len(sample), LOOKED_AT_BYTES):
            return
        yield sample[start : min(start + size_bytes, LOOKED_AT_BYTES)]
        position = start + size_bytes


def unit_type(unit: bytes, family: Family) -> int:
    """-1 if it has no header."""
    if len(unit) < 2:
        return -1
    return unit[0] & 0x1F if family == "avc" else unit[0] >> 1 & 0x3F


def is_picture(unit: bytes, family: Family) -> bool:
    kind = unit_type(unit, family)
    return 1 <= kind <= 5 if family == "avc" else 0 <= kind <= 31


def unescaped(content: bytes) -> bytes:
    """Without the 3 that keeps 00 00 0x apart in a unit: 00 00 03 becomes 00 00."""
    parts = content.split(b"\0\0\3")
    return b"\0\0".join(parts)


def _payloads(content: bytes) -> Iterator[Message]:
    position = 0
    for _ in range(UNITS_MAX):
        if len(content) - position <= 2:  # what is left is the trailing bits
            return
        kind, position = _stacked(content, position)
        size_bytes, position = _stacked(content, position)
        if position + size_bytes > len(content):
            return
        yield Message(kind, content[position : position + size_bytes])
        position += size_bytes


def _stacked(content: bytes, position: int) -> tuple[int, int]:
    """A number as a sum of bytes, of which the last is not 255; and the place behind it."""
    value = 0
    while position < len(content) and content[position] == 0xFF:
        value, position = value + 255, position + 1
    last = content[position] if position < len(content) else 0
    return value + last, position + 1
