"""The client against the real product: a client for each transport, a repository for each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from gateway.client import CheckoutOptions, Client, Pacing, PushOptions
from infra.dev.laptop import Laptop
from tests.client.machine import QuickMachine
from tests.client.passage import Passage

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Served:
    """Where the product is, and the owner's key."""

    url: str
    key: str
    nats_url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@pytest.fixture(scope="session")
def served(laptop: Laptop) -> Served:
    left = json.loads((laptop.data_dir / "client.json").read_text())
    return Served(left["url"], left["key"], left["nats_url"])


@pytest.fixture(params=["http", "bus"])
def client(served: Served, request: pytest.FixtureRequest) -> Iterator[Client]:
    """The suite runs once per transport."""
    nats_url = served.nats_url if request.param == "bus" else None
    with Client(served.url, served.key, nats_url=nats_url) as client:
        yield client


@pytest.fixture
def http(served: Served) -> Iterator[Client]:
    """Where bytes are the point, and they always go over HTTP."""
    with Client(served.url, served.key) as client:
        yield client


@pytest.fixture
def repo(served: Served) -> str:
    name = f"film-{next(_numbers)}"
    with Client(served.url, served.key) as client:
        client.repos.create(name)
    return name


NewClient = Callable[..., Client]


@pytest.fixture
def another(served: Served, http: Client) -> Iterator[NewClient]:
    """`another("bob", "write")`: a client of somebody else."""
    opened: list[Client] = []

    def open_one(name: str, *scopes: str) -> Client:
        opened.append(Client(served.url, http.keys.issue(name, scopes).key))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def passage(served: Served) -> Iterator[Passage]:
    """A way to the gateway that can be cut."""
    with Passage(served.port).running() as way:
        assert isinstance(way, Passage)
        yield way


@pytest.fixture
def through(served: Served, passage: Passage) -> Iterator[Callable[[int], Client]]:
    """A client on that way, with so many tries and no pauses."""
    opened: list[Client] = []

    def open_one(tries_max: int) -> Client:
        pacing, url = Pacing(tries_max=tries_max), f"http://127.0.0.1:{passage.port}"
        opened.append(Client(url, served.key, machine=QuickMachine(), pacing=pacing))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody's directories: `here` is pushed from, `there` is checked out into."""

    here: Path
    there: Path
    notes: Path

    def put(self, path: str, content: bytes) -> Path:
        file = self.here / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def pushing(self, **more: bool) -> PushOptions:
        return PushOptions(
            root=self.here,
            notes=self.notes,
            mirror=more.get("mirror", False),
            whole_file=more.get("whole_file", False),
            fixed_head=more.get("fixed_head", False),
        )

    @property
    def out(self) -> CheckoutOptions:
        return CheckoutOptions(notes=self.notes)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    return Desk(tmp_path / "here", tmp_path / "there", tmp_path / "notes")


def tree_of(directory: Path) -> dict[str, bytes]:
    """Every file below, by its path; links are not followed."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file() and not file.is_symlink()
    }
