"""A full disk below the objects: 507 for what needs room, reads go on, and room heals it (seed S1.1).

The disk is a small one of this test's own, mounted where only its gateway sees it. Where the system lets
nobody do that the test is skipped, and `tests/objects/test_local.py` stands alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.client import Client, ProblemError
from infra.dev.ports import Ports
from infra.dev.processes import Child, Launch, wait_until_ready
from tests.e2e.product import MIB, ONCE, Product, noise, sent, upload_of

DISK = "8m"
FILLER_BYTES = 15 * MIB // 2
MOUNTED = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


def in_its_own_mounts(directory: Path, *command: str) -> tuple[str, ...]:
    return (
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        MOUNTED,
        "sh",
        DISK,
        str(directory),
        *command,
    )


def may_mount(directory: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(in_its_own_mounts(directory, "true"), capture_output=True, check=False)
    return tried.returncode == 0


@dataclass(frozen=True, slots=True)
class SmallGateway:
    """A second gateway of the product, over a disk of its own."""

    url: str
    disk: Path

    @property
    def filler(self) -> Path:
        return self.disk / "filler"


@pytest.fixture
def small(product: Product, tmp_path: Path) -> Iterator[SmallGateway]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not may_mount(disk):
        pytest.skip("this system lets nobody mount a disk of his own")
    port = Ports(tmp_path / "ports.json", say=print).of("gateway")
    environment = {**product.laptop.environment, "DITS_GATEWAY_PORT": str(port), "DITS_OBJECT_DIR": str(disk)}
    command = in_its_own_mounts(disk, sys.executable, "-m", "infra.cli", "serve")
    child = Child(Launch("small gateway", command, tmp_path / "small.log", environment))
    gateway = SmallGateway(f"http://127.0.0.1:{port}", Path("/proc", str(child.pid), "root", *disk.parts[1:]))
    wait_until_ready(child, lambda: is_ready(gateway.url), timeout_s=30)
    yield gateway
    child.stop(20)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_a_full_disk_refuses_bytes_and_nothing_else(product: Product, repo: str, small: SmallGateway) -> None:
    content = {"reel.mov": noise(1, MIB)}
    with Client(small.url, product.left["key"], pacing=ONCE) as client:
        upload = upload_of(client, repo)
        small.filler.write_bytes(os.urandom(FILLER_BYTES))
        with pytest.raises(ProblemError) as refusal:
            sent(upload, content)
        assert (refusal.value.status, refusal.value.code) == (507, "INSUFFICIENT_STORAGE")
        assert refusal.value.correlation_id
        assert client.repos.get(repo).name == repo
        assert client.locks.acquire(repo, "reel.mov")[0].holder == "owner"
        small.filler.unlink()
        assert list(sent(upload, content)) == ["reel.mov"]
