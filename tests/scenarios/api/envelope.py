"""The one form of every error, as the table's `error_envelope` says it (R24, R43, V10.1c).

Promises: pure; looks at every error of every case that the runner sends, whatever that case asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.scenarios.api.answers import Answer
from tests.scenarios.api.bodies import Findings
from tests.scenarios.api.words import ABSENT, Known, fits

CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)*")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
LEAKS = ("Traceback", 'File "', "/site-packages/", "SELECT ", "INSERT INTO ", "psycopg")
"""What a stack trace, a file's path or a statement would show."""
OPERATIONAL = re.compile(r"/(?:health|metrics|config/status)(?:/.*)?")
ERROR_FROM = 400


def findings(table: Mapping[str, Any], answer: Answer, path: str, *, has_body: bool = True) -> Findings:
    """Every way in which an error is not the table's envelope; nothing of what is no error."""
    if CONTROL.search("".join(name + value for name, value in answer.headers)):
        return [f"a control character in a header: {answer.headers!r}"]
    envelope = table.get("error_envelope")
    if answer.status < ERROR_FROM or OPERATIONAL.fullmatch(path) or not envelope:
        return []
    told = _header_findings(envelope, answer)
    if has_body:
        told += _body_findings(envelope, answer) + _code_findings(table.get("error_codes") or {}, answer)
        told += [f"the body holds {leak!r}" for leak in LEAKS if leak in answer.text]
    return told


def _header_findings(envelope: Mapping[str, Any], answer: Answer) -> Findings:
    wanted = {
        "Content-Type": envelope.get("content_type", "present"),
        **(envelope.get("headers_always") or {}),
    }
    return [
        f"an error's header {name} should be {value!r}, is {answer.header(name)!r}"
        for name, value in wanted.items()
        if not fits(str(value), answer.header(name), Known(named=answer.named), at=name)
    ]


def _body_findings(envelope: Mapping[str, Any], answer: Answer) -> Findings:
    body = answer.json
    if not isinstance(body, Mapping):
        return [f"an error's body is no JSON object: {answer.text[:200]}"]
    members = envelope.get("members") or {}
    told = [f"an error's body has no {name}" for name in members if name not in body]
    rules: dict[str, bool] = {
        "status": body.get("status") == answer.status,
        "detail": body.get("detail") == body.get("message"),
        "code": bool(CODE.fullmatch(str(body.get("code")))),
        "type": str(body.get("type")).endswith(f"/problems/{_slug(body)}"),
        "correlation_id": body.get("correlation_id") == answer.header("X-Correlation-ID"),
        "details": isinstance(body.get("details"), Mapping),
        "instance": str(body.get("instance")).startswith("/"),
    }
    told += [
        f"an error's {name} is wrong: {body.get(name)!r}"
        for name, holds in rules.items()
        if name in members and not holds
    ]
    return told + _compat_findings((envelope.get("compat") or {}).get("error") or {}, body)


def _compat_findings(wanted: Mapping[str, Any], body: Mapping[str, Any]) -> Findings:
    """The same values again under `error`; those that are there only `when present`, wherever they stand."""
    if not wanted:
        return []
    under = body.get("error")
    if not isinstance(under, Mapping):
        return ["an error's body has no member error"]
    details = body.get("details")
    told: Findings = []
    for name, word in wanted.items():
        twin = (
            details.get(name, ABSENT)
            if "details." in str(word) and isinstance(details, Mapping)
            else body.get(name)
        )
        if twin is not ABSENT and under.get(name) != twin:
            told.append(f"error.{name} should be {twin!r}, is {under.get(name)!r}")
    return told


def _code_findings(codes: Mapping[str, Any], answer: Answer) -> Findings:
    code = answer.member("code")
    status = codes.get(str(code), answer.status)
    return [] if status == answer.status else [f"{code} goes with {status}, not with {answer.status}"]


def _slug(body: Mapping[str, Any]) -> str:
    return str(body.get("code")).lower().replace("_", "-")
