"""Versions at HTTP's door: what a request says about them, taken out of it; each step logged and counted.

Promises: only the asked-for places are looked at, as bytes before text, so that the usual request pays a few
microseconds; path and query reach the router without the version; a client's value is logged escaped and
never becomes a label (R40); a line or a counter, never a domain event. Seeds 1.1-1.5, 4.4, 7.1-7.3, 8.1, 8.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast, get_args
from urllib.parse import unquote_to_bytes

import structlog
from prometheus_client import CollectorRegistry, Counter
from starlette.types import Scope

from domain import version_spec
from domain.counting import Count
from domain.errors import DitsError, VersionConflictError
from domain.version_spec import Asked, Asker, Choice, Danger, Given, Live, Notice, Source
from gateway.errors import DOCS, HeaderFieldsTooLargeError

Outcome = Literal[
    "ok",
    "default",
    "invalid_format",
    "not_found",
    "conflict",
    "sunset",
    "prerelease_blocked",
    "whitespace",
    "duplicate_header",
]
SUPPORTED = "X-API-Supported-Versions"
CONFLICT_DOCS = f"{DOCS}/versioning#precedence"
"""Told with a contradiction, and linked as its help (V7.1)."""

OUTCOME_OF_CODE: Mapping[str, Outcome] = {
    "INVALID_VERSION_FORMAT": "invalid_format",
    "REQUEST_HEADER_FIELDS_TOO_LARGE": "invalid_format",
    "VERSION_CONFLICT": "conflict",
    "VERSION_NOT_FOUND": "not_found",
    "PRERELEASE_OPT_IN_REQUIRED": "prerelease_blocked",
    "VERSION_SUNSET": "sunset",
    "VERSION_BROWNOUT": "sunset",
}
EVENT_OF_OUTCOME: Mapping[Outcome, str] = {
    "invalid_format": "version.invalid_format",
    "conflict": "version.conflict",
    "not_found": "version.not_found",
    "prerelease_blocked": "version.prerelease_blocked",
    "sunset": "version.sunset_request",
}

TOO_LARGE = f"a version has at most {version_spec.LINE_BYTES_MAX} bytes"
LOGGED_FACTS = ("provided_value", "version_id", "specifications")
"""Of a refusal; they are escaped already."""

_HEADERS: Final = {name.lower().encode(): name for name in version_spec.HEADER_NAMES}
_OPT_IN: Final = version_spec.OPT_IN_HEADER.lower().encode()
_QUERY: Final = "version"
_API: Final = "/api"
_SEGMENT = re.compile(r"/([ \t]*[vV][0-9][^/]*)")
"""Of a path that was percent-decoded (R05)."""

log = structlog.get_logger("gateway.negotiation")
security = structlog.get_logger(_source="security")
"""Bound as infra.logs names a logger: its name is part of the contract (V8.2)."""


# ------------------------------------------------------------------ what a request says
class Spoken(NamedTuple):
    """What a request says about versions, and what is left of it for the router."""

    given: tuple[Given, ...]
    opted_in: bool
    path: str
    query_string: bytes


def spoken_in(scope: Scope) -> Spoken:
    """From an ASGI scope; total: nothing in it is an error yet."""
    given, opted_in = _headers(scope["headers"])
    path: str = scope["path"]
    if path.startswith(_API) and path[len(_API) : len(_API) + 1] in {"", "/"}:
        path = path[len(_API) :] or "/"
    segment = _SEGMENT.match(path)
    if segment is not None:
        given.append(Given("url", None, segment[1]))
        path = path[segment.end() :] or "/"
    query = cast("bytes", scope.get("query_string", b""))
    if query and (b"version" in query or b"%" in query):
        query = _without_version(query, given)
    return Spoken(tuple(given), opted_in, path, query)


def supported_header(live: Live) -> tuple[str, str]:
    """What every version error carries (R39)."""
    return SUPPORTED, ", ".join(live.visible)


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[Given], bool]:
    given: list[Given] = []
    opt_ins: list[bytes] = []
    for name, text in headers:
        if name in _HEADERS:
            given.append(Given("header", _HEADERS[name], text.decode("latin-1")))
        elif name == _OPT_IN:
            opt_ins.append(text)
    return given, bool(opt_ins) and opt_ins[0].strip(b" \t").lower() == b"true"


def _without_version(query: bytes, given: list[Given]) -> bytes:
    """The other fields as they came; what is no UTF-8 shows as U+FFFD, which no version holds."""
    others: list[bytes] = []
    for field in query.split(b"&"):
        name, _, text = field.partition(b"=")
        if _decoded(name) == _QUERY:
            given.append(Given("query", _QUERY, _decoded(text)))
        else:
            others.append(field)
    return b"&".join(others)


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode(errors="replace")


# ------------------------------------------------------------------ the steps
class Outcomes:
    """`dits_version_negotiation_total`, every child bound."""

    def __init__(self, registry: CollectorRegistry) -> None:
        total = Counter(
            "dits_version_negotiation_total",
            "How requests' API versions were settled, and what was noticed on the way.",
            ("outcome", "source"),
            registry=registry,
        )
        self.of: Mapping[tuple[Outcome, Source], Count] = {
            (outcome, source): total.labels(outcome, source)
            for outcome in get_args(Outcome)
            for source in get_args(Source)
        }


@dataclass(frozen=True, slots=True)
class Negotiator:
    """The pipeline's steps 4, 8 with 9, and 10, for the edge to call in its order (R11)."""

    outcomes: Outcomes

    def refuse_dangerous(self, given: Sequence[Given]) -> None:
        """Step 4. Raises VersionPatternError, which is a security incident for the caller to tell of;
        HeaderFieldsTooLargeError."""
        danger = version_spec.dangerous(given) if given else None
        if danger is not None:
            raise self._incident(danger)

    def read(self, given: Sequence[Given]) -> Asked:
        """Steps 8 and 9. Raises VersionPatternError, VersionLengthError, VersionConflictError."""
        try:
            asked = version_spec.read(given)
        except DitsError as error:
            self._notice(version_spec.notices_of(given))
            self._refused(error, _credited(error))
            if isinstance(error, VersionConflictError):
                raise VersionConflictError(**error.facts, documentation=CONFLICT_DOCS) from None
            raise
        if asked.notices:
            self._notice(asked.notices)
        return asked

    def choose(self, asked: Asked, live: Live, asker: Asker) -> Choice:
        """Step 10; raises what `version_spec.choose` does."""
        try:
            choice = version_spec.choose(asked, live, asker)
        except DitsError as error:
            pinned = asked.version_id is None and asker.pinned
            self._refused(error, "key" if pinned else asked.source)
            raise
        self.outcomes.of["default" if asked.version_id is None else "ok", choice.source].inc()
        return choice

    def _incident(self, danger: Danger) -> DitsError:
        self.outcomes.of["invalid_format", danger.source].inc()
        facts = {"source": danger.source, "provided_value": danger.provided_value}
        if danger.kind == "too_large":
            security.warning("security.header_too_large", **facts)
            return HeaderFieldsTooLargeError(
                rule=f"a version has at most {version_spec.LINE_BYTES_MAX} bytes"
            )
        security.warning("security.header_injection", **facts)
        return version_spec.pattern_error(danger.provided_value, danger.source)

    def _notice(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self.outcomes.of[notice.kind, notice.source].inc()
            if notice.kind == "whitespace":
                log.warning(
                    "version.whitespace_trimmed", source=notice.source, provided_value=notice.provided_value
                )
            else:
                log.warning("version.duplicate_header", count=notice.count, used=notice.provided_value)

    def _refused(self, error: DitsError, source: Source) -> None:
        outcome = OUTCOME_OF_CODE.get(error.code)
        if outcome is None:
            return
        self.outcomes.of[outcome, source].inc()
        told = {name: error.facts[name] for name in LOGGED_FACTS if name in error.facts}
        log.info(EVENT_OF_OUTCOME[outcome], source=source, **told)


def _credited(error: DitsError) -> Source:
    """The source whose value was wrong, or the first of those that contradict each other (R04)."""
    specifications = cast("Sequence[Mapping[str, str]]", error.facts.get("specifications", ()))
    return cast("Source", specifications[0]["source"] if specifications else error.facts["source"])
