"""Which cases of a table run as they stand, and which are written by hand, and why (R48, R49, R51).

`python -m tests.scenarios.api.cases [TABLE]` prints every id with its kind.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path

from tests.scenarios.api.registries import NoExpressionError, Start, parsed
from tests.scenarios.api.table import OWN, Case, Table

DECLARED = frozenset(
    {
        "id",
        "registry",
        "clock",
        "request",
        "auth",
        "via",
        "like",
        "after",
        "expect",
        "ruling",
        "note",
    }
)
"""A case made only of these is declarative (R49)."""
ASKED = frozenset({"method", "path", "headers", "auth", "ip", "raw", "body", "query"})
EXPECTED = frozenset(
    {
        "status",
        "code",
        "message",
        "details",
        "headers",
        "absent",
        "body",
        "body_exact",
        "body_items_keys",
        "default_version",
        "connection",
        "application_reached",
        "loads",
        "warnings",
        "log",
        "log_field",
        "metrics",
        "events",
        "note",
        "ruling",
    }
)
"""What the interpreter can look at, beside `body_of_<path>`."""
BODY_OF = re.compile(r"body_of_[a-z_]+")
FIELDS = re.compile(r"\d+ fields")
WAYS = ("asgi", "wire", "default", "either")
PROSE_SHOWN_CHARACTERS_MAX = 60


def start_of(case: Case, table: Table) -> Start:
    """Raises NoExpressionError."""
    start = parsed(case.registry, table.registries)
    if start.after is not None and start.after not in table.ids:
        raise NoExpressionError(case.registry)
    return start


def clock_of(case: Case) -> datetime:
    """Raises ValueError for prose."""
    clock = case.clock
    text = str(clock.get("now") if isinstance(clock, dict) else clock)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text} names no time zone")
    return moment


def why_by_hand(case: Case, table: Table) -> str:
    """Empty for a declarative case."""
    foreign = sorted(set(case.given) - DECLARED)
    if foreign:
        return f"it has {', '.join(foreign)}"
    try:
        start_of(case, table)
    except NoExpressionError:
        return f"its registry is in words: {_shown(case.registry)}"
    if case.after is not None and case.after not in table.ids:
        return f"it stands after what is no case: {_shown(case.after)}"
    try:
        clock_of(case)
    except ValueError:
        return f"its clock is in words: {_shown(case.clock)}"
    return _strange_request(case, table) or _strange_expectation(case)


def _strange_request(case: Case, table: Table) -> str:
    request = case.request
    if case.via not in WAYS:
        return f"it goes via {_shown(case.via)}"
    if request is None:
        return ""
    if not isinstance(request, dict):
        return f"its request is in words: {_shown(request)}"
    if strange := sorted(set(request) - ASKED):
        return f"its request has {', '.join(strange)}"
    headers = request.get("headers", {})
    if isinstance(headers, str) and not FIELDS.fullmatch(headers):
        return f"its headers are in words: {_shown(headers)}"
    auth = request.get("auth", case.auth)
    if auth is not None and str(auth) not in table.credentials:
        return f"its credential is none of the table's: {_shown(auth)}"
    return ""


def _strange_expectation(case: Case) -> str:
    strange = sorted(name for name in case.expect if name not in EXPECTED and not BODY_OF.fullmatch(name))
    if strange:
        return f"it expects {', '.join(strange)}"
    status = case.expect.get("status", 200)
    if not isinstance(status, int | list):
        return f"its status is in words: {_shown(status)}"
    return ""


def _shown(value: object) -> str:
    return repr(str(value)[:PROSE_SHOWN_CHARACTERS_MAX])


def listed(table: Table) -> list[str]:
    """One line a case: its id and its kind."""
    return [f"{name}: {_kind(why_by_hand(table.case(name), table))}" for name in table.ids]


def _kind(why: str) -> str:
    return f"by hand, for {why}" if why else "declarative"


if __name__ == "__main__":
    print("\n".join(listed(Table.read(Path(sys.argv[1]) if len(sys.argv) > 1 else OWN))))
