"""The metadata units of AV1, under the names that SEI gives to the same things.

Promises: as in `sei`: the first LOOKED_AT_BYTES of a sample, up to its first frame; nothing raises (S4.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from .sei import CONTENT_LIGHT, LOOKED_AT_BYTES, MASTERING_DISPLAY, REGISTERED, UNITS_MAX, Message

OBU_METADATA, OBU_FRAMES = 5, frozenset({3, 4, 6})


def av1_messages(sample: bytes) -> Iterator[Message]:
    """The metadata of an AV1 sample under the payload types of SEI: light level, mastering display, T.35."""
    for kind, content in _obus(sample[:LOOKED_AT_BYTES]):
        if kind in OBU_FRAMES:
            return
        if kind == OBU_METADATA:
            metadata, start = _leb128(content, 0)
            payload = content[start:]
            match metadata:
                case 1:
                    yield Message(CONTENT_LIGHT, payload[:4])
                case 2:
                    yield Message(MASTERING_DISPLAY, mastering_display(payload))
                case 4:
                    yield Message(REGISTERED, payload.rstrip(b"\0").removesuffix(b"\x80"))
                case _:
                    pass


def _obus(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of open bitstream units that say their size, as in a file they do."""
    position = 0
    for _ in range(UNITS_MAX):
        if position >= len(content) or not content[position] & 0x02:
            return
        header = content[position]
        size_bytes, start = _leb128(content, position + (2 if header & 0x04 else 1))
        yield header >> 3 & 0x0F, content[start : start + size_bytes]
        position = start + size_bytes


def _leb128(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(content[position : position + 8]):
        value |= (byte & 0x7F) << 7 * count
        if not byte & 0x80:
            return value, position + count + 1
    return value, position + 8


def mastering_display(payload: bytes) -> bytes:
    """As SEI has it. AV1 and VP9 count in 1/65536, 1/256 and 1/16384 and begin with red; SEI counts in
    1/50000 and 1/10000 and begins with green. Empty if it is too short.
    """
    if len(payload) < 24:
        return b""
    numbers = [int.from_bytes(payload[at : at + 2], "big") for at in range(0, 16, 2)]
    red, green, blue, white = (numbers[at : at + 2] for at in range(0, 8, 2))
    points = [(number * 50_000 + 32_768) // 65_536 for number in (*green, *blue, *red, *white)]
    brightest = (int.from_bytes(payload[16:20], "big") * 10_000 + 128) // 256
    darkest = (int.from_bytes(payload[20:24], "big") * 10_000 + 8_192) // 16_384
    packed = b"".join(number.to_bytes(2, "big") for number in points)
    return packed + min(brightest, 2**32 - 1).to_bytes(4, "big") + min(darkest, 2**32 - 1).to_bytes(4, "big")
