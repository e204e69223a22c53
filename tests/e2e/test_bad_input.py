"""What cannot be meant, over real HTTP: a stable code, a correlation id, and nothing of it done."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest

from gateway.client import Client
from tests.e2e.product import MIB, Product, draft, files_of, upload_of

NOBODY = "ab" * 32
"""A digest of no content that was ever sent."""


def frame(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "big") + content


@dataclass(frozen=True)
class Wrong:
    """A request and what it must be answered; {repo} and {session} are filled in."""

    what: str
    status: int
    code: str
    path: str
    method: str = "POST"
    json: object = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


def chunks(what: str, status: int, code: str, content: bytes) -> Wrong:
    return Wrong(what, status, code, "/repos/{repo}/sessions/{session}/chunks", content=content)


def commit(what: str, status: int, code: str, *changed: str, **more: object) -> Wrong:
    changes = [{"path": path, "recipe": NOBODY} for path in changed]
    body = {
        "branch": "main",
        "session": "{session}",
        "base": None,
        "message": "m",
        "changes": changes,
        **more,
    }
    body = {name: value for name, value in body.items() if value != "left out"}
    return Wrong(
        what,
        status,
        code,
        "/repos/{repo}/commits",
        json=body,
        headers={"Idempotency-Key": what.replace(" ", "-")},
    )


def repos(what: str, status: int, code: str, content: bytes, kind: str = "application/json") -> Wrong:
    return Wrong(what, status, code, "/repos", content=content, headers={"Content-Type": kind})


WRONG = [
    chunks("other bytes than the name", 422, "CHUNK_DIGEST_MISMATCH", frame(b"\1" * 32, b"other")),
    chunks("an empty chunk", 422, "CHUNK_SIZE", frame(b"\1" * 32, b"")),
    chunks("a chunk too large", 422, "CHUNK_SIZE", frame(b"\1" * 32, bytes(4 * MIB + 1))),
    chunks("half a frame", 400, "MALFORMED_BODY", b"\1" * 20),
    commit("an unknown recipe", 422, "UNKNOWN_CONTENT", "a.mov"),
    commit("an unknown tree", 422, "UNKNOWN_CONTENT", changes="left out", tree=NOBODY),
    commit("an unknown parent", 422, "UNKNOWN_CONTENT", "a.mov", base="ab" * 16),
    commit("a path that climbs", 400, "INVALID_PATH", "../a"),
    commit("a path from the root", 400, "INVALID_PATH", "/a"),
    commit("a NUL", 400, "INVALID_PATH", "a\0b"),
    commit("a control character", 400, "INVALID_PATH", "a\x07b"),
    commit("another normal form", 400, "INVALID_PATH", "cafe\u0301.mov"),
    commit("a path too long", 400, "INVALID_PATH", "\u00e9" * 513),
    commit("paths that collide", 422, "PATH_COLLISION", "A.mov", "a.mov"),
    commit("an unknown member", 422, "INVALID_BODY", "a", colour="blue"),
    commit("another type", 422, "INVALID_BODY", "a", fixed_head="perhaps"),
    commit("a body too large", 413, "BODY_TOO_LARGE", "a", message="m" * 2 * MIB),
    repos("broken JSON", 400, "MALFORMED_BODY", b'{"name": '),
    repos("no text", 400, "MALFORMED_BODY", b'{"name": "\xff"}'),
    repos("a form", 415, "UNSUPPORTED_MEDIA_TYPE", b"name=x", "application/x-www-form-urlencoded"),
    repos("a name that is none", 400, "INVALID_NAME", b'{"name": "No Name"}'),
    Wrong("no key", 400, "IDEMPOTENCY_KEY_REQUIRED", "/repos/{repo}/locks", json={"paths": ["a"]}),
    Wrong(
        "no position", 400, "INVALID_POSITION", "/repos/{repo}/locks", "GET", headers={"X-Dits-After": "soon"}
    ),
    Wrong("an unknown repository", 404, "NOT_FOUND", "/repos/nowhere/locks", "GET"),
    Wrong("an unknown address", 404, "NOT_FOUND", "/nowhere", "GET"),
    Wrong("another method", 405, "METHOD_NOT_ALLOWED", "/repos", "DELETE"),
]


def answered(http: httpx.Client, wrong: Wrong, repo: str, session: str) -> httpx.Response:
    body = wrong.json
    if isinstance(body, dict) and "session" in body:
        body = {**body, "session": session}
    path = wrong.path.format(repo=repo, session=session)
    return http.request(wrong.method, path, json=body, content=wrong.content, headers=wrong.headers)


@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=wrong.what) for wrong in WRONG])
def test_what_is_wrong_is_named_and_not_done(
    product: Product, client: Client, repo: str, wrong: Wrong
) -> None:
    session = upload_of(client, repo).session.session
    with product.http() as http:
        answer = answered(http, wrong, repo, session)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (wrong.status, wrong.code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Correlation-ID"] == body["correlation_id"] != ""
    assert client.branches.list(repo) == ()


def test_a_stale_head_is_refused_and_the_branch_stays(client: Client, product: Product, repo: str) -> None:
    first = client.commits.open(repo, draft(client, repo, {"a": b"1"}, base=None)).commit
    client.commits.open(repo, draft(client, repo, {"a": b"2"}, base=first))
    asked = draft(client, repo, {"a": b"3"}, base=first, fixed=True)
    with product.http() as http:
        answer = http.post(f"/repos/{repo}/commits", json=asked.body(), headers={"Idempotency-Key": "stale"})
    assert (answer.status_code, answer.json()["code"]) == (409, "STALE_HEAD")
    assert files_of(client, repo, "main") == {"a": b"2"}


def test_a_key_with_another_body_is_refused_and_the_first_effect_stays(
    client: Client, product: Product, repo: str
) -> None:
    headers = {"Idempotency-Key": "mine"}
    with product.http() as http:
        http.post(f"/repos/{repo}/locks", json={"paths": ["a"], "lease": "until"}, headers=headers)
        again = http.post(f"/repos/{repo}/locks", json={"paths": ["b"], "lease": "until"}, headers=headers)
    assert (again.status_code, again.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    client.locks.acquire(repo, "c")
    assert [lock.path for lock in client.locks.list(repo)] == ["a", "c"]


def test_a_range_beyond_the_end_names_the_size(client: Client, product: Product, repo: str) -> None:
    commit_id = client.commits.open(repo, draft(client, repo, {"a": b"123"}, base=None)).commit
    with product.http() as http:
        answer = http.get(f"/repos/{repo}/commits/{commit_id}/files/a", headers={"Range": "bytes=9-"})
    assert (answer.status_code, answer.json()["code"]) == (416, "RANGE_NOT_SATISFIABLE")
    assert answer.headers["Content-Range"] == "bytes */3"
