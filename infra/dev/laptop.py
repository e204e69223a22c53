"""Dits on a laptop: the embedded servers, one gateway and one worker, under one data directory.

Promises: `start` returns when all of it answers; a process that ends by itself is started again, and said;
`stop` ends gateway and worker before the servers they stand on; data survive.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import StartFailedError
from infra.dev.cluster import PORTS_FILE, Cluster, Endpoints
from infra.dev.ports import Ports, is_free
from infra.dev.processes import Child, Launch, wait_until_ready
from infra.dev.secret_files import write_private
from infra.metrics import metrics_url
from infra.settings import Settings

LOOPBACK = "127.0.0.1"
GATEWAY, WORKER = "gateway", "worker"
COMMANDS: Mapping[str, str] = {GATEWAY: "serve", WORKER: "work"}
WORKER_METRICS_PORT = "DITS_WORKER_METRICS_PORT"
OPERATOR_FILE = "operator.json"
"""Where the servers are while they run: what an operator's commands on this machine start from."""
WATCH_S = 0.2
WATCH_MAX_S = 30.0
"""Between two starts of a process that keeps ending."""

Prepare = Callable[[Mapping[str, str]], None]
"""Called with the environment of a process of ours, when the servers are up and before anything uses them."""


@dataclass(slots=True)
class Laptop:
    """Everything that `dits up` runs. To be used from the main thread."""

    settings: Settings
    prepare: Prepare
    say: Callable[[str], None]
    more_environment: dict[str, str] = field(default_factory=dict[str, str])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    """What the processes of ours are started with."""
    children: dict[str, Child] = field(default_factory=dict[str, Child])
    endpoints: Endpoints | None = None
    _cluster: Cluster | None = None

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir.expanduser().absolute()

    @property
    def port(self) -> int:
        return int(self.environment["DITS_GATEWAY_PORT"])

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def worker_metrics_url(self) -> str:
        """Where Prometheus finds what the worker counts; the gateway's are at `url`/metrics."""
        return metrics_url(self.settings.worker_metrics_host, int(self.environment[WORKER_METRICS_PORT]))

    def start(self) -> None:
        """Raises AlreadyRunningError, StartFailedError, and what `prepare` raises; then nothing runs."""
        self._cluster = Cluster(self.data_dir, self.settings, say=self.say)
        self.endpoints = self._cluster.start()
        try:
            self.environment = self._environment(self.endpoints)
            self.prepare(self.environment)
            for name in COMMANDS:
                self.launch(name)
            self.wait_until_ready()
            write_private(self.data_dir / OPERATOR_FILE, json.dumps(self.endpoints.environment()))
        except BaseException:
            self.stop()
            raise

    def _environment(self, endpoints: Endpoints) -> dict[str, str]:
        port, metrics_port = self.settings.gateway_port, self.settings.worker_metrics_port
        _expect_free(port, "the gateway", "choose one with --port")
        _expect_free(metrics_port, "the worker", f"choose another {WORKER_METRICS_PORT}, or 0 for a free one")
        kept = Ports(self.data_dir / PORTS_FILE, self.say)
        return {
            **os.environ,
            **endpoints.environment(),
            **self.more_environment,
            "DITS_DATA_DIR": str(self.data_dir),
            "DITS_GATEWAY_HOST": LOOPBACK,
            "DITS_GATEWAY_PORT": str(port),
            WORKER_METRICS_PORT: str(metrics_port or kept.of("worker metrics")),
        }

    def launch(self, name: str, **more: str) -> None:
        """Start the gateway or the worker, with more in its environment if need be."""
        command = (sys.executable, "-m", "infra.cli", COMMANDS[name])
        log = self.data_dir / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self.children[name] = Child(Launch(name, command, log, {**self.environment, **more}))

    def wait_until_ready(self) -> None:
        wait_until_ready(self.children[GATEWAY], self._answers, self.settings.server_start_timeout_s)

    def _answers(self) -> bool:
        """It is ready, or it waits for somebody to mend the file of versions (R14)."""
        return self._asked("/health/ready")[0] == http.client.OK or self.blocked_by() is not None

    def blocked_by(self) -> str | None:
        """Why the gateway serves no version of the API, if it serves none."""
        status, body = self._asked("/config/status")
        told = json.loads(body) if status == http.client.OK else {}
        if told.get("state") != "blocked":
            return None
        return str((told.get("last_error") or {}).get("reason"))

    def _asked(self, path: str) -> tuple[int, bytes]:
        """Status 0: nobody answers."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=1)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def watch(self, stopping: threading.Event) -> None:
        """Until it is told to stop: start again what ended by itself."""
        pause_s = WATCH_S
        while not stopping.wait(pause_s):
            ended = {name: child.exit_code() for name, child in self.children.items()}
            ended = {name: code for name, code in ended.items() if code is not None}
            for name, code in ended.items():
                self.say(f"the {name} ended with code {code}; starting it again")
                self.launch(name)
            pause_s = min(WATCH_MAX_S, pause_s * 2) if ended else WATCH_S
            assert self._cluster is not None
            lost = self._cluster.exited()
            if lost is not None:
                self.say(f"{lost} ended by itself; stopping (see the logs in {self.data_dir})")
                return

    def stop(self) -> None:
        """May be called twice."""
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop(self.settings.stop_timeout_s)
        self.children.clear()
        (self.data_dir / OPERATOR_FILE).unlink(missing_ok=True)
        if self._cluster is not None:
            self._cluster.stop()
            self._cluster = None


def _expect_free(port: int, server: str, cure: str) -> None:
    """Raises StartFailedError; 0 is no port, and free."""
    if not is_free(port):
        raise StartFailedError(server=server, reason=f"port {port} is taken by another process; {cure}")
