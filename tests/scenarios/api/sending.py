"""A request as the table says it, and two ways to send it: into the ASGI scope, or over a real socket.

Promises: bytes arrive as the table has them: nothing is trimmed, escaped or checked on the way; what the
table does not say is as plain as can be.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from starlette.types import ASGIApp

from tests.scenarios.api.answers import Answer
from tests.scenarios.api.words import expanded

HOST = "dits"
CLIENT = "127.0.0.1"
ANOTHER_CLIENT = "127.0.0.2"
"""Both reach a server on loopback."""
VERSION_HEADERS = frozenset({"x-api-version", "api-version"})
VERSION_SEGMENT = re.compile(r"(?:/api)?/([ \t]*v[0-9][^/]*)", re.IGNORECASE)
REQUEST_LINE = re.compile(r"[A-Z]+ \S+ HTTP/1")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
PLAIN_BODY = {"name": "from-the-table"}
"""Of a write that gives none: it creates a repository, if that is what the path does."""
KEPT = "!#$%&'()*+,/:;=?@[]~-._"
FIELDS = re.compile(r"(\d+) fields")
WAIT_S = 10.0
BROKEN = 0
"""The status of an answer that never began."""

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, ready to go."""

    method: str
    target: str
    fields: Fields
    body: bytes = b""
    client: str = CLIENT
    raw: tuple[str, ...] = ()
    """Header lines as they are, for the wire."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        """Every version that it names, with its source, in their order (R04)."""
        headers = [("header", value) for name, value in self.fields if name.lower() in VERSION_HEADERS]
        match = VERSION_SEGMENT.match(unquote(self.path))
        query = parse_qsl(self.target.partition("?")[2], keep_blank_values=True)
        return (
            *headers,
            *([("url", match[1])] if match else []),
            *(("query", value) for name, value in query if name == "version"),
        )


def sent(request: Mapping[str, Any], credential: Fields = ()) -> Sent:
    """The table's request with a credential's headers; the request's own headers come last."""
    method = str(request.get("method", "GET"))
    fields = (*credential, *_fields(request.get("headers") or {}))
    body = _body(request, method)
    if body and not any(name.lower() == "content-type" for name, _ in fields):
        fields = (("Content-Type", "application/json"), *fields)
    ip = request.get("ip")
    client = CLIENT if ip is None else ANOTHER_CLIENT if "another" in str(ip) else str(ip)
    raw = request.get("raw", ())
    lines = tuple(expanded(line) for line in (raw if isinstance(raw, list | tuple) else [raw]))
    return Sent(method, _target(request), fields, body, client, lines)


def _target(request: Mapping[str, Any]) -> str:
    """The path with what no target may hold percent-encoded; a query joined to a query."""
    path = expanded(request["path"])
    if query := request.get("query"):
        pairs = (
            query.items() if isinstance(query, Mapping) else [part.split("=", 1) for part in query.split("&")]
        )
        path += "?" + "&".join(f"{name}={value}" for name, value in pairs)
    path, mark, query = path.partition("?")
    return quote(path + mark + query.replace("?", "&"), safe=KEPT)


def _fields(headers: Any) -> Fields:
    if isinstance(headers, str):
        match = FIELDS.fullmatch(headers)
        assert match is not None, headers
        return tuple((f"X-Field-{number}", "v") for number in range(1, int(match[1])))  # and Host
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return tuple(
        (str(name), expanded(each))
        for name, value in pairs
        for each in (value if isinstance(value, list) else [value])
    )


def _body(request: Mapping[str, Any], method: str) -> bytes:
    body = request.get("body", PLAIN_BODY if method in WITH_BODY and "raw" not in request else None)
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _bytes(text: str) -> bytes:
    """Of a header: latin-1, as HTTP has it, or UTF-8 for what that cannot say."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


# ------------------------------------------------------------------ into the scope
async def over_asgi(app: ASGIApp, request: Sent) -> Answer:
    """As a server would call it; an application that raises has broken its answer off."""
    path, _, query = request.target.partition("?")
    fields = [("Host", HOST), *request.fields]
    if request.body:
        fields.append(("Content-Length", str(len(request.body))))
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), _bytes(value)) for name, value in fields],
        "client": (request.client, 50_000),
        "server": (HOST, 80),
    }
    hearing = _Hearing(request.body)
    await app(scope, hearing.receive, hearing.send)
    return Answer(hearing.status, tuple(hearing.headers), bytes(hearing.body))


class _Hearing:
    """Both ends of one ASGI call."""

    def __init__(self, body: bytes) -> None:
        self._waiting = [{"type": "http.request", "body": body, "more_body": False}]
        self.status = BROKEN
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()

    async def receive(self) -> MutableMapping[str, Any]:
        return self._waiting.pop() if self._waiting else {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.get("headers", [])
            self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


# ------------------------------------------------------------------ over the wire
def over_wire(port: int, request: Sent) -> Answer:
    """On a connection of its own. What the server says before everything is sent is heard too."""
    source = (request.client, 0) if request.client.startswith("127.") else None
    with socket.create_connection((CLIENT, port), timeout=WAIT_S, source_address=source) as connection:
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(head(request) + request.body)
        answer = HTTPResponse(connection, method=request.method)
        try:
            answer.begin()
            body = answer.read()
        except (HTTPException, OSError):
            return Answer(BROKEN, (), b"")
        return Answer(answer.status, tuple(answer.getheaders()), body)


def head(request: Sent) -> bytes:
    """The request's head as it goes over the wire."""
    if request.raw and REQUEST_LINE.match(request.raw[0]):
        lines = list(request.raw)
    else:
        fields = [("Host", HOST), *request.fields]
        if request.body:
            fields.append(("Content-Length", str(len(request.body))))
        lines = [f"{request.method} {request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields]
        lines += request.raw
    return b"\r\n".join(map(_bytes, lines)).removesuffix(b"\r\n\r\n") + b"\r\n\r\n"
