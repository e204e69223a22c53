"""What the server answers before any application code: versioning.yaml V8.2f, V8.2h, V8.3, R34, R43."""

from __future__ import annotations

import tracemalloc
from collections.abc import Generator
from contextlib import suppress

import pytest

from domain.incidents import SecurityIncidentRecorded
from gateway.heads import HeadLimits
from tests.gateway.conftest import Lines
from tests.gateway.guarding import Guard, get, guarding, parsed, post, shortly, wait_until
from tests.gateway.house import expect_problem
from tests.gateway.served import Served, read_all, served

KIB = 1024
MIB = 1024 * KIB
PATTERN = "Version identifier must match pattern ^v[0-9]+(-[a-z]+)?$"
TOO_LARGE = "REQUEST_HEADER_FIELDS_TOO_LARGE"


@pytest.fixture(scope="module")
def guard() -> Generator[Guard]:
    with guarding() as g:
        yield g


@pytest.fixture(scope="module")
def hasty() -> Generator[Guard]:
    """Does not wait long for a head."""
    with guarding(HeadLimits(head_timeout_s=0.2)) as g:
        yield g


def fields_of(total: int) -> bytes:
    """One field that makes all of them together so many bytes, as they travel."""
    others = len(b"Host: dits\r\nConnection: close\r\n")
    return b"X-Other: " + b"x" * (total - others - len(b"X-Other: \r\n"))


# ------------------------------------------------------------------ versions
@pytest.mark.parametrize("control", [b"\r", b"\n", b"\0", b"\x01", b"\x7f"])
@pytest.mark.parametrize("name", [b"X-API-Version", b"api-version"])
def test_v8_2f_a_control_character_in_a_version_header_is_an_injection(
    guard: Guard, logged: Lines, control: bytes, name: bytes
) -> None:
    answer = guard.refused(get(name + b": v1" + control + b"X-Injected: evil"))
    expect_problem(answer, 400, "INVALID_VERSION_FORMAT")
    assert answer.json()["message"] == PATTERN
    assert answer.headers["X-API-Supported-Versions"] == "v1, v2"
    assert "X-Injected" not in answer.headers
    assert control.decode() not in answer.json()["details"]["provided_value"]
    assert guard.spy.security[-1] == ("header_injection", answer.headers["X-Correlation-ID"])
    line = next(each for each in logged if each["event"] == "security.header_injection")
    assert (line["log_level"], line["_source"]) == ("warning", "security")
    assert control.decode() not in line["provided_value"]


def test_an_injection_is_seen_across_packets(guard: Guard) -> None:
    with guard.connect() as connection:
        for part in (b"GET / HTTP/1.1\r\nHost: d\r\nX-API-Ver", b"sion: v1", b"\r", b"X: evil\r\n\r\n"):
            connection.sendall(part)
            shortly()
        (answer,) = parsed(read_all(connection))
    expect_problem(answer, 400, "INVALID_VERSION_FORMAT")


def test_an_injection_is_seen_behind_another_request(guard: Guard) -> None:
    first, second = parsed(guard.raw(get(close=False) + get(b"X-API-Version: v1\0", target=b"/b")))
    assert first.status_code == 200
    expect_problem(second, 400, "INVALID_VERSION_FORMAT")


def test_a_control_character_in_another_header_is_no_incident(guard: Guard) -> None:
    before = len(guard.spy.security)
    expect_problem(guard.refused(get(b"X-Other: a\rb")), 400, "MALFORMED_REQUEST")
    expect_problem(guard.refused(get(b"X-API-Version: v1", b"X-Other: a\0b")), 400, "MALFORMED_REQUEST")
    assert len(guard.spy.security) == before


def test_v8_2h_a_whole_line_end_simply_begins_another_field(guard: Guard) -> None:
    (answer,) = parsed(guard.raw(get(b"X-API-Version: v1\r\nX-Injected: evil")))
    assert answer.status_code == 200
    assert "X-Injected" not in answer.headers
    assert ["x-api-version", "v1"] in answer.json()["headers"]


@pytest.mark.parametrize("name", [b"X-API-Version", b"API-Version"])
def test_v8_3a_a_version_header_of_1025_bytes_is_too_large(guard: Guard, logged: Lines, name: bytes) -> None:
    answer = guard.refused(get(name + b": " + b"v" * 1_025))
    expect_problem(answer, 431, TOO_LARGE)
    assert answer.headers["Connection"] == "close"
    assert guard.spy.security[-1] == ("header_too_large", answer.headers["X-Correlation-ID"])
    assert ("security.header_too_large", "warning") in {(e["event"], e["log_level"]) for e in logged}


def test_v8_3a_a_later_line_of_it_counts_as_well(guard: Guard) -> None:
    answer = guard.refused(get(b"X-API-Version: v1", b"X-API-Version: " + b"v" * 1_025))
    expect_problem(answer, 431, TOO_LARGE)


