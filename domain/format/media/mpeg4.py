"""MPEG-4 sound: the descriptors of an esds box, and the AudioSpecificConfig in them (ISO/IEC 14496-1 and -3).

Promises: bounded by the box, never raises; what is not there, or makes no sense, is 0 or empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from .bits import Bits

MPEG4_AUDIO = 0x40
"""The object type whose specific configuration is an AudioSpecificConfig."""
DESCRIPTORS_MAX = 8
"""Nested in one another in an esds: three are usual."""
SPECIFIC_BYTES = 16
"""Of an AudioSpecificConfig, as far as it is read."""
SAMPLING_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""By their index."""
TOLD_RATE = 15
"""The index that says: 24 bits with the rate follow."""
AAC_LC, SBR, PS, ESCAPE = 2, 5, 29, 31
"""Audio object types."""
EXTENSION = 0x2B7
"""What an extension begins with that older decoders overlook."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """What an esds says of the decoder."""

    object_type: int = 0
    specific: bytes = b""
    """Its own configuration."""


def decoder_of(esds: bytes) -> Decoder:
    """Of a box's content."""
    kinds = _descriptors(esds[4:])
    return Decoder(int.from_bytes(kinds.get(4, b"")[:1], "big"), kinds.get(5, b""))


def audio_object_type(decoder: Decoder) -> int:
    return _object_type(Bits(decoder.specific[:SPECIFIC_BYTES]))


def sampling_rate(decoder: Decoder) -> int:
    """Of what comes out, spectral band replication (SBR) included where it is told."""
    if decoder.object_type != MPEG4_AUDIO:
        return 0
    bits = Bits(decoder.specific[:SPECIFIC_BYTES])
    kind, rate = _object_type(bits), _rate(bits)
    bits.skip(4)  # channels
    if kind in (SBR, PS):
        return _rate(bits)
    if kind == AAC_LC:
        bits.skip(3)  # of a frame's length, and of cores that AAC-LC in films does not have
        if bits.take(11) == EXTENSION and _object_type(bits) == SBR and bits.flag():
            return _rate(bits)
    return rate


def _object_type(bits: Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == ESCAPE else kind


def _rate(bits: Bits) -> int:
    index = bits.take(4)
    if index == TOLD_RATE:
        return bits.take(24)
    return SAMPLING_RATES[index] if index < len(SAMPLING_RATES) and not bits.is_exhausted else 0


def _descriptors(content: bytes) -> dict[int, bytes]:
    """The first descriptor of each tag on the way down to the decoder's configuration (ISO/IEC 14496-1)."""
    found: dict[int, bytes] = {}
    for _ in range(DESCRIPTORS_MAX):
        if len(content) < 2:
            break
        tag, body = content[0], content[1:]
        size_bytes, used = _expandable(body)
        inner = body[used : used + size_bytes]
        found.setdefault(tag, inner)
        match tag:
            case 3:  # elementary stream: id, flags, and what the flags add
                content = inner[_stream_bytes(inner) :]
            case 4:  # decoder: 13 bytes, then its specific configuration
                content = inner[13:]
            case _:
                content = body[used + size_bytes :]
    return found


def _stream_bytes(inner: bytes) -> int:
    if len(inner) < 3:
        return 3
    flags = inner[2]
    url = 1 + (inner[5 if flags & 0x80 else 3 :][:1] or b"\0")[0] if flags & 0x40 else 0
    return 3 + (2 if flags & 0x80 else 0) + url + (2 if flags & 0x20 else 0)


def _expandable(content: bytes) -> tuple[int, int]:
    """A length of up to four groups of seven bits, and how many bytes it took."""
    value = used = 0
    for byte in content[:4]:
        value, used = value << 7 | byte & 0x7F, used + 1
        if not byte & 0x80:
            break
    return value, used
