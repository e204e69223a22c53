"""``make bench-dedupe``: shoots a film, edits it nine times, and prints what each tool stores of every edit.

Exit code 1 if a goal is missed. About three minutes, 2 GB of the temporary directory, all deleted at the end.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from bench.dedupe.edits import EDITS, ENCODED, edited
from bench.dedupe.film import Footage, shoot
from bench.dedupe.growth import OURS, Growth, fineness, goals, pace, table
from bench.dedupe.peers import PEERS, Peer, missing, version_of
from bench.dedupe.samples import Contents, contents_of
from bench.dedupe.stored import Cut, Stored, by_tracks, mb_per_cpu_second, opaque
from bench.row import HEAD, line

VERSIONS_OF = ("dits", "blake3", "pyfastcdc", "av")
BLIND = "opaque"
WAYS: Mapping[str, Cut] = {OURS: by_tracks, BLIND: opaque}


def main() -> int:
    print("command: python -m bench.dedupe")
    print(f"machine: {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    print("versions:", ", ".join(f"{name} {version(name)}" for name in VERSIONS_OF))
    for name in PEERS:
        print(f"peer: {missing(name) or version_of(name)}")
    print(f"load of the machine before: {', '.join(f'{each:.1f}' for each in os.getloadavg())}", flush=True)
    with tempfile.TemporaryDirectory(prefix="dits-bench-") as made:
        return _measure(Path(made))


def _measure(directory: Path) -> int:
    began = time.perf_counter()
    footage = shoot(directory)
    print(
        f"footage: {footage.base.stat().st_size / 1e6:.0f} MB, encoded in {time.perf_counter() - began:.0f} s"
    )
    kept = Kept.of(footage, directory)
    growths = [kept.growth(name, directory) for name in EDITS]
    print("every file was rebuilt from its chunks, bit for bit\n")
    print(*table(growths), "", HEAD, sep="\n")
    rows = [*goals(growths), *pace(kept.mb_per_cpu_second()), *fineness(kept.chunks_per_gb())]
    print(*map(line, rows), sep="\n")
    print(f"({time.perf_counter() - began:.0f} s)")
    return 1 if any(row.reached is False for row in rows) else 0


@dataclass(frozen=True, slots=True)
class Kept:
    """The base, in every store."""

    footage: Footage
    contents: Contents
    cut: Mapping[str, Stored]
    peers: Mapping[str, Backup]

    @staticmethod
    def of(footage: Footage, directory: Path) -> Kept:
        cut = {name: _stored(footage.base, way) for name, way in WAYS.items()}
        peers = {name: Backup.by(name, footage.base, directory) for name in PEERS if missing(name) is None}
        return Kept(footage, contents_of(footage.base), cut, peers)

    def mb_per_cpu_second(self) -> Mapping[str, float]:
        ours = {name: mb_per_cpu_second(self.footage.base, way) for name, way in WAYS.items()}
        theirs = {name: self.contents.size_bytes / 1e6 / peer.cpu_s for name, peer in self.peers.items()}
        return {**ours, **theirs}

    def chunks_per_gb(self) -> Mapping[str, float]:
        ours = {name: len(stored.chunks) for name, stored in self.cut.items()}
        theirs = {name: peer.chunk_count for name, peer in self.peers.items()}
        return {name: count / self.contents.size_bytes * 1e9 for name, count in {**ours, **theirs}.items()}

    def growth(self, name: str, directory: Path) -> Growth:
        """Makes the edit, and deletes it."""
        edit = edited(name, self.footage, directory)
        contents = contents_of(edit)
        new = {way: _stored(edit, WAYS[way]).new_bytes(base) for way, base in self.cut.items()}
        theirs = {tool: peer.tool.new_bytes(edit) for tool, peer in self.peers.items()}
        edit.unlink()
        return Growth(
            name,
            size_bytes=contents.size_bytes,
            unseen_bytes=contents.unseen_bytes(self.contents),
            other_bytes=contents.other_bytes,
            is_encoded=name in ENCODED,
            new_bytes={**new, **theirs},
        )


@dataclass(frozen=True, slots=True)
class Backup:
    """What a peer made of the base."""

    tool: Peer
    chunk_count: int
    cpu_s: float

    @staticmethod
    def by(name: str, base: Path, directory: Path) -> Backup:
        (place := directory / name).mkdir()
        tool = PEERS[name](place)
        began_s = _children_s()
        chunk_count = tool.keep(base)
        return Backup(tool, chunk_count, _children_s() - began_s)


def _children_s() -> float:
    """Of a processor, spent by processes that have ended."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stored(path: Path, cut: Cut) -> Stored:
    stored = Stored.of(path, cut)
    assert stored.rebuilds(path), f"{path.name} was not rebuilt"
    return stored


if __name__ == "__main__":
    sys.exit(main())
