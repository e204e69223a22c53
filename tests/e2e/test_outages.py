"""A server that goes away in mid-request: 503 with Retry-After in bounded time, and no restart afterwards."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from gateway.client import Client
from infra.clock import SystemClock
from tests.e2e.product import ONCE, Product, draft, files_of, upload_of

ANSWER_S_MAX = 9.0
"""The dependency's 5 s, the second that a kept answer may take, and what a busy machine adds."""
RECOVERY_S = 20.0
_clock = SystemClock()


def answered(request: Callable[[], httpx.Response]) -> httpx.Response:
    began_ms = _clock.monotonic_ms()
    answer = request()
    assert _clock.monotonic_ms() - began_ms < ANSWER_S_MAX * 1000
    return answer


def is_a_retry(answer: httpx.Response) -> bool:
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Correlation-ID"] == body["correlation_id"]
    return (answer.status_code, body["code"]) == (503, "SERVICE_UNAVAILABLE") and int(
        answer.headers["Retry-After"]
    ) > 0


def recovers(request: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask again until it is answered well: the processes do not need a restart."""
    give_up_ms = _clock.monotonic_ms() + int(RECOVERY_S * 1000)
    while (answer := request()).status_code >= 500:
        assert _clock.monotonic_ms() < give_up_ms, answer.text
        _clock.sleep(0.1)
    return answer


def test_a_frozen_event_server_is_a_retry_and_the_same_key_settles_it(product: Product, repo: str) -> None:
    body, headers = {"paths": ["a.mov"], "lease": "until"}, {"Idempotency-Key": "once"}
    with product.http() as http:

        def lock() -> httpx.Response:
            return http.post(f"/repos/{repo}/locks", json=body, headers=headers)

        with product.frozen("nats"):
            assert is_a_retry(answered(lock))
        first, again = recovers(lock), recovers(lock)
        assert first.json()["locks"] == again.json()["locks"]
        after = {"X-Dits-After": again.headers["X-Dits-Position"]}
        assert len(http.get(f"/repos/{repo}/locks", headers=after).json()["locks"]) == 1


def test_what_is_known_in_memory_is_told_while_the_event_server_is_frozen(
    product: Product, client: Client, repo: str
) -> None:
    with product.frozen("nats"), product.client(pacing=ONCE) as reader:
        assert reader.whoami().name == "owner"
        assert repo in {each.name for each in reader.repos.list()}


def test_a_frozen_database_stops_no_upload_and_no_lock(product: Product, client: Client, repo: str) -> None:
    upload = upload_of(client, repo)
    with product.http() as http, product.frozen("postgres"):
        assert is_a_retry(answered(lambda: http.get(f"/repos/{repo}/locks")))
        lock = {"paths": ["a"], "lease": "until"}
        taken = http.post(f"/repos/{repo}/locks", json=lock, headers={"Idempotency-Key": "k"})
        assert taken.status_code == 201
        chunk = http.post(f"/repos/{repo}/sessions/{upload.session.session}/recipes", content=b"")
        assert chunk.status_code == 200
    with product.http() as http:
        recovers(lambda: http.get(f"/repos/{repo}/locks"))
    client.locks.acquire(repo, "b")  # from here on this client asks for at least that position
    assert [lock.path for lock in client.locks.list(repo)] == ["a", "b"]


def test_a_commit_that_was_asked_for_is_made_when_the_database_is_back(
    product: Product, client: Client, repo: str
) -> None:
    asked = draft(client, repo, {"a": b"a"}, base=None)
    headers = {"Idempotency-Key": "late", "Prefer": "wait=1"}
    with product.http() as http:

        def commit() -> httpx.Response:
            return http.post(f"/repos/{repo}/commits", json=asked.body(), headers=headers)

        with product.frozen("postgres"):
            first = answered(commit)
        settled = client.commits.settled(repo, client.commits.get(repo, recovers(commit).json()["commit"]))
    assert (settled.state, first.status_code in {201, 202, 503}) == ("published", True)
    assert files_of(client, repo, "main") == {"a": b"a"}


@pytest.mark.long
def test_readiness_follows_a_server_that_goes_and_comes(product: Product) -> None:
    with product.http() as http:
        recovers(lambda: http.get("/health/ready"))  # from what other tests did
        with product.frozen("nats"):
            give_up_ms = _clock.monotonic_ms() + 30_000
            while http.get("/health/ready").status_code == 200:
                assert _clock.monotonic_ms() < give_up_ms
                _clock.sleep(0.2)
            assert http.get("/health/live").status_code == 200
        assert recovers(lambda: http.get("/health/ready")).status_code == 200
