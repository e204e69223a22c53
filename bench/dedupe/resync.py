"""How much sound is stored anew when some of its start is cut away: ``python -m bench.dedupe.resync``.

FastCDC finds its old cuts again later, the more its normalisation draws all chunks to one length.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, quantiles
from typing import Literal

import av
from pyfastcdc import FastCDC

from bench.dedupe.film import SCENES, make_sound, seconds_of
from domain.format.chunking import AUDIO, KIB, Profile
from domain.format.digest import digest_of

PROFILES = (AUDIO, Profile("audio", AUDIO.id, 16 * KIB, 32 * KIB, 256 * KIB))
Level = Literal[0, 1, 2, 3]
LEVELS: tuple[Level, ...] = (0, 1, 2)
SEEDS = range(3, 9)
PACKETS_MAX, STEP = 2000, 23
"""Starts that are tried."""


def main() -> None:
    print(
        "| least, average, most KiB | normalisation | KiB a chunk | KiB stored anew: mean | 9 of 10 below |"
    )
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="dits-bench-") as made:
        sounds = [_packets(Path(made) / f"{seed}.mp4", seed) for seed in SEEDS]
    for profile in PROFILES:
        for level in LEVELS:
            chunks = [len(part) for sound in sounds for part in _cut(b"".join(sound), profile, level)]
            new = [one for sound in sounds for one in _stored_anew(sound, profile, level)]
            sizes = f"{profile.min_bytes // KIB}, {profile.avg_bytes // KIB}, {profile.max_bytes // KIB}"
            figures = (mean(chunks), mean(new), quantiles(new, n=10)[-1])
            print(f"| {sizes} | {level} |", " | ".join(f"{figure / KIB:.0f}" for figure in figures), "|")


def _packets(path: Path, seed: int) -> list[bytes]:
    make_sound(path, seconds_of(SCENES), seed=seed)
    with av.open(str(path)) as sound:
        return [bytes(packet) for packet in sound.demux() if packet.size]


def _stored_anew(sound: Sequence[bytes], profile: Profile, level: Level) -> list[int]:
    """By where the sound begins now."""
    base = set(map(digest_of, _cut(b"".join(sound), profile, level)))
    rests = (b"".join(sound[start:]) for start in range(3, PACKETS_MAX, STEP))
    return [
        sum(len(part) for part in _cut(rest, profile, level) if digest_of(part) not in base) for rest in rests
    ]


def _cut(content: bytes, profile: Profile, level: Level) -> list[memoryview]:
    cutter = FastCDC(
        profile.avg_bytes,
        min_size=profile.min_bytes,
        max_size=profile.max_bytes,
        normalized_chunking=level,
    )
    return [chunk.data for chunk in cutter.cut_buf(memoryview(content))]


if __name__ == "__main__":
    main()
