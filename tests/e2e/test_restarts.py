"""What was acknowledged is there after a stop, and after a kill of every process at once (I1)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import psutil
import pytest

from gateway.client import Client, Lock, Pacing
from infra.cli import exits
from infra.clock import SystemClock
from tests.e2e.product import Product, draft, files_of, wait_for_read_models

CLIENTS = 4
KILLS = 5
BETWEEN_KILLS_S = 3.0
PATIENT_OF_ALL = Pacing(tries_max=1_000, budget_s=90.0, pause_max_s=1.0)
WARM_S_MAX = 30.0
"""Six times what is promised of a machine that does nothing else (`make bench` holds the promise)."""
EVERY = ("gateway", "worker", "nats", "postgres")


def grown(client: Client, repo: str) -> dict[str, bytes]:
    """Three commits, each acknowledged; what their branch holds."""
    files, base = dict[str, bytes](), None
    for number in range(3):
        files[f"take-{number}"] = f"take {number}".encode()
        asked = draft(client, repo, {f"take-{number}": files[f"take-{number}"]}, base=base)
        base = client.commits.open(repo, asked).commit
    return files


def start_anew(product: Product) -> None:
    """Kill every process at once, as a power cut does but for what the disk had in its cache; and start."""
    victims = [psutil.Process(product.pid(name)) for name in EVERY]
    victims += [child for victim in victims for child in victim.children(recursive=True)]
    for victim in victims:
        with suppress(psutil.NoSuchProcess):  # a server's child that ended with its parent
            victim.kill()
    psutil.wait_procs(victims, timeout=10)
    product.laptop.stop()
    product.laptop.start()


def commits_until(product: Product, repo: str, name: str, ending: Event) -> dict[str, bytes]:
    """A patient client: what it was acknowledged, each of which it asked for under one key."""
    acknowledged = dict[str, bytes]()
    with product.client(pacing=PATIENT_OF_ALL) as client:
        while not ending.is_set():
            path, content = f"{name}/{len(acknowledged)}", f"{name} {len(acknowledged)}".encode()
            client.commits.open(repo, draft(client, repo, {path: content}, base=None))
            acknowledged[path] = content
    return acknowledged


@dataclass(frozen=True)
class Restarted:
    """What a repository held before two stops and two starts, the second without the first key's file."""

    repo: str
    files: dict[str, bytes]
    locks: tuple[Lock, ...]
    key: str
    warm_s: float
    """From `dits up` to its answer."""
    code: int
    """How that ended when it was told to."""


@pytest.fixture(scope="module")
def restarted(product: Product) -> Restarted:
    with product.client() as client:
        repo = client.repos.create("restarted").name
        files, locks = grown(client, repo), client.locks.acquire(repo, "take-1")
    key = product.left["key"]
    product.laptop.stop()
    warm_s, code = seconds_to_ready(product.laptop.data_dir, product.laptop.port)
    (product.laptop.data_dir / "client.json").unlink()
    product.laptop.start()
    with product.behind() as on:  # who comes anew remembers no position to wait for
        wait_for_read_models(on)
    return Restarted(repo, files, locks, key, warm_s, code)


def seconds_to_ready(data_dir: Path, port: int) -> tuple[float, int]:
    """From the command to its one line of JSON; and how it ends when it is told to."""
    clock = SystemClock()
    began_ms = clock.monotonic_ms()
    command = [sys.executable, "-m", "infra.cli", "up", "--json", "--port", str(port)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DITS_")}
    with subprocess.Popen(
        [*command, "--data-dir", str(data_dir)], env=inherited, stdout=subprocess.PIPE, text=True
    ) as up:
        assert up.stdout is not None
        line = up.stdout.readline()
        ready_ms = clock.monotonic_ms()
        up.send_signal(signal.SIGTERM)
        code = up.wait(30)
    assert json.loads(line)["url"] == f"http://127.0.0.1:{port}"
    return (ready_ms - began_ms) / 1000, code


def test_everything_is_there_after_a_stop_and_a_start(product: Product, restarted: Restarted) -> None:
    with product.client() as client:
        assert files_of(client, restarted.repo, "main") == restarted.files
        assert client.locks.list(restarted.repo) == restarted.locks
    assert product.refcounts_are_a_fold()


def test_a_warm_start_answers_soon_and_ends_cleanly(restarted: Restarted) -> None:
    print(f"dits up: {restarted.warm_s:.1f} s warm")
    assert restarted.warm_s < WARM_S_MAX
    assert restarted.code == exits.OK


def test_a_lost_first_key_is_made_anew_by_the_next_start(product: Product, restarted: Restarted) -> None:
    assert product.left["key"] != restarted.key
    with product.client() as anew:
        assert anew.repos.get(restarted.repo).name == restarted.repo
    with product.client(restarted.key) as former:
        assert former.whoami().name == "owner"  # the old one opens as before, until it is revoked


def test_what_was_acknowledged_survives_a_kill_of_every_process(
    product: Product, client: Client, repo: str
) -> None:
    files = grown(client, repo)
    start_anew(product)
    assert files_of(client, repo, "main") == files
    assert product.refcounts_are_a_fold()
    head = client.branches.get(repo, "main").commit
    assert client.commits.open(repo, draft(client, repo, {"next": b"next"}, base=head)).state == "published"


@pytest.mark.long
def test_clients_at_work_lose_nothing_while_everything_is_killed(
    product: Product, client: Client, repo: str
) -> None:
    ending = Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        names = [f"client-{number}" for number in range(CLIENTS)]
        working = [pool.submit(commits_until, product, repo, name, ending) for name in names]
        for _ in range(KILLS):
            SystemClock().sleep(BETWEEN_KILLS_S)
            start_anew(product)
        ending.set()
        acknowledged = {path: text for each in working for path, text in each.result().items()}
    assert files_of(client, repo, "main") == acknowledged
    assert len(list(client.commits.list(repo, "main", limit=10_000))) == len(acknowledged)
    assert product.refcounts_are_a_fold()