def test_a_version_is_too_large_before_anything_else(guard: Guard) -> None:
    expect_problem(guard.refused(get(b"API-Version: " + b"v" * 1_025 + b"\rX: y")), 431, TOO_LARGE)


def test_a_version_header_of_1024_bytes_passes(guard: Guard) -> None:
    assert parsed(guard.raw(get(b"X-API-Version: " + b"v" * 1_024)))[0].status_code == 200


# ------------------------------------------------------------------ sizes
def test_v8_3c_fields_of_more_than_16_kib_together_are_too_large(guard: Guard) -> None:
    expect_problem(guard.refused(get(b"X-Other: " + b"x" * 17 * KIB)), 431, TOO_LARGE)
    expect_problem(guard.refused(get(fields_of(16 * KIB + 1))), 431, TOO_LARGE)
    assert parsed(guard.raw(get(fields_of(16 * KIB))))[0].status_code == 200


def test_v8_3d_101_fields_are_too_many(guard: Guard) -> None:
    fields = [b"X-%d: 1" % number for number in range(98)]
    assert parsed(guard.raw(get(*fields)))[0].status_code == 200
    expect_problem(guard.refused(get(*fields, b"X-Last: 1")), 431, TOO_LARGE)


def test_a_target_of_more_than_8_kib_is_too_long(guard: Guard) -> None:
    answer = guard.refused(get(target=b"/" + b"a" * 8 * KIB))
    expect_problem(answer, 414, "URI_TOO_LONG")
    assert len(answer.json()["instance"]) == 256
    assert parsed(guard.raw(get(target=b"/" + b"a" * (8 * KIB - 1))))[0].status_code == 200


