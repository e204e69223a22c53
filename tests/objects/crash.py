"""Kills a forked child with SIGKILL right before its n-th call into the operating system.

`sys.setprofile` reports every call of a C function, so the points are exact, need no hook in the product and
are complete: a matrix runs n = 1, 2, 3, ... until the child gets through.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

SYSTEM_CALLS = frozenset(
    {
        "open",
        "write",
        "posix_fadvise",
        "fdatasync",
        "fsync",
        "link",
        "unlink",
        "mkdir",
        "replace",
        "close",
        "flock",
    }
)
"""What changes the disk, or says when it is safe."""


def killed_before_call(number: int, operation: Callable[[], object]) -> bool:
    """Runs the operation in a child of its own. False if it got through before its n-th call."""
    pid = os.fork()
    if pid == 0:
        sys.setprofile(_killer(number))
        try:
            operation()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def calls_of(operation: Callable[[], object]) -> list[tuple[str, str]]:
    """The calls that an operation makes, in order, each with the path that it is about, if known."""
    calls = list[tuple[str, str]]()

    def note(frame: FrameType, event: str, called: object) -> None:
        if (name := _system_call(event, called)) is not None:
            calls.append((name, _path(frame)))

    sys.setprofile(note)
    try:
        operation()
    finally:
        sys.setprofile(None)
    return calls


def _path(frame: FrameType) -> str:
    """Read from the caller's variables: the descriptor it syncs, or the file it names."""
    known = frame.f_locals
    if "fd" in known:
        return str(Path(f"/proc/self/fd/{known['fd']}").readlink())
    return str(getattr(known.get("file"), "path", ""))


def _killer(number: int) -> Callable[[FrameType, str, object], None]:
    left = number

    def count(_frame: FrameType, event: str, called: object) -> None:
        nonlocal left
        if _system_call(event, called) is not None:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return count


def _system_call(event: str, called: object) -> str | None:
    name = getattr(called, "__name__", "") if event == "c_call" else ""
    return name if name in SYSTEM_CALLS else None
