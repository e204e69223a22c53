"""What a file holds, as FFmpeg's demuxer sees it: the measure does not rest on our own reader.

Promises: edit lists hide nothing; every byte is either in a sample or is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from domain.format.digest import digest_of
from domain.ids import Digest


@dataclass(frozen=True, slots=True)
class Contents:
    size_bytes: int
    samples: Mapping[Digest, int]
    """Bytes of each different one."""
    other_bytes: int
    """Boxes, and whatever no sample is in."""

    def unseen_bytes(self, base: Contents) -> int:
        """In samples that the base has not."""
        return sum(size for digest, size in self.samples.items() if digest not in base.samples)


def contents_of(path: Path) -> Contents:
    samples, sample_bytes = dict[Digest, int](), 0
    with av.open(str(path), options={"ignore_editlist": "1"}) as film:
        for packet in film.demux():
            if packet.size:
                samples[digest_of(memoryview(packet))] = packet.size
                sample_bytes += packet.size
    size_bytes = path.stat().st_size
    return Contents(size_bytes, samples, size_bytes - sample_bytes)
