"""An older log came back: nobody writes on, and everybody may still read (I11)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.client import Client, ProblemError
from tests.e2e.product import ONCE, Product, draft, files_of, wait_for_read_models


def copy_of_the_log(product: Product, name: str) -> Path:
    """Taken while the servers are down, as a backup is."""
    store = product.laptop.data_dir / "nats"
    return Path(shutil.copytree(store, store.with_name(name)))


def restore(product: Product, copy: Path) -> None:
    product.laptop.stop()
    shutil.rmtree(product.laptop.data_dir / "nats")
    shutil.copytree(copy, product.laptop.data_dir / "nats")
    product.laptop.start()


def lose_the_last_message(product: Product, client: Client, repo: str) -> Path:
    """Put an older log in place. Returns a copy of the one that lost nothing."""
    product.laptop.stop()
    older = copy_of_the_log(product, "nats-older")
    product.laptop.start()
    client.locks.acquire(repo, "take")
    with product.behind() as on:
        wait_for_read_models(on)
    product.laptop.stop()
    whole = copy_of_the_log(product, "nats-whole")
    restore(product, older)
    return whole


@pytest.mark.long
def test_after_the_restore_of_an_older_log_only_reads_go_on(
    product: Product, client: Client, repo: str
) -> None:
    client.commits.open(repo, draft(client, repo, {"take": b"one"}, base=None))
    whole = lose_the_last_message(product, client, repo)
    assert files_of(client, repo, "main") == {"take": b"one"}
    with product.client(pacing=ONCE) as eager, pytest.raises(ProblemError) as refused:
        eager.repos.create(f"{repo}-lost")
    assert (refused.value.status, refused.value.code) == (503, "LOG_REGRESSED")
    assert client.health()["reasons"] == ["LOG_REGRESSED"]
    restore(product, whole)
    assert client.repos.create(f"{repo}-found").name == f"{repo}-found"
