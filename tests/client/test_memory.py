"""Memory of a push and a checkout: bounded, whatever the size of the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.client import Client
from tests.client.conftest import Desk, Served
from tests.media.making import MadeTrack, movie

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
RSS_MB_MAX = 250
FILE_MIB = 768
"""Several times what is ever on its way at once."""


def push_and_check_out(url: str, key: str, repo: str, place: str) -> float:
    """The highest resident memory of this process, in MB."""
    desk = Desk(*(Path(place) / name for name in ("here", "there", "notes")))
    with Client(url, key) as client:
        client.push(repo, "main", desk.here, message="big", options=desk.pushing())
        client.checkout(repo, "main", desk.there, options=desk.out)
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


@pytest.mark.long
def test_a_large_file_needs_no_more_memory(served: Served, repo: str, desk: Desk) -> None:
    with (desk.here / "reel.mov").open("wb") as file:
        for _ in range(FILE_MIB):
            file.write(os.urandom(MIB))
    assert rss_mb(served, repo, desk) < RSS_MB_MAX
    assert (desk.there / "reel.mov").stat().st_size == FILE_MIB * MIB


@pytest.mark.long
def test_a_large_film_cut_by_tracks_needs_no_more_memory(served: Served, repo: str, desk: Desk) -> None:
    """Two tracks of long groups of pictures, three of sound, interleaved every 40 kB."""
    pictures = [MadeTrack((bytes(40_000),) * 7500, sync=tuple(range(0, 7500, 250))) for _ in range(2)]
    sounds = [MadeTrack((bytes(4_000),) * 7500, "soun", "mp4a") for _ in range(3)]
    made = movie(*pictures, *sounds, fast_start=True)
    head, size_bytes = made[: made.index(b"mdat") + 4], len(made)
    del made
    with (desk.here / "reel.mov").open("wb") as file:
        file.write(head)
        while (left := size_bytes - file.tell()) > 0:
            file.write(os.urandom(min(MIB, left)))
    assert rss_mb(served, repo, desk) < RSS_MB_MAX
    assert (desk.there / "reel.mov").stat().st_size == size_bytes


def rss_mb(served: Served, repo: str, desk: Desk) -> float:
    """Of a push and a checkout in a process of their own."""
    call = f"{(served.url, served.key, repo, str(desk.here.parent))!r}"
    program = f"from tests.client.test_memory import push_and_check_out; print(push_and_check_out(*{call}))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout)
