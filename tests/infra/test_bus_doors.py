"""The embedded bus has doors: what each of its users may do, tried on a real server (house: event log)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NoAnswerError

from infra.dev.nats_server import NatsEndpoints, NatsServer
from tests.conftest import StartNats

T = TypeVar("T")


def as_user(url: str, act: Callable[[Client], Awaitable[T]], *, inbox: str = "_INBOX") -> tuple[T, list[str]]:
    """What `act` returned, and what the server complained about."""
    complaints: list[str] = []

    async def note(error: Exception) -> None:
        complaints.append(str(error).lower())

    async def go() -> T:
        bus = await nats.connect(url, inbox_prefix=inbox.encode(), error_cb=note)
        try:
            answer = await act(bus)
            await bus.flush()
            await bus.flush()  # nats-py hands a complaint on after the pong that follows it
            return answer
        finally:
            await bus.close()

    return asyncio.run(go()), complaints


async def read_log_streams(bus: Client) -> str:
    try:
        await bus.request("$JS.API.STREAM.NAMES", b"", timeout=0.3)
    except (NoRespondersError, NoAnswerError):
        return "no answer"
    return "an answer"


@pytest.mark.parametrize(
    "subject",
    ["dits.evt.0.branch.x", "$JS.API.STREAM.CREATE.X", "_INBOX.x", "dits.cmdx", "$KV.DITS_LEASES.x"],
)
def test_a_client_may_not_publish_anything_but_commands_and_queries(
    nats_server: NatsEndpoints, subject: str
) -> None:
    _, complaints = as_user(nats_server.client_url, lambda bus: bus.publish(subject, b"x"))
    assert complaints
    assert "permissions violation for publish" in complaints[0]


@pytest.mark.parametrize("subject", [">", "dits.evt.>", "dits.cmd.>", "_INBOX.>"])
def test_a_client_may_not_listen_to_anything_but_its_inbox(nats_server: NatsEndpoints, subject: str) -> None:
    _, complaints = as_user(nats_server.client_url, lambda bus: bus.subscribe(subject))
    assert complaints
    assert "permissions violation for subscription" in complaints[0]


def test_a_client_gets_no_answer_from_the_jetstream_api(nats_server: NatsEndpoints) -> None:
    answer, _ = as_user(nats_server.client_url, read_log_streams, inbox=nats_server.client_inbox)
    assert answer == "no answer"


def test_the_house_gets_an_answer_from_the_jetstream_api(nats_server: NatsEndpoints) -> None:
    answer, complaints = as_user(nats_server.url, read_log_streams)
    assert (answer, complaints) == ("an answer", [])


def test_a_clients_command_is_answered_by_the_house(nats_server: NatsEndpoints) -> None:
    async def ask(client: Client) -> bytes:
        house = await nats.connect(nats_server.url)

        async def answer(message: Msg) -> None:
            await message.respond(b"done")

        await house.subscribe("dits.cmd.>", cb=answer)
        await house.flush()
        reply = await client.request("dits.cmd.lock.acquire", b"{}", timeout=2)
        await house.close()
        return bytes(reply.data)

    assert as_user(nats_server.client_url, ask, inbox=nats_server.client_inbox) == (b"done", [])


@pytest.mark.parametrize("lazily", [False, True])
def test_the_system_user_can_see_whether_the_server_syncs_before_it_acknowledges(
    start_nats: StartNats, lazily: bool
) -> None:
    server: NatsServer = start_nats(syncs_lazily=lazily)

    async def ask(bus: Client) -> bytes:
        reply = await bus.request("$SYS.REQ.SERVER.PING.JSZ", b'{"config":true}', timeout=2)
        return bytes(reply.data)

    answer, _ = as_user(server.wait_until_ready(timeout_s=10).system_url, ask)
    assert json.loads(answer)["data"]["config"].get("sync_always", False) is not lazily


def test_a_stranger_is_turned_away(nats_server: NatsEndpoints) -> None:
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        asyncio.run(nats.connect(nats_server.server, max_reconnect_attempts=0, allow_reconnect=False))
