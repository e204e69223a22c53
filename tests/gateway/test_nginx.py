"""The proxy that is shipped: its limits are the gateway's, its errors look like the gateway's (V8.3f)."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from domain.errors import DitsError, UnavailableError
from gateway.errors import (
    INTERNAL,
    HeaderFieldsTooLargeError,
    HeadTimeoutError,
    MalformedRequestError,
    RouteNotFoundError,
    UriTooLongError,
    problem_of,
)
from gateway.heads import HeadLimits
from gateway.server import KEEP_ALIVE_S
from tests.gateway.guarding import Guard, get, guarding, parsed, wait_until
from tests.gateway.house import expect_problem
from tests.gateway.served import read_all

CONF = (Path(__file__).parents[2] / "deploy/nginx.conf").read_text()
LIMITS = HeadLimits()
LARGE = "at most 16384 bytes together, and 1024 in a version"
SAID: dict[str, DitsError | None] = {
    "malformed": MalformedRequestError(reason="the proxy cannot read it"),
    "slow": HeadTimeoutError(limit_s=int(LIMITS.head_timeout_s)),
    "long": UriTooLongError(limit_bytes=LIMITS.target_bytes_max),
    "large": HeaderFieldsTooLargeError(rule=LARGE),
    "missing": RouteNotFoundError(),
    "broken": None,
    "away": UnavailableError(dependency="gateway"),
}
NGINX = shutil.which("nginx") or ""
needs_nginx = pytest.mark.skipif(not NGINX, reason="no nginx here; Debian has it as the package nginx")


def values_of(directive: str) -> list[str]:
    return re.findall(rf"^\s*{directive} (.+);$", CONF, re.MULTILINE)


# ------------------------------------------------------------------ what is written
def test_v8_3f_the_proxy_has_the_gateways_limits() -> None:
    assert values_of("large_client_header_buffers") == [f"2 {LIMITS.header_bytes_max // 1024}k"]
    assert values_of("client_header_timeout") == [f"{LIMITS.head_timeout_s:g}s"]
    assert values_of("keepalive_timeout")[0] == f"{KEEP_ALIVE_S}s"
    assert values_of("client_max_body_size") == ["0"]
    assert CONF.count(f'"~^.{{{LIMITS.version_header_bytes_max + 1}}}" 1;') == 2
    assert CONF.count(f'"~^.{{{LIMITS.target_bytes_max + 1}}}" 1;') == 1


def test_the_proxy_keeps_no_bytes_and_tells_who_asked() -> None:
    assert values_of("proxy_buffering") == values_of("proxy_request_buffering") == ["off"]
    assert values_of("keepalive") == ["64"]
    passed = {"X-Forwarded-For $proxy_add_x_forwarded_for", "X-Correlation-ID $correlation_id"}
    assert passed < set(values_of("proxy_set_header"))


@pytest.mark.parametrize("name", SAID)
def test_an_error_of_the_proxy_is_the_gateways_envelope(name: str) -> None:
    said = re.search(rf"location = /refused/{name} {{\s+internal;[^}}]*?return (\d+) '(.+)';", CONF)
    assert said is not None
    error = SAID[name]
    problem = problem_of(error) if error else INTERNAL
    assert int(said[1]) == problem.status
    assert json.loads(said[2]) == json.loads(problem.body("$instance", "$correlation_id"))


def test_every_error_that_nginx_makes_has_such_a_page() -> None:
    pages = " ".join(values_of("error_page"))
    for status in (400, 404, 408, 414, 431, 494, 500, 501, 502, 503, 504, 505):
        assert str(status) in pages
    assert set(re.findall(r"/refused/(\w+)", pages)) == set(SAID)


# ------------------------------------------------------------------ what it does
@pytest.fixture(scope="module")
def guard() -> Generator[Guard]:
    with guarding() as g:
        yield g


@pytest.fixture(scope="module")
def proxy(guard: Guard, tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    """Its port; behind it a gateway on guard, and nobody behind /away."""
    home, port = tmp_path_factory.mktemp("nginx"), free_port()
    process = subprocess.Popen([*command(home, port, guard.port), "-g", as_user("daemon off;")])
    try:
        wait_until(lambda: is_open(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def command(home: Path, port: int, upstream: int) -> list[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temps = "".join(f"{kind}_temp_path {home}/{kind}; " for kind in kinds)
    text = CONF.replace("http {", f"pid {home}/pid;\nhttp {{ {temps}", 1)
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("/dev/stdout", f"{home}/access")
    away = f"location = /away {{ proxy_pass http://127.0.0.1:{free_port()}; }}\n        location / {{"
    text = text.replace("location / {", away).replace("127.0.0.1:8420", f"127.0.0.1:{upstream}")
    (home / "nginx.conf").write_text(text)
    return [NGINX, "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error")]


def as_user(directives: str) -> str:
    """Started by root, nginx would become somebody who may not write here."""
    return f"user root; {directives}" if os.geteuid() == 0 else directives


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def is_open(port: int) -> bool:
    with closing(socket.socket()) as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def asked(port: int, request: bytes) -> httpx.Response:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(request)
        (answer,) = parsed(read_all(connection))
        return answer


@needs_nginx
def test_v8_3f_nginx_takes_the_file_as_it_is(tmp_path: Path) -> None:
    tried = [*command(tmp_path, free_port(), free_port()), "-t", "-g", as_user("")]
    done = subprocess.run(tried, capture_output=True, text=True, check=False)
    assert (done.returncode, "test is successful" in done.stderr) == (0, True), done.stderr


@needs_nginx
def test_a_request_passes_with_who_asked_and_comes_back_as_it_was(guard: Guard, proxy: int) -> None:
    answer = asked(proxy, get(b"X-API-Version: v1", target=b"/v1%0d/a//b"))
    headers = dict(answer.json()["headers"])
    assert (headers["x-api-version"], headers["x-forwarded-for"]) == ("v1", "127.0.0.1")
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", headers["x-correlation-id"]
    )
    assert guard.spy.reached[-1] == "/v1\r/a//b"
    assert "Vary" not in answer.headers
    kept = asked(proxy, get(b"X-Correlation-ID: mine")).json()["headers"]
    assert ["x-correlation-id", "mine"] in kept


REFUSED = {
    "a version of 1025 bytes": (
        get(b"X-API-Version: " + b"v" * 1_025),
        431,
        "REQUEST_HEADER_FIELDS_TOO_LARGE",
    ),
    "its alias": (get(b"API-Version: " + b"v" * 1_025), 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
    "a field of 17 KiB": (get(b"X-Other: " + b"x" * 17_408), 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
    "fields of 40 KiB": (get(*[b"X-Other: " + b"x" * 8_000] * 5), 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
    "fields of 24 KiB": (get(*[b"X-Other: " + b"x" * 8_000] * 3), 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
    "101 fields": (get(*[b"X-Other: 1"] * 101), 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
    "a long target": (get(target=b"/" + b"a" * 8_192), 414, "URI_TOO_LONG"),
    "a very long target": (get(target=b"/" + b"a" * 80_000), 414, "URI_TOO_LONG"),
    "a bare line break": (get(b"X-API-Version: v1\rX-Injected: evil"), 400, "MALFORMED_REQUEST"),
    "two hosts": (get(b"Host: other"), 400, "MALFORMED_REQUEST"),
    "no HTTP": (b"\x00\x01garbage\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "another version": (b"GET / HTTP/3.0\r\nHost: d\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "a page of the proxy itself": (get(target=b"/refused/away"), 404, "NOT_FOUND"),
    "nobody there": (get(target=b"/away"), 503, "SERVICE_UNAVAILABLE"),
}


@needs_nginx
@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_looks_the_same_with_a_proxy_before(guard: Guard, proxy: int, what: str) -> None:
    request, status, code = REFUSED[what]
    before = len(guard.spy.reached)
    answer = asked(proxy, request)
    expect_problem(answer, status, code)
    assert len(guard.spy.reached) == before
    assert (answer.headers.get("Retry-After") == "60") == (status == 503)
