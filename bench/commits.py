"""Commits per second on one hot branch: eight clients, small commits, each waiting for its own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from statistics import mean

from bench.laptop import Running, running
from bench.row import Row
from gateway.client import Client, DitsError, Draft
from gateway.client.format.recipe import ChunkRef, Recipe

CLIENTS = 8
SECONDS = 15.0
REPO, BRANCH = "hot", "main"


def run() -> list[Row]:
    with running() as dits:
        dits.client().repos.create(REPO)
        _commit(dits.client(), "first", 0)
        landed, refused = _hammer(dits)
        topics = Counter(event.topic for event in dits.client().events.replay(REPO))
    per_client = list(landed.values())
    rate = sum(per_client) / SECONDS
    fairness = min(per_client) / mean(per_client)
    what = f"commits on one branch, {CLIENTS} clients, {SECONDS:.0f} s"
    conflicts = topics["commit.rebased.v1"]
    counts = f"{rate:.1f}/s; rebased {conflicts}, refused {sum(refused.values())} {dict(refused)}"
    return [
        Row(what, counts, "", None, "printed", None),
        Row(
            "the slowest client",
            f"{min(per_client)} commits",
            f"mean {mean(per_client):.1f}",
            fairness,
            ">= 0.5 of the mean",
            fairness >= 0.5,
        ),
    ]


def _hammer(dits: Running) -> tuple[Counter[int], Counter[str]]:
    landed, refused = Counter[int](), Counter[str]()
    until = time.monotonic() + SECONDS

    def work(number: int) -> None:
        client, turn = dits.client(), 0
        landed[number] = 0
        while time.monotonic() < until:
            turn += 1
            try:
                _commit(client, f"client-{number}", turn)
                landed[number] += 1
            except DitsError as error:
                refused[error.code] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return landed, refused


def _commit(client: Client, path: str, turn: int) -> None:
    content = f"{path} {turn}".encode()
    upload = client.sessions.within(REPO, client.sessions.start(REPO))
    chunk = ChunkRef.of(content)
    recipe = Recipe.opaque([chunk])
    upload.send_chunks([(chunk.digest, content)])
    upload.send_recipes([(recipe.digest, recipe.encode())])
    base = client.branches.get(REPO, BRANCH).commit if turn else None
    changes: dict[str, str | None] = {path: recipe.digest.hex()}
    client.commits.open(REPO, Draft(BRANCH, upload.session.session, base, "bench", changes=changes))
