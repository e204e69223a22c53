"""The operator's file of API versions and the last sound registry, as files.

Promises: a file is read only if it is a plain one and only up to a bound, so neither a pipe nor a disk image
in its place can hold a process up; a backup is replaced whole or not at all (V5.1, V5.2).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.errors import RegistryFileError, UnavailableError

BYTES_MAX = 512 * 1024
"""Read of a file; whoever parses it takes half of this at most. A hundred versions are about 20 KiB."""
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Opening a pipe would wait for its writer; for a plain file it changes nothing."""
WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
FILE_MODE, DIRECTORY_MODE = 0o600, 0o700


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """An operator's file of API versions."""

    path: Path

    @property
    def name(self) -> str:
        """Without the directories: it is told to clients."""
        return self.path.name

    def stamp(self) -> str:
        """Another one whenever the content may be another; empty if the file is not there."""
        try:
            seen = self.path.stat()
        except OSError:
            return ""
        return f"{seen.st_mtime_ns}-{seen.st_ctime_ns}-{seen.st_size}-{seen.st_dev}-{seen.st_ino}"

    def text(self) -> str:
        """Raises RegistryFileError."""
        try:
            return _text(self.path)
        except FileNotFoundError as error:
            raise RegistryFileError(problem="it is not there") from error
        except OSError as error:
            raise RegistryFileError(problem=f"it cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise RegistryFileError(problem="it is no UTF-8 text") from error


@dataclass(frozen=True, slots=True)
class BackupFile:
    """The last sound registry, beside the process; one writer a process."""

    path: Path

    def read(self) -> str:
        """Raises UnavailableError."""
        with _named(self.path):
            return _text(self.path)

    def write(self, text: str) -> None:
        """Durable and whole when it returns. Raises UnavailableError, which leaves what was there."""
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with _named(self.path):
            self.path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            try:
                _write_synced(fresh, text.encode())
                fresh.replace(self.path)
            finally:
                fresh.unlink(missing_ok=True)
            _sync_directory(self.path.parent)


def _text(path: Path) -> str:
    """Raises OSError, UnicodeDecodeError."""
    descriptor = os.open(path, READ_FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no plain file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    if len(content) > BYTES_MAX:
        raise OSError(0, f"it has more than {BYTES_MAX} bytes")
    return content.decode()


def _write_synced(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, WRITE_FLAGS, FILE_MODE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _named(path: Path) -> Generator[None]:
    """The file's troubles, as the domain calls them."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(dependency=f"the backup {path.name}") from error
