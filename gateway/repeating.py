"""The server's protocol for a connection that asks the same thing again: no parser, no task (V6.1).

Promises: only a GET whose bytes are those of the request before it is answered so, one that came whole and
alone, on a connection that goes on and takes bytes while nothing is being answered; everything else goes the
way of `GuardedProtocol`, also what meets a bug here. A connection remembers its own last head and no other's,
and only for as long as it lasts.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.heads import HeadLimits, Watch, head_of
from gateway.prompt import Heard, Prompt
from gateway.protocol import IDLE, GuardedProtocol
from gateway.refusals import unless_it_breaks

BEGINNING: Final = b"GET /versions"
PLAIN: Final = re.compile(rb"/versions[a-z0-9./-]*").fullmatch
"""Nothing to decode, no query: the path is what the application will see."""
REMEMBERED_BYTES_MAX: Final = 2_048


def repeating(limits: HeadLimits, watch: Watch, prompt: Prompt) -> type[RepeatingProtocol]:
    """The class that uvicorn makes one of for each connection."""

    class Repeating(RepeatingProtocol):
        pass

    Repeating.limits, Repeating.watch, Repeating.prompt = limits, watch, prompt
    return Repeating


class RepeatingProtocol(GuardedProtocol):
    """One connection."""

    prompt: ClassVar[Prompt]

    _last: bytes = b""
    """The request that came last, if it may be answered here when it comes again."""
    _heard: Heard | None = None
    """What it says, once it came again."""
    _answered_at: float = 0.0
    """By the loop's clock: the idle timer runs from the last answer that went the usual way."""

    def data_received(self, data: bytes) -> None:
        if data == self._last and self._is_free() and self._answer():
            return
        before, began_idle = self.cycle, self._phase == IDLE
        GuardedProtocol.data_received(self, data)
        self._last, self._heard = b"", None
        if began_idle and self.cycle is not before and data.startswith(BEGINNING):
            self._remember(data)

    def timeout_keep_alive_handler(self) -> None:
        left_s = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._wait(left_s, self.timeout_keep_alive_handler)
        else:
            HttpToolsProtocol.timeout_keep_alive_handler(self)

    def _remember(self, data: bytes) -> None:
        """A request that is all there, and all there is: what followed it would wait in the pipeline."""
        is_alone = self._phase == IDLE and not self.pipeline
        if is_alone and self.cycle.keep_alive and len(data) <= REMEMBERED_BYTES_MAX and PLAIN(self.url):
            self._last = data

    def _is_free(self) -> bool:
        """Is nothing being answered, and would a request be welcome?"""
        return (
            self._phase == IDLE
            and self.cycle.response_complete
            and not self.pipeline
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and len(self.connections) < self._crowd
            and len(self.tasks) < self._crowd
        )

    def _answer(self) -> bool:
        answer = unless_it_breaks(self._reply)
        if answer is None:
            return False
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        given = head_of(self.server_state.default_headers)
        self.transport.write(b"".join((STATUS_LINE[200], given, answer)))
        return True

    def _reply(self) -> bytes | None:
        if self._heard is None:
            path = self.url.decode("ascii")
            before = cast("Scope", self.cycle.scope)  # the application has written into it since
            same = {name: before[name] for name in ("type", "method", "headers", "client")}
            self._heard = self.prompt.heard({**same, "path": path, "query_string": b""})
        return self.prompt.answer(self._heard)
