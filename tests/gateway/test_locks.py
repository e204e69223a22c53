"""Locks through the HTTP door (S3.4)."""

from __future__ import annotations

from typing import Any

import httpx

from tests.gateway.conftest import Tell
from tests.gateway.films import sagas, send
from tests.gateway.house import House


async def lock(h: House, key: str, *paths: str, token: str = "k", **more: object) -> httpx.Response:
    body = {"paths": list(paths), **more}
    return await h.ask("POST", "/repos/film/locks", key=key, body=body, headers={"Idempotency-Key": token})


def tokens(answer: httpx.Response) -> dict[str, Any]:
    return {"tokens": [{"path": each["path"], "token": each["token"]} for each in answer.json()["locks"]]}


def test_many_paths_are_locked_at_once_and_listed(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, bob = await h.repo(), h.key("bob", "write")
        made = await lock(h, ann, "b", "a")
        assert (made.status_code, [each["path"] for each in made.json()["locks"]]) == (201, ["b", "a"])
        listed = (await h.ask("GET", "/repos/film/locks", key=bob)).json()["locks"]
        assert [(each["path"], each["holder"], each["token"]) for each in listed] == [
            ("a", "ann", None),
            ("b", "ann", None),
        ]

    tell(story)


def test_a_locked_path_is_refused_with_its_holder(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, bob = await h.repo(), h.key("bob", "write")
        await lock(h, ann, "a")
        refused = await lock(h, bob, "b", "a")
        assert (refused.status_code, refused.json()["code"]) == (409, "LOCK_HELD")
        assert refused.json()["details"].keys() == {"path", "holder", "since"}
        assert refused.json()["details"]["holder"] == "ann"
        assert len((await h.ask("GET", "/repos/film/locks", key=bob)).json()["locks"]) == 1

    tell(story)


def test_a_retry_of_locking_shows_the_same_tokens(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        first, again = await lock(h, ann, "a", "b"), await lock(h, ann, "a", "b")
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        other = await lock(h, ann, "a", token="other")
        assert other.json()["locks"][0]["token"] == first.json()["locks"][0]["token"]

    tell(story)


def test_a_lock_is_given_back_once(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        shown, path = tokens(await lock(h, ann, "a")), "/repos/film/locks/release"
        given = await h.ask("POST", path, key=ann, body=shown, headers={"Idempotency-Key": "1"})
        assert given.json() == {"released": ["a"]}
        again = await h.ask("POST", path, key=ann, body=shown, headers={"Idempotency-Key": "1"})
        assert again.json() == {"released": ["a"]}
        other = await h.ask("POST", path, key=ann, body=shown, headers={"Idempotency-Key": "2"})
        assert (other.status_code, other.json()["code"]) == (409, "LOCK_LOST")

    tell(story)


def test_a_lock_is_ended_by_force_with_a_reason(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, boss = await h.repo(), h.key("boss", "admin:locks", "write")
        await lock(h, ann, "a")
        path, body = "/repos/film/locks/force-release", {"paths": ["a", "b"], "reason": "on leave"}
        denied = await h.ask("POST", path, key=ann, body=body, headers={"Idempotency-Key": "f"})
        assert denied.status_code == 403
        done = await h.ask("POST", path, key=boss, body=body, headers={"Idempotency-Key": "f"})
        assert done.json() == {"released": ["a"]}
        assert (await lock(h, boss, "a")).status_code == 201

    tell(story)


def test_a_heartbeat_is_answered_until_the_lease_is_buried(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        shown, path = tokens(await lock(h, ann, "a", lease="beating")), "/repos/film/locks/heartbeat"
        assert (await h.ask("POST", path, key=ann, body=shown)).status_code == 200
        repo, token = next(iter(h.core.directory.repos)), shown["tokens"][0]["token"]
        h.leases.bury(repo, token, h.leases.look(repo, token))
        lost = await h.ask("POST", path, key=ann, body=shown)
        assert (lost.status_code, lost.json()["code"]) == (409, "LOCK_LOST")

    tell(story)


def test_somebody_else_cannot_beat_for_me(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, bob = await h.repo(), h.key("bob", "write")
        shown = tokens(await lock(h, ann, "a", lease="beating"))
        answer = await h.ask("POST", "/repos/film/locks/heartbeat", key=bob, body=shown)
        assert (answer.status_code, answer.json()["code"]) == (409, "LOCK_LOST")

    tell(story)


def test_a_commit_of_a_locked_path_is_refused_even_with_the_right_token(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, bob = await h.repo(), h.key("bob", "write")
        shown = tokens(await lock(h, ann, "a.mov"))
        body = {"branch": "main", **send(h, {"a.mov": b"a"}, name="bob"), **shown}
        with sagas(h):
            answer = await h.ask(
                "POST", "/repos/film/commits", key=bob, body=body, headers={"Idempotency-Key": "c"}
            )
        assert (answer.status_code, answer.json()["code"]) == (409, "LOCK_HELD"), answer.text
        assert answer.json()["details"]["holder"] == "ann"

    tell(story)


def test_a_lock_needs_a_key_and_at_least_one_path(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        bare = await h.ask("POST", "/repos/film/locks", key=ann, body={"paths": ["a"]})
        assert bare.json()["code"] == "IDEMPOTENCY_KEY_REQUIRED"
        assert (await lock(h, ann)).json()["code"] == "INVALID_BODY"
        assert (await lock(h, ann, "a/../b")).json()["code"] == "INVALID_PATH"
        assert (await lock(h, ann, "a", lease="beating", lease_s=99_999)).json()["code"] == "INVALID_BODY"

    tell(story)
