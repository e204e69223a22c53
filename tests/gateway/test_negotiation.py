"""A version is found wherever it may stand and taken out; each oddity is logged and counted (V1.*, V7.*)."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from domain.errors import DitsError
from domain.version_spec import Asker, Choice, Given
from gateway.errors import HeaderFieldsTooLargeError, problem_of
from gateway.negotiation import CONFLICT_DOCS, Negotiator, Outcomes, spoken_in, supported_header
from tests.domain.versions import ANONYMOUS, HIDDEN, OPTED_IN, STD, WITH_KEY, askers, refused
from tests.gateway.conftest import Lines

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
VERSION = b"x-api-version"


def a_scope(*fields: tuple[bytes, bytes], path: str = "/repos", query: bytes = b"") -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": list(fields)}


class Door:
    """A negotiator over the table's standard registry, with what it counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.negotiator = Negotiator(Outcomes(self.registry))

    def __call__(self, scope: dict[str, Any], asker: Asker = ANONYMOUS) -> Choice:
        spoken = spoken_in(scope)
        self.negotiator.refuse_dangerous(spoken.given)
        return self.negotiator.choose(self.negotiator.read(spoken.given), STD, asker)

    def refuses(self, scope: dict[str, Any], asker: Asker = ANONYMOUS) -> DitsError:
        return refused(lambda: self(scope, asker))

    def counted(self) -> dict[tuple[str, str], float]:
        """What is above zero, by outcome and source."""
        samples = [sample for family in self.registry.collect() for sample in family.samples]
        return {
            (sample.labels["outcome"], sample.labels["source"]): sample.value
            for sample in samples
            if sample.name == "dits_version_negotiation_total" and sample.value
        }


@pytest.fixture
def door() -> Door:
    return Door()


# ------------------------------------------------------------------ where a version may stand (R04, R05)
def test_a_request_without_a_version_says_nothing() -> None:
    spoken = spoken_in(a_scope((b"host", b"x"), (b"accept", b"v1"), query=b"limit=5"))
    assert spoken == ((), False, "/repos", b"limit=5")


def test_a_version_header_and_its_alias_are_heard_line_by_line() -> None:
    said = spoken_in(a_scope((VERSION, b" v1"), (b"api-version", b"\xffv2"), (VERSION, b""))).given
    assert said == (
        Given("header", "X-API-Version", " v1"),
        Given("header", "API-Version", "\xffv2"),
        Given("header", "X-API-Version", ""),
    )


@pytest.mark.parametrize(
    ("path", "segment", "left"),
    [
        ("/v1/repos", "v1", "/repos"),
        ("/V1/repos/a/b", "V1", "/repos/a/b"),
        ("/api/v2/repos", "v2", "/repos"),
        ("/v1.2/repos", "v1.2", "/repos"),
        ("/v1 /repos", "v1 ", "/repos"),
        ("/ \tv1/repos", " \tv1", "/repos"),
        ("/v1\r\nX-Injected: evil/repos", "v1\r\nX-Injected: evil", "/repos"),
        ("/v1", "v1", "/"),
        ("/v1/", "v1", "/"),
        ("/v1/v2", "v1", "/v2"),
    ],
)
def test_the_paths_first_segment_may_be_a_version(path: str, segment: str, left: str) -> None:
    spoken = spoken_in(a_scope(path=path))
    assert (spoken.given, spoken.path) == ((Given("url", None, segment),), left)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/repos", "/repos"),
        ("/version1/repos", "/version1/repos"),
        ("/versions", "/versions"),
        ("/api/repos", "/repos"),
        ("/api", "/"),
        ("/apiary/v1", "/apiary/v1"),
        ("//v1/repos", "//v1/repos"),
        ("/repos/v1", "/repos/v1"),
        ("/\u00a0v1/repos", "/\u00a0v1/repos"),
        ("/v\uff11/repos", "/v\uff11/repos"),
        ("", ""),
        ("*", "*"),
    ],
)
def test_any_other_path_is_a_route(path: str, left: str) -> None:
    spoken = spoken_in(a_scope(path=path))
    assert (spoken.given, spoken.path) == ((), left)


@pytest.mark.parametrize(
    ("query", "raws", "left"),
    [
        (b"version=v1", ["v1"], b""),
        (b"limit=5&version=v1&after=%20x", ["v1"], b"limit=5&after=%20x"),
        (b"version=v1&version=v2", ["v1", "v2"], b""),
        (b"version=", [""], b""),
        (b"version", [""], b""),
        (b"version=%20v1+", [" v1 "], b""),
        (b"%76ersion=v1", ["v1"], b""),
        (b"version=v%EF%BC%91", ["v\uff11"], b""),
        (b"version=%ff%fe&a=%ff", ["\ufffd\ufffd"], b"a=%ff"),
        (b"version=v1%0d%0aX-Injected:%20evil", ["v1\r\nX-Injected: evil"], b""),
        (b"version=a=b", ["a=b"], b""),
        (b"Version=v1&aversion=v1&conversion", [], b"Version=v1&aversion=v1&conversion"),
        (b"&&a=%zz&", [], b"&&a=%zz&"),
    ],
)
def test_the_querys_versions_are_taken_out_of_it(query: bytes, raws: list[str], left: bytes) -> None:
    spoken = spoken_in(a_scope(query=query))
    assert spoken.given == tuple(Given("query", "version", raw) for raw in raws)
    assert spoken.query_string == left


