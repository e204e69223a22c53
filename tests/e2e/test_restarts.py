"""What was acknowledged is there after a stop, and after a kill of every process at once (I1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

import psutil
import pytest

from gateway.client import Client, Pacing
from infra.clock import SystemClock
from tests.e2e.product import Product, draft, files_of

CLIENTS = 4
KILLS = 5
BETWEEN_KILLS_S = 3.0
PATIENT_OF_ALL = Pacing(tries_max=1_000, budget_s=90.0, pause_max_s=1.0)
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


def test_everything_is_there_after_a_stop_and_a_start(product: Product, client: Client, repo: str) -> None:
    files, locks = grown(client, repo), client.locks.acquire(repo, "take-1")
    product.laptop.stop()
    product.laptop.start()
    assert files_of(client, repo, "main") == files
    assert client.locks.list(repo) == locks
    assert product.refcounts_are_a_fold()


def test_what_was_acknowledged_survives_a_kill_of_every_process(
    product: Product, client: Client, repo: str
) -> None:
    files = grown(client, repo)
    start_anew(product)
    assert files_of(client, repo, "main") == files
    assert product.refcounts_are_a_fold()
    head = client.branches.get(repo, "main").commit
    assert client.commits.open(repo, draft(client, repo, {"next": b"next"}, base=head)).state == "published"


def test_a_lost_first_key_is_made_anew_by_the_next_start(product: Product, client: Client, repo: str) -> None:
    old = product.left["key"]
    product.laptop.stop()
    (product.laptop.data_dir / "client.json").unlink()
    product.laptop.start()
    assert product.left["key"] != old
    with product.client() as anew:
        assert anew.repos.get(repo).name == repo
    assert client.whoami().name == "owner"  # the old one opens as before, until it is revoked


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
