"""Sending a file as it is, from the byte the server stands at; the server cuts it (house: Sessions).

Promises: after a lost connection the confirmed offset is asked for and the rest is sent; it gives up only
after several tries in a row without progress.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .calls import Calls
from .errors import DitsError, FileMovedOnError, ProblemError
from .pacing import may_pass
from .progress import Tally
from .sessions import Upload
from .verifying import give_back
from .walking import LocalFile

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Rest:
    """A file's bytes from `offset_bytes` on, read as they are sent."""

    local: LocalFile
    offset_bytes: int
    tally: Tally

    @property
    def size_bytes(self) -> int:
        return self.local.size_bytes - self.offset_bytes

    def __iter__(self) -> Iterator[memoryview]:
        block, left_bytes = memoryview(bytearray(BLOCK_BYTES)), self.size_bytes
        with self.local.file.open("rb", buffering=0) as file:
            file.seek(self.offset_bytes)
            while left_bytes and (count := file.readinto(block[:left_bytes])):
                left_bytes -= count
                yield block[:count]
                give_back(file, self.local.size_bytes - left_bytes, count)
                self.tally.add(read=count, sent=count)
                self.tally.report()
        if left_bytes:
            raise FileMovedOnError(path=str(self.local.file))


def send_whole(calls: Calls, upload: Upload, local: LocalFile, tally: Tally) -> str:
    """The recipe that the server made of it. Raises DitsError."""
    offset_bytes, tries, furthest = upload.offset(local.path), 0, 0
    tally.add(read=offset_bytes, known=offset_bytes)
    while True:
        try:
            rest = Rest(local, offset_bytes, tally)
            now = upload.put(local.path, rest, offset_bytes=offset_bytes, length_bytes=local.size_bytes)
            if now.recipe is not None:
                return _unmoved(local, now.recipe)
            offset_bytes = now.offset_bytes
        except DitsError as error:
            tries = 1 if offset_bytes > furthest else tries + 1
            furthest = max(furthest, offset_bytes)
            if not _may_go_on(error) or tries >= calls.pacing.tries_max:
                raise
            calls.machine.sleep(calls.pacing.pause_s(tries, error, calls.machine.jitter()))
            offset_bytes = upload.offset(local.path)


def _may_go_on(error: DitsError) -> bool:
    another_offset = isinstance(error, ProblemError) and error.code == "UPLOAD_OFFSET_MISMATCH"
    return another_offset or may_pass(error)


def _unmoved(local: LocalFile, recipe: str) -> str:
    if not local.is_still_itself():
        raise FileMovedOnError(path=str(local.file))
    return recipe
