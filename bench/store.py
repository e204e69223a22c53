"""The store pipeline against its disk, and one object a chunk against packs: ``python -m bench.store [GIB]``.

The probe is what the same disk gives to two threads that do nothing else: one reads a large file while the
other writes one of equal size, both past the page cache (8 MiB windows, read ahead, write-back started at
once, synced every 64 MiB and at the end, cached pages dropped; O_DIRECT gave the same within the noise). Its
speed is the bytes of one side over the time until both are done. The pipeline moves each byte three times
(source, object, read back), so the disk alone would allow it 67 % of the probe.

Every case runs in a process of its own, between two probes whose mean is its baseline; content is random;
files lie under ``build/`` and are removed. Stores start empty: every second chunk also makes a directory.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Thread
from time import perf_counter

from bench.packs import PackStore
from bench.row import Row
from domain.format.chunking import OPAQUE, WIDE, Profile
from domain.ports import ObjectStore
from infra.clock import SystemIds
from infra.objects.local import LocalStore
from infra.objects.page_cache import WINDOW_BYTES, read_blocks, write_blocks
from infra.objects.pipeline import StorePipeline
from infra.objects.verified import VerifiedStore

SIZE_GIB = 4.0
DIRECTORY = Path("build/bench-store")
THREADS = 4
RSS_MB_MAX = 200
KINDS = {"objects": "one object a chunk", "packs": "packs"}
REACH = {OPAQUE: (0.25, "40 %"), WIDE: (0.40, "53 %")}


@dataclass(frozen=True, slots=True)
class Measured:
    """One run in a process of its own."""

    seconds: float
    rss_mb: float


def run(size_gib: float = SIZE_GIB) -> list[Row]:
    source = DIRECTORY / "source"
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    try:
        size_bytes = write_blocks(source, random_blocks(int(size_gib * (1 << 30))))
        probes, cases = [measured(partial(probe, source))], list[tuple[str, Profile, Measured]]()
        for profile in (OPAQUE, WIDE):
            for kind in KINDS:
                cases.append((kind, profile, measured(partial(store, source, profile, kind))))
                probes.append(measured(partial(probe, source)))
    finally:
        shutil.rmtree(DIRECTORY)
    speeds = [size_bytes / probe.seconds / 1e6 for probe in probes]
    baselines = [(before + after) / 2 for before, after in pairwise(speeds)]
    return [
        row
        for case, baseline in zip(cases, baselines, strict=True)
        for row in rows_of(*case, size_bytes=size_bytes, baseline=baseline)
    ]


def rows_of(
    kind: str, profile: Profile, case: Measured, *, size_bytes: int, baseline: float
) -> Iterator[Row]:
    speed = size_bytes / case.seconds / 1e6
    what = f"store pipeline, {size_bytes / (1 << 30):g} GiB, {profile.name}, {KINDS[kind]}"
    against = f"read+write probe {baseline:.0f} MB/s"
    if kind == "packs":
        yield Row(what, f"{speed:.0f} MB/s", against, speed / baseline, "printed", None)
        return
    reach, aim = REACH[profile]
    goal, reached = f">= {reach:.0%} (aim {aim})", speed / baseline >= reach
    yield Row(what, f"{speed:.0f} MB/s", against, speed / baseline, goal, reached)
    memory = f"{case.rss_mb:.0f} MB RSS"
    yield Row(f"its memory, {profile.name}", memory, "", None, f"< {RSS_MB_MAX} MB", case.rss_mb < RSS_MB_MAX)


def probe(source: Path) -> None:
    reader = Thread(target=lambda: sum(len(block) for block in read_blocks(source)))
    copy, window = DIRECTORY / "copy", os.urandom(WINDOW_BYTES)
    reader.start()
    write_blocks(copy, (window for _ in range(source.stat().st_size // WINDOW_BYTES)))
    reader.join()
    copy.unlink()


def store(source: Path, profile: Profile, kind: str) -> None:
    root = DIRECTORY / kind
    bare: ObjectStore = (
        LocalStore("bench", root, SystemIds()) if kind == "objects" else PackStore("bench", root)
    )
    pipeline = StorePipeline(VerifiedStore(bare), threads=THREADS)
    end = 0
    for part in pipeline.store(read_blocks(source), profile):
        assert not any(chunk.was_there for chunk in part.chunks)
        end = part.end_offset
    assert end == source.stat().st_size
    pipeline.close()


def measured(work: Callable[[], None]) -> Measured:
    """Runs in a fresh process; what it leaves on the disk is removed before the next one."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=report, args=(work, theirs))
    child.start()
    theirs.close()
    seconds, rss_mb = ours.recv()
    child.join()
    for kind in KINDS:
        shutil.rmtree(DIRECTORY / kind, ignore_errors=True)
    os.sync()
    return Measured(seconds, rss_mb)


def report(work: Callable[[], None], to: multiprocessing.connection.Connection) -> None:
    began = perf_counter()
    work()
    to.send((perf_counter() - began, rss_mb_max()))


def rss_mb_max() -> float:
    """The highest so far. VmHWM starts with the program; ru_maxrss remembers the parent's."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def random_blocks(size_bytes: int) -> Iterator[bytes]:
    for _ in range(size_bytes // WINDOW_BYTES):
        yield os.urandom(WINDOW_BYTES)


def main(arguments: Sequence[str]) -> None:
    for row in run(float(arguments[0]) if arguments else SIZE_GIB):
        ratio = "" if row.ratio is None else f"{row.ratio:.0%}"
        print(f"{row.what:60} {row.measured:>12} {ratio:>5} of {row.against or '-':30} {row.reach}")


if __name__ == "__main__":
    main(sys.argv[1:])
