"""The embedded servers: durable, refused twice, started again after anything, gone when we are gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from domain.errors import AlreadyRunningError, StartFailedError
from infra.clock import SystemClock
from infra.dev.cluster import Cluster, Endpoints
from infra.settings import Settings

SUPERVISOR = """
import sys, time
from pathlib import Path
from infra.dev.cluster import Cluster
from infra.settings import Settings
cluster = Cluster(Path(sys.argv[1]), Settings())
cluster.start()
print(*cluster.pids(), flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster") / "data"


@pytest.fixture
def running(data_dir: Path) -> Iterator[Endpoints]:
    with Cluster(data_dir, Settings()) as endpoints:
        yield endpoints


def test_rows_survive_a_restart(data_dir: Path) -> None:
    with Cluster(data_dir, Settings()) as first, psycopg.connect(first.postgres_dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with Cluster(data_dir, Settings()) as second, psycopg.connect(second.postgres_dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_warm_start_takes_less_than_two_seconds(data_dir: Path) -> None:
    began_ms = SystemClock().monotonic_ms()
    with Cluster(data_dir, Settings()):
        assert SystemClock().monotonic_ms() - began_ms < 2_000


def test_a_second_start_is_refused_with_the_pid_of_the_first(data_dir: Path, running: Endpoints) -> None:
    with pytest.raises(AlreadyRunningError) as refusal:
        Cluster(data_dir, Settings()).start()
    assert refusal.value.facts["pid"] == os.getpid()


def test_stop_ends_both_servers_and_may_be_called_twice(data_dir: Path) -> None:
    cluster = Cluster(data_dir, Settings())
    cluster.start()
    pids = cluster.pids()
    cluster.stop()
    cluster.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_server_that_ends_by_itself_is_named(data_dir: Path) -> None:
    cluster = Cluster(data_dir, Settings())
    with cluster:
        os.kill(cluster.pids()[0], signal.SIGKILL)
        while (name := cluster.exited()) is None:
            SystemClock().sleep(0.01)
    assert name == "nats-server"


def test_no_password_is_readable_by_others_or_shown(data_dir: Path, running: Endpoints) -> None:
    secret_files = [*data_dir.glob("nats/*.password"), *data_dir.glob("postgres/password")]
    secret_files += [data_dir / "nats/nats.conf", data_dir / "postgres/dsn"]
    assert len(secret_files) == 6
    for file in secret_files:
        assert file.stat().st_mode & 0o077 == 0
        assert file.read_text() not in repr(running)


def test_the_ports_are_below_the_ephemeral_ones_and_stay_the_same(data_dir: Path) -> None:
    with Cluster(data_dir, Settings()) as first:
        ports = (first.nats.port, first.postgres.port)
    with Cluster(data_dir, Settings()) as second:
        assert (second.nats.port, second.postgres.port) == ports
    assert max(ports) < 32_768


def test_a_taken_port_is_replaced_and_said(data_dir: Path) -> None:
    said: list[str] = []
    with Cluster(data_dir, Settings()) as first:
        port = first.nats.port
    with socket.create_server(("127.0.0.1", port)), Cluster(data_dir, Settings(), say=said.append) as second:
        assert second.nats.port != port
    assert any(f"port {port} of nats is taken" in line for line in said)


def test_servers_do_not_outlive_a_supervisor_killed_with_sigkill(data_dir: Path) -> None:
    supervisor = _supervisor(data_dir)
    assert supervisor.stdout is not None
    servers = [psutil.Process(int(pid)) for pid in supervisor.stdout.readline().split()]
    supervisor.kill()
    supervisor.communicate()
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert alive == []


def test_a_start_right_after_a_sigkill_works(data_dir: Path) -> None:
    supervisor = _supervisor(data_dir)
    assert supervisor.stdout is not None
    supervisor.stdout.readline()
    supervisor.kill()
    supervisor.communicate()
    with Cluster(data_dir, Settings()) as endpoints, psycopg.connect(endpoints.postgres_dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_pid_files_that_name_a_stranger_do_not_stop_the_start(data_dir: Path) -> None:
    (data_dir / "nats/nats.pid").write_text(str(os.getpid()))
    (data_dir / "postgres/cluster/postmaster.pid").write_text(f"{os.getpid()}\n")
    with Cluster(data_dir, Settings()):
        pass


def test_a_cluster_of_another_postgresql_is_refused_and_nothing_is_left_running(data_dir: Path) -> None:
    version = data_dir / "postgres/cluster/PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(StartFailedError, match="is of PostgreSQL 17"):
        Cluster(data_dir, Settings()).start()
    version.write_text("18\n")
    with Cluster(data_dir, Settings()):
        pass


def test_a_start_that_was_cut_short_in_initdb_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres/cluster.new").mkdir(parents=True)
    (tmp_path / "postgres/cluster.new/PG_VERSION").write_text("18\n")
    with Cluster(tmp_path, Settings()) as endpoints, psycopg.connect(endpoints.postgres_dsn) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def _supervisor(data_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SUPERVISOR, str(data_dir)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
