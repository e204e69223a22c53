"""Files read and written past the page cache: memory stays flat, and what is read came from the medium.

Promises: of a file that is read two windows lie in the cache, of one that is written UNSYNCED_BYTES_MAX at
most; after `sync_file` and `sync_directory` a power cut loses nothing. A window is read ahead while the one
before is used. Linux and macOS; where a system takes no advice, only the speed differs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

WINDOW_BYTES = 8 << 20
"""What is read or written between two pieces of advice: large enough to stream, small enough to forget."""
UNSYNCED_BYTES_MAX = 8 * WINDOW_BYTES
"""Of a file being written: a sync every window costs a quarter of the speed, none at all fills the cache."""
FILE_MODE = 0o600
DIRECTORY_MODE = 0o700


def sync_file(fd: int) -> None:
    """The file's bytes and length are on the medium when this returns."""
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # fsync(2) there leaves the bytes in the drive's own cache
    else:
        os.fdatasync(fd)


def sync_directory(path: Path | str) -> None:
    """The directory's entries are on the medium when this returns."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def start_writing_out(fd: int) -> None:
    """Ask the kernel to begin with what is dirty; returns at once.

    DONTNEED on dirty pages starts their write-back (Linux, mm/fadvise.c); a later sync finds little to do.
    """
    forget(fd)


def forget(fd: int, offset: int = 0, size_bytes: int = 0) -> None:
    """Drop clean pages of the range from the cache; a size of 0 means to the end."""
    if sys.platform == "linux":
        os.posix_fadvise(fd, offset, size_bytes, os.POSIX_FADV_DONTNEED)


def expect(fd: int, offset: int = 0, size_bytes: int = 0) -> None:
    """Have the range read ahead, in the background."""
    if sys.platform == "linux":
        os.posix_fadvise(fd, offset, size_bytes, os.POSIX_FADV_WILLNEED)


def read_blocks(path: Path, start: int = 0) -> Iterator[memoryview]:
    """The file from `start` on in windows; each is valid until the next one is asked for."""
    window = memoryview(bytearray(WINDOW_BYTES))
    fd = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "darwin":
            fcntl.fcntl(fd, fcntl.F_NOCACHE, 1)
        expect(fd, start, WINDOW_BYTES)
        while True:
            expect(fd, start + WINDOW_BYTES, WINDOW_BYTES)
            size_bytes = os.preadv(fd, [window], start)
            if size_bytes == 0:
                return
            forget(fd, start, size_bytes)
            yield window[:size_bytes]
            start += size_bytes
    finally:
        os.close(fd)


def write_blocks(path: Path, blocks: Iterable[bytes | memoryview]) -> int:
    """A new file of these blocks, durable when this returns. Returns its size."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    written = started = synced = 0
    try:
        for block in blocks:
            write_all(fd, block)
            written += len(block)
            if written - started >= WINDOW_BYTES:
                start_writing_out(fd)
                started = written
            if written - synced >= UNSYNCED_BYTES_MAX:
                sync_file(fd)
                forget(fd)
                synced = written
        sync_file(fd)
        forget(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)
    return written


def write_all(fd: int, content: bytes | memoryview) -> None:
    """write(2) may take less than it is given, above all when the disk is nearly full."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]
