"""A table's request goes out byte by byte as it is written, with credentials put in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.api.credentials import Wanted, WantedKey, WantedToken, wanted
from tests.scenarios.api.sending import ANOTHER_CLIENT, head, sent


@pytest.mark.parametrize(
    ("header", "value", "meant"),
    [
        ("X-API-Key", "<a valid key>", WantedKey()),
        ("X-API-Key", "<key with scope admin:versions>", WantedKey(("read", "write", "admin:versions"))),
        ("X-API-Key", "<key with scope read>", WantedKey(("read",))),
        ("X-API-Key", "<a revoked key>", WantedKey(is_revoked=True)),
        ("X-API-Key", "<a valid key pinned to v1>", WantedKey(pinned="v1")),
        ("X-API-Key", "not-a-key", "not-a-key"),
        ("Authorization", "Bearer <valid>", WantedToken()),
        ("Authorization", "Bearer <exp in the past>", WantedToken("expired")),
        ("Authorization", "Bearer <alg none>", WantedToken("unsigned")),
        ("Authorization", "Bearer <wrong audience>", WantedToken("audience")),
        ("Authorization", "Bearer garbage", "Bearer garbage"),
        ("X-API-Version", "<script>", "<script>"),
    ],
)
def test_a_placeholder_is_read_by_its_words(header: str, value: str, meant: Wanted) -> None:
    assert wanted(header, value) == meant


def test_a_credential_s_limit_and_scopes_count() -> None:
    more = {"limit": 5, "scopes": ["read"]}
    assert wanted("X-API-Key", "<a valid key>", more) == WantedKey(("read",), 5)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/repos?version=v%EF%BC%91", "/repos?version=v%EF%BC%91"),
        ("/v1%0d%0aX:%20y/repos", "/v1%0d%0aX:%20y/repos"),
        ("/repos?a=1?version=<2 x v>", "/repos?a=1&version=vv"),
        ("/f\u00fcr mich", "/f%C3%BCr%20mich"),
    ],
)
def test_a_path_is_encoded_only_where_it_must_be(path: str, target: str) -> None:
    assert sent({"path": path}).target == target


def test_the_versions_that_a_request_names_are_known() -> None:
    headers = {"x-api-version": " v2 ", "API-Version": "v3"}
    named = sent({"path": "/api/v1.2/repos?version=%31", "headers": headers}).versions
    assert named == (("header", " v2 "), ("header", "v3"), ("url", "v1.2"), ("query", "1"))


def test_headers_may_be_repeated_or_counted() -> None:
    twice = sent({"path": "/", "headers": [["X-API-Version", "v1"], ["X-API-Version", "2 x v"]]})
    assert twice.fields == (("X-API-Version", "v1"), ("X-API-Version", "vv"))
    assert head(sent({"path": "/", "headers": "101 fields"})).count(b"\r\n") == 1 + 101 + 1


def test_a_raw_line_goes_over_the_wire_as_it_is() -> None:
    lines = head(sent({"path": "/repos", "raw": "X-API-Version: v1<CR>X: y"}))
    assert lines == b"GET /repos HTTP/1.1\r\nHost: dits\r\nX-API-Version: v1\rX: y\r\n\r\n"
    whole = head(sent({"path": "/", "raw": ["GET /x HTTP/1.0", "A: b"]}))
    assert whole == b"GET /x HTTP/1.0\r\nA: b\r\n\r\n"


@pytest.mark.parametrize(
    ("request_of", "body"),
    [({"body": {"a": 1}}, b'{"a": 1}'), ({"body": "raw"}, b"raw"), ({}, b'{"name": "from-the-table"}')],
)
def test_a_write_has_a_body(request_of: dict[str, Any], body: bytes) -> None:
    assert sent({"path": "/repos", "method": "POST", **request_of}).body == body


def test_another_address_is_another_client() -> None:
    assert sent({"path": "/", "ip": "another"}).client == ANOTHER_CLIENT
    assert sent({"path": "/", "ip": "203.0.113.7"}).client == "203.0.113.7"
