"""HEVC, H.264 and AV1 tracks with metadata in their streams, made byte by byte.

Promises: a source and a movie of one track whose samples are these units; nothing of the tested code is used.
"""

from __future__ import annotations

from array import array

from domain.format.media.movie import Movie, Samples, Spell, Track
from domain.format.media.source import BytesSource
from tests.domain.format.media.by_hand import entry, movie
from tests.media.making import box

HVCC = box("hvcC", bytes(21) + b"\x03\x00")
"""Units are preceded by four bytes of length; no parameter sets."""
AVCC = box("avcC", b"\1\x64\0\x1f\xff\xe0\0")
SLICE = b"\x26\x01" + b"S" * 40


def sei(*messages: tuple[int, bytes], suffix: bool = False) -> bytes:
    """An HEVC unit of these (payload type, payload), escaped as the standard asks."""
    return bytes([0x50 if suffix else 0x4E, 1]) + escaped(_messages(messages))


def avc_sei(*messages: tuple[int, bytes]) -> bytes:
    return b"\x06" + escaped(_messages(messages))


def _messages(messages: tuple[tuple[int, bytes], ...]) -> bytes:
    told = b""
    for kind, payload in messages:
        told += stacked(kind) + stacked(len(payload)) + payload
    return told + b"\x80"


def stacked(value: int) -> bytes:
    return b"\xff" * (value // 255) + bytes([value % 255])


def escaped(content: bytes) -> bytes:
    """A 3 after two zeros wherever less than 4 would follow."""
    out, zeros = bytearray(), 0
    for byte in content:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def sample(*units: bytes, length_bytes: int = 4) -> bytes:
    return b"".join(len(unit).to_bytes(length_bytes, "big") + unit for unit in units)


def stream(
    *contents: bytes,
    codec: str = "hvc1",
    boxes: tuple[bytes, ...] = (HVCC,),
    sync: tuple[int, ...] | None = None,
) -> tuple[Movie, BytesSource]:
    """One picture track with these samples, side by side."""
    held = Samples(
        len(contents),
        sizes=array("I", map(len, contents)),
        chunk_offsets=array("Q", [0]),
        chunk_counts=array("I", [len(contents)]),
        durations=(Spell(len(contents), 40),),
        sync=None if sync is None else array("I", sync),
    )
    made = entry(codec, *boxes)
    track = Track(1, "vide", 1000, 40 * len(contents), codec, made, 160, 90, samples=held)
    return movie(track), BytesSource(b"".join(contents))


def still(*boxes: bytes, codec: str = "hvc1") -> tuple[Movie, BytesSource]:
    """A track with these boxes beside its configuration, and no metadata in its one sample."""
    return stream(sample(SLICE), codec=codec, boxes=(HVCC, *boxes))
