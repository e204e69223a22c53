"""Salvage and pictures on real processes: a real child draws and remuxes, a real log tells of it (S4.1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from gateway.client import CheckoutOptions, Client, PushOptions
from gateway.client.assets import Salvage
from infra.dev.laptop import WORKER
from tests.e2e.product import CATCH_UP_S, POLL_S, Product
from tests.media import encodes
from tests.media.making import truncated

DAMAGED = truncated(encodes.fast_start(), 60)
T = TypeVar("T")


def until(look: Callable[[], T | None]) -> T:
    give_up = time.monotonic() + CATCH_UP_S
    while time.monotonic() < give_up:
        found = look()
        if found is not None:
            return found
        time.sleep(POLL_S)
    raise AssertionError("it took too long")


def push(client: Client, repo: str, place: Path, name: str, content: bytes) -> str:
    """A commit that adds one file, damaged as it may be; its id."""
    place.mkdir(exist_ok=True)
    (place / name).write_bytes(content)
    options = PushOptions(root=place, notes=place.parent / "notes", raw=("damaged*",))
    commit = client.push(repo, "main", place / name, message="m", options=options).commit
    assert commit is not None
    return commit.commit


def test_s4_1_the_playable_part_lies_beside_the_original(client: Client, repo: str, tmp_path: Path) -> None:
    push(client, repo, tmp_path / "in", "damaged.mp4", DAMAGED)
    client.media.salvage(repo, "main", "damaged.mp4", target="whole.mp4")
    head = until(lambda: salvaged(client, repo, "damaged.mp4"))
    client.checkout(repo, head, tmp_path / "out", options=CheckoutOptions(notes=tmp_path / "notes"))
    assert (tmp_path / "out/damaged.mp4").read_bytes() == DAMAGED
    whole = client.media.show(repo, head, "whole.mp4")
    assert (whole.mode, whole.issues, whole.kind) == ("media", (), "video")
    assert (tmp_path / "out/whole.mp4").stat().st_size == whole.size_bytes > 40_000


def test_s4_1_a_film_of_which_nothing_is_left_is_told_with_a_code(
    client: Client, repo: str, tmp_path: Path
) -> None:
    push(client, repo, tmp_path / "in", "damaged.mp4", truncated(encodes.mp4(), 60))
    client.media.salvage(repo, "main", "damaged.mp4")
    code = until(lambda: failed(client, repo, "damaged.mp4"))
    assert code == "NOTHING_PLAYABLE"


@pytest.mark.long
def test_a_film_has_its_pictures_soon_after_its_commit(client: Client, repo: str, tmp_path: Path) -> None:
    head = push(client, repo, tmp_path / "in", "film.mp4", encodes.with_b_frames())
    until(lambda: client.media.show(repo, head, "film.mp4").pictures or None)
    poster = client.media.picture(repo, head, "film.mp4")
    assert poster[:2] == b"\xff\xd8"


@pytest.mark.long
def test_a_worker_that_is_killed_while_it_salvages_leaves_the_rest_to_the_next(
    product: Product, client: Client, repo: str, tmp_path: Path
) -> None:
    push(client, repo, tmp_path / "in", "damaged.mp4", DAMAGED)
    client.media.salvage(repo, "main", "damaged.mp4", target="whole.mp4")
    worker = psutil.Process(product.pid(WORKER))
    children = until(lambda: worker.children(recursive=True) or None)
    worker.kill()
    assert psutil.wait_procs(children, timeout=5)[1] == []
    product.laptop.children[WORKER].wait(5)
    product.laptop.launch(WORKER)
    assert until(lambda: salvaged(client, repo, "damaged.mp4"))


def salvaged(client: Client, repo: str, path: str) -> str | None:
    """The commit that holds the salvaged file."""
    found = shown(client, repo, path)
    assert found is not None
    assert found.state != "failed", found
    return found.commit if found.state == "salvaged" else None


def failed(client: Client, repo: str, path: str) -> str | None:
    found = shown(client, repo, path)
    return found.code if found is not None else None


def shown(client: Client, repo: str, path: str) -> Salvage | None:
    head = next(iter(client.commits.list(repo, "main"))).commit
    return client.media.show(repo, head, path).salvage
