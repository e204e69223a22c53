"""A process's metrics on an address of their own, for a Prometheus to scrape: what a worker shows of itself.

Promises: `GET /metrics` answers as a gateway's does (the counts of S4.1-S4.5 are made in workers) and nothing
else is shown; one thread, one caller at a time, so that no caller costs more than that; a caller who breaks
off or dawdles harms nobody's work; it ends with the process, within END_S.
"""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from socketserver import TCPServer
from typing import cast

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import MetricsHandler

from domain.errors import SettingsError
from infra.logs import get_logger
from infra.metrics import PATH, metrics_url
from infra.telemetry.pulse import Pulse

READ_S = 2.0
"""A caller who says nothing for so long is left."""
LOOK_S = 0.2
"""How long the thread waits for a caller before it looks whether it is to end."""
END_S = 1.0
BREATH_S = 0.01
"""Between two callers: also when a caller waits whom the system lets nobody serve (no file is left)."""

log = get_logger("infra.telemetry.scraping")


class _Page(MetricsHandler):
    """One request; errors of the line end it without a word."""

    timeout = READ_S

    def do_GET(self) -> None:  # noqa: N802 -- the library's name
        if self.path.partition("?")[0] != PATH:
            self.send_error(404, explain=f"there is {PATH} and nothing else")
            return
        super().do_GET()

    def version_string(self) -> str:
        return "dits"


class _Server(TCPServer):
    allow_reuse_address = True
    timeout = LOOK_S

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        super().__init__((host, port), cast("type[MetricsHandler]", _Page.factory(registry)))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 -- the library's
        """The caller broke off: nobody is left to be told."""
        log.info("scrape_broken_off")


@contextmanager
def scraped(host: str, port: int, registry: CollectorRegistry) -> Generator[str]:
    """Served while it is entered; gives the URL. Port 0 takes any that is free.

    Raises SettingsError for an address that this machine does not have, or that is taken.
    """
    try:
        server = _Server(host, port, registry)
    except OSError as error:
        reason = f"metrics cannot be shown at {host} port {port}: {error.strerror or error}"
        raise SettingsError(problems=reason) from error
    url = metrics_url(host, int(server.server_address[1]))
    pulse = Pulse("metrics-page", server.handle_request, server.server_close, every_s=BREATH_S)
    pulse.start()
    log.info("metrics_shown", url=url)
    try:
        yield url
    finally:
        pulse.stop()
        pulse.ended(END_S)
