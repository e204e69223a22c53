"""``python -I -m infra.media.child``: one request about one file, in a process that may die of it.

Promises: the limits hold before a byte of the file is looked at; the request is one JSON object on stdin, the
answer one on stdout; the file comes through a socket and what is written goes to an open descriptor, so no
file is opened by name; it ends when the process that started it does. Serves seed S4.1 and pictures; nothing
else of Dits loads PyAV.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import resource
import signal
import socket
import sys
from base64 import b64encode
from collections.abc import Mapping
from typing import BinaryIO, TypedDict, cast

from domain.ports import LIMIT_EXCEEDED, DrawnPicture, Remuxed, Unplayable
from infra.media.passing import PassedFile

PR_SET_PDEATHSIG = 1  # linux/prctl.h
CPU_GRACE_S = 5
"""Between the signal that says the time is up and the one that cannot be caught."""
BUFFER_BYTES = 1 << 20
Outcome = Remuxed | Unplayable | tuple[DrawnPicture, ...]


class Request(TypedDict):
    """What the parent asks."""

    command: str
    source: int
    """A socket's descriptor."""
    size_bytes: int
    target: int | None
    """An empty file's descriptor."""
    parent: int
    cpu_s: int
    memory_bytes: int
    file_bytes: int
    """Of the target."""


def main() -> None:
    asked: Request = json.load(sys.stdin)
    _tie_to(asked["parent"])
    _limit(asked)
    try:
        outcome = _perform(asked)
    except (MemoryError, OSError) as error:
        outcome = Unplayable(LIMIT_EXCEEDED, f"{type(error).__name__}: {error}"[:200])
    json.dump(_told(outcome), sys.stdout)


def _tie_to(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit(1)


def _limit(asked: Request) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu_s"], asked["cpu_s"] + CPU_GRACE_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_bytes"], asked["file_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere it is refused, or means nothing
        resource.setrlimit(resource.RLIMIT_AS, (asked["memory_bytes"], asked["memory_bytes"]))


def _perform(asked: Request) -> Outcome:
    passed = PassedFile(socket.socket(fileno=asked["source"]), asked["size_bytes"])
    source = cast("BinaryIO", io.BufferedReader(passed, BUFFER_BYTES))
    if asked["target"] is None:
        from infra.media.drawing import draw

        return draw(source)
    from infra.media.remuxing import remux

    with os.fdopen(asked["target"], "r+b") as target:
        return remux(source, target)


def _told(outcome: Outcome) -> Mapping[str, object]:
    match outcome:
        case Remuxed(packets, lost):
            return {"packets": packets, "lost_packets": lost}
        case Unplayable(code, reason):
            return {"code": code, "reason": reason}
        case pictures:
            return {"pictures": [_picture(each) for each in pictures]}


def _picture(drawn: DrawnPicture) -> Mapping[str, object]:
    content = b64encode(drawn.content).decode()
    return {"kind": drawn.kind, "width": drawn.width, "height": drawn.height, "content": content}


if __name__ == "__main__":
    main()
