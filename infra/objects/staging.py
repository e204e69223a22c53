"""Where a local store's objects are written before they get their names: one private directory a process.

Promises: names never collide between processes; what a process left behind when it was killed is swept by the
next one that starts, and never what a living one is writing (an flock, which the kernel lets go of with the
process, says who lives). All of it lies in the store's own filesystem, so that giving a name is one link.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from domain.ports import Ids
from infra.objects.page_cache import DIRECTORY_MODE, FILE_MODE, start_writing_out, write_all

TOKEN_BYTES = 8


class Staging:
    """Unnamed files of one process."""

    def __init__(self, directory: Path, ids: Ids) -> None:
        directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        with _locked(directory):
            _sweep(directory)
            self._own = directory / ids.token(TOKEN_BYTES).hex()
            self._own.mkdir(mode=DIRECTORY_MODE)
            self._alive_fd = os.open(self._own, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._alive_fd, fcntl.LOCK_EX)
        self._numbers = count()

    def write(self, content: bytes | memoryview) -> Staged:
        """A new file of these bytes, on its way to the medium."""
        staged = Staged(self._own / str(next(self._numbers)))
        try:
            write_all(staged.fd, content)
            start_writing_out(staged.fd)
        except OSError:
            staged.discard()
            raise
        return staged

    def close(self) -> None:
        """Let go of the directory: the next process to start sweeps it."""
        shutil.rmtree(self._own, ignore_errors=True)
        os.close(self._alive_fd)


class Staged:
    """One file without a name yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)

    def discard(self) -> None:
        """Drop the temporary name; the bytes stay if another name was given."""
        os.close(self.fd)
        self.path.unlink(missing_ok=True)


@contextmanager
def _locked(directory: Path) -> Generator[None]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _sweep(directory: Path) -> None:
    for left in directory.iterdir():
        fd = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # its process lives
        finally:
            os.close(fd)
        shutil.rmtree(left)