@pytest.mark.parametrize(
    ("text", "opted_in"),
    [(b"true", True), (b" TRUE\t", True), (b"1", False), (b"yes", False), (b"", False), (b"tru\xe9", False)],
)
def test_only_true_opts_in(text: bytes, opted_in: bool) -> None:
    assert spoken_in(a_scope((b"x-api-prerelease-opt-in", text))).opted_in is opted_in


def test_of_several_opt_ins_the_first_line_wins() -> None:
    name = b"x-api-prerelease-opt-in"
    assert not spoken_in(a_scope((name, b"false"), (name, b"true"))).opted_in


def test_every_version_error_can_name_what_is_there() -> None:
    assert supported_header(STD) == ("X-API-Supported-Versions", "v1, v2")


# ------------------------------------------------------------------ what is counted and logged
def test_a_named_version_is_an_outcome_of_its_source(door: Door, logged: Lines) -> None:
    assert door(a_scope((VERSION, b"v1"))).serving.version_id == "v1"
    assert door(a_scope(path="/v1/repos")).serving.version_id == "v1"
    assert door(a_scope(query=b"version=v1")).serving.version_id == "v1"
    assert door.counted() == {("ok", "header"): 1, ("ok", "url"): 1, ("ok", "query"): 1}
    assert logged == []


def test_a_default_is_an_outcome_of_its_own_and_so_is_a_pin(door: Door) -> None:
    assert door(a_scope()).serving.version_id == "v2"
    assert door(a_scope(), Asker(authenticated=True, pinned="v1")).serving.version_id == "v1"
    assert door.counted() == {("default", "default"): 1, ("default", "key"): 1}


def test_a_malformed_version_is_logged_and_counted(door: Door, logged: Lines) -> None:
    error = door.refuses(a_scope(path="/v1.2/repos"))
    assert (error.code, error.facts["source"]) == ("INVALID_VERSION_FORMAT", "url")
    assert door.counted() == {("invalid_format", "url"): 1}
    assert logged == [
        {"event": "version.invalid_format", "log_level": "info", "source": "url", "provided_value": "v1.2"}
    ]


def test_blanks_are_a_warning_besides_the_outcome(door: Door, logged: Lines) -> None:
    assert door(a_scope((VERSION, b"   "))).serving.version_id == "v2"
    assert door.counted() == {("whitespace", "header"): 1, ("default", "default"): 1}
    assert logged == [
        {
            "event": "version.whitespace_trimmed",
            "log_level": "warning",
            "source": "header",
            "provided_value": "   ",
        }
    ]


def test_a_second_line_is_a_warning_besides_the_outcome(door: Door, logged: Lines) -> None:
    assert door(a_scope((VERSION, b"v2"), (VERSION, b"1.0"))).serving.version_id == "v2"
    assert door.counted() == {("duplicate_header", "header"): 1, ("ok", "header"): 1}
    assert logged == [{"event": "version.duplicate_header", "log_level": "warning", "count": 2, "used": "v2"}]


def test_what_is_refused_is_warned_of_as_well(door: Door, logged: Lines) -> None:
    door.refuses(a_scope((VERSION, b" 1.0, v2")))
    assert door.counted() == {
        ("whitespace", "header"): 1,
        ("duplicate_header", "header"): 1,
        ("invalid_format", "header"): 1,
    }
    assert [line["log_level"] for line in logged] == ["warning", "warning", "info"]


def test_a_contradiction_is_credited_to_its_first_source_and_documented(door: Door, logged: Lines) -> None:
    error = door.refuses(a_scope((VERSION, b"v2"), path="/v1/repos", query=b"version=v3"))
    assert error.facts["documentation"] == CONFLICT_DOCS
    assert door.counted() == {("conflict", "header"): 1}
    assert [line["event"] for line in logged] == ["version.conflict"]
    details = json.loads(problem_of(error).body("/v1/repos", "c"))["details"]
    assert details["precedence"] == ["header", "url", "query"]
    assert details["specifications"][1:] == [
        {"source": "url", "value": "v1"},
        {"source": "query", "name": "version", "value": "v3"},
    ]


@pytest.mark.parametrize(
    ("version_id", "asker", "outcome", "event"),
    [
        (b"V1", ANONYMOUS, "not_found", "version.not_found"),
        (b"v4-alpha", OPTED_IN, "not_found", "version.not_found"),
        (b"v3-beta", ANONYMOUS, "not_found", "version.not_found"),
        (b"v3-beta", WITH_KEY, "prerelease_blocked", "version.prerelease_blocked"),
        (b"v0", ANONYMOUS, "sunset", "version.sunset_request"),
    ],
)
def test_every_refused_lookup_has_its_outcome_and_its_line(
    door: Door, logged: Lines, version_id: bytes, asker: Asker, outcome: str, event: str
) -> None:
    door.refuses(a_scope((VERSION, version_id)), asker)
    assert door.counted() == {(outcome, "header"): 1}
    assert logged == [
        {"event": event, "log_level": "info", "source": "header", "version_id": version_id.decode()}
    ]


