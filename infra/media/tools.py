"""The port MediaTools as child processes: one a request, each with limits, each ended by its own pid.

Promises: whatever a file does to the child, the answer is a value: a decoder that crashes, hangs or grows is
a refusal with a code (seed S4.1). The child gets no secret of ours: its environment is made, not inherited,
and of our files it sees the one that it writes. Of what it says on stderr only the end is kept.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TypedDict, cast

from domain.errors import UnavailableError
from domain.format.media.source import Source
from domain.ports import (
    LIMIT_EXCEEDED,
    TOOL_FAILED,
    Clock,
    DrawnPicture,
    PictureKind,
    Remuxed,
    Unplayable,
)
from infra.media.talk import Talk

COMMAND = (sys.executable, "-I", "-m", "infra.media.child")
INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
POLL_S = 0.2
"""How late a limit of time, or the end of our own process, is noticed."""
END_WAIT_S = 10.0
GROWTH = 2
"""A remuxed file is about as long as its original; what grows beyond this is no remuxing."""
SPARE_BYTES = 64 << 20
LAST_WORDS_MAX = 160


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What one request may use."""

    memory_bytes: int
    """Of address space."""
    wall_s: float
    """Its processor time has the same limit."""


class _Picture(TypedDict):
    kind: PictureKind
    width: int
    height: int
    content: str


class _Answer(TypedDict, total=False):
    code: str
    reason: str
    packets: int
    lost_packets: int
    pictures: list[_Picture]


@dataclass(frozen=True, slots=True)
class ChildTools:
    """Safe for threads. `stopping` ends a child early, as a stop of our own process wants it."""

    limits: ChildLimits
    clock: Clock
    stopping: Callable[[], bool]
    command: tuple[str, ...] = COMMAND

    def remux(self, damaged: Source, sound: BinaryIO) -> Remuxed | Unplayable:
        answer = self._ask(damaged, sound)
        if isinstance(answer, Unplayable):
            return answer
        return Remuxed(answer.get("packets", 0), answer.get("lost_packets", 0))

    def draw(self, video: Source) -> tuple[DrawnPicture, ...] | Unplayable:
        answer = self._ask(video, None)
        if isinstance(answer, Unplayable):
            return answer
        return tuple(_picture(each) for each in answer.get("pictures", ()))

    def _ask(self, source: Source, target: BinaryIO | None) -> _Answer | Unplayable:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                child = self._start(source, theirs, target)
            with child:
                try:
                    return self._await(child, Talk(child, source, ours))
                finally:
                    _end(child)

    def _start(
        self, source: Source, theirs: socket.socket, target: BinaryIO | None
    ) -> subprocess.Popen[bytes]:
        files = [theirs.fileno()] + ([target.fileno()] if target is not None else [])
        request = {
            "source": files[0],
            "size_bytes": source.size_bytes,
            "target": files[1] if target is not None else None,
            "parent": os.getpid(),
            "cpu_s": int(self.limits.wall_s) + 1,
            "memory_bytes": self.limits.memory_bytes,
            "file_bytes": GROWTH * source.size_bytes + SPARE_BYTES,
        }
        child = subprocess.Popen(  # noqa: S603 -- a program of our own
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=files,
            env={name: os.environ[name] for name in INHERITED if name in os.environ},
            start_new_session=True,
        )
        _say(child, json.dumps(request).encode())
        return child

    def _await(self, child: subprocess.Popen[bytes], talk: Talk) -> _Answer | Unplayable:
        """Raises UnavailableError if we are to stop, and what the source raises."""
        until_ms = self.clock.monotonic_ms() + int(self.limits.wall_s * 1000)
        with talk:
            while talk.goes_on(POLL_S):
                if self.stopping():
                    raise UnavailableError(dependency="the media tools")
                if self.clock.monotonic_ms() > until_ms:
                    return Unplayable(LIMIT_EXCEEDED, f"it took more than {self.limits.wall_s:g} s")
        if talk.is_endless:
            return Unplayable(TOOL_FAILED, "it said more than an answer can be")
        try:
            exit_code = child.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            return Unplayable(TOOL_FAILED, "it said all and did not end")
        return _understood(exit_code, bytes(talk.answer), talk.complaint)


def _understood(exit_code: int, said: bytes, complaint: bytes) -> _Answer | Unplayable:
    if exit_code == -signal.SIGXCPU:
        return Unplayable(LIMIT_EXCEEDED, "it used more processor time than it may")
    try:
        answer = cast("_Answer", json.loads(said)) if exit_code == 0 else None
    except ValueError:
        answer = None
    if answer is None:
        lines = complaint.decode(errors="replace").strip().splitlines() or [""]
        return Unplayable(TOOL_FAILED, f"exit code {exit_code}: {lines[-1][:LAST_WORDS_MAX]}")
    if "code" in answer:
        return Unplayable(answer["code"], answer.get("reason", ""))
    return answer


def _picture(told: _Picture) -> DrawnPicture:
    return DrawnPicture(told["kind"], b64decode(told["content"]), told["width"], told["height"])


def _say(child: subprocess.Popen[bytes], request: bytes) -> None:
    """Far less than a pipe holds, so it does not wait. One that is gone already is noticed by its end."""
    assert child.stdin is not None
    try:
        child.stdin.write(request)
        child.stdin.close()
    except BrokenPipeError:
        child.stdin = None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Nothing of it stays: it leads its own session, so the group is its family."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(END_WAIT_S)
