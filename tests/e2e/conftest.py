"""The whole product on real servers, shared by all tests of a run; a repository for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from gateway.client import Client
from infra.dev.laptop import Laptop
from tests.e2e.product import Product

_numbers = count(1)
NewClient = Callable[..., Client]


@pytest.fixture(scope="session")
def product(laptop: Laptop) -> Product:
    return Product(laptop)


@pytest.fixture
def client(product: Product) -> Iterator[Client]:
    with product.client() as client:
        yield client


@pytest.fixture
def repo(client: Client) -> str:
    return client.repos.create(f"e2e-{next(_numbers)}").name


@pytest.fixture
def another(product: Product, client: Client) -> Iterator[NewClient]:
    """`another("bob", over="bus")`: a client of somebody else, who may write."""
    opened: list[Client] = []

    def open_one(name: str, *, over: str = "http") -> Client:
        key = client.keys.issue(name, ["write", "read"]).key
        opened.append(product.client(key, over=over))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
