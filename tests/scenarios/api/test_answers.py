"""An answer is held against what the table expects of it, and every wrong expectation is reported."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.api.answers import Answer, findings
from tests.scenarios.api.words import Known

BODY = b'{"code": "VERSION_SUNSET", "message": "gone", "details": {"version_id": "v0", "n": 3}}'
ANSWER = Answer(
    410,
    (
        ("Content-Type", "application/problem+json"),
        ("Vary", "X-API-Version, X-API-Prerelease-Opt-In"),
        ("Link", '<a>; rel="sunset"'),
        ("Link", '<b>; rel="successor-version"'),
        ("Retry-After", "60"),
    ),
    BODY,
)


@pytest.mark.parametrize(
    "held",
    [
        {"status": 410, "code": "VERSION_SUNSET", "message": "gone"},
        {"details": {"version_id": "v0"}},
        {"headers": {"link": 'contains <a>; rel="sunset" and <b>; rel="successor-version"'}},
        {"headers": {"Retry-After": 60, "X-API-Version": None}},
        {"absent": ["X-API-Version", "v1", "X-API-Prerelease-Opt-In in the body", "Traceback"]},
        {"body": {"code": "present"}, "note": "prose"},
        {"absent": ["X-Injected in response headers", "raw CR or LF in log line"]},
    ],
)
def test_an_answer_that_is_right_is_found_right(held: dict[str, Any]) -> None:
    assert findings(held, ANSWER, Known()) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 404},
        {"code": "OTHER"},
        {"message": "present"},
        {"details": {"version_id": "v1"}},
        {"details": {"other": "present"}},
        {"headers": {"Link": 'contains rel="help"'}},
        {"headers": {"Retry-After": "61"}},
        {"headers": {"Sunset": "present"}},
        {"absent": ["Retry-After"]},
        {"absent": ["v0"]},
        {"absent": ["successor-version"]},
        {"absent": ["Link in response headers"]},
        {"absent": ["gone in the body"]},
        {"body_exact": {"code": "VERSION_SUNSET"}},
        {"connection": "close"},
    ],
)
def test_an_answer_that_is_wrong_is_found_wrong(broken: dict[str, Any]) -> None:
    assert findings(broken, ANSWER, Known())
