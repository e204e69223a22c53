"""How fast one core cuts and hashes, next to hashing alone: ``python -m bench.chunking``, 1.2 GiB of memory.

Every figure is the best of three rounds; a round runs all cases, so that a busy machine slows all alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter

from blake3 import blake3

from domain.format.chunking import PROFILES, Cutter, Profile, cut
from domain.format.digest import digest_of

SIZE_BYTES = 1 << 30
BLOCK_BYTES = 1 << 20
HASHED_BYTES = 320 * 1024
"""About what an opaque chunk of random bytes has."""
ROUNDS = 3


def hashing(content: memoryview) -> None:
    for at in range(0, len(content), HASHED_BYTES):
        digest_of(content[at : at + HASHED_BYTES])


def cutting(content: memoryview, profile: Profile) -> None:
    for _ in cut(content, profile):
        pass


def cutting_and_hashing(content: memoryview, profile: Profile) -> None:
    for chunk in cut(content, profile):
        digest_of(chunk)


def streaming(content: memoryview, profile: Profile) -> None:
    cutter = Cutter(profile)
    for at in range(0, len(content), BLOCK_BYTES):
        cutter.feed(content[at : at + BLOCK_BYTES])
    cutter.finish()


def streaming_and_hashing(content: memoryview, profile: Profile) -> None:
    cutter = Cutter(profile)
    for at in range(0, len(content), BLOCK_BYTES):
        for chunk in cutter.feed(content[at : at + BLOCK_BYTES]):
            digest_of(chunk)
    for chunk in cutter.finish():
        digest_of(chunk)


CASES = {
    "cut": cutting,
    "cut and BLAKE3": cutting_and_hashing,
    "Cutter.feed, blocks of 1 MiB": streaming,
    "Cutter.feed and BLAKE3": streaming_and_hashing,
}


def seconds(work: Callable[[], None]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def main() -> None:
    content = memoryview(blake3(b"bench").digest(length=SIZE_BYTES))
    cases: dict[str, Callable[[], None]] = {"BLAKE3": partial(hashing, content)}
    for profile in PROFILES:
        for name, case in CASES.items():
            cases[f"{name}, {profile.name}"] = partial(case, content, profile)
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(ROUNDS):
        best = {name: min(best[name], seconds(case)) for name, case in cases.items()}
    for name, best_s in best.items():
        print(f"{name:40} {best['BLAKE3'] / best_s:5.2f} x BLAKE3 {SIZE_BYTES / best_s / 1e6:8.0f} MB/s")


if __name__ == "__main__":
    main()
