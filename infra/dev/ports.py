"""Which TCP ports the embedded servers use: chosen once, kept in the data directory.

Promises: a port is below 32768 (above it the kernel hands them out for outgoing connections), is free when
it is chosen, and stays the same over restarts unless somebody else took it, which is said.
"""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import cast

from domain.errors import StartFailedError

LOOPBACK = "127.0.0.1"
PORT_MIN = 20_000
PORT_MAX = 32_767


class Ports:
    """The port of each name, kept in one small file."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file = file
        self._say = say
        self._kept: dict[str, int] = {}
        if file.exists():
            self._kept = cast("dict[str, int]", json.loads(file.read_text()))

    def of(self, name: str) -> int:
        """The kept port if it is still free, else a new one, kept from now on."""
        kept = self._kept.get(name)
        if kept is not None and is_free(kept):
            return kept
        chosen = free_port(f"{self._file}:{name}", taken=self._kept.values())
        if kept is not None:
            self._say(
                f"port {kept} of {name} is taken by another process; it listens on {chosen} from now on"
            )
        self._kept[name] = chosen
        self._file.write_text(json.dumps(self._kept))
        return chosen


def free_port(seed: str, taken: Collection[int] = ()) -> int:
    """A free port; equal seeds look from the same place on, different ones rarely meet."""
    count = PORT_MAX - PORT_MIN + 1
    start = zlib.crc32(seed.encode()) % count
    for step in range(count):
        port = PORT_MIN + (start + step) % count
        if port not in taken and is_free(port):
            return port
    raise StartFailedError(server="Dits", reason=f"no port from {PORT_MIN} to {PORT_MAX} is free")


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
