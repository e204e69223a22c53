"""The server's protocol for requests that can be answered at once, before a task is made for them (V6.1).

Promises: only a GET without a body, on a connection that goes on and takes bytes, is answered so, when all of
it has come and nobody before it waits; everything else goes the way of `GuardedProtocol`.
"""

from __future__ import annotations

from typing import ClassVar, Final, Protocol, cast

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.heads import HeadLimits, Watch, head_of
from gateway.protocol import GuardedProtocol

PLACES: Final = b"/versions"
BODY_FIELDS: Final = frozenset({b"content-length", b"transfer-encoding"})


class Answers(Protocol):
    """Who answers at once."""

    def __call__(self, scope: Scope, /) -> bytes | None:
        """Head and body of a 200; None if the request is to go the usual way."""
        ...


def prompt(limits: HeadLimits, watch: Watch, answers: Answers) -> type[PromptProtocol]:
    """The class that uvicorn makes one of for each connection."""

    class Prompted(PromptProtocol):
        pass

    Prompted.limits, Prompted.watch, Prompted.answers = limits, watch, answers
    return Prompted


class PromptProtocol(GuardedProtocol):
    """One connection."""

    answers: ClassVar[Answers]
    _app: ASGI3Application | None = None
    """Of a request that may be answered at once, until its end has come."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if cycle is self.cycle and cycle.more_body and self._is_usual(cycle):
            self._app = app
        else:
            HttpToolsProtocol._start_asgi_task(self, cycle, app)

    def on_message_complete(self) -> None:
        GuardedProtocol.on_message_complete(self)
        app, self._app = self._app, None
        if app is not None and not self._is_answered(self.cycle):
            HttpToolsProtocol._start_asgi_task(self, self.cycle, app)

    def _is_usual(self, cycle: RequestResponseCycle) -> bool:
        if not self.url.startswith(PLACES) or b"%" in self.url or cycle.scope["method"] != "GET":
            return False
        for name, _ in cycle.scope["headers"]:
            if name in BODY_FIELDS:
                return False
        return cycle.keep_alive

    def _is_answered(self, cycle: RequestResponseCycle) -> bool:
        if cycle.flow.write_paused or self.transport.is_closing():
            return False
        answer = self.answers(cast("Scope", cycle.scope))
        if answer is None:
            return False
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join((STATUS_LINE[200], head_of(cycle.default_headers), answer)))
        self.on_response_complete()
        return True
