"""Sample entries: what stsd says of a track's samples, in ISO files and in QuickTime's (sound 0, 1, 2).

Promises: reads the bytes of one entry and nothing else; what is not there is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from

PCM_BYTES = dict.fromkeys(("sowt", "twos", "raw ", "NONE", "lpcm"), 0) | {
    "in24": 3,
    "in32": 4,
    "fl32": 4,
    "fl64": 8,
    "ulaw": 1,
    "alaw": 1,
}
"""Codecs whose samples are all of one size, whatever stsz says (QuickTime writes 1): bytes of one channel,
0 if the entry says it."""


@dataclass(frozen=True, slots=True)
class Packing:
    """So many of the samples that stsz and stsc count lie in so many bytes."""

    samples: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SoundEntry:
    """A sound track's sample entry."""

    channels: int
    sample_rate: int
    packing: Packing | None
    """If all packets are of one size that stsz does not tell."""


def picture_size(entry: bytes) -> tuple[int, int]:
    """(width, height)."""
    width, height = _fields(">HH", entry, 32)
    return int(width), int(height)


def sound_entry(codec: str, entry: bytes) -> SoundEntry:
    """Of a whole entry, its header included."""
    channels, bits, _, _, rate = (int(field) for field in _fields(">HHHHI", entry, 24))
    version = int(_fields(">H", entry, 16)[0])
    packing: Packing | None = None
    if version == 2:
        real_rate, channels_, _, bits_, _, packet_bytes, packet_samples = _fields(">dIIIIII", entry, 40)
        channels, bits = int(channels_), int(bits_)
        rate = int(real_rate) << 16 if 0 <= real_rate < 2**32 else 0
        packing = _packing(int(packet_samples), int(packet_bytes))
    elif version == 1:
        packet_samples, _, frame_bytes = _fields(">III", entry, 36)
        packing = _packing(int(packet_samples), int(frame_bytes))
    if codec in PCM_BYTES:
        one = PCM_BYTES[codec] or (bits + 7) // 8
        packing = packing or _packing(1, channels * one)
    return SoundEntry(channels, rate >> 16, packing)


def _packing(samples: int, size_bytes: int) -> Packing | None:
    return Packing(samples, size_bytes) if samples and size_bytes else None


def _fields(form: str, entry: bytes, at: int) -> tuple[int | float, ...]:
    return unpack_from(form, entry.ljust(at + 64, b"\0"), at)
