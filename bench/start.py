"""`dits up` until it answers: the second start on a data directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.row import Row
from infra.dev.ports import free_port

GOAL_S = 5.0
READY = '"url"'


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="dits-bench-", ignore_cleanup_errors=True) as made:
        cold_s = _up(Path(made))
        warm_s = min(_up(Path(made)) for _ in range(3))
    return [
        Row("`dits up` to ready, cold", f"{cold_s:.1f} s", "", None, "printed", None),
        Row("`dits up` to ready, warm", f"{warm_s:.1f} s", "", None, f"< {GOAL_S:.0f} s", warm_s < GOAL_S),
    ]


def _up(directory: Path) -> float:
    environment = {**os.environ, "DITS_DATA_DIR": str(directory / "data")}
    port = str(free_port(str(directory)))
    command = (sys.executable, "-m", "infra.cli", "--json", "up", "--port", port)
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        took_s = time.monotonic() - began
        assert READY in line, f"`dits up` ended instead of starting: {line}"
        return took_s
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
