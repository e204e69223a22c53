"""A loopback proxy between a client and a server that loses what a test tells it to lose.

Promises: bytes pass unchanged until a fault is named; `stop` ends every thread and socket it opened.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from threading import Event, Lock, Thread

READ_BYTES = 1 << 16
ACCEPT_S = 0.05


class TcpProxy:
    """Listens on a port of its own and passes bytes on to 127.0.0.1:`target_port`."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(ACCEPT_S)
        self._open: list[socket.socket] = []
        self._lock = Lock()
        self._stopped = Event()
        self._mute_answers = Event()
        self._refuse = Event()
        self._hold_requests = Event()
        self._threads: list[Thread] = []
        self._run(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @contextlib.contextmanager
    def answers_lost(self) -> Iterator[None]:
        """What the server says is swallowed; at the end the connection breaks."""
        self._mute_answers.set()
        yield
        self.cut()
        self._mute_answers.clear()

    @contextlib.contextmanager
    def requests_held(self) -> Iterator[None]:
        """What the client says arrives only after the end."""
        self._hold_requests.set()
        yield
        self._hold_requests.clear()

    @contextlib.contextmanager
    def unreachable(self) -> Iterator[None]:
        """Every connection breaks, and no new one lives."""
        self._refuse.set()
        self.cut()
        yield
        self._refuse.clear()

    def cut(self) -> None:
        """Break every connection now."""
        with self._lock:
            sockets, self._open = self._open, []
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def stop(self) -> None:
        self._stopped.set()
        self._hold_requests.clear()
        accepting, *pumps = self._threads
        accepting.join(timeout=5)
        self._listener.close()
        self.cut()
        for pump in pumps:
            pump.join(timeout=5)

    def _run(self, target: object, *args: object) -> None:
        thread = Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self._refuse.is_set():
                client.close()
                continue
            server = socket.create_connection(self._target)
            with self._lock:
                self._open += [client, server]
            self._run(self._pump, client, server, self._hold_requests, None)
            self._run(self._pump, server, client, None, self._mute_answers)

    def _pump(
        self, source: socket.socket, sink: socket.socket, hold: Event | None, mute: Event | None
    ) -> None:
        """Until either end closes, which closes the other."""
        with contextlib.suppress(OSError):
            while data := source.recv(READ_BYTES):
                while hold is not None and hold.is_set():
                    self._stopped.wait(0.005)
                if mute is None or not mute.is_set():
                    sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def port_of(url: str) -> int:
    return int(
        url.rsplit("@", maxsplit=1)[-1].split(":")[1].split("/", maxsplit=1)[0].split("?", maxsplit=1)[0]
    )


def through(url: str, proxy: TcpProxy) -> str:
    """The same address by way of the proxy."""
    return url.replace(f":{port_of(url)}", f":{proxy.port}")
