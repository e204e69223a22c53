"""Files that nobody else sees and that leave nothing behind, also after a kill: they have no name."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from domain.errors import InsufficientStorageError

SPARE_BYTES = 256 << 20
"""Left to others on the same disk."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
PLACE = "the directory of media in work"


@dataclass(frozen=True, slots=True)
class ScratchFiles:
    """In one directory, made when it is needed."""

    directory: Path

    @contextmanager
    def file(self, size_bytes: int) -> Generator[BinaryIO]:
        """With room for so many bytes. Raises InsufficientStorageError, also for a disk that fills up."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if shutil.disk_usage(self.directory).free < size_bytes + SPARE_BYTES:
                raise InsufficientStorageError(store=PLACE)
            with TemporaryFile(dir=self.directory) as file:
                yield file
        except OSError as error:
            if error.errno in FULL:
                raise InsufficientStorageError(store=PLACE) from error
            raise
