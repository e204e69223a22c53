"""What holds for every request: envelope, correlation id, bad input, positions (S3.3, V7.4, V10.1)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UnavailableError
from domain.position import Position
from gateway.core import Core, Limits
from gateway.correlation import correlation_id
from gateway.operation import Answer, Call, Nothing, Operation
from gateway.operations import OPERATIONS
from tests.fakes import FakeIds
from tests.gateway.conftest import QUICK, Lines, Tell
from tests.gateway.house import House, expect_problem, house, run_story

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_an_unknown_address_is_a_problem(tell: Tell) -> None:
    async def story(h: House) -> None:
        expect_problem(await h.ask("GET", "/nowhere"), 404, "NOT_FOUND")
        expect_problem(await h.ask("GET", "/repos/"), 404, "NOT_FOUND")

    tell(story)


def test_a_method_that_is_not_taken_names_those_that_are(tell: Tell) -> None:
    async def story(h: House) -> None:
        answer = await h.ask("PUT", "/repos", key=h.key("ann", "read"))
        expect_problem(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"

    tell(story)


def test_options_names_the_methods(tell: Tell) -> None:
    async def story(h: House) -> None:
        answer = await h.ask("OPTIONS", "/repos")
        assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")

    tell(story)


def test_head_answers_as_get_without_the_body(tell: Tell) -> None:
    async def story(h: House) -> None:
        got, head = await h.ask("GET", "/repos"), await h.ask("HEAD", "/repos")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(got.content))

    tell(story)


def test_a_harmless_correlation_id_is_kept_and_any_other_is_replaced(tell: Tell) -> None:
    async def story(h: House) -> None:
        kept = await h.ask("GET", "/repos", headers={"X-Correlation-ID": "shot-7_a.b~c"})
        assert kept.headers["X-Correlation-ID"] == "shot-7_a.b~c"
        for bad in ("", "a b", "x" * 129, "a\x7f"):
            made = await h.ask("GET", "/repos", headers={"X-Correlation-ID": bad})
            assert UUID4.fullmatch(made.headers["X-Correlation-ID"]), bad

    tell(story)


@given(st.text(max_size=140))
def test_a_correlation_id_is_always_harmless(given_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,128}", correlation_id(given_id, FakeIds()))


def test_a_body_that_is_no_json_or_of_another_shape_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = h.key("ann", "write")
        headers = {"X-API-Key": ann, "Content-Type": "application/json"}
        for body in (b"{", b"\xff", b"[1", b'{"name": "a\\ud800"}', b"[" * 100_000, b"nul"):
            answer = await h.http.post("/repos", content=body, headers=headers)
            expect_problem(answer, 400, "MALFORMED_BODY")
        for body in (b"[]", b"1", b'{"name": 1}', b"{}", b'{"name": "a", "x": 1}', b'{"name": null}'):
            answer = await h.http.post("/repos", content=body, headers=headers)
            expect_problem(answer, 422, "INVALID_BODY")

    tell(story)


def test_a_body_beyond_its_limit_is_not_read(tell: Tell) -> None:
    async def story(h: House) -> None:
        answer = await h.ask("POST", "/repos", key=h.key("ann", "write"), body={"name": "x" * 2_000})
        expect_problem(answer, 413, "BODY_TOO_LARGE")
        assert answer.headers["Connection"] == "close"

    tell(story, Limits(json_bytes_max=1_000))


def test_a_form_is_not_taken_for_json(tell: Tell) -> None:
    async def story(h: House) -> None:
        headers = {"X-API-Key": h.key("ann", "write"), "Content-Type": "text/plain"}
        answer = await h.http.post("/repos", content=b'{"name": "a"}', headers=headers)
        expect_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")

    tell(story)


def test_a_query_that_does_not_fit_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        for query in ("limit=x", "limit=0", "what=1", "limit=1&limit=2", "after=%ff"):
            answer = await h.ask("GET", f"/repos/film/branches?{query}", key=ann)
            expect_problem(answer, 400, "INVALID_QUERY")

    tell(story)


def test_an_address_with_control_characters_or_broken_text_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        for path in ("/repos/film%0a", "/health%0a", "/repos/film/branches/a%00b", "/repos/%ff"):
            expect_problem(await h.ask("GET", path, key=ann), 400, "INVALID_PATH")

    tell(story)


def test_a_read_after_a_write_sees_it(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        headers = {"Idempotency-Key": "k"}
        made = await h.ask("POST", "/repos/film/locks", key=ann, body={"paths": ["a"]}, headers=headers)
        after = {"X-Dits-After": made.headers["X-Dits-Position"]}
        h.reading.held_back_at = 0
        behind = await h.ask("GET", "/repos/film/locks", key=ann, headers=after)
        expect_problem(behind, 503, "READ_NOT_YET_CONSISTENT")
        assert behind.headers["Retry-After"] == "1"
        h.reading.held_back_at = None
        seen = await h.ask("GET", "/repos/film/locks", key=ann, headers=after)
        assert [each["path"] for each in seen.json()["locks"]] == ["a"]

    tell(story)


def test_a_position_of_no_log_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        end = h.core.log.end()
        assert end is not None
        future = Position(end.incarnation, end.sequence + 1, end.digest)
        other = Position("ab" * 8, end.sequence, end.digest)
        for text in ("garbage", "", future.encode(), other.encode(), end.encode() + "A"):
            answer = await h.ask("GET", "/repos/film/locks", key=ann, headers={"X-Dits-After": text})
            expect_problem(answer, 400, "INVALID_POSITION")

    tell(story)


def raise_secret(_core: Core, _call: Call[Nothing]) -> Answer:
    raise RuntimeError("secret in a file of ours")


def be_away(_core: Core, _call: Call[Nothing]) -> Answer:
    raise UnavailableError(dependency="the event log")


def break_off(_core: Core, _call: Call[Nothing]) -> Answer:
    def blocks() -> object:
        yield b"first"
        raise RuntimeError("secret")

    return Answer(body=blocks())  # type: ignore[arg-type]


BROKEN = (
    *OPERATIONS,
    Operation("test.bug", "GET", "/bug", None, Nothing, raise_secret, "Raises.", Nothing),
    Operation("test.away", "GET", "/away", None, Nothing, be_away, "Raises.", Nothing),
    Operation("test.break", "GET", "/break", None, Nothing, break_off, "Breaks off."),
)


def test_a_bug_says_nothing_about_itself(logged: Lines) -> None:
    async def story() -> None:
        async with house(operations=BROKEN, limits=QUICK) as h:
            answer = await h.ask("GET", "/bug", key=h.key("ann", "read"))
            expect_problem(answer, 500, "INTERNAL_SERVER_ERROR")
            assert answer.json()["message"] == "An unexpected error occurred"
            line = next(each for each in logged if each["event"] == "request.unhandled_exception")
            assert line["correlation_id"] == answer.headers["X-Correlation-ID"]
            assert not {"secret", "Runtime", "Traceback"} & set(re.findall(r"\w+", answer.text))

    run_story(story)


def test_a_dependency_that_is_away_is_a_retry() -> None:
    async def story() -> None:
        async with house(operations=BROKEN, limits=QUICK) as h:
            answer = await h.ask("GET", "/away", key=h.key("ann", "read"))
            expect_problem(answer, 503, "SERVICE_UNAVAILABLE")
            assert answer.headers["Retry-After"] == "60"
            assert answer.json()["details"]["reason"] == "DEPENDENCY_UNAVAILABLE"

    run_story(story)


def test_metrics_have_bounded_labels(tell: Tell) -> None:
    async def story(h: House) -> None:
        await h.ask("GET", "/repos/some-secret-name")
        await h.ask("BREW", "/repos/some-secret-name")
        text = (await h.ask("GET", "/metrics")).text
        assert 'dits_http_requests_total{api_version="v1",method="GET",route="/repos/{repo}"' in text
        assert 'method="other"' in text
        assert "secret" not in text
        assert "BREW" not in text

    tell(story)


def test_operational_addresses_need_no_key(tell: Tell) -> None:
    async def story(h: House) -> None:
        await h.ready()
        for path in ("/", "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json"):
            answer = await h.ask("GET", path)
            assert (answer.status_code, path) == (200, path)
            assert "X-API-Version" not in answer.headers
        assert (await h.ask("GET", "/health")).json()["status"] == "healthy"

    tell(story)


RAW = st.binary(max_size=40)
TEXT = st.text(max_size=20)


async def ask_anything(h: House, data: st.DataObject) -> None:
    """Every operation once, with anything at every place where a client can put something."""
    keys = [await h.repo(), h.key("root", "admin")]
    for operation in OPERATIONS:
        request = h.http.build_request(
            operation.method,
            h.address(operation, lambda: data.draw(TEXT)),
            content=data.draw(RAW | st.sampled_from([b"{}", b"[]", b"null"])),
            headers=data.draw(h.odd_headers(keys)),
        )
        answer = await h.http.send(request)
        assert answer.status_code < 500, (operation.name, answer.text)


def expect_no_server_error(data: st.DataObject) -> None:
    async def story() -> None:
        async with house(limits=QUICK) as h:
            await ask_anything(h, data)

    run_story(story)


@settings(max_examples=3)
@given(st.data())
def test_no_input_gives_a_server_error(data: st.DataObject) -> None:
    expect_no_server_error(data)


@pytest.mark.long
@settings(max_examples=150)
@given(st.data())
def test_no_input_gives_a_server_error_in_many_tries(data: st.DataObject) -> None:
    expect_no_server_error(data)
