"""The main job on real processes, over both transports: it comes back, and what is refused says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from blake3 import blake3

from gateway.client import CheckoutOptions, Client, Draft, ProblemError, PushOptions
from gateway.client.format.digest import Digest
from gateway.client.format.recipe import ChunkRef, Recipe
from tests.e2e.conftest import NewClient
from tests.e2e.product import MIB, Product, draft, noise, upload_of

FILM = "reel.mov"


@pytest.fixture(params=["http", "bus"])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def owner(product: Product, over: str) -> Iterator[Client]:
    with product.client(over=over) as client:
        yield client


def push(client: Client, repo: str, place: Path, content: bytes) -> str:
    """The new head."""
    file = place / FILM
    file.write_bytes(content)
    options = PushOptions(root=place, notes=place / "notes")
    commit = client.push(repo, "main", file, message="m", options=options).commit
    assert commit is not None
    return commit.commit


def checked_out(client: Client, repo: str, commit: str, place: Path) -> str:
    directory = place / commit
    client.checkout(repo, commit, directory, options=CheckoutOptions(notes=place / "notes"))
    return blake3((directory / FILM).read_bytes()).hexdigest()


def refused(client: Client, repo: str, asked: Draft) -> ProblemError:
    with pytest.raises(ProblemError) as refusal:
        client.commits.open(repo, asked)
    return refusal.value


def test_every_version_comes_back_byte_for_byte(owner: Client, repo: str, tmp_path: Path) -> None:
    first = noise(1, 8 * MIB)
    second = first[: 3 * MIB] + b"a new scene" + first[3 * MIB + 500 :]
    commits = {push(owner, repo, tmp_path, content): content for content in (first, second)}
    for commit, content in commits.items():
        assert checked_out(owner, repo, commit, tmp_path) == blake3(content).hexdigest()
    assert [each.commit for each in owner.commits.list(repo, "main")] == list(commits)[::-1]


def test_a_locked_path_is_refused_also_with_the_right_token(
    owner: Client, another: NewClient, repo: str, over: str
) -> None:
    base = owner.commits.open(repo, draft(owner, repo, {FILM: b"one"}, base=None)).commit
    (lock,) = owner.locks.acquire(repo, FILM)
    assert lock.token is not None
    bob = another("bob", over=over)
    for tokens in ((), ((FILM, lock.token),)):
        asked = draft(bob, repo, {FILM: b"two"}, base=base)
        problem = refused(bob, repo, replace(asked, tokens=tokens))
        assert (problem.code, problem.details["holder"]) == ("LOCK_HELD", "owner")
    assert owner.branches.get(repo, "main").commit == base


def story(owner: Client, repo: str) -> list[str]:
    """What became of the newest commit, without the versions of its topics."""
    events = [event for event in owner.events.replay(repo) if event.aggregate.startswith("commit.")]
    newest = events[-1].aggregate
    told = [event for event in events if event.aggregate == newest]
    return [
        event.topic.rsplit(".", 1)[0].removeprefix("commit.")
        + (f":{event.event['step']}" if "step" in event.event else "")
        for event in told
    ]


def test_a_commit_of_a_chunk_that_nobody_sent_fails_at_its_first_step(
    product: Product, owner: Client, repo: str
) -> None:
    base = owner.commits.open(repo, draft(owner, repo, {FILM: b"one"}, base=None)).commit
    before = product.alive_in(repo)
    upload = upload_of(owner, repo)
    ghost = Recipe.opaque([ChunkRef(Digest(noise(2, 32)), 4096)])
    upload.send_recipes([(ghost.digest, ghost.encode())])
    asked = Draft("main", upload.session.session, base, "m", {FILM: ghost.digest.hex()})
    assert refused(owner, repo, asked).code == "UNKNOWN_CONTENT"
    assert story(owner, repo) == ["opened", "failed:verify", "compensated"]
    assert (owner.branches.get(repo, "main").commit, product.alive_in(repo)) == (base, before)


def test_a_fixed_head_that_moved_is_compensated_in_reverse_order(
    product: Product, owner: Client, repo: str
) -> None:
    first = owner.commits.open(repo, draft(owner, repo, {FILM: b"one"}, base=None)).commit
    head = owner.commits.open(repo, draft(owner, repo, {FILM: b"two"}, base=first)).commit
    before = product.alive_in(repo)
    asked = draft(owner, repo, {FILM: b"late"}, base=first, fixed=True)
    assert refused(owner, repo, asked).code == "STALE_HEAD"
    done = ["opened", "verified", "manifest_recorded", "checked", "failed:publish"]
    undone = [f"step_compensated:{step}" for step in ("check", "store", "verify")]
    assert story(owner, repo) == [*done, *undone, "compensated"]
    assert (owner.branches.get(repo, "main").commit, product.alive_in(repo)) == (head, before)
