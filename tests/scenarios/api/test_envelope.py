"""Every error that a case meets is held against the table's envelope."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import VARY
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.envelope import findings
from tests.scenarios.api.table import OWN, Table

TABLE = Table.read(OWN).raw
FLAT = {
    "code": "VERSION_NOT_FOUND",
    "message": "m",
    "correlation_id": "c",
    "details": {"available_versions": ["v1"]},
}
BODY = {
    **FLAT,
    "type": "https://x.example/problems/version-not-found",
    "title": "Version not found",
    "status": 404,
    "detail": "m",
    "instance": "/repos",
    "error": {**FLAT, "available_versions": ["v1"]},
}
HEADERS = {
    "Content-Type": "application/problem+json",
    "X-Correlation-ID": "c",
    "Cache-Control": "no-store",
    "Vary": VARY,
}


def answer(body: dict[str, Any], **headers: str) -> Answer:
    return Answer(404, tuple({**HEADERS, **headers}.items()), json.dumps(body).encode())


def test_the_whole_envelope_is_in_order() -> None:
    assert findings(TABLE, answer(BODY), "/repos") == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": 400},
        {"detail": "another"},
        {"code": "VERSION_SUNSET"},
        {"type": "https://x.example/problems/other"},
        {"correlation_id": "d"},
        {"details": None},
        {"instance": "repos"},
        {"error": None},
        {"error": {**FLAT, "code": "X", "available_versions": ["v1"]}},
        {"error": FLAT},
        {"title": "Traceback (most recent call last)"},
    ],
)
def test_a_body_that_is_not_the_envelope_is_told(change: dict[str, Any]) -> None:
    assert findings(TABLE, answer({**BODY, **change}), "/repos")


@pytest.mark.parametrize("member", ["type", "title", "instance", "error", "details"])
def test_a_missing_member_is_told(member: str) -> None:
    assert findings(TABLE, answer({name: BODY[name] for name in BODY if name != member}), "/repos")


@pytest.mark.parametrize("header", list(HEADERS))
def test_a_wrong_header_is_told(header: str) -> None:
    assert findings(TABLE, answer(BODY, **{header: "another"}), "/repos")


def test_a_control_character_in_a_header_is_told_of_any_answer() -> None:
    assert findings(TABLE, replace(answer(BODY, **{"X-A": "a\r\nb"}), status=200), "/repos")


def test_operational_paths_have_errors_of_their_own() -> None:
    assert findings(TABLE, Answer(503, (), b"{}"), "/health/ready") == []
