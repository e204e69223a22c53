"""The HTTP server around the application: uvicorn on uvloop and httptools, and how it stops.

Promises: on SIGTERM readiness says no first, then no new connection is taken, live streams end, requests in
progress are finished within their time, then the process ends (S2.4); nothing tells the server's name.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from gateway.app import Application
from gateway.heads import HeadLimits
from gateway.prompt import Prompt
from gateway.repeating import repeating
from gateway.watching import watch_of

BACKLOG = 1_024
KEEP_ALIVE_S = 30
TICKS_PER_S = 10
"""How often uvicorn asks `on_tick`."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, and how long a stop may take."""

    host: str
    port: int
    connections_max: int = 512
    lame_duck_s: float = 0.0
    """Not ready, but still taking requests: what a load balancer needs to notice."""
    drain_s: int = 20
    """Requests in progress are cut off after this."""
    heads: HeadLimits = field(default_factory=HeadLimits)


class GatewayServer(uvicorn.Server):
    """`run()` until SIGTERM or SIGINT; a second signal does not wait."""

    def __init__(
        self,
        application: Application,
        listening: Listening,
        on_started: Callable[[], None] | None = None,
    ) -> None:
        guard = repeating(listening.heads, watch_of(application), Prompt(application.edge))
        self._application = application
        self._ticks_left = int(listening.lame_duck_s * TICKS_PER_S)
        self._on_started = on_started
        self._stopping = False
        super().__init__(
            uvicorn.Config(
                application.asgi,
                host=listening.host,
                port=listening.port,
                loop="uvloop",
                http=guard,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=listening.drain_s,
                limit_concurrency=2 * listening.connections_max,
            )
        )

    @property
    def port(self) -> int:
        """The one that was bound, also if it was asked for as 0."""
        return int(self.servers[0].sockets[0].getsockname()[1])

    @property
    def has_broken(self) -> bool:
        """It ended because a part of it did, and not because it was asked to."""
        return self._application.health.has_ended and not self._stopping

    def stop(self) -> None:
        """As SIGTERM; from any thread."""
        self.handle_exit(signal.SIGTERM, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._stopping:
            super().handle_exit(sig, frame)
            return
        self._stopping = True
        self._application.health.draining = True

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started and self._on_started is not None:
            self._on_started()

    async def on_tick(self, counter: int) -> bool:
        if self.lifespan.error_occurred:
            return True  # nothing looks after the requests any more; whoever started us starts another
        if self._stopping:
            self._ticks_left -= 1
            if self._ticks_left < 0:
                self._application.gateway.stopping.set()
                return True
        return await super().on_tick(counter)
