"""What goes on between us and a child: it reads a file that we serve, answers and complains.

Promises: nothing waits longer than it is told, so a child that stands still is noticed; what the child says
is bounded. For one thread.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
from types import TracebackType

from domain.format.media.source import Source
from infra.media.passing import Serving

ANSWER_BYTES_MAX = 8 << 20
"""Two pictures of two MiB each, in base 64."""
COMPLAINT_BYTES_MAX = 4_096
PIPE_BYTES = 1 << 16


class Talk:
    """Until the child has closed its ends."""

    def __init__(self, child: subprocess.Popen[bytes], source: Source, served: socket.socket) -> None:
        assert child.stdout is not None
        assert child.stderr is not None
        self.answer = bytearray()
        self.complaint = b""
        self._open = {child.stdout.fileno(), child.stderr.fileno()}
        self._stdout = child.stdout.fileno()
        self._serving = Serving(source, served)
        self._served = served.fileno()
        self._selector = selectors.DefaultSelector()
        for end in (self._stdout, child.stderr.fileno(), self._served):
            self._selector.register(end, selectors.EVENT_READ)

    def __enter__(self) -> Talk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()

    @property
    def is_endless(self) -> bool:
        """It says more than we take in."""
        return len(self.answer) > ANSWER_BYTES_MAX

    def goes_on(self, timeout_s: float) -> bool:
        """One turn; False if the child closed its ends, or says too much. Raises what the source raises."""
        for key, _ in self._selector.select(timeout_s):
            if key.fd == self._served:
                self._serve()
            else:
                self._hear(key.fd)
        return bool(self._open) and not self.is_endless

    def _serve(self) -> None:
        serving = self._serving
        if not (serving.told() if serving.has_answer else serving.heard()):
            self._selector.unregister(self._served)
            return
        wanted = selectors.EVENT_WRITE if serving.has_answer else selectors.EVENT_READ
        self._selector.modify(self._served, wanted)

    def _hear(self, end: int) -> None:
        said = os.read(end, PIPE_BYTES)
        if not said:
            self._selector.unregister(end)
            self._open.discard(end)
        elif end == self._stdout:
            self.answer += said
        else:
            self.complaint = (self.complaint + said)[-COMPLAINT_BYTES_MAX:]
