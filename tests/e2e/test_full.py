"""An event log that has reached its limit: writes are 507, reads go on, and room heals it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from domain.catalogue import TOPICS, upcast
from gateway.client import Client, Draft, ProblemError
from infra.clock import SystemClock, SystemIds
from infra.compose import log_address
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import open_jetstream
from infra.eventlog.stream import StreamLimits
from tests.e2e.product import ONCE, Product, draft, files_of, noise, sent, upload_of

ROOM_BYTES = 2_000
"""Less than a few appends take."""


def limit_log(product: Product, limit_bytes: int | None) -> int:
    """Set the stream's limit as a start with another setting does (None: the setting); its size."""
    address = log_address(product.settings)
    if limit_bytes is not None:
        address = replace(address, limits=StreamLimits(limit_bytes))
    log = open_jetstream(address, topics=Topics(TOPICS, upcast), clock=SystemClock(), ids=SystemIds())
    try:
        return log.use().size_bytes
    finally:
        log.close()


@contextmanager
def a_full_log(product: Product) -> Generator[None]:
    limit_log(product, limit_log(product, None) + ROOM_BYTES)
    try:
        yield
    finally:
        limit_log(product, None)


def locked(http: httpx.Client, repo: str, number: int) -> httpx.Response:
    body = {"paths": [f"clip-{number}.mov"], "lease": "until"}
    return http.post(f"/repos/{repo}/locks", json=body, headers={"Idempotency-Key": str(number)})


def first_refusal(http: httpx.Client, repo: str) -> tuple[int, httpx.Response]:
    for number in range(100):
        answer = locked(http, repo, number)
        if answer.status_code != 201:
            return number, answer
    raise AssertionError("the log never fills")


def test_a_full_log_refuses_writes_by_name_and_loses_nothing(
    product: Product, client: Client, repo: str
) -> None:
    commit = client.commits.open(repo, draft(client, repo, {"a": b"a"}, base=None)).commit
    with product.http() as http:
        with a_full_log(product):
            number, refused = first_refusal(http, repo)
            assert (refused.status_code, refused.json()["code"]) == (507, "INSUFFICIENT_STORAGE")
            assert refused.headers["X-Correlation-ID"] == refused.json()["correlation_id"]
            assert files_of(client, repo, commit) == {"a": b"a"}
        assert locked(http, repo, number).status_code == 201
    client.locks.acquire(repo, "last")  # this client sees what was before it
    assert len(client.locks.list(repo)) == number + 2


def test_an_upload_that_met_a_full_log_goes_on_when_there_is_room(
    product: Product, client: Client, repo: str
) -> None:
    upload = upload_of(client, repo)
    with product.http() as http, product.client(pacing=ONCE) as impatient:
        with a_full_log(product):
            first_refusal(http, repo)
            with pytest.raises(ProblemError) as refusal:
                sent(impatient.sessions.within(repo, upload.session), {"b": noise(1, 100_000)})
            assert refusal.value.status == 507
        changes = sent(upload, {"b": noise(1, 100_000)})
    asked = Draft("main", upload.session.session, None, "m", changes)
    assert client.commits.open(repo, asked).state == "published"
