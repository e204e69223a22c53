"""What the client remembers between two runs: upload sessions that can be gone on with.

Promises: a note is a courtesy: without it, or with a wrong one, a push sends more and does nothing wrong.
Two runs never use one note at once. No note holds a key.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from blake3 import blake3

if sys.platform != "win32":
    import fcntl


def cache_dir() -> Path:
    """``$XDG_CACHE_HOME/dits-client``, or its place in the home directory."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "dits-client"


def name_of(parts: Iterable[str]) -> str:
    hasher = blake3(derive_key_context="dits-client note v1")
    for part in parts:
        raw = part.encode(errors="surrogateescape")
        hasher.update(len(raw).to_bytes(8, "big") + raw)
    return hasher.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Note:
    """One open file that this process alone may use."""

    stream: IO[str]

    def read(self) -> dict[str, object]:
        """Empty if there is nothing to be made of it."""
        self.stream.seek(0)
        try:
            known: object = json.load(self.stream)
        except ValueError:
            return {}
        return cast("dict[str, object]", known) if isinstance(known, dict) else {}

    def write(self, content: dict[str, object]) -> None:
        self.stream.seek(0)
        self.stream.truncate()
        json.dump(content, self.stream)
        self.stream.flush()


@contextmanager
def opened(directory: Path, name: str) -> Generator[Note | None]:
    """The note, or None while another run has it."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(directory / f"{name}.json", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+") as stream:
        yield Note(stream) if _mine(stream) else None


def _mine(stream: IO[str]) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
