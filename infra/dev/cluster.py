"""Everything Dits needs to run on a laptop: nats-server and PostgreSQL under one data directory.

Promises: both start side by side and are ready when `start` returns; data survive a restart; a second start
on the same directory is refused with the pid of the first; nothing keeps running when we are gone.
The calling thread must be the main one, and live as long as the servers (see `processes`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from domain.errors import AlreadyRunningError
from domain.ports import Ids
from infra.clock import SystemIds
from infra.dev.nats_server import NatsEndpoints, NatsServer
from infra.dev.ports import Ports
from infra.dev.postgres_server import PostgresEndpoint, PostgresServer
from infra.dev.processes import first_number
from infra.settings import Settings

PID_FILE = "cluster.pid"
PORTS_FILE = "ports.json"
TIMERS_AND_ANSWERS_BYTES = 1 << 30
"""Room in the file store beside the event log and its snapshots (an eighth of it): scheduled messages, kept
answers."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the servers of a cluster are."""

    nats: NatsEndpoints
    postgres: PostgresEndpoint

    @property
    def nats_url(self) -> str:
        """As user ``house``, password included."""
        return self.nats.url

    @property
    def nats_client_url(self) -> str:
        return self.nats.client_url

    @property
    def nats_system_url(self) -> str:
        return self.nats.system_url

    @property
    def postgres_dsn(self) -> str:
        return self.postgres.dsn

    def environment(self) -> dict[str, str]:
        """The settings that point another process of ours here; secrets go by file, not by value."""
        return {
            "DITS_NATS_URL": self.nats.server,
            "DITS_NATS_PASSWORD_FILE": str(self.nats.password_file),
            "DITS_NATS_SYSTEM_PASSWORD_FILE": str(self.nats.system_password_file),
            "DITS_POSTGRES_DSN_FILE": str(self.postgres.dsn_file),
        }


class Cluster:
    """The embedded servers of one data directory."""

    def __init__(
        self,
        data_dir: Path,
        settings: Settings,
        *,
        ids: Ids | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`say` is told, in words for people, what takes time or was not as expected."""
        self._data_dir = data_dir.absolute()
        self._say = say
        self._lock: TextIO | None = None
        self._start_timeout_s = settings.server_start_timeout_s
        chance = ids or SystemIds()
        ports = Ports(self._data_dir / PORTS_FILE, say)
        self._nats = NatsServer(
            self._data_dir / "nats",
            ids=chance,
            ports=ports,
            file_store_bytes_max=settings.event_log_bytes_max * 5 // 4 + TIMERS_AND_ANSWERS_BYTES,
        )
        self._postgres = PostgresServer(self._data_dir / "postgres", ids=chance, ports=ports, say=say)

    def start(self) -> Endpoints:
        """Raises AlreadyRunningError, StartFailedError; after an error nothing of ours runs."""
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(self._data_dir)
        try:
            self._say("starting nats-server and PostgreSQL")
            self._nats.launch()
            self._postgres.launch()
            nats = self._nats.wait_until_ready(self._start_timeout_s)
            return Endpoints(nats, self._postgres.wait_until_ready(self._start_timeout_s))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Both side by side; may be called twice."""
        self._nats.ask_to_stop()
        self._postgres.ask_to_stop()
        self._nats.stop()
        self._postgres.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def pids(self) -> tuple[int, int]:
        """Of nats-server and of PostgreSQL's postmaster, while they run."""
        return self._nats.child.pid, self._postgres.child.pid

    def exited(self) -> str | None:
        """The name of a server that ended without being asked to."""
        children = (self._nats.child, self._postgres.child)
        return next((child.launch.name for child in children if child.exit_code() is not None), None)

    def __enter__(self) -> Endpoints:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def runs(data_dir: Path) -> bool:
    """Does a cluster run on this directory? A file that it left behind proves nothing."""
    try:
        with (data_dir / PID_FILE).open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _locked(data_dir: Path) -> TextIO:
    """The directory's lock: the kernel lets go of it however we end, so it cannot be stale."""
    path = data_dir / PID_FILE
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise AlreadyRunningError(data_dir=str(data_dir), pid=first_number(path) or 0) from error
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle
