"""A start on a bad file of versions: all is up, says why it serves nothing, and a better file heals it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.versions.file import BUILT_IN
from infra.cli.output import Output
from infra.cli.up import laptop_of
from infra.clock import SystemClock
from infra.dev.ports import Ports

MENDED_WITHIN_MS = 10_000


@pytest.mark.long
def test_a_laptop_waits_for_a_better_file_of_versions(tmp_path: Path) -> None:
    file = tmp_path / "versions.yaml"
    file.write_text("versions: {}\n")
    port = Ports(tmp_path / "port.json", say=print).of("gateway")
    given = {"data_dir": tmp_path / "data", "gateway_port": port}
    laptop = laptop_of(given, Output(as_json=True), DITS_VERSIONS_FILE=str(file))
    try:
        laptop.start()
        assert laptop.blocked_by() == "Version registry not initialized"
        file.write_text(BUILT_IN)
        eventually(lambda: laptop.blocked_by() is None)
    finally:
        laptop.stop()


def eventually(holds: Callable[[], bool]) -> None:
    clock = SystemClock()
    until_ms = clock.monotonic_ms() + MENDED_WITHIN_MS
    while not holds():
        assert clock.monotonic_ms() < until_ms, "it never came true"
        clock.sleep(0.1)
