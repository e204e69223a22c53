"""An OTLP collector on 127.0.0.1 that reads as strictly as the specification allows, and can misbehave.

Promises: what is not OTLP's JSON is answered 400 and kept in `wrong`; `behaviour` may change at any time;
closing it frees whoever it left hanging.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Literal

Behaviour = Literal["take", "hang", "drip", 400, 401, 429, 503]

TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
WHOLE = re.compile(r"0|[1-9][0-9]{0,19}")
NOT_IN_JSON = {"NaN", "Infinity", "-Infinity"}


class Collector:
    """What arrived, in order."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = "take"
        self.answer = b"{}"
        self.retry_after = ""
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.wrong: list[str] = []
        self.asked = 0
        self.freed = Event()
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for request in self.requests
            for resource in request.get("resourceSpans", [])
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def metrics(self, request: int = -1) -> dict[str, dict[str, Any]]:
        """Of one request, by name."""
        (resource,) = self.requests[request]["resourceMetrics"]
        return {metric["name"]: metric for scope in resource["scopeMetrics"] for metric in scope["metrics"]}

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.freed.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    collector.start()
    try:
        yield collector
    finally:
        collector.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def collector(self) -> Collector:
        assert isinstance(self.server, _Server)
        return self.server.collector

    def do_POST(self) -> None:
        self.collector.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.collector.behaviour == "hang":
            self.collector.freed.wait(60)
            self.close_connection = True
            return
        if self.collector.behaviour == "drip":
            self._drip()
            return
        self._answer(
            self.collector.behaviour if isinstance(self.collector.behaviour, int) else self._taken(body)
        )

    def _taken(self, body: bytes) -> int:
        try:
            assert self.headers["Content-Type"] == "application/json"
            assert self.headers["Content-Encoding"] == "gzip"
            request = json.loads(gzip.decompress(body))
            check(self.path, request)
        except (ValueError, OSError, AssertionError, KeyError, TypeError) as error:
            self.collector.wrong.append(repr(error))
            return 400
        self.collector.requests.append(request)
        self.collector.headers.append({name.lower(): text for name, text in self.headers.items()})
        return 200

    def _answer(self, status: int) -> None:
        content = self.collector.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.collector.retry_after:
            self.send_header("Retry-After", self.collector.retry_after)
        self.end_headers()
        self.wfile.write(content)

    def _drip(self) -> None:
        """An answer that never ends, and never lets a read time out."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not self.collector.freed.wait(0.05):
            try:
                self.wfile.write(b" ")
            except OSError:
                break
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Silent."""


# ------------------------------------------------------------------ the JSON mapping, strictly
def check(path: str, request: dict[str, Any]) -> None:
    """Raises AssertionError, KeyError or TypeError for what a strict reader would refuse."""
    if path == "/v1/traces":
        assert list(request) == ["resourceSpans"], list(request)
        for resource in request["resourceSpans"]:
            _check_resource(resource)
            for scope in resource["scopeSpans"]:
                assert scope["scope"]["name"]
                for span in scope["spans"]:
                    _check_span(span)
        return
    assert path == "/v1/metrics", path
    assert list(request) == ["resourceMetrics"], list(request)
    for resource in request["resourceMetrics"]:
        _check_resource(resource)
        for scope in resource["scopeMetrics"]:
            names = [metric["name"] for metric in scope["metrics"]]
            assert len(names) == len(set(names)), "a metric comes twice"
            for metric in scope["metrics"]:
                _check_metric(metric)


def _check_resource(resource: dict[str, Any]) -> None:
    attributes = resource["resource"]["attributes"]
    _check_attributes(attributes)
    assert {"service.name", "service.instance.id"} <= {each["key"] for each in attributes}


def _check_span(span: dict[str, Any]) -> None:
    known = {"traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"}
    assert span.keys() <= known | {"attributes", "status", "flags"}, span.keys()
    assert TRACE_ID.fullmatch(span["traceId"]), span["traceId"]
    assert SPAN_ID.fullmatch(span["spanId"]), span["spanId"]
    assert "parentSpanId" not in span or SPAN_ID.fullmatch(span["parentSpanId"])
    assert span["name"]
    assert span["kind"] in range(1, 6)
    assert int(_whole(span["startTimeUnixNano"])) <= int(_whole(span["endTimeUnixNano"]))
    assert span.get("status", {"code": 0})["code"] in range(3)
    _check_attributes(span["attributes"])


def _check_metric(metric: dict[str, Any]) -> None:
    (kind,) = metric.keys() - {"name", "description", "unit"}
    assert kind in {"sum", "gauge", "histogram"}, kind
    points = metric[kind]["dataPoints"]
    assert points, "no points"
    if kind != "gauge":
        assert metric[kind]["aggregationTemporality"] == 2
        assert all(int(_whole(point["startTimeUnixNano"])) for point in points)
    for point in points:
        _whole(point["timeUnixNano"])
        _check_attributes(point["attributes"])
        if kind == "histogram":
            assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
            assert sum(int(_whole(count)) for count in point["bucketCounts"]) == int(_whole(point["count"]))
            assert point["explicitBounds"] == sorted(point["explicitBounds"])
        else:
            assert isinstance(point["asDouble"], float | int) or point["asDouble"] in NOT_IN_JSON


def _check_attributes(attributes: list[dict[str, Any]]) -> None:
    keys = [attribute["key"] for attribute in attributes]
    assert len(keys) == len(set(keys)), "an attribute comes twice"
    for attribute in attributes:
        ((kind, value),) = attribute["value"].items()
        assert isinstance(value, str)
        assert kind == "stringValue" or (kind == "intValue" and _whole(value))


def _whole(text: object) -> str:
    """A 64-bit integer is text."""
    assert isinstance(text, str), text
    assert WHOLE.fullmatch(text), text
    return text
