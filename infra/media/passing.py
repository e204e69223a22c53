"""A content that one process reads and another one serves, over a socket, as if it were a file.

Promises: the reader needs neither the file nor its place on a disk, so a film of any size is read without a
copy of it; it can read what it was given and nothing else. One question at a time: 16 bytes, offset and size,
answered by 8 bytes, the size, and the bytes.
"""

from __future__ import annotations

import io
import os
import socket
import struct
from typing import TYPE_CHECKING

from domain.format.media.source import Source

if TYPE_CHECKING:
    from typing_extensions import Buffer

READ_BYTES_MAX = 4 << 20
"""Of one answer; a reader that wants more asks again."""
QUESTION = struct.Struct(">QQ")
SIZE = struct.Struct(">Q")


class PassedFile(io.RawIOBase):
    """The reader's end: a read-only file. Raises OSError if nobody serves it any more."""

    def __init__(self, served: socket.socket, size_bytes: int) -> None:
        self._served = served
        self._size_bytes = size_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size_bytes}
        self._at = max(0, starts[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        room = memoryview(buffer).cast("B")
        wanted = min(len(room), READ_BYTES_MAX, max(0, self._size_bytes - self._at))
        if not wanted:
            return 0
        self._served.sendall(QUESTION.pack(self._at, wanted))
        head = bytearray(SIZE.size)
        self._receive(memoryview(head))
        (size_bytes,) = SIZE.unpack(head)
        self._receive(room[:size_bytes])
        self._at += size_bytes
        return int(size_bytes)

    def _receive(self, room: memoryview) -> None:
        while room:
            count = self._served.recv_into(room)
            if not count:
                raise ConnectionResetError("nobody serves the file any more")
            room = room[count:]


class Serving:
    """The other end, without waiting: `heard` and `told` are called when the socket is ready for them."""

    def __init__(self, source: Source, served: socket.socket) -> None:
        served.setblocking(False)
        self._source = source
        self._served = served
        self._question = b""
        self._answer = memoryview(b"")

    @property
    def has_answer(self) -> bool:
        """Something is still to be sent."""
        return len(self._answer) > 0

    def heard(self) -> bool:
        """Take in what is there; False if the reader is gone. Raises what the source raises."""
        try:
            self._question += self._served.recv(QUESTION.size - len(self._question))
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if len(self._question) == QUESTION.size:
            offset, size_bytes = QUESTION.unpack(self._question)
            content = self._source.read(offset, min(size_bytes, READ_BYTES_MAX))
            self._answer, self._question = memoryview(SIZE.pack(len(content)) + content), b""
            return True
        return bool(self._question)

    def told(self) -> bool:
        """Send what fits; False if the reader is gone."""
        try:
            self._answer = self._answer[self._served.send(self._answer) :]
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        return True
