"""`dits recipes rechunk` beside the running product: what it saves, then the same files by their tracks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from gateway.client import Client, PushOptions
from gateway.client.format.digest import Digest
from infra.cli import exits
from infra.dev.laptop import Laptop
from tests.cli.conftest import Dits
from tests.e2e.product import Product, draft, files_of, wait_for_read_models
from tests.media.making import clip, movie, song

REEL = movie(clip(20, 10_000), song())
FILES = {"reel.mov": REEL, "notes.txt": b"no film"}


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """An operator's command sets up the logs of its process, which here is everybody's."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def product(laptop: Laptop) -> Product:
    return Product(laptop)


@pytest.fixture
def client(product: Product) -> Iterator[Client]:
    with product.client() as client:
        yield client


@pytest.fixture
def old(product: Product, client: Client, film: str) -> Digest:
    """The recipe of a film that was cut blindly."""
    client.commits.open(film, draft(client, film, FILES, base=None))
    settled(product)
    return recipe_of(client, film)


def recipe_of(client: Client, film: str) -> Digest:
    commit = client.commit_of(film, "main").commit
    (file,) = client.commits.files(film, commit, prefix="reel")
    return Digest(bytes.fromhex(file.recipe))


def settled(product: Product) -> None:
    with product.behind() as on:
        wait_for_read_models(on)


def test_a_dry_run_says_what_would_be_saved_and_changes_nothing(
    dits: Dits, client: Client, film: str, old: Digest
) -> None:
    said = dits("--json", "recipes", "rechunk", film, "--dry-run")
    assert said.code == exits.OK, said.err
    assert (said.json["recipes"], said.json["size_bytes"]) == (1, len(REEL))
    assert said.json["added_bytes"] == said.json["freed_bytes"] == len(REEL)
    assert said.json["saved_bytes"] == 0
    recipes = client.contents.recipes(film, old)
    assert recipes.named is recipes.newest


def test_the_same_files_are_read_by_their_tracks_afterwards(
    dits: Dits, product: Product, client: Client, film: str, old: Digest
) -> None:
    commit = client.commit_of(film, "main").commit
    said = dits("recipes", "rechunk", film)
    assert said.code == exits.OK, said.err
    settled(product)
    assert client.commit_of(film, "main").commit == commit
    assert recipe_of(client, film) == old
    recipes = client.contents.recipes(film, old)
    assert [stream.profile_id for stream in recipes.newest.streams] == [5, 3]
    assert files_of(client, film, "main") == FILES
    again = dits("--json", "recipes", "rechunk", film)
    assert again.json == {"superseded": 0, "size_bytes": 0, "left": 0}


@pytest.mark.usefixtures("old")
def test_a_checkout_and_a_push_go_on_as_before(
    dits: Dits, product: Product, client: Client, film: str, tmp_path: Path
) -> None:
    assert dits("recipes", "rechunk", film).code == exits.OK
    settled(product)
    assert dits("checkout", "main", str(tmp_path / "here")).code == exits.OK
    assert (tmp_path / "here" / "reel.mov").read_bytes() == REEL
    here = PushOptions(root=tmp_path / "here")
    pushed = client.push(film, "main", tmp_path / "here", message="nothing new", options=here)
    assert pushed.commit is None


@pytest.mark.usefixtures("old")
def test_a_client_of_before_reads_the_old_chunks_while_they_last(
    dits: Dits, product: Product, client: Client, film: str, old: Digest
) -> None:
    assert dits("recipes", "rechunk", film).code == exits.OK
    settled(product)
    chunks = client.contents.recipe(film, old).children()
    assert b"".join(client.contents.chunks(film, chunks).values()) == REEL


@pytest.mark.usefixtures("film")
def test_a_repository_that_is_not_there_is_not_found(dits: Dits) -> None:
    said = dits("recipes", "rechunk", "nowhere")
    assert said.code == exits.NOT_FOUND
    assert "NOT_FOUND" in said.err
