"""Commits through the HTTP door, with the real saga runner beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.gateway.conftest import QUICK, Tell
from tests.gateway.films import Sent, sagas, send
from tests.gateway.house import House


async def commit(h: House, key: str, sent: Sent, token: str = "one", **more: object) -> Sent:
    body, headers = {"branch": "main", **sent, **more}, {"Idempotency-Key": token}
    answer = await h.ask("POST", "/repos/film/commits", key=key, body=body, headers=headers)
    return {"status": answer.status_code, "headers": answer.headers, **answer.json()}


def test_a_commit_is_published_and_its_files_are_listed(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with sagas(h):
            made = await commit(h, ann, send(h, {"shots/a.mov": b"aaaa", "b.mov": b"bb"}), message="first")
        assert (made["status"], made["state"], made["branch"]) == (201, "published", "main"), made
        listed = await h.ask("GET", f"/repos/film/commits/{made['commit']}/files", key=ann)
        assert [(f["path"], f["size_bytes"]) for f in listed.json()["files"]] == [
            ("b.mov", 2),
            ("shots/a.mov", 4),
        ]

    tell(story)


def test_a_retry_of_a_commit_answers_as_the_first_time(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        sent = send(h, {"a.mov": b"aaaa"})
        with sagas(h):
            first = await commit(h, ann, sent)
            again = await commit(h, ann, sent)
        assert (again["status"], again["commit"]) == (201, first["commit"])
        assert again["headers"]["Idempotency-Replayed"] == "true"

    tell(story)


def test_a_commit_that_is_still_open_is_answered_with_its_address(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        sent = send(h, {"a.mov": b"aaaa"})
        first, again = await commit(h, ann, sent), await commit(h, ann, sent)
        assert (first["status"], again["status"]) == (202, 202)
        assert first["headers"]["Location"] == f"/repos/film/commits/{first['commit']}"
        got = await h.ask("GET", first["headers"]["Location"], key=ann)
        assert (got.json()["state"], got.json()["step"]) == ("open", "verify")

    tell(story, replace(QUICK, commit_wait_s=0.05))


def test_a_commit_waits_as_long_as_it_prefers(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        body = {"branch": "main", **send(h, {"a.mov": b"aaaa"})}
        headers = {"Idempotency-Key": "k", "Prefer": "respond-async, wait=0"}
        answer = await h.ask("POST", "/repos/film/commits", key=ann, body=body, headers=headers)
        assert answer.status_code == 202

    tell(story)


def test_a_commit_that_fails_is_answered_with_its_failure(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        sent = send(h, {"a.mov": b"aaaa"})
        sent["changes"] = [{"path": "a.mov", "recipe": "77" * 32}]
        with sagas(h):
            first, again = await commit(h, ann, sent), await commit(h, ann, sent)
        assert (first["status"], first["code"]) == (422, "UNKNOWN_CONTENT"), first
        assert (again["status"], again["message"]) == (422, first["message"])
        got = await h.ask("GET", f"/repos/film/commits/{first['details']['commit']}", key=ann)
        assert (got.json()["state"], got.json()["failure"]["code"]) == ("compensated", "UNKNOWN_CONTENT")

    tell(story)


def test_the_history_of_a_branch_is_told_newest_first(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with sagas(h):
            one = await commit(h, ann, send(h, {"a.mov": b"a"}), "1")
            two = await commit(h, ann, send(h, {"b.mov": b"b"}), "2", base=one["commit"])
        listed = (await h.ask("GET", "/repos/film/commits", key=ann)).json()["commits"]
        assert [line["commit"] for line in listed] == [two["commit"], one["commit"]]
        later = await h.ask("GET", f"/repos/film/commits?before={two['commit']}&limit=5", key=ann)
        assert [line["commit"] for line in later.json()["commits"]] == [one["commit"]]

    tell(story)


def test_changes_are_told_against_the_first_parent(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with sagas(h):
            one = await commit(h, ann, send(h, {"a.mov": b"a", "z.mov": b"z"}), "1")
            sent = send(h, {"a.mov": b"aa", "new/c.mov": b"ccc"})
            sent["changes"] = [*sent["changes"], {"path": "z.mov", "recipe": None}]
            two = await commit(h, ann, sent, "2", base=one["commit"])
        answer = await h.ask("GET", f"/repos/film/commits/{two['commit']}/changes", key=ann)
        told = [(each["path"], each["kind"], each["size_bytes"]) for each in answer.json()["changes"]]
        assert told == [("a.mov", "changed", 2), ("new/c.mov", "added", 3), ("z.mov", "removed", 0)]

    tell(story)


async def pages(h: House, key: str, path: str) -> list[str]:
    found, after = list[str](), ""
    while True:
        page = (await h.ask("GET", f"{path}?limit=2&after={after}", key=key)).json()
        found += [each["path"] for each in page["files"]]
        if (after := page["next"]) is None:
            return found


def test_a_long_list_of_files_goes_on_where_it_ended(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        files = {"a.txt": b"1", "a/b": b"2", "a/c/d": b"3", "b": b"4", "c/x": b"5"}
        with sagas(h):
            made = await commit(h, ann, send(h, files))
        found = await pages(h, ann, f"/repos/film/commits/{made['commit']}/files")
        assert sorted(found) == sorted(files)
        assert len(found) == len(files)

    tell(story)


def test_files_below_a_prefix(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with sagas(h):
            made = await commit(h, ann, send(h, {"a/b": b"2", "a/bc": b"3", "a/d": b"4", "b": b"5"}))
        path = f"/repos/film/commits/{made['commit']}/files"
        for prefix, count in (("a/b", 2), ("a/", 3), ("", 4), ("x/", 0), ("b/c", 0)):
            answer = await h.ask("GET", path, key=ann, params={"prefix": prefix})
            assert len(answer.json()["files"]) == count, prefix

    tell(story)


@pytest.mark.parametrize("thing", ["branches", "tags"])
def test_a_name_is_given_to_published_commits_only(tell: Tell, thing: str) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with sagas(h):
            made = await commit(h, ann, send(h, {"a.mov": b"a"}))
        body, path = {"name": "v1/cut", "commit": made["commit"]}, f"/repos/film/{thing}"
        created = await h.ask("POST", path, key=ann, body=body)
        assert (created.status_code, created.json()["manifest"]) == (201, made["manifest"]), created.text
        assert (await h.ask("GET", f"{path}/v1/cut", key=ann)).json() == created.json()
        other = await h.ask("POST", path, key=ann, body={"name": "x", "commit": "0" * 32})
        assert other.json()["code"] == "UNKNOWN_CONTENT"

    tell(story)


@pytest.mark.parametrize(("thing", "left"), [("branches", ["main"]), ("tags", [])])
def test_a_name_that_is_deleted_is_gone_once(tell: Tell, thing: str, left: list[str]) -> None:
    async def story(h: House) -> None:
        ann, path, once = await h.repo(), f"/repos/film/{thing}", {"Idempotency-Key": "d"}
        with sagas(h):
            made = await commit(h, ann, send(h, {"a.mov": b"a"}))
        await h.ask("POST", path, key=ann, body={"name": "old", "commit": made["commit"]})
        for _ in range(2):
            assert (await h.ask("DELETE", f"{path}/old", key=ann, headers=once)).status_code == 204
        assert [each["name"] for each in (await h.ask("GET", path, key=ann)).json()[thing]] == left
        assert (await h.ask("DELETE", f"{path}/old", key=ann)).status_code == 404

    tell(story)


def test_a_branch_is_deleted_only_at_the_head_that_was_meant(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        with sagas(h):
            made = await commit(h, ann, send(h, {"a.mov": b"a"}))
        stale = await h.ask("DELETE", "/repos/film/branches/main", key=ann, headers={"If-Match": '"0000"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "STALE_HEAD")
        tag = (await h.ask("GET", "/repos/film/branches/main", key=ann)).headers["ETag"]
        assert tag == f'"{made["commit"]}"'
        gone = await h.ask("DELETE", "/repos/film/branches/main", key=ann, headers={"If-Match": tag})
        assert gone.status_code == 204

    tell(story)


RECIPE = "11" * 32
WRONG: list[tuple[Sent, int, str]] = [
    ({"session": "0" * 32}, 404, "NOT_FOUND"),
    ({"base": "0" * 32}, 422, "UNKNOWN_CONTENT"),
    ({"branch": "a..b"}, 400, "INVALID_NAME"),
    ({"changes": None}, 422, "INVALID_BODY"),
    ({"tree": RECIPE}, 422, "INVALID_BODY"),
    ({"message": "a\0b"}, 422, "INVALID_BODY"),
    ({"message": "x" * 70_000}, 422, "INVALID_BODY"),
    ({"message": "x" * 300_000}, 413, "BODY_TOO_LARGE"),
    ({"tokens": [{"path": "a", "token": 0}]}, 422, "INVALID_BODY"),
    ({"changes": [{"path": "../a", "recipe": RECIPE}]}, 400, "INVALID_PATH"),
    ({"changes": [{"path": "a\0", "recipe": RECIPE}]}, 400, "INVALID_PATH"),
    ({"changes": [{"path": "a\u0308", "recipe": RECIPE}]}, 400, "INVALID_PATH"),
    ({"changes": [{"path": "a", "recipe": RECIPE}, {"path": "a", "recipe": None}]}, 422, "INVALID_BODY"),
    ({"changes": [{"path": "a", "recipe": RECIPE}, {"path": "A", "recipe": RECIPE}]}, 422, "PATH_COLLISION"),
]


def test_a_commit_is_refused_before_it_opens(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        sent = send(h, {"a.mov": b"aaaa"})
        for number, (wrong, status, code) in enumerate(WRONG):
            answer = await commit(h, ann, {**sent, **wrong}, f"k{number}")
            assert (answer["status"], answer["code"]) == (status, code), (wrong, answer)

    tell(story)


def test_a_commit_needs_a_key(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        body = {"branch": "main", **send(h, {"a.mov": b"aaaa"})}
        answer = await h.ask("POST", "/repos/film/commits", key=ann, body=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")

    tell(story)
