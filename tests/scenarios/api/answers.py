"""An answer as it came, and what the table says of it: status, code, message, headers, what may not be there.

Promises: pure over bytes; `findings` is empty only if every member of the expectation was looked at and held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.scenarios.api import bodies
from tests.scenarios.api.bodies import Findings
from tests.scenarios.api.words import ABSENT, Known, fits, mentions

LIKE_A_HEADER = re.compile(r"[A-Z][A-Za-z0-9]*(?:-[A-Z][A-Za-z0-9]*)+")
SINGLE_WORD_HEADERS = frozenset(
    {
        "Allow",
        "Connection",
        "Deprecation",
        "ETag",
        "Link",
        "Location",
        "RateLimit",
        "Sunset",
        "Vary",
        "Warning",
    }
)
PLACED = re.compile(r"(.+?) in (?:the )?(response headers|headers|body)")
OF_LOGS = re.compile(r".* in (?:the |any )?log lines?")
SAME_FOR_ALL = frozenset({"vary", "etag", "date", "x-correlation-id", "content-length"})
"""Headers whose values say nothing about the request."""
PROSE = frozenset({"note", "ruling"})
OF_THE_WORLD = frozenset(
    {"log", "metrics", "events", "loads", "warnings", "log_field", "default_version", "application_reached"}
)
"""Looked at where the world is (`checking`), not in the answer."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, from whichever way it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reached: bool = True
    """Did the request come to the application?"""

    def values(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given.lower() == name.lower()]

    def header(self, name: str) -> object:
        """Its text, its lines joined; ABSENT if it is not there."""
        values = self.values(name)
        return ", ".join(values) if values else ABSENT

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @cached_property
    def json(self) -> Any:
        """The parsed body; ABSENT if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return ABSENT

    def member(self, name: str) -> object:
        found: object = self.json
        for part in name.split("."):
            found = found.get(part, ABSENT) if isinstance(found, Mapping) else ABSENT
        return found

    def named(self, name: str) -> object:
        """A header or a member of the body: what `= NAME` refers to."""
        header = self.header(name)
        return self.member(name) if header is ABSENT else header


def findings(expect: Mapping[str, Any], answer: Answer, known: Known) -> Findings:
    """Every way in which the answer is not as expected."""
    told: Findings = []
    for name, wanted in expect.items():
        if name in PROSE or name in OF_THE_WORLD or name.startswith("body_of_"):
            continue
        told += LOOKS[name](wanted, answer, known)
    if told:
        told.append(f"answered {answer.status} {answer.headers!r} {answer.text[:1_000]}")
    return told


def _status(wanted: Any, answer: Answer, known: Known) -> Findings:
    allowed = wanted if isinstance(wanted, list) else [wanted]
    return [] if answer.status in allowed else [f"status should be {wanted}, is {answer.status}"]


def _member(name: str) -> Callable[[Any, Answer, Known], Findings]:
    return lambda wanted, answer, known: bodies.findings(wanted, answer.member(name), known, name)


def _message(wanted: Any, answer: Answer, _known: Known) -> Findings:
    """Exact: no word of the table is a word in it."""
    found = answer.member("message")
    return [] if found == wanted else [f"message should be {wanted!r}, is {found!r}"]


def _headers(wanted: Mapping[str, Any], answer: Answer, known: Known) -> Findings:
    told: Findings = []
    for name, value in wanted.items():
        for word in value if isinstance(value, list) else [value]:
            found, text = answer.header(name), "absent" if word is None else str(word)
            if not fits(text, found, known, at=name):
                told.append(f"header {name} should be {word!r}, is {found!r}")
    return told


def _absent(wanted: Any, answer: Answer, _known: Known) -> Findings:
    return [told for each in _as_list(wanted) if (told := _occurs(str(each), answer))]


def _occurs(wanted: str, answer: Answer) -> str:
    if OF_LOGS.fullmatch(wanted):
        return ""
    match = PLACED.fullmatch(wanted)
    text, place = (match[1], match[2]) if match else (wanted, "")
    is_header = bool(LIKE_A_HEADER.fullmatch(text)) or text in SINGLE_WORD_HEADERS
    if place != "body" and answer.header(text) is not ABSENT:
        return f"header {text} is there: {answer.header(text)!r}"
    is_anywhere = not place and not is_header
    if (place == "body" or is_anywhere) and mentions(answer.text, text):
        return f"{text!r} is in the body: {answer.text[:200]}"
    values = [value for name, value in answer.headers if name.lower() not in SAME_FOR_ALL]
    if (place.endswith("headers") or is_anywhere) and any(mentions(value, text) for value in values):
        return f"{text!r} is in a header's value"
    return ""


def _body(wanted: Any, answer: Answer, known: Known) -> Findings:
    if isinstance(wanted, str) and answer.json is ABSENT:
        return [] if fits(wanted, answer.text, known) else [f"body should be {wanted!r}"]
    return bodies.findings(wanted, answer.json, known)


def _connection(wanted: Any, answer: Answer, known: Known) -> Findings:
    found = str(answer.header("Connection")).lower()
    return [] if found == str(wanted).lower() else [f"connection should be {wanted}, is {found}"]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


LOOKS: Mapping[str, Callable[[Any, Answer, Known], Findings]] = {
    "status": _status,
    "code": _member("code"),
    "message": _message,
    "details": _member("details"),
    "headers": _headers,
    "absent": _absent,
    "body": _body,
    "body_exact": lambda wanted, answer, known: bodies.exact_findings(wanted, answer.json, known),
    "body_items_keys": lambda wanted, answer, known: bodies.keys_findings(wanted, answer.json),
    "connection": _connection,
}
