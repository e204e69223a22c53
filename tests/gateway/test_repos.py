"""Repositories, keys and who may see what, through the HTTP door."""

from __future__ import annotations

from domain.ids import repo_id
from tests.gateway.conftest import Tell
from tests.gateway.house import House


def test_a_repository_is_created_and_told(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo("film")
        got = await h.ask("GET", "/repos/film", key=ann)
        assert (got.status_code, got.json()["name"], got.json()["public"]) == (200, "film", False)

    tell(story)


def test_a_name_is_taken_once(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo("film")
        again = await h.ask("POST", "/repos", key=ann, body={"name": "film"})
        assert (again.status_code, again.json()["code"]) == (409, "ALREADY_EXISTS")

    tell(story)


def test_a_key_makes_a_retry_the_first_time_again(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, sent = h.key("ann", "write"), {"Idempotency-Key": "once"}
        first = await h.ask("POST", "/repos", key=ann, body={"name": "film"}, headers=sent)
        again = await h.ask("POST", "/repos", key=ann, body={"name": "film"}, headers=sent)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["X-Dits-Position"] == first.headers["X-Dits-Position"]

    tell(story)


def test_a_key_that_made_one_repository_makes_no_other(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, sent = h.key("ann", "write"), {"Idempotency-Key": "once"}
        await h.ask("POST", "/repos", key=ann, body={"name": "film"}, headers=sent)
        other = await h.ask("POST", "/repos", key=ann, body={"name": "trailer"}, headers=sent)
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
        assert (await h.ask("GET", "/repos/trailer", key=ann)).status_code == 404

    tell(story)


def test_a_key_with_another_body_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, sent = h.key("ann", "write"), {"Idempotency-Key": "once"}
        await h.ask("POST", "/repos", key=ann, body={"name": "film"}, headers=sent)
        other = await h.ask("POST", "/repos", key=ann, body={"name": "film", "public": True}, headers=sent)
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")

    tell(story)


def test_a_refusal_is_remembered_with_its_key(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, sent = await h.repo("film"), {"Idempotency-Key": "k"}
        first = await h.ask("POST", "/repos", key=ann, body={"name": "film"}, headers=sent)
        again = await h.ask("POST", "/repos", key=ann, body={"name": "film"}, headers=sent)
        assert (again.status_code, again.json()["message"]) == (409, first.json()["message"])
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers

    tell(story)


def test_anonymous_sees_what_is_public_and_nothing_else(tell: Tell) -> None:
    async def story(h: House) -> None:
        await h.repo("open", public=True)
        await h.repo("hidden")
        listed = await h.ask("GET", "/repos")
        assert [repo["name"] for repo in listed.json()["repos"]] == ["open"]
        assert (await h.ask("GET", "/repos/open")).status_code == 200
        hidden, absent = await h.ask("GET", "/repos/hidden"), await h.ask("GET", "/repos/absent")
        assert (hidden.status_code, absent.status_code) == (401, 401)
        assert "WWW-Authenticate" in hidden.headers

    tell(story)


def test_anonymous_changes_nothing(tell: Tell) -> None:
    async def story(h: House) -> None:
        await h.repo("open", public=True)
        answer = await h.ask("PATCH", "/repos/open", body={"public": False})
        assert (answer.status_code, answer.json()["message"]) == (401, "Authentication required")

    tell(story)


def test_a_private_repository_is_not_there_for_a_key_of_another(tell: Tell) -> None:
    async def story(h: House) -> None:
        await h.repo("film")
        eve = h.key("eve", "write", repos=(repo_id("other"),))
        hidden, absent = await h.ask("GET", "/repos/film", key=eve), await h.ask("GET", "/repos/no", key=eve)
        assert (hidden.status_code, absent.status_code) == (404, 404)
        assert hidden.json()["message"].replace("film", "no") == absent.json()["message"]

    tell(story)


def test_a_key_of_another_repository_changes_no_public_one(tell: Tell) -> None:
    async def story(h: House) -> None:
        await h.repo("open", public=True)
        eve = h.key("eve", "write", repos=(repo_id("other"),))
        assert (await h.ask("GET", "/repos/open", key=eve)).status_code == 200
        answer = await h.ask("PATCH", "/repos/open", key=eve, body={"public": False})
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")

    tell(story)


def test_a_wrong_key_is_told_nothing(tell: Tell) -> None:
    async def story(h: House) -> None:
        real = h.key("ann", "write")
        for wrong in ("", "nonsense", real[:-1], real[:-1] + ("A" if real[-1] != "A" else "B")):
            answer = await h.ask("GET", "/whoami", headers={"X-API-Key": wrong})
            assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key"), wrong

    tell(story)


def test_showing_and_hiding_holds_at_once(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo("film")
        await h.ask("PATCH", "/repos/film", key=ann, body={"public": True})
        assert (await h.ask("GET", "/repos/film")).status_code == 200
        await h.ask("PATCH", "/repos/film", key=ann, body={"public": False})
        assert (await h.ask("GET", "/repos/film")).status_code == 401

    tell(story)


def test_a_key_is_shown_once(tell: Tell) -> None:
    async def story(h: House) -> None:
        root, sent = h.key("root", "admin"), {"Idempotency-Key": "k"}
        body = {"name": "bob", "scopes": ["write"]}
        first = await h.ask("POST", "/admin/keys", key=root, body=body, headers=sent)
        again = await h.ask("POST", "/admin/keys", key=root, body=body, headers=sent)
        assert again.json() == {**first.json(), "key": None}
        me = await h.ask("GET", "/whoami", key=first.json()["key"])
        assert (me.json()["name"], me.json()["scopes"]) == ("bob", ["write"])

    tell(story)


def test_a_revoked_key_opens_nothing(tell: Tell) -> None:
    async def story(h: House) -> None:
        root = h.key("root", "admin")
        body = {"name": "bob", "scopes": ["read"], "repos": None}
        bob = (await h.ask("POST", "/admin/keys", key=root, body=body)).json()
        gone = await h.ask("DELETE", f"/admin/keys/{bob['consumer']}/{bob['key_id']}?reason=left", key=root)
        assert gone.status_code == 204, gone.text
        assert (await h.ask("GET", "/whoami", key=bob["key"])).status_code == 401
        listed = await h.ask("GET", "/admin/keys", key=root)
        assert [key["name"] for key in listed.json()["keys"]] == ["root"]

    tell(story)


def test_nobody_gives_away_a_scope_that_they_lack(tell: Tell) -> None:
    async def story(h: House) -> None:
        clerk = h.key("clerk", "admin:keys", "read")
        body = {"name": "bob", "scopes": ["admin"]}
        answer = await h.ask("POST", "/admin/keys", key=clerk, body=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")

    tell(story)


def test_a_key_without_the_scope_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        reader = h.key("ray", "read")
        answer = await h.ask("POST", "/repos", key=reader, body={"name": "film"})
        assert (answer.status_code, answer.json()["details"]) == (403, {"scope": "write"})

    tell(story)
