"""A Dits of its own for a benchmark: fresh data directory, real servers, gone afterwards."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.client import Client
from infra.cli.first_start import KEY_FILE
from infra.cli.output import Output
from infra.cli.up import laptop_of
from infra.dev.laptop import Laptop
from infra.dev.ports import free_port


@dataclass(frozen=True, slots=True)
class Running:
    """A laptop that answers, and its owner's key."""

    laptop: Laptop
    directory: Path
    key: str

    def client(self) -> Client:
        return Client(self.laptop.url, self.key)


@contextmanager
def running() -> Generator[Running]:
    with tempfile.TemporaryDirectory(prefix="dits-bench-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        given = {
            "data_dir": directory / "data",
            "gateway_port": free_port(made),
            "log_level": "warning",
        }
        laptop = laptop_of(given, Output(as_json=True))
        laptop.more_environment["DITS_LOG_LEVEL"] = "warning"
        laptop.start()
        try:
            key = json.loads((laptop.data_dir / KEY_FILE).read_text())["key"]
            yield Running(laptop, directory, key)
        finally:
            laptop.stop()
