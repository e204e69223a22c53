"""Memory of a push and a checkout: bounded, whatever the size of the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.client import Client
from tests.client.conftest import Desk, Served

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
    call = f"{(served.url, served.key, repo, str(desk.here.parent))!r}"
    program = f"from tests.client.test_memory import push_and_check_out; print(push_and_check_out(*{call}))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert float(done.stdout) < RSS_MB_MAX
    assert (desk.there / "reel.mov").stat().st_size == FILE_MIB * MIB
