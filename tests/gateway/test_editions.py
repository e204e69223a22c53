"""Both versions of the API through the doors: the same product in two forms (issue: real versions)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.bus import BusDoor
from tests.gateway.conftest import QUICK, Tell
from tests.gateway.house import House, expect_problem, house, run_story
from tests.gateway.test_bus import MemoryLine

LOCKS = "/repos/film/locks"
V1_LOCK = {"paths": ["a.mov"], "lease": "beating", "lease_s": 30}
V2_LOCK = {"paths": ["a.mov"], "lease": {"kind": "beating", "seconds": 30}}
Body = dict[str, Any]
TWINS: list[tuple[str, str, Body, Body, Body]] = [
    ("v1", "one", {"public": True}, {"public": False}, V1_LOCK),
    ("v2", "two", {"visibility": "public"}, {"visibility": "private"}, V2_LOCK),
]
"""Version, repository, and what creates, hides and locks it."""


async def locked(h: House, key: str, body: object, version: str) -> httpx.Response:
    sent = {"Idempotency-Key": "k"}
    return await h.ask("POST", LOCKS, key=key, body=body, headers=sent, version=version)


def test_a_repository_is_told_in_the_form_that_was_asked(tell: Tell) -> None:
    async def story(h: House) -> None:
        await h.repo("film", public=True)
        older = (await h.ask("GET", "/repos/film")).json()
        newer = (await h.ask("GET", "/repos/film", version="v2")).json()
        assert list(older) == ["name", "id", "public", "owner"]
        assert newer == {**{n: v for n, v in older.items() if n != "public"}, "visibility": "public"}
        listed = (await h.ask("GET", "/repos", version="v2")).json()
        assert listed == {"items": [newer], "page": {"next": None}}
        assert (await h.ask("GET", "/repos")).json() == {"repos": [older]}

    tell(story)


def test_a_repository_is_shown_and_hidden_by_its_visibility(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo("film")
        for visibility, status in (("public", 200), ("private", 401)):
            body = {"visibility": visibility}
            shown = await h.ask("PATCH", "/repos/film", key=ann, body=body, version="v2")
            assert shown.json()["visibility"] == visibility
            assert (await h.ask("GET", "/repos/film", version="v2")).status_code == status

    tell(story)


def test_a_lease_is_one_object(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        made = (await locked(h, ann, V2_LOCK, "v2")).json()
        assert made["items"][0]["lease"] == {"kind": "beating", "seconds": 30}
        assert made["page"] == {"next": None}
        assert (await h.ask("GET", LOCKS, key=ann, version="v2")).json() == made
        (older,) = (await h.ask("GET", LOCKS, key=ann)).json()["locks"]
        assert list(older) == ["path", "holder", "token", "lease", "lease_s", "since"]
        assert (older["lease"], older["lease_s"]) == ("beating", 30)

    tell(story)


def test_a_lease_may_be_left_to_the_server(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        made = await locked(h, ann, {"paths": ["a"], "lease": {"kind": "beating"}}, "v2")
        again = await locked(h, ann, {"paths": ["a"], "lease": "beating"}, "v1")
        assert made.json()["items"][0]["lease"] == {"kind": "beating", "seconds": 30}
        assert again.headers["Idempotency-Replayed"] == "true"

    tell(story)


@pytest.mark.parametrize("first", ["v1", "v2"])
def test_a_retry_in_the_other_version_is_the_same_request(tell: Tell, first: str) -> None:
    bodies = {"v1": V1_LOCK, "v2": V2_LOCK}
    second = "v2" if first == "v1" else "v1"

    async def story(h: House) -> None:
        ann = await h.repo()
        made = await locked(h, ann, bodies[first], first)
        again = await locked(h, ann, bodies[second], second)
        assert (made.status_code, again.status_code) == (201, 201)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["X-Dits-Position"] == made.headers["X-Dits-Position"]
        assert paths_and_tokens(again.json()) == paths_and_tokens(made.json())

    tell(story)


def paths_and_tokens(body: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["path"], each["token"]) for each in body.get("items") or body["locks"]]


def test_twins_leave_the_same_events(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, sent = h.key("ann", "write"), {"Idempotency-Key": "k"}
        for version, name, create, show, lock in TWINS:
            address, body = f"/repos/{name}", {"name": name, **create}
            await h.ask("POST", "/repos", key=ann, body=body, version=version)
            await h.ask("PATCH", address, key=ann, body=show, version=version)
            await h.ask("POST", address + "/locks", key=ann, body=lock, headers=sent, version=version)
        one, two = await facts(h, ann, "one"), await facts(h, ann, "two")
        assert one == two
        assert len(one) == 3

    tell(story)


async def facts(h: House, key: str, repo: str) -> list[tuple[str, dict[str, Any]]]:
    """A repository's events without what two of them never share."""
    events = (await h.ask("GET", f"/repos/{repo}/events", key=key)).json()["events"]
    its_own = {"repo", "name", "fencing_token", "since"}
    return [(each["topic"], {n: v for n, v in each["event"].items() if n not in its_own}) for each in events]


