"""A bug says nothing about itself, is told of once, and breaks an answer off rather than pretend (V7.4)."""

from __future__ import annotations

import asyncio
from typing import Any

from domain.errors import DitsError
from tests.gateway.served import read_all
from tests.scenarios.api.envelope import LEAKS
from tests.scenarios.api.sending import Sent, head
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.troubles import broken_off, raising
from tests.scenarios.api.words import UUID4
from tests.scenarios.api.world import World

BUG_LINE = "request.unhandled_exception"


def bug() -> Exception:
    return RuntimeError("secret /srv/db.py")


def unspeakable() -> Exception:
    told: dict[str, Any] = {"odd": object()}
    return UnspeakableError(**told)


class UnspeakableError(DitsError):
    """What it says cannot be written down"""

    code = "UNSPEAKABLE"
    kind = "conflict"


@case
async def test_v7_4a_a_bug_says_nothing_about_itself(stage: Stage) -> World:
    world = await stage.world("std", operations=raising(bug))
    began = world.mark()
    answer = await world.send(stage.case.given["request"])
    await stage.expect(world, answer, began)
    (line,) = [line for line in world.since(began).lines if line["event"] == BUG_LINE]
    assert line["correlation_id"] == answer.header("X-Correlation-ID")
    assert line["exception"] == "RuntimeError: secret /srv/db.py"
    assert "troubles.py" in line["stack"]  # where it was raised
    assert [leak for leak in LEAKS if leak in answer.text] == []
    return world


@case
async def test_v7_4c_a_hundred_of_them_are_one_alert(stage: Stage) -> None:
    world = await stage.world("std", operations=raising(bug))
    began = world.mark()
    for _ in range(stage.case.expect["log_lines"]):
        assert (await world.ask("$RES")).status == 500
        world.advance(0.5)
    metrics = ["dits_alerts_total{name=unhandled_exception,severity=critical}"]
    await stage.expect(world, None, began, metrics=metrics, events=["OpsAlertRaised{severity: critical}"])
    since = world.since(began)
    alerts = [each for each in since.happened if each.name == "OpsAlertRaised"]
    assert len(alerts) == stage.case.expect["alerts"]
    lines = [line for line in since.lines if line["event"] == BUG_LINE]
    assert len(lines) == stage.case.expect["log_lines"]


@case
async def test_v7_4d_an_answer_that_has_begun_is_broken_off(stage: Stage) -> None:
    world = await stage.world("std", via="wire", operations=broken_off())
    began = world.mark()
    received = await asyncio.to_thread(everything_of, world, "/repos")
    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"HTTP/1.1") == 1
    assert b"the first part" in received
    assert not received.endswith(b"0\r\n\r\n")  # not whole, and a client can tell
    assert not any(word in received for word in (b"secret", b"RuntimeError", b"INTERNAL"))
    await stage.expect(world, None, began, log={"level": "ERROR", "event": BUG_LINE})


def everything_of(world: World, path: str) -> bytes:
    """Until the server closes the connection, which it was not asked to."""
    with world.connect() as connection:
        connection.sendall(head(Sent("GET", path, ())))
        return read_all(connection)


@case
async def test_v7_4e_what_cannot_be_said_is_said_plainly(stage: Stage) -> None:
    world = await stage.world("std", operations=raising(unspeakable))
    began = world.mark()
    answer = await world.ask("$RES")
    assert (answer.status, answer.member("code")) == (500, "INTERNAL_SERVER_ERROR")
    assert answer.member("message") == "An unexpected error occurred"
    assert UUID4.fullmatch(str(answer.header("X-Correlation-ID")))
    assert answer.header("Content-Type") == "application/problem+json"
    assert answer.header("Cache-Control") == "no-store"
    await stage.expect(world, None, began, log={"level": "ERROR", "event": BUG_LINE})
    assert "object" not in answer.text
