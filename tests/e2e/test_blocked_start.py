"""A start on a bad file of versions: all is up, says why it serves nothing, and a better file heals it."""

from __future__ import annotations

from pathlib import Path

from gateway.versions.file import BUILT_IN
from infra.cli.output import Output
from infra.cli.up import laptop_of
from infra.clock import SystemClock
from infra.dev.ports import Ports

MENDED_WITHIN_MS = 10_000


def test_a_laptop_waits_for_a_better_file_of_versions(tmp_path: Path) -> None:
    file, clock = tmp_path / "versions.yaml", SystemClock()
    file.write_text("versions: {}\n")
    port = Ports(tmp_path / "port.json", say=print).of("gateway")
    given = {"data_dir": tmp_path / "data", "gateway_port": port}
    laptop = laptop_of(given, Output(as_json=True), DITS_VERSIONS_FILE=str(file))
    try:
        laptop.start()
        assert laptop.blocked_by() == "Version registry not initialized"
        file.write_text(BUILT_IN)
        until_ms = clock.monotonic_ms() + MENDED_WITHIN_MS
        while laptop.blocked_by() is not None and clock.monotonic_ms() < until_ms:
            clock.sleep(0.1)
        assert laptop.blocked_by() is None
    finally:
        laptop.stop()
