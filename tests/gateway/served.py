"""The gateway on a real socket: uvicorn in a thread, and raw connections to it."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from gateway.core import Limits
from gateway.operation import AnyOperation
from gateway.operations import OPERATIONS
from gateway.server import GatewayServer, Listening
from tests.gateway.conftest import QUICK
from tests.gateway.house import Parts, parts


@dataclass(frozen=True, slots=True)
class Served:
    """A running server and what it serves."""

    parts: Parts
    server: GatewayServer
    thread: Thread

    @property
    def port(self) -> int:
        return self.server.port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def raw(self, request: bytes) -> bytes:
        """Everything that comes back until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    received = bytearray()
    try:
        while block := connection.recv(65_536):
            received += block
    except ConnectionResetError:
        pass
    return bytes(received)


@contextmanager
def served(
    *,
    limits: Limits = QUICK,
    operations: tuple[AnyOperation, ...] = OPERATIONS,
    lame_duck_s: float = 0.0,
    drain_s: int = 5,
) -> Generator[Served]:
    started = Event()
    with parts(limits=limits, operations=operations) as made:
        listening = Listening("127.0.0.1", 0, lame_duck_s=lame_duck_s, drain_s=drain_s)
        server = GatewayServer(made.application, listening, started.set)
        thread = Thread(target=server.run)
        thread.start()
        try:
            assert started.wait(10)
            yield Served(made, server, thread)
        finally:
            server.stop()
            thread.join(20)
            assert not thread.is_alive()