ENDLESS = {
    "a value": (b"GET / HTTP/1.1\r\nHost: d\r\nX-API-Version: ", b"v", 431),
    "a name": (b"GET / HTTP/1.1\r\nHost: d\r\n", b"x", 431),
    "fields": (b"GET / HTTP/1.1\r\nHost: d\r\n", b"a:\r\n", 431),
    "a target": (b"GET /", b"a", 414),
    "blanks": (b"GET ", b" ", 431),
    "trailers": (b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n", 431),
    "a trailer": (b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: ", b"b", 431),
    "an extension": (b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0;", b"a", None),
}


@pytest.mark.parametrize("what", [what for what in ENDLESS if what != "an extension"])
def test_v8_3e_what_never_ends_is_refused_in_flat_memory(guard: Guard, what: str) -> None:
    begin, unit, status = ENDLESS[what]
    whole = begin + unit * (1_200_000 // len(unit))
    tracemalloc.start()
    (answer,) = parsed(guard.raw(whole))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == status
    assert peak < 1_000_000


def test_a_chunk_extension_that_never_ends_takes_no_memory(guard: Guard) -> None:
    begin, unit, _ = ENDLESS["an extension"]
    parts = [begin, *[unit * 100_000] * 12]
    tracemalloc.start()
    with guard.connect() as connection:
        for part in parts:
            connection.sendall(part)
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_client_that_never_stops_sending_is_cut_off(guard: Guard) -> None:
    block, sent = b"x" * 100_000, 0
    with guard.connect() as connection, suppress(ConnectionError):
        connection.sendall(b"GET / HTTP/1.1\r\n")
        while sent < 100 * MIB:
            sent += connection.send(block)
    assert sent < 20 * MIB


# ------------------------------------------------------------------ time
SLOW = {
    "a line": b"GET / HT",
    "a field": b"GET / HTTP/1.1\r\nHost: d\r\nX-Oth",
    "the end": b"GET / HTTP/1.1\r\nHost: d\r\n",
}


@pytest.mark.parametrize("what", SLOW)
def test_a_head_that_does_not_arrive_in_time_is_told_so(hasty: Guard, what: str) -> None:
    expect_problem(hasty.refused(SLOW[what]), 408, "REQUEST_TIMEOUT")


def test_a_head_that_drips_gets_no_more_time(hasty: Guard) -> None:
    with hasty.connect() as connection:
        for byte in get(b"X-Other: " + b"x" * 50)[:60]:
            connection.sendall(bytes([byte]))
            shortly(0.005)
        (answer,) = parsed(read_all(connection))
    assert answer.status_code == 408
    assert hasty.spy.counted[-1][:4] == ("GET", "unknown", 408, "unknown")
    assert 0.15 < hasty.spy.counted[-1][4] < 2


def test_a_slow_head_behind_an_answer_is_told_so(hasty: Guard) -> None:
    first, second = parsed(hasty.raw(get(close=False) + b"GET / HT"))
    assert (first.status_code, second.status_code) == (200, 408)


def test_a_head_in_pieces_that_comes_in_time_is_served(hasty: Guard) -> None:
    with hasty.connect() as connection:
        for piece in (b"GE", b"T /pieces HTTP/1.1\r\nHost", b": dits\r\nX-A", b": b\r", b"\n\r", b"\n"):
            connection.sendall(piece)
            shortly()
        (answer,) = parsed(connection.recv(65_536))
    assert answer.json()["headers"] == [["host", "dits"], ["x-a", "b"]]


def test_a_silent_connection_is_closed_without_a_word() -> None:
    with guarding(keep_alive_s=1) as g, g.connect() as mute, g.connect() as blank, g.connect() as served:
        blank.sendall(b"\r\n\r\n")
        served.sendall(get(close=False))
        assert read_all(mute) == read_all(blank) == b""
        assert len(parsed(read_all(served))) == 1


# ------------------------------------------------------------------ malformed HTTP
CHUNKED = b"Transfer-Encoding: chunked"
MALFORMED = {
    "no HTTP": b"\x00\x01garbage\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: d\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another version": b"GET / HTTP/2.0\r\nHost: d\r\n\r\n",
    "a proxy's method": b"CONNECT d:443 HTTP/1.1\r\nHost: d:443\r\n\r\n",
    "a bad target": b"GET d:443 HTTP/1.1\r\nHost: d\r\n\r\n",
    "a target with control characters": b"GET /\x01 HTTP/1.1\r\nHost: d\r\n\r\n",
    "a target that is not ASCII": b"GET /\xc3\xa4 HTTP/1.1\r\nHost: d\r\n\r\n",
    "a folded field": get(b"X-API-Version: v1\r\n evil"),
    "a field without a name": get(b": v1"),
    "a blank before a colon": get(b"X-API-Version : v1"),
    "two hosts": get(b"Host: other"),
    "two lengths": post(b"Content-Length: 3", b"Content-Length: 4", body=b"abc"),
    "a list of lengths": post(b"Content-Length: 3, 3", body=b"abc"),
    "a signed length": post(b"Content-Length: +3", body=b"abc"),
    "a length and chunks": post(b"Content-Length: 3", CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n"),
    "chunks and a length": post(CHUNKED, b"Content-Length: 3", body=b"3\r\nabc\r\n0\r\n\r\n"),
    "chunks twice": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "a coding that is none of ours": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "a coding that is no framing": post(b"Transfer-Encoding: gzip", body=b"abc"),
    "a coding that looks like ours": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_no_http_is_told_so(guard: Guard, what: str) -> None:
    answer = guard.refused(MALFORMED[what])
    expect_problem(answer, 400, "MALFORMED_REQUEST")
    assert answer.headers["Connection"] == "close"
    assert b"evil" not in answer.content


def test_a_refusal_of_head_has_no_body(guard: Guard) -> None:
    answer = guard.raw(get(b"X-API-Version: " + b"v" * 1_025).replace(b"GET", b"HEAD", 1))
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.endswith(b"\r\n\r\n")


def test_a_secret_in_a_target_is_not_said_again(guard: Guard) -> None:
    answer = guard.refused(get(b"X-Other: a\rb", target=b"/dits_0123456789abcdef?key=dits_0123456789abcdef"))
    assert b"dits_0123" not in answer.content
    assert answer.json()["instance"] == "/[REDACTED]"


# ------------------------------------------------------------------ the gateway itself
def test_the_gateway_counts_and_logs_what_never_reached_it(logged: Lines) -> None:
    with served() as s:
        (answer,) = parsed(s.raw(get(b"X-API-Version: " + b"v" * 1_025, target=b"/repos")))
        expect_problem(answer, 431, TOO_LARGE)
        text = s.parts.application.measures.text()
    labels = b'api_version="unknown",method="GET",route="unknown",status="431"'
    assert b"dits_http_requests_total{" + labels + b"} 1.0" in text
    line = next(each for each in logged if each["event"] == "request")
    assert (line["status"], line["route"], line["log_level"]) == (431, "unknown", "info")
    assert line["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert len(line["correlation_id"]) == 36


def test_the_gateway_records_an_injection_and_says_which_versions_there_are() -> None:
    with served() as s:
        (answer,) = parsed(s.raw(get(b"X-API-Version: v1\0")))
        wait_until(lambda: bool(incidents_of(s)))
        (incident,) = incidents_of(s)
    expect_problem(answer, 400, "INVALID_VERSION_FORMAT")
    assert (incident.kind, incident.source) == ("header_injection", "header")
    assert incident.correlation_id == answer.headers["X-Correlation-ID"]
    assert "v1" in answer.headers["X-API-Supported-Versions"]


def incidents_of(s: Served) -> list[SecurityIncidentRecorded]:
    events = [each.event for each in s.parts.log.feed().read(None, 1_000)]
    return [event for event in events if isinstance(event, SecurityIncidentRecorded)]
