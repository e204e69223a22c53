"""Push over loopback HTTP into the whole product: ``python -m bench.push [GIB]``.

New data through the SDK and through the whole-file route, against the probe of the same disk
(`bench.store`); an unchanged file against reading, cutting and hashing it alone. Client and gateway are
processes of their own; their peaks of memory are theirs. Every case lies between two runs of its
baseline, whose mean counts.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from bench.row import Row
from bench.store import probe, random_blocks, rss_mb_max
from gateway.client import Client, PushOptions
from gateway.client.cutting import FileCutter
from gateway.client.machine import SystemMachine
from gateway.client.threads import workers
from gateway.client.walking import find
from infra.cli.output import Output
from infra.cli.up import laptop_of
from infra.dev.laptop import Laptop
from infra.dev.ports import Ports
from infra.objects.page_cache import write_blocks

SIZE_GIB = 4.0
DIRECTORY = Path("build/bench-push")
PROBES = Path("build/bench-store")
"""Where `bench.store.probe` writes its copy."""
RSS_MB_MAX = 250
NEW_REACH, UNCHANGED_REACH = 0.18, 0.80


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    rss_mb: float
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One push, in a process of its own."""

    url: str
    key: str
    source: Path
    repo: str
    whole_file: bool = False

    def __call__(self) -> int:
        options = PushOptions(root=self.source.parent, whole_file=self.whole_file, notes=DIRECTORY / "notes")
        with Client(self.url, self.key) as client:
            if self.repo not in {repo.name for repo in client.repos.list()}:
                client.repos.create(self.repo)
            pushed = client.push(self.repo, "main", self.source, message="bench", options=options)
        return pushed.progress.bytes_sent


def run(size_gib: float = SIZE_GIB) -> list[Row]:
    for directory in (DIRECTORY, PROBES):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    place = DIRECTORY / "data"
    port = Ports(DIRECTORY / "port.json", say=print).of("gateway")
    laptop = laptop_of({"data_dir": place, "gateway_port": port}, Output(as_json=True))
    laptop.start()
    try:
        return list(rows(laptop, int(size_gib * (1 << 30))))
    finally:
        laptop.stop()
        for directory in (DIRECTORY, PROBES):
            shutil.rmtree(directory)


def rows(laptop: Laptop, size_bytes: int) -> Iterator[Row]:
    key = json.loads((laptop.data_dir / "client.json").read_text())["key"]
    for name, words in (("sdk", "SDK"), ("whole", "whole-file route")):
        source = DIRECTORY / f"{name}.mov"
        write_blocks(source, random_blocks(size_bytes))
        case = Case(laptop.url, key, source, name, whole_file=name == "whole")
        pushed, baseline_s = between(case, partial(probed, source))
        yield speed(f"push of new data, {words}", size_bytes, pushed, baseline_s, NEW_REACH)
        yield memory(f"its client, {words}", pushed.rss_mb)
        yield memory(f"its gateway, {words}", peak_mb_of(laptop.children["gateway"].pid))
    source = DIRECTORY / "sdk.mov"
    unchanged, alone_s = between(Case(laptop.url, key, source, "sdk"), partial(cut_and_hash, source))
    assert unchanged.sent_bytes == 0
    yield speed("push of an unchanged file, SDK", size_bytes, unchanged, alone_s, UNCHANGED_REACH)
    yield memory("its client", unchanged.rss_mb)


def between(case: Case, baseline: Callable[[], int]) -> tuple[Measured, float]:
    before = measured(baseline).seconds
    found = measured(case)
    return found, (before + measured(baseline).seconds) / 2


def probed(source: Path) -> int:
    probe(source)
    return 0


def cut_and_hash(source: Path) -> int:
    """What a push of a known file has to do, and nothing else."""
    with workers(2, "hash", SystemMachine()) as hashers:
        for local in find([source], source.parent).files:
            with FileCutter(hashers).opened(local) as cut:
                for _ in cut.groups():
                    pass
    return 0


def measured(work: Callable[[], int]) -> Measured:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=report, args=(work, theirs))
    child.start()
    theirs.close()
    found = Measured(*ours.recv())
    child.join()
    return found


def report(work: Callable[[], int], to: multiprocessing.connection.Connection) -> None:
    began = perf_counter()
    sent_bytes = work()
    to.send((perf_counter() - began, rss_mb_max(), sent_bytes))


def peak_mb_of(pid: int) -> float:
    """Of another process; Linux tells."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def speed(what: str, size_bytes: int, found: Measured, baseline_s: float, reach: float) -> Row:
    ratio = baseline_s / found.seconds
    mb_per_s, against = size_bytes / found.seconds / 1e6, size_bytes / baseline_s / 1e6
    what = f"{what}, {size_bytes / (1 << 30):g} GiB"
    words = f"baseline {against:.0f} MB/s"
    return Row(what, f"{mb_per_s:.0f} MB/s", words, ratio, f">= {reach:.0%}", ratio >= reach)


def memory(what: str, rss_mb: float) -> Row:
    return Row(what, f"{rss_mb:.0f} MB RSS", "", None, f"< {RSS_MB_MAX} MB", rss_mb < RSS_MB_MAX)


if __name__ == "__main__":
    for row in run(float(sys.argv[1]) if len(sys.argv) > 1 else SIZE_GIB):
        print(row)
