"""A Dits of its own for one benchmark: real servers, gateways as `dits serve`, a key without a low limit.

Promises: data lie in a temporary directory, ports are free ones, what was started is stopped by its own pid.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.gateway.loading import pin
from gateway.client import Client
from infra.cli.first_start import KEY_FILE
from infra.cli.output import Output
from infra.cli.up import laptop_of
from infra.dev.laptop import LOOPBACK, Laptop
from infra.dev.ports import free_port
from infra.dev.processes import Child, Launch, wait_until_ready

CONSUMER = "load"
REQUESTS_PER_MINUTE = 1_000_000
"""Above every load here: R47."""
START_S, STOP_S = 30.0, 20.0
MEMORY = Path("/dev/shm")
"""Where logs go if the system has it: a service writes its lines to a pipe; a file beside the data would make
each line wait for whoever syncs the disk."""
LOOK_S = 0.002


@dataclass(frozen=True, slots=True)
class Process:
    """A server of ours that listens."""

    child: Child
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def stop(self) -> float:
        """How many seconds it took."""
        began = time.monotonic()
        self.child.stop(STOP_S)
        return time.monotonic() - began

    def cpu_s(self) -> float:
        """Spent so far, by all of its threads."""
        times = psutil.Process(self.child.pid).cpu_times()
        return float(times.user + times.system)

    def metric(self, name: str) -> float:
        """The sum of a metric's children."""
        text = get(self.port, "/metrics")[1].decode()
        lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@dataclass(slots=True)
class World:
    laptop: Laptop
    directory: Path
    logs: Path
    owner: str
    """The first key, which may do everything."""
    started: list[Process] = field(default_factory=list[Process])

    def client_of_first(self) -> Client:
        """Of the gateway that nobody loads, as its owner."""
        return Client(self.laptop.url, self.owner)

    def gateway(self, environment: Mapping[str, str] | None = None, *, alone: bool = True) -> Process:
        """One more `dits serve`, ready; `alone` on a processor, if there is only one of it."""
        process = self.launch(**(environment or {}))
        wait_until_ready(process.child, lambda: is_ready(process.port), START_S)
        if alone:
            pin([process.child.pid])
        return process

    def launch(self, **environment: str) -> Process:
        """One more `dits serve`, just started."""
        return self.process("gateway", ("-m", "infra.cli", "serve"), environment)

    def bare(self, body_bytes: int) -> Process:
        """The baseline."""
        port = free_port(str(self.directory))
        process = self.process("bare", ("-m", "bench.gateway.bare", str(port), str(body_bytes)), {}, port)
        wait_until_ready(process.child, lambda: listens(process.port), START_S)
        pin([process.child.pid])
        return process

    def process(
        self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], port: int = 0
    ) -> Process:
        port = port or free_port(str(self.directory))
        log = self.logs / f"{name}-{len(self.started)}.log"
        said = {**self.laptop.environment, "DITS_GATEWAY_PORT": str(port), **environment}
        process = Process(Child(Launch(name, (sys.executable, *arguments), log, said)), port)
        self.started.append(process)
        return process

    def key(self, *scopes: str) -> str:
        """Of a consumer whose limit is above the load."""
        with self.client_of_first() as client:
            issued = client.keys.issue(CONSUMER, scopes or ("read",))
            client.keys.limit(issued.consumer, REQUESTS_PER_MINUTE)
        assert issued.key is not None
        return issued.key


@contextmanager
def world(**environment: str) -> Generator[World]:
    """Both servers, a worker and a first gateway that nobody loads."""
    in_memory = MEMORY if MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="dits-bench-", ignore_cleanup_errors=True) as made,
        tempfile.TemporaryDirectory(prefix="dits-bench-", dir=in_memory) as logs,
    ):
        directory = Path(made)
        laptop = laptop_of(
            {"data_dir": directory / "data", "gateway_port": free_port(made)}, Output(as_json=True)
        )
        laptop.more_environment.update({"DITS_LOG_LEVEL": "info", "DITS_LOG_FORMAT": "json", **environment})
        laptop.start()
        owner = json.loads((laptop.data_dir / KEY_FILE).read_text())["key"]
        made_world = World(laptop, directory, Path(logs), owner)
        try:
            yield made_world
        finally:
            for process in made_world.started:
                process.child.stop(STOP_S)
            laptop.stop()


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """On a connection of its own."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def is_ready(port: int) -> bool:
    try:
        return get(port, "/health/ready")[0] == http.client.OK
    except OSError:
        return False


def listens(port: int) -> bool:
    try:
        return get(port, "/")[0] == http.client.OK
    except OSError:
        return False
