"""One connection, many requests: keep-alive, pipelines, upgrades and crowds, with refusals among them."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.heads import HeadLimits
from tests.gateway.guarding import Guard, get, guarding, parsed, post, read_until, shortly, wait_until
from tests.gateway.house import expect_problem
from tests.gateway.served import read_all

CHUNKED = b"Transfer-Encoding: chunked"
BAD = get(b"X-API-Version: " + b"v" * 1_025)


@pytest.fixture
def guard() -> Generator[Guard]:
    with guarding() as g:
        yield g


def test_a_connection_serves_one_request_after_the_other(guard: Guard) -> None:
    with guard.connect() as connection:
        for number in range(3):
            connection.sendall(get(target=b"/%d" % number, close=False))
            (answer,) = parsed(connection.recv(65_536))
            assert answer.json()["path"] == f"/{number}"
        connection.sendall(BAD)
        (answer,) = parsed(read_all(connection))
    assert answer.status_code == 431


def test_requests_sent_at_once_are_answered_in_their_order(guard: Guard) -> None:
    requests = [get(target=b"/%d" % number, close=False) for number in range(9)]
    posted = post(b"Content-Length: 3", target=b"/body", body=b"abc")
    answers = parsed(guard.raw(*[b"".join([*requests, posted, get(target=b"/last")])]))
    assert [a.json()["path"] for a in answers] == [*(f"/{n}" for n in range(9)), "/body", "/last"]
    assert answers[9].json()["body"] == "abc"


def test_a_refusal_waits_for_the_answer_before_it(guard: Guard) -> None:
    with guard.connect() as connection:
        connection.sendall(get(target=b"/live", close=False))
        begun = read_until(connection, b"first")
        connection.sendall(BAD + b"more" * 1_000)
        shortly()
        guard.spy.release.set()
        first, second = parsed(begun + read_all(connection))
    assert first.content.startswith(b'first{"path"')
    expect_problem(second, 431, "REQUEST_HEADER_FIELDS_TOO_LARGE")
    assert guard.spy.reached == ["/live"]


def test_a_refusal_waits_for_all_that_were_in_the_queue(guard: Guard) -> None:
    with guard.connect() as connection:
        connection.sendall(get(target=b"/held", close=False) + get(target=b"/b", close=False) + BAD)
        wait_until(lambda: guard.spy.reached == ["/held"])
        guard.spy.release.set()
        answers = parsed(read_all(connection))
    assert [a.status_code for a in answers] == [200, 200, 431]
    assert guard.spy.reached == ["/held", "/b"]


def test_what_follows_a_last_request_is_not_looked_at(guard: Guard) -> None:
    with guard.connect() as connection:
        connection.sendall(get(target=b"/held"))
        wait_until(lambda: guard.spy.reached == ["/held"])
        connection.sendall(BAD)
        guard.spy.release.set()
        answers = parsed(read_all(connection))
    assert [a.status_code for a in answers] == [200]


def test_a_broken_body_is_told_of_unless_the_answer_has_begun(guard: Guard) -> None:
    broken = post(CHUNKED, body=b"3\r\nabc\r\nnonsense\r\n")
    (answer,) = parsed(guard.raw(broken))
    expect_problem(answer, 400, "MALFORMED_REQUEST")
    wait_until(lambda: guard.spy.left == ["/"])


def test_a_broken_body_breaks_off_an_answer_that_has_begun(guard: Guard) -> None:
    with guard.connect() as connection:
        connection.sendall(post(CHUNKED, target=b"/live", body=b"3\r\nabc\r\n"))
        begun = read_until(connection, b"first")
        connection.sendall(b"nonsense\r\n")
        answer = begun + read_all(connection)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert not answer.endswith(b"0\r\n\r\n")
    wait_until(lambda: guard.spy.left == ["/live"])


def test_a_broken_body_in_the_queue_never_reaches_the_application(guard: Guard) -> None:
    with guard.connect() as connection:
        connection.sendall(get(target=b"/held", close=False) + post(CHUNKED, body=b"nonsense\r\n"))
        wait_until(lambda: guard.spy.reached == ["/held"])
        guard.spy.release.set()
        first, second = parsed(read_all(connection))
    assert (first.status_code, second.status_code) == (200, 400)
    assert guard.spy.reached == ["/held"]


def test_trailers_are_no_headers(guard: Guard) -> None:
    body = b"3\r\nabc\r\n0\r\nX-API-Version: v9\r\nX-API-Key: k\r\n\r\n"
    first, second = parsed(guard.raw(post(CHUNKED, body=body) + get()))
    assert first.json()["body"] == "abc"
    assert [name for name, _ in first.json()["headers"]] == ["host", "transfer-encoding"]
    assert second.status_code == 200


@pytest.mark.parametrize("behind", [b"", get(target=b"/behind")])
def test_whoever_waits_is_told_when_the_client_has_gone(guard: Guard, behind: bytes) -> None:
    with guard.connect() as connection:
        connection.sendall(get(target=b"/gone", close=False) + behind)
        wait_until(lambda: guard.spy.reached == ["/gone"])
    wait_until(lambda: guard.spy.left == ["/gone"])


def test_a_long_body_with_half_a_head_behind_it_is_no_long_head(guard: Guard) -> None:
    body = b"x" * 200_000
    with guard.connect() as connection:
        connection.sendall(post(b"Content-Length: 200000", body=body) + b"GET /next HTTP/1.1\r\nHo")
        first = read_until(connection, b"x" * 1_000)
        connection.sendall(b"st: d\r\nConnection: close\r\n\r\n")
        answers = parsed(first + read_all(connection))
    assert [a.json()["path"] for a in answers] == ["/", "/next"]
    assert answers[0].json()["body"] == body.decode()


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_an_upgrade_is_ignored(guard: Guard, protocol: bytes) -> None:
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + protocol, b"HTTP2-Settings: AAMAAABk")
    first, second = parsed(guard.raw(get(*upgrade, close=False) + get(target=b"/next")))
    assert (first.status_code, second.json()["path"]) == (200, "/next")
    assert "upgrade" not in dict(first.json()["headers"])


def test_an_upgrade_does_not_take_the_body_for_a_request(guard: Guard) -> None:
    smuggled = get(target=b"/smuggled")
    upgrade = (b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: %d" % len(smuggled))
    first, second = parsed(guard.raw(post(*upgrade), smuggled, get(target=b"/next")))
    assert first.json()["body"] == smuggled.decode()
    assert second.json()["path"] == "/next"
    assert guard.spy.reached == ["/", "/next"]


def test_too_many_at_once_in_one_connection_are_to_be_asked_again() -> None:
    with guarding(HeadLimits(pipelined_max=3)) as g:
        answers = parsed(g.raw(get(close=False) * 20))
    assert [a.status_code for a in answers] == [200] * 4
    assert answers[-1].headers["Connection"] == "close"


def test_a_crowd_is_told_to_come_back_in_our_words() -> None:
    with guarding(crowd=2) as g, g.connect():
        (answer,) = parsed(g.raw(get()))
        expect_problem(answer, 503, "SERVICE_UNAVAILABLE")
        assert answer.headers["Retry-After"] == "60"
        assert g.spy.reached == []
        assert parsed(g.raw(get(target=b"/health/live")))[0].status_code == 200


WORDS = st.sampled_from(
    [
        get(close=False),
        BAD,
        post(CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n"),
        *b"GET |POST |/| HTTP/1.1|\r\n|\r\n\r\n|Host: d|X-API-Version: v1|\r|\n|\0|: |".split(b"|"),
        *b"Content-Length: 3|Transfer-Encoding: chunked|0\r\n\r\n|Connection: upgrade|Upgrade: h2c".split(
            b"|"
        ),
    ]
)


@pytest.fixture(scope="module")
def fuzzed() -> Generator[Guard]:
    with guarding(HeadLimits(head_timeout_s=0.02), keep_alive_s=1) as g:
        g.spy.release.set()
        yield g


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.binary(max_size=50) | st.lists(WORDS, max_size=12).map(b"".join), max_size=4))
def test_random_bytes_never_make_an_error_of_ours_or_a_hang(fuzzed: Guard, parts: list[bytes]) -> None:
    received = fuzzed.raw(*parts, b"\r\n\r\nGET / HT")
    assert {answer.status_code for answer in parsed(received)} <= {200, 400, 408, 414, 431}
    wait_until(lambda: not fuzzed.server.server_state.connections)
