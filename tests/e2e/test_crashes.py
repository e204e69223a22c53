"""The worker killed with SIGKILL at a named point of a commit: the next one ends it (I2, I4, I6).

Every point of the step table is passed in process in `tests/machines/test_commit_crashes.py`; here it is the
real worker on real servers: a point of a compensation always, all the others in `long`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from domain.sagas.commit import crash_points
from gateway.client import Client, Draft
from infra.dev.laptop import WORKER
from tests.e2e.product import SIGKILLED, Product, draft, files_of

FILES = {"a.mov": b"first", "sound/b.wav": b"stays"}
EDIT = {"a.mov": b"second", "new/c.mov": b"comes"}
CRASH_WAIT_S = 30.0
ALWAYS = "undo-store:begin"


def is_undoing(point: str) -> bool:
    return point.startswith(("undo-", "fail:", "end:"))


@pytest.fixture
def whole_worker(product: Product) -> Iterator[None]:
    yield
    product.relaunch(WORKER)


def ask(product: Product, repo: str, asked: Draft, key: str) -> httpx.Response:
    """One request, which waits for as long as a request may."""
    headers = {"Idempotency-Key": key, "Prefer": "wait=60"}
    with product.http(timeout_s=90) as http:
        return http.post(f"/repos/{repo}/commits", json=asked.body(), headers=headers)


def ask_while_it_dies(product: Product, repo: str, asked: Draft, point: str) -> httpx.Response:
    """The answer to a commit whose worker is killed at `point` and started again."""
    product.crash_worker_at(point)
    with ThreadPoolExecutor(1) as aside:
        answer = aside.submit(ask, product, repo, asked, point)
        assert product.laptop.children[WORKER].wait(CRASH_WAIT_S) == SIGKILLED
        product.laptop.launch(WORKER)
        return answer.result()


def told(answer: httpx.Response) -> tuple[int, object]:
    """What may not differ between two answers to the same request."""
    body = answer.json()
    return answer.status_code, body.get("commit") or (body["code"], body["message"])


def holds_after_a_crash(product: Product, client: Client, repo: str, point: str) -> None:
    first = client.commits.open(repo, draft(client, repo, {"a.mov": b"zero"}, base=None)).commit
    head = client.commits.open(repo, draft(client, repo, FILES, base=first)).commit
    fails = is_undoing(point)
    asked = draft(client, repo, EDIT, base=first if fails else head, fixed=fails)
    answer = ask_while_it_dies(product, repo, asked, point)
    assert answer.status_code == (409 if fails else 201), answer.text
    assert told(ask(product, repo, asked, point)) == told(answer)
    assert len(list(client.commits.list(repo, "main"))) == (2 if fails else 3)
    assert files_of(client, repo, "main") == (FILES if fails else FILES | EDIT)
    alive = product.alive_in(repo)
    assert (alive.manifests, alive.chunks) == ((2, 3) if fails else (3, 5))
    assert product.refcounts_are_a_fold()


@pytest.mark.usefixtures("whole_worker")
def test_a_worker_that_dies_changes_no_answer(product: Product, client: Client, repo: str) -> None:
    holds_after_a_crash(product, client, repo, ALWAYS)


@pytest.mark.long
@pytest.mark.usefixtures("whole_worker")
@pytest.mark.parametrize("point", [point for point in crash_points() if point != ALWAYS])
def test_a_worker_that_dies_at_any_point_changes_no_answer(
    product: Product, client: Client, repo: str, point: str
) -> None:
    holds_after_a_crash(product, client, repo, point)
