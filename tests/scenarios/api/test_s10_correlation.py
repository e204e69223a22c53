"""One id from a client's request to everything that it causes, and never another one's (V10.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import groupby
from typing import Any, cast

from domain.catalogue import TOPICS, upcast
from gateway.issuer_keys import IssuerKeys
from gateway.oauth import Issuer, Tokens
from gateway.tracing import passed_on
from gateway.versions.metadata import Metadata
from infra.clock import SystemClock, SystemIds
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import OpenedLog, open_jetstream
from infra.jwks import HttpKeySource
from tests.eventlog.homes import JetStreamHome
from tests.fakes import FakeClock
from tests.issuer import served_jwks
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.cases import why_by_hand
from tests.scenarios.api.credentials import WantedToken
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.table import Case, Table
from tests.scenarios.api.tokens import AUDIENCE, ISSUER, TOKEN_ENDPOINT
from tests.scenarios.api.words import UUID4
from tests.scenarios.api.world import World

REQUESTS = 1_000
HEADER = "X-Correlation-ID"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNDER_WAY = {HEADER: "of-the-client", "traceparent": TRACE}


def errors_of(table: Table) -> list[Case]:
    """Every case that ends in an error and needs nothing but its registry."""
    declared = [table.case(name) for name in table.ids if not why_by_hand(table.case(name), table)]
    return [each for each in declared if isinstance(each.request, dict) and is_error(each)]


def is_error(row: Case) -> bool:
    is_alone = row.after is None and " after " not in row.registry
    return is_alone and isinstance(row.expect.get("status"), int) and row.expect["status"] >= 400


def placed(row: Case) -> tuple[str, str, str]:
    return row.registry, str(row.clock), row.via


@case
async def test_v10_1c_every_error_says_its_id_twice(stage: Stage) -> None:
    errors, told = sorted(errors_of(stage.table), key=placed), list[str]()
    for (registry, clock, via), rows in groupby(errors, placed):
        world = await stage.world(registry, clock=clock, via=via)
        for row in rows:
            request = cast("Mapping[str, Any]", row.request)
            auth = {"auth": row.auth} if row.auth else {}
            answer = await world.send({**auth, **request})
            assert answer.status == row.expect["status"], row.id
            told += [row.id] if says_its_id(answer) else []
    assert told == [row.id for row in errors]
    assert len(told) > 40


def says_its_id(answer: Answer) -> bool:
    said = answer.header(HEADER)
    bodies = [answer.member(name) for name in ("correlation_id", "error.correlation_id")]
    is_health = answer.member("status") == "unhealthy"
    return UUID4.fullmatch(str(said)) is not None and (is_health or bodies == [said, said])


@case
async def test_v10_1d_what_is_published_says_which_request_caused_it(stage: Stage) -> None:
    server = cast("NatsEndpoints", stage.fixture("nats_server"))
    topics = Topics(TOPICS, upcast)
    opened = open_jetstream(
        JetStreamHome(server).address, topics=topics, clock=SystemClock(), ids=SystemIds(), context=passed_on
    )
    stage.at_the_end(opened.close)
    world = await stage.world("std", opened=opened, metadata=Metadata)
    answer = await world.ask("/repos", method="POST", auth="key_ok", headers=UNDER_WAY)
    assert answer.status == 201
    published = await asyncio.to_thread(headers_of_messages, opened)
    ours = [each for each in published if each[HEADER] == UNDER_WAY[HEADER]]
    assert [each["traceparent"] for each in ours] == [TRACE]
    assert all(each[HEADER] for each in published)


def headers_of_messages(opened: OpenedLog) -> list[Mapping[str, str]]:
    """Of every message that was published into the log."""
    return [dict(each.headers) for batch in opened.messages.messages(None) for each in batch]


@case
async def test_v10_1d_the_events_of_a_request_hold_its_id(stage: Stage) -> None:
    world = await stage.world("std")
    began = world.mark()
    await world.ask("/repos", method="POST", auth="key_ok", headers=UNDER_WAY)
    recorded = world.parts.log.feed().read(began.position, 1_000)
    created = [each for each in recorded if type(each.event).__name__ == "RepositoryCreated"]
    assert [each.envelope.correlation_id for each in created] == [UNDER_WAY[HEADER]]
    assert all(each.envelope.correlation_id for each in recorded)


@case
async def test_v10_1d_what_is_asked_of_others_says_it_too(stage: Stage) -> None:
    clock = FakeClock()
    with served_jwks() as issuer:
        source = HttpKeySource(issuer.url, SystemClock(), context=passed_on)
        tokens = Tokens(Issuer(ISSUER, AUDIENCE, TOKEN_ENDPOINT), IssuerKeys(source, clock), clock)
        world = await stage.world("std", clock=clock, tokens=tokens)
        issuer.body = world.issuer.fetch()
        bearer = {"Authorization": f"Bearer {world.issuer.token(WantedToken(), 'ann', clock.now())}"}
        assert (await world.ask("$RES", headers={**bearer, **UNDER_WAY})).status == 200
    (heard,) = issuer.heard
    assert {name: heard.get(name) for name in UNDER_WAY} == UNDER_WAY


@case
async def test_v10_1f_a_thousand_requests_at_once_are_told_apart(stage: Stage) -> None:
    world = await stage.world("std")
    began = world.mark()
    answers = await asyncio.gather(*(one_of_many(world, number) for number in range(REQUESTS)))
    ids = [str(answer.header(HEADER)) for answer in answers]
    assert len(set(ids)) == stage.case.expect["unique"]
    lines = world.since(began).lines
    named = {str(line["provided_value"]): line for line in lines if line["event"] == "version.invalid_format"}
    for number in range(1, REQUESTS, 2):
        assert answers[number].member("correlation_id") == ids[number]
        assert named[f"x{number}"]["correlation_id"] == ids[number]
    accessed = [line["correlation_id"] for line in lines if line["event"] == "request"]
    assert sorted(accessed) == sorted(ids)


async def one_of_many(world: World, number: int) -> Answer:
    """From an address of its own; every other one asks for a version that is none."""
    headers = {"X-API-Version": f"x{number}"} if number % 2 else {HEADER: f"client-{number}"}
    return await world.ask("$RES", ip=f"10.0.{number // 250}.{number % 250}", headers=headers)