def test_a_long_list_is_walked_by_its_pages(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        paths = [f"{number}.mov" for number in range(5)]
        await locked(h, ann, {"paths": paths}, "v2")
        found, after = list[str](), ""
        while after is not None:
            page = (await h.ask("GET", f"{LOCKS}?limit=2&after={after}", key=ann, version="v2")).json()
            found += [each["path"] for each in page["items"]]
            after = page["page"]["next"]
        assert found == paths

    tell(story)


@pytest.mark.parametrize(
    ("version", "path", "body"),
    [
        ("v1", "/repos", {"name": "x", "visibility": "public"}),
        ("v2", "/repos", {"name": "x", "public": True}),
        ("v1", LOCKS, V2_LOCK),
        ("v2", LOCKS, V1_LOCK),
    ],
)
def test_one_version_does_not_understand_the_other(tell: Tell, version: str, path: str, body: object) -> None:
    async def story(h: House) -> None:
        ann, sent = await h.repo(), {"Idempotency-Key": "k"}
        answer = await h.ask("POST", path, key=ann, body=body, headers=sent, version=version)
        expect_problem(answer, 422, "INVALID_BODY")

    tell(story)


def test_each_version_goes_on_in_its_own_words(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await h.repo(), "0" * 32
        address = "/repos/film/commits?"
        for version, word, status in (("v1", "before", 404), ("v2", "after", 404), ("v2", "before", 400)):
            answer = await h.ask("GET", f"{address}{word}={commit}", key=ann, version=version)
            assert answer.status_code == status, (version, word)

    tell(story)


def test_the_bus_speaks_both_and_the_head_to_who_names_none() -> None:
    async def story() -> None:
        line = MemoryLine()
        async with house(limits=QUICK, beside=lambda gateway: BusDoor(gateway, line).open()) as h:
            key = await h.repo("film", public=True)
            older = await line.ask("dits.qry.repos.list", {}, X_API_Key=key)
            newer = await line.ask("dits.qry.repos.list", {}, X_API_Key=key, X_API_Version="v2")
            assert (older.body["repos"][0]["public"], older.headers["X-API-Version"]) == (True, "v1")
            assert newer.body["items"][0]["visibility"] == "public"
            assert newer.headers["X-API-Version"] == "v2"

    run_story(story)


def test_every_edition_is_described_by_the_server(tell: Tell) -> None:
    async def story(h: House) -> None:
        told = {
            place: json.loads((await h.ask("GET", place, version=None)).text)
            for place in ("/openapi.json", "/openapi/v1.json", "/openapi/v2.json")
        }
        versions = [each["info"]["version"] for each in told.values()]
        assert versions == ["2.0.0", "1.0.0", "2.0.0"]
        assert told["/openapi.json"] == told["/openapi/v2.json"]

    tell(story)
