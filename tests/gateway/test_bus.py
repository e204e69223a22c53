"""The NATS door: the same operations over request and reply, on a line in memory and on a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import nats
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bus import BusDoor
from gateway.core import Limits
from gateway.operations import OPERATIONS
from gateway.perform import Gateway
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.connection import Connection
from tests.gateway.conftest import QUICK
from tests.gateway.house import House, house, run_story


class Reply(NamedTuple):
    headers: Mapping[str, str]
    payload: bytes

    @property
    def status(self) -> int:
        return int(self.headers["Status"])

    @property
    def body(self) -> Any:
        return json.loads(self.payload)


@dataclass(slots=True)
class MemoryLine:
    """A bus in this process."""

    told: dict[str, Callable[..., None]] = field(default_factory=dict[str, Callable[..., None]])
    waiting: dict[str, asyncio.Future[Reply]] = field(default_factory=dict[str, asyncio.Future[Reply]])

    def serve(self, subject: str, queue: str, told: Callable[..., None]) -> None:
        assert queue == "gateway"
        self.told[subject] = told

    def answer(self, reply_to: str, payload: bytes, headers: Mapping[str, str]) -> None:
        self.waiting[reply_to].set_result(Reply(dict(headers), payload))

    async def ask(self, subject: str, body: object, **headers: str) -> Reply:
        """Header names with underscores; a body that is bytes goes as it is; in v1 unless told otherwise."""
        headers = {"X_API_Version": "v1", **headers}
        reply_to = f"_INBOX.{len(self.waiting)}"
        self.waiting[reply_to] = asyncio.get_running_loop().create_future()
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.told["dits.qry.>" if ".qry." in subject else "dits.cmd.>"](subject, reply_to, named, payload)
        return await asyncio.wait_for(self.waiting[reply_to], 10)


Story = Callable[[House, MemoryLine], Any]


def tell(story: Story, limits: Limits = QUICK) -> None:
    line = MemoryLine()

    def beside(gateway: Gateway) -> AbstractAsyncContextManager[None]:
        return BusDoor(gateway, line).open()

    async def whole() -> None:
        async with house(limits=limits, beside=beside) as h:
            await story(h, line)

    run_story(whole)


def test_a_command_over_the_bus_is_the_one_over_http() -> None:
    async def story(h: House, line: MemoryLine) -> None:
        ann, body = h.key("ann", "write"), {"name": "film"}
        made = await line.ask("dits.cmd.repos.create", body, X_API_Key=ann, Idempotency_Key="k")
        assert (made.status, made.body["name"]) == (201, "film")
        again = await h.ask("POST", "/repos", key=ann, body=body, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.json()) == (201, made.body)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["X-Dits-Position"] == made.headers["X-Dits-Position"]

    tell(story)


def test_parameters_of_the_path_are_members_of_the_body() -> None:
    async def story(h: House, line: MemoryLine) -> None:
        ann = await h.repo("film")
        body = {"repo": "film", "paths": ["a"]}
        made = await line.ask("dits.cmd.locks.acquire", body, X_API_Key=ann, Idempotency_Key="k")
        assert made.status == 201
        listed = await line.ask("dits.qry.locks.list", {"repo": "film", "limit": 5}, X_API_Key=ann)
        assert [lock["path"] for lock in listed.body["locks"]] == ["a"]
        text = await line.ask("dits.qry.locks.list", {"repo": "film", "limit": "5"}, X_API_Key=ann)
        assert text.body == listed.body

    tell(story)


WRONG: list[tuple[str, object, int, str]] = [
    ("dits.cmd.repos.create", b"{", 400, "MALFORMED_BODY"),
    ("dits.cmd.repos.create", b"\xff\x00", 400, "MALFORMED_BODY"),
    ("dits.cmd.repos.create", [], 422, "INVALID_BODY"),
    ("dits.cmd.repos.create", {"name": 1}, 422, "INVALID_BODY"),
    ("dits.cmd.repos.create", {"name": "a", "x": 1}, 422, "INVALID_BODY"),
    ("dits.qry.repos.get", {}, 422, "INVALID_BODY"),
    ("dits.qry.repos.get", {"repo": 7}, 422, "INVALID_BODY"),
    ("dits.qry.repos.get", {"repo": "A b"}, 400, "INVALID_NAME"),
    ("dits.qry.repos.get", {"repo": "absent"}, 404, "NOT_FOUND"),
    ("dits.qry.branches.list", {"repo": "film", "limit": -1}, 400, "INVALID_QUERY"),
    ("dits.cmd.nothing", {}, 404, "NOT_FOUND"),
    ("dits.cmd.chunks.send", {"repo": "film"}, 404, "NOT_FOUND"),
    ("dits.cmd.locks.acquire", {"repo": "film", "paths": ["a"]}, 400, "IDEMPOTENCY_KEY_REQUIRED"),
]


def test_what_is_wrong_is_told_in_the_same_envelope() -> None:
    async def story(h: House, line: MemoryLine) -> None:
        ann = await h.repo("film")
        for subject, body, status, code in WRONG:
            reply = await line.ask(subject, body, X_API_Key=ann, X_Correlation_ID="shot-7")
            assert (reply.status, reply.body["code"]) == (status, code), (subject, body)
            assert reply.body["correlation_id"] == reply.headers["X-Correlation-ID"] == "shot-7"
            assert reply.headers["Content-Type"] == "application/problem+json"

    tell(story)


SUBJECTS = sorted({each.subject for each in OPERATIONS if each.subject is not None})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.sampled_from(["repo", "name", "commit", "paths", "limit", "consumer", "key_id", "session"])
PAYLOADS = st.binary(max_size=20) | st.dictionaries(MEMBERS, JSON | st.just("film"), max_size=5)


@settings(max_examples=3)
@given(st.data())
def test_no_payload_gives_a_server_error(data: st.DataObject) -> None:
    async def story(h: House, line: MemoryLine) -> None:
        keys = {"X_API_Key": h.key("root", "admin"), "Idempotency_Key": "k"}
        await h.repo("film")
        for subject in SUBJECTS:
            reply = await line.ask(subject, data.draw(PAYLOADS), **keys)
            assert reply.status < 500, (subject, reply.payload)

    tell(story)


def test_the_bus_knows_no_other_rights_than_http() -> None:
    async def story(h: House, line: MemoryLine) -> None:
        await h.repo("film")
        assert (await line.ask("dits.qry.repos.get", {"repo": "film"})).status == 401
        assert (await line.ask("dits.cmd.repos.create", {"name": "x"})).status == 401
        ray = h.key("ray", "read")
        assert (await line.ask("dits.cmd.repos.create", {"name": "x"}, X_API_Key=ray)).status == 403

    tell(story)


def test_more_than_the_limit_are_told_to_come_back() -> None:
    async def story(_h: House, line: MemoryLine) -> None:
        reply = await line.ask("dits.qry.repos.list", {})
        assert (reply.status, reply.body["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert "Retry-After" in reply.headers

    tell(story, Limits(bus_requests_max=0))


def test_every_operation_of_json_has_a_door() -> None:
    doors = {operation.name for operation in OPERATIONS if operation.subject is not None}
    assert {"commits.open", "branches.delete", "keys.revoke", "whoami", "files.list"} <= doors
    assert doors.isdisjoint({"chunks.send", "chunks.have", "files.put", "files.offset"})


@contextmanager
def connected(endpoints: NatsEndpoints) -> Generator[Connection]:
    connection = Connection(endpoints.url)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture
def line(nats_server: NatsEndpoints) -> Generator[Connection]:
    with connected(nats_server) as connection:
        yield connection


def test_a_client_of_the_real_bus_is_answered(line: Connection, nats_server: NatsEndpoints) -> None:
    async def story() -> None:
        async with house(limits=QUICK, beside=lambda gateway: BusDoor(gateway, line).open()) as h:
            bus = await nats.connect(nats_server.client_url, inbox_prefix=b"_INBOX_client")
            headers = {"X-API-Key": h.key("ann", "write"), "Idempotency-Key": "k"}
            reply = await bus.request("dits.cmd.repos.create", b'{"name": "film"}', 5, headers=headers)
            assert json.loads(reply.data)["name"] == "film"
            assert reply.headers is not None
            assert (reply.headers["Status"], "X-Dits-Position" in reply.headers) == ("201", True)
            await bus.close()

    run_story(story)
