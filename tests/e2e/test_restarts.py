"""What was acknowledged is there after a stop, and after a kill of every process at once (I1)."""

from __future__ import annotations

import os
import signal

import psutil

from gateway.client import Client
from tests.e2e.product import Product, draft, files_of

EVERY = ("gateway", "worker", "nats", "postgres")


def grown(client: Client, repo: str) -> dict[str, bytes]:
    """Three commits, each acknowledged; what their branch holds."""
    files, base = dict[str, bytes](), None
    for number in range(3):
        files[f"take-{number}"] = f"take {number}".encode()
        asked = draft(client, repo, {f"take-{number}": files[f"take-{number}"]}, base=base)
        base = client.commits.open(repo, asked).commit
    return files


def kill_everything(product: Product) -> None:
    """As a power cut of the machine ends them, but for what its disk had in its cache."""
    victims = [psutil.Process(product.pid(name)) for name in EVERY]
    victims += [child for victim in victims for child in victim.children(recursive=True)]
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
    psutil.wait_procs(victims, timeout=10)


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
    kill_everything(product)
    product.laptop.stop()
    product.laptop.start()
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
