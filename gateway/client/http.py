"""HTTP as a transport: kept-alive connections, bytes sent without a copy, answers whole or as they arrive.

Promises: as `wire.Transport`; a request is given up after its time-out; the key is sent in ``X-API-Key``
and shown nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from .errors import ConnectionLostError, NotDitsError
from .wire import Answer, Call, Parts, standing_headers

CONNECT_TIMEOUT_S = 5.0
CONNECTIONS_MAX = 8
"""Threads of one client that may speak at once; more wait."""
STREAM_BLOCK_BYTES = 64 * 1024


class Http:
    """One server. Safe for threads."""

    def __init__(self, url: str, key: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise NotDitsError(server=url, reason="an address looks like http://host:port")
        self.server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._prefix = parts.path.rstrip("/")
        self._headers = standing_headers(key)
        try:
            self._pool = urllib3.connection_from_url(self.server, maxsize=CONNECTIONS_MAX, block=True)
        except LocationParseError as error:
            raise NotDitsError(server=url, reason="an address looks like http://host:port") from error

    def carry(self, call: Call) -> Answer:
        response = self._send(call, whole=True)
        return Answer(response.status, lowered(response.headers), response.data)

    def open(self, call: Call) -> HttpStream:
        """The answer's head; its body is read by the caller, who closes it."""
        return HttpStream(self.server, self._send(call, whole=False))

    def close(self) -> None:
        self._pool.close()

    def _send(self, call: Call, *, whole: bool) -> urllib3.BaseHTTPResponse:
        headers = {**self._headers, **call.headers}
        content, kind = call.content, "application/octet-stream"
        if call.body is not None:
            content, kind = Parts([json.dumps(call.body, ensure_ascii=False).encode()]), "application/json"
        if content is not None:
            headers |= {"Content-Type": kind, "Content-Length": str(content.size_bytes)}
        try:
            return self._pool.urlopen(
                call.operation.method,
                self._prefix + target(call),
                body=content,  # type: ignore[arg-type] # buffers are sent one by one, uncopied
                headers=headers,
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=call.timeout_s),
                preload_content=whole,
            )
        except (HTTPError, OSError) as error:
            raise ConnectionLostError(server=self.server, reason=cause(error)) from error


class HttpStream:
    """An answer whose body is read as it arrives."""

    def __init__(self, server: str, response: urllib3.BaseHTTPResponse) -> None:
        self._server = server
        self._response = response
        self.status = response.status
        self.headers = lowered(response.headers)

    def blocks(self) -> Iterator[bytes]:
        try:
            while block := self._response.read1(STREAM_BLOCK_BYTES):
                yield block
        except (HTTPError, OSError) as error:
            raise ConnectionLostError(server=self._server, reason=cause(error)) from error

    def whole(self) -> Answer:
        return Answer(self.status, self.headers, b"".join(self.blocks()))

    def close(self) -> None:
        self._response.close()
        self._response.release_conn()


def target(call: Call) -> str:
    """The path and query of a call; a parameter's slashes stay, everything else is escaped."""
    path = call.operation.path.format_map({name: quote(value) for name, value in call.path.items()})
    if not call.query:
        return path
    asked = {
        name: str(value).lower() if value is True or value is False else value
        for name, value in call.query.items()
    }
    return f"{path}?{urlencode(asked)}"


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def cause(error: Exception) -> str:
    """The reason in a few words, without urllib3's object addresses."""
    inner = error
    while isinstance(reason := getattr(inner, "reason", None) or inner.__cause__, Exception):
        inner = reason
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror.lower()
    return type(inner).__name__