def test_a_refused_pin_is_credited_to_the_key(door: Door) -> None:
    door.refuses(a_scope(), Asker(authenticated=True, pinned="v0"))
    assert door.counted() == {("sunset", "key"): 1}


# ------------------------------------------------------------------ danger (V8.2, V8.3)
def test_an_injection_is_a_security_event_told_as_a_malformed_version(door: Door, logged: Lines) -> None:
    error = door.refuses(a_scope((VERSION, b"v1"), (VERSION, b"v1\r\nX-Injected: evil")))
    assert (error.code, error.facts["source"]) == ("INVALID_VERSION_FORMAT", "header")
    assert logged == [
        {
            "_source": "security",
            "event": "security.header_injection",
            "log_level": "warning",
            "source": "header",
            "provided_value": r"v1\r\nX-Injected: evil",
        }
    ]


@pytest.mark.parametrize(
    "scope",
    [
        a_scope((VERSION, b"v1\r\n")),
        a_scope((b"api-version", b"v1\x00")),
        a_scope(query=b"version=v1%0d%0aX-Injected:%20evil"),
        a_scope(path="/v1\r\nX-Injected: evil/repos"),
    ],
)
def test_an_injection_is_seen_in_every_source(door: Door, scope: dict[str, Any]) -> None:
    assert door.refuses(scope).code == "INVALID_VERSION_FORMAT"


def test_a_version_header_has_at_most_1024_bytes(door: Door, logged: Lines) -> None:
    assert door.refuses(a_scope((VERSION, b"v" * 1_024))).code == "INVALID_VERSION_FORMAT"
    error = door.refuses(a_scope((VERSION, b"v" * 1_025)))
    assert isinstance(error, HeaderFieldsTooLargeError)
    assert problem_of(error).status == 431
    assert [line["event"] for line in logged] == ["version.invalid_format", "security.header_too_large"]
    assert len(logged[1]["provided_value"]) == 64


# ------------------------------------------------------------------ any bytes at all
def test_a_hidden_version_is_told_in_the_same_bytes_as_an_unknown_one(door: Door) -> None:
    for hidden, unknown in ((b"v3-beta", b"v9-beta"), (b"v4-alpha", b"v9-alpha")):
        told = [
            problem_of(door.refuses(a_scope((VERSION, version_id)))).body("/repos", "c")
            for version_id in (hidden, unknown)
        ]
        assert told[0].replace(hidden, unknown) == told[1]


pieces = st.sampled_from(
    [b"v1", b"v3-beta", b"V4-ALPHA", b"\r\n", b"%0d", b" ", b"\t", b",", b"%", b"\xff", b"="]
)
texts = st.one_of(st.binary(max_size=40), st.lists(pieces, max_size=5).map(b"".join))
names = st.sampled_from([VERSION, b"api-version", b"x-api-prerelease-opt-in", b"host"])
queries = st.one_of(texts, texts.map(b"version=".__add__), texts.map(b"a&version=v1&version=".__add__))
paths = st.one_of(
    st.text(max_size=20), texts.map(lambda text: "/" + text.decode(errors="replace") + "/repos")
)
scopes = st.builds(
    lambda fields, path, query: a_scope(*fields, path=path, query=query),
    st.lists(st.tuples(names, texts), max_size=4),
    paths,
    queries,
)


@pytest.fixture(scope="module")
def open_door() -> Door:
    return Door()


@given(scope=scopes, asker=askers)
def test_any_bytes_lead_to_a_choice_or_to_a_version_error(
    open_door: Door, scope: dict[str, Any], asker: Asker
) -> None:
    try:
        choice = open_door(scope, asker)
    except DitsError as error:
        problem = problem_of(error)
        body = json.loads(problem.body("/repos", "c"))
        assert problem.status in {400, 404, 409, 410}
    else:
        body = {"message": choice.serving.version_id, "details": {}}
    assert not CONTROL.search(json.dumps(body, ensure_ascii=False))


@given(scope=scopes, opted_in=st.booleans())
def test_the_anonymous_never_hear_of_a_hidden_version(
    open_door: Door, scope: dict[str, Any], opted_in: bool
) -> None:
    said = " ".join(one.raw for one in spoken_in(scope).given)
    try:
        told = open_door(scope, Asker(opted_in=opted_in)).serving.version_id
    except DitsError as error:
        # The pattern's examples are fixed text, and one of them is a prerelease's name.
        told = str({**error.facts, "examples": ()})
    assert [hidden for hidden in HIDDEN if hidden in told and hidden not in said] == []


@given(scope=scopes)
def test_what_is_logged_is_escaped_and_short(open_door: Door, scope: dict[str, Any]) -> None:
    with capture_logs() as lines, suppress(DitsError):
        open_door(scope)
    texts_logged = [str(text) for line in lines for name, text in line.items() if name != "specifications"]
    assert not any(CONTROL.search(text) or len(text) > 64 for text in texts_logged)
