"""Operators' commands on a history that the product itself wrote: every rebuild is the same fold (I5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from gateway.client import Client
from infra.clock import SystemClock
from infra.compose import Ground, rebuilder
from infra.dev.laptop import WORKER
from projections import ALL, operating
from projections.operating import Digest
from projections.projection import TableDigest
from projections.tags import TAGS
from tests.e2e.product import Product, draft


@pytest.fixture
def history(product: Product, client: Client, repo: str) -> str:
    """Something for every read model: commits, a failed one, a branch, a tag that came and went, locks."""
    first = client.commits.open(repo, draft(client, repo, {"a": b"1", "d/b": b"2"}, base=None)).commit
    client.commits.open(repo, draft(client, repo, {"a": b"3"}, base=first))
    client.branches.create(repo, "side", first)
    client.tags.create(repo, "kept", first)
    client.tags.create(repo, "gone", first)
    client.tags.delete(repo, "gone")
    client.locks.acquire(repo, "a", "d/b")
    client.locks.release(repo, {"a": client.locks.own_tokens(repo, ["a"])["a"]})
    return repo


@pytest.fixture
def operator(product: Product) -> Iterator[Ground]:
    with product.behind() as on:
        yield on


def tables(digests: Mapping[str, Digest]) -> dict[str, tuple[TableDigest, ...]]:
    """What two builds have in common, wherever in the log they were looked at."""
    return {name: found.tables for name, found in digests.items()}


@pytest.mark.usefixtures("history")
def test_every_read_model_is_the_same_after_a_rebuild(product: Product, operator: Ground) -> None:
    before = product.digests(operator)
    assert {name: found.rows for name, found in before.items() if not found.rows} == {}
    for projection in ALL:
        rebuilder(operator).rebuild(projection)
    assert tables(product.digests(operator)) == tables(before)


def test_a_dropped_read_model_is_503_until_it_is_rebuilt(
    product: Product, operator: Ground, history: str
) -> None:
    before = product.digests(operator)[TAGS.name]
    operating.drop(operator.pool, TAGS)
    with product.http() as http:
        away = http.get(f"/repos/{history}/tags")
        assert (away.status_code, away.json()["code"]) == (503, "READ_NOT_YET_CONSISTENT")
        assert int(away.headers["Retry-After"]) > 0
        rebuilder(operator).rebuild(TAGS)
        assert [tag["name"] for tag in http.get(f"/repos/{history}/tags").json()["tags"]] == ["kept"]
    assert operating.digest(operator.pool, TAGS).tables == before.tables


"""+"""


@pytest.mark.usefixtures("history")
def test_a_read_model_of_a_new_version_is_built_by_itself_beside_the_old(
    product: Product, operator: Ground
) -> None:
    before = product.digests(operator)[TAGS.name]
    newer = replace(TAGS, version=TAGS.version + 1)
    (made,) = replace(rebuilder(operator), projections=(newer,)).make_missing()
    assert made.rows == before.rows > 0
    assert operating.digest(operator.pool, newer).tables == before.tables
    assert operating.digest(operator.pool, TAGS).tables == before.tables
    operating.drop(operator.pool, TAGS)
    rebuilder(operator).rebuild(TAGS)


@pytest.mark.usefixtures("history")
@pytest.mark.long
def test_a_lost_database_is_made_again_by_the_worker_that_starts(product: Product, operator: Ground) -> None:
    before = product.digests(operator)
    for projection in ALL:
        operating.drop(operator.pool, projection)
    product.relaunch(WORKER)
    give_up_ms = SystemClock().monotonic_ms() + 30_000
    while any(one.schema is None for one in operating.standings(operator.pool, ALL, None)):
        assert SystemClock().monotonic_ms() < give_up_ms
        SystemClock().sleep(0.1)
    assert tables(product.digests(operator)) == tables(before)
