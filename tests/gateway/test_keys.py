"""Limits of consumers and versions of keys: set by administrators, in force with the answer (R29, R47)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from domain import consumer as consumers
from domain.consumer import KeyVersionPinned, NoteVersionUse, consumer_id
from domain.ids import repo_id
from gateway.caller import REQUESTS_PER_MINUTE, Principal
from tests.gateway.conftest import Tell
from tests.gateway.house import SYSTEM, House, expect_problem

V2 = {"X-API-Version": "v2"}


def principal(h: House, key: str) -> Principal:
    return h.core.directory.keys[h.core.keys.of(key)]


async def told(h: House, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
    """By an administrator of keys."""
    root = h.key("root", "admin", "admin:keys")
    return await h.ask(method, path, key=root, body=body, headers=V2)


async def issued(h: House, name: str = "bob", **more: Any) -> dict[str, str]:
    answer = await told(h, "POST", "/admin/keys", {"name": name, "scopes": ["read"], **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


def limit_of(consumer: str) -> str:
    return f"/admin/consumers/{consumer}/limit"


def version_of(key: Mapping[str, str]) -> str:
    return f"/admin/keys/{key['consumer']}/{key['key_id']}/version"


# ------------------------------------------------------------------ limits
def test_a_limit_holds_for_every_key_of_its_consumer_old_and_new(tell: Tell) -> None:
    async def story(h: House) -> None:
        old = await issued(h)
        answer = await told(h, "PUT", limit_of(old["consumer"]), {"requests_per_minute": 5_000})
        assert (answer.status_code, answer.content) == (204, b"")
        new = await issued(h)
        assert [principal(h, each["key"]).limit for each in (old, new)] == [5_000, 5_000]
        await told(h, "PUT", limit_of(old["consumer"]), {"requests_per_minute": None})
        assert principal(h, old["key"]).limit == REQUESTS_PER_MINUTE

    tell(story)


@pytest.mark.parametrize("limit", [0, -1, 1_000_001, "5", 1.5, True])
def test_a_limit_is_a_number_within_reason(tell: Tell, limit: object) -> None:
    async def story(h: House) -> None:
        consumer = (await issued(h))["consumer"]
        answer = await told(h, "PUT", limit_of(consumer), {"requests_per_minute": limit})
        expect_problem(answer, 422, "INVALID_BODY")
        expect_problem(await told(h, "PUT", limit_of(consumer), {}), 422, "INVALID_BODY")

    tell(story)


def test_a_limit_needs_a_consumer_that_is_known(tell: Tell) -> None:
    async def story(h: House) -> None:
        for consumer in (consumer_id("nobody"), "nobody"):
            answer = await told(h, "PUT", limit_of(consumer), {"requests_per_minute": 5})
            expect_problem(answer, 404, "NOT_FOUND")

    tell(story)


def test_somebody_who_came_with_a_token_can_be_limited(tell: Tell) -> None:
    async def story(h: House) -> None:
        guest = consumer_id("a subject of the issuer's")
        noted = consumers.DECIDER.ask(guest, NoteVersionUse(guest, "v1", "2026-11-22"))
        h.core.log.ask(noted, context=SYSTEM)
        answer = await told(h, "PUT", limit_of(guest), {"requests_per_minute": 5})
        assert answer.status_code == 204
        assert h.core.directory.limit_of(guest) == 5

    tell(story)


# ------------------------------------------------------------------ versions
def test_a_key_is_pinned_and_let_go(tell: Tell) -> None:
    async def story(h: House) -> None:
        bob, other = await issued(h), await issued(h)
        assert (await told(h, "PUT", version_of(bob), {"version": "v1"})).status_code == 204
        assert [principal(h, each["key"]).pinned for each in (bob, other)] == ["v1", ""]
        assert (await told(h, "PUT", version_of(bob), {"version": None})).status_code == 204
        assert principal(h, bob["key"]).pinned == ""

    tell(story)


def test_a_key_can_be_issued_with_its_version(tell: Tell) -> None:
    async def story(h: House) -> None:
        bob = await issued(h, version="v1")
        assert principal(h, bob["key"]).pinned == "v1"
        (line,) = [
            each
            for each in (await told(h, "GET", "/admin/keys")).json()["items"]
            if each["key_id"] == bob["key_id"]
        ]
        assert (line["version"], line["requests_per_minute"]) == ("v1", None)

    tell(story)


@pytest.mark.parametrize("version", ["V1", "v1 ", "1", "", "v1\n", "v1234567890", "v1-aaaaaaaaaaaaaaaaaa", 1])
def test_a_version_has_the_form_of_one(tell: Tell, version: object) -> None:
    async def story(h: House) -> None:
        answer = await told(h, "PUT", version_of(await issued(h)), {"version": version})
        expect_problem(answer, 422, "INVALID_BODY")

    tell(story)


def test_a_version_that_is_not_there_is_pinned_to_nobody(tell: Tell) -> None:
    async def story(h: House) -> None:
        bob = await issued(h)
        expect_problem(await told(h, "PUT", version_of(bob), {"version": "v77"}), 404, "VERSION_NOT_FOUND")
        body = {"name": "eve", "scopes": ["read"], "version": "v77"}
        expect_problem(await told(h, "POST", "/admin/keys", body), 404, "VERSION_NOT_FOUND")
        assert principal(h, bob["key"]).pinned == ""

    tell(story)


def test_a_key_that_is_revoked_or_unknown_is_not_pinned(tell: Tell) -> None:
    async def story(h: House) -> None:
        bob = await issued(h)
        await told(h, "DELETE", f"/admin/keys/{bob['consumer']}/{bob['key_id']}?reason=left")
        expect_problem(await told(h, "PUT", version_of(bob), {"version": "v1"}), 404, "NOT_FOUND")

    tell(story)


# ------------------------------------------------------------------ who may
@pytest.mark.parametrize("scopes", [("read",), ("write",), ("admin:versions",)])
def test_limits_and_pins_are_for_administrators_of_keys(tell: Tell, scopes: tuple[str, ...]) -> None:
    async def story(h: House) -> None:
        bob, eve = await issued(h), h.key("eve", *scopes)
        for path, body in ((limit_of(bob["consumer"]), {"requests_per_minute": 9}), (version_of(bob), {})):
            answer = await h.ask("PUT", path, key=eve, body=body, headers=V2)
            expect_problem(answer, 403, "FORBIDDEN")
            expect_problem(await h.ask("PUT", path, body=body, headers=V2), 401, "UNAUTHORIZED")

    tell(story)


def test_a_key_for_some_repositories_administers_no_consumer(tell: Tell) -> None:
    async def story(h: House) -> None:
        bob, clerk = await issued(h), h.key("clerk", "admin:keys", repos=(repo_id("film"),))
        bodies = {limit_of(bob["consumer"]): {"requests_per_minute": 9}, version_of(bob): {"version": "v1"}}
        for path, body in bodies.items():
            expect_problem(await h.ask("PUT", path, key=clerk, body=body, headers=V2), 403, "FORBIDDEN")

    tell(story)


def test_a_retry_has_one_effect(tell: Tell) -> None:
    async def story(h: House) -> None:
        root, bob = h.key("root", "admin", "admin:keys"), await issued(h)
        sent, body = {**V2, "Idempotency-Key": "k"}, {"version": "v1"}
        first = await h.ask("PUT", version_of(bob), key=root, body=body, headers=sent)
        again = await h.ask("PUT", version_of(bob), key=root, body=body, headers=sent)
        assert first.headers["X-Dits-Position"] == again.headers["X-Dits-Position"]
        facts = [each.event for each in h.log.feed().read(None, 99)]
        assert [type(fact) for fact in facts].count(KeyVersionPinned) == 1

    tell(story)
