"""Tracks and movies as values, built by hand: what a reader would have made of a file.

Promises: only what a test names differs from a plain, sound movie of ten seconds.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from struct import pack
from typing import Any

from domain.format.media.movie import Edit, Movie, Samples, Spell, Track
from tests.media.making import MadeTrack, box, sample_entry


def samples(*durations: Spell, shifts: tuple[Spell, ...] = (), size_bytes: int = 10) -> Samples:
    """One chunk at 0 with samples of one size."""
    count = sum(spell.count for spell in durations)
    return Samples(
        count, size_bytes, chunk_offsets=array("Q", [0]), chunk_counts=array("Q", [count]),
        durations=durations, shifts=shifts,
    )  # fmt: skip


def video(*durations: Spell, shifts: tuple[Spell, ...] = (), **fields: Any) -> Track:
    """25 pictures a second for ten seconds, in milliseconds, unless told otherwise."""
    held = samples(*(durations or (Spell(250, 40),)), shifts=shifts)
    track = Track(1, "vide", 1000, held.duration, "avc1", width=160, height=90, samples=held)
    return replace(track, **fields)


def audio(*durations: Spell, **fields: Any) -> Track:
    """Ten seconds of sound in steps of 20 ms, unless told otherwise."""
    held = samples(*(durations or (Spell(500, 20),)))
    track = Track(2, "soun", 1000, held.duration, "mp4a", channels=2, sample_rate=48_000, samples=held)
    return replace(track, **fields)


def movie(*tracks: Track, **fields: Any) -> Movie:
    return replace(Movie(("isom",), 1000, 10_000, tracks, is_fragmented=False, boxes=(), issues=()), **fields)


def edit(duration: int, media_time: int = 0, rate: int = 0x10000) -> Edit:
    return Edit(duration, media_time, rate)


def entry(codec: str, *boxes: bytes, handler: str = "vide") -> bytes:
    """A sample entry with these configuration boxes."""
    return sample_entry(MadeTrack((), handler, codec, extra=b"".join(boxes)))


def nclx(transfer: int, primaries: int = 9, matrix: int = 9) -> bytes:
    return box("colr", b"nclx", pack(">HHHB", primaries, transfer, matrix, 0))


MASTERING = pack(">8HII", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50)
LIGHT = pack(">HH", 1000, 400)
MDCV, CLLI = box("mdcv", MASTERING), box("clli", LIGHT)
DVCC = box("dvcC", bytes([1, 0, 8 << 1, 5 << 3 | 0x05]).ljust(24, b"\0"))
DYNAMIC = b"\xb5\x00\x3c\x00\x01\x04\x01" + bytes(range(40))
