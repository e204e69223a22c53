"""Paths that no version and no key stands before: health, metrics, the API's own description, the welcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache, partial

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.errors import MethodNotAllowedError
from gateway.health import Health
from gateway.http_door import Exchange, finish, headers_of, start
from gateway.measures import MEDIA_TYPE, Measures
from gateway.openapi import document
from gateway.operation import JSON, AnyOperation
from gateway.versions.registry import Versions
from gateway.wire.editions import EDITIONS, HEAD

WELCOME = {"name": "dits", "api": HEAD, "openapi": "/openapi.json", "health": "/health"}

Reply = tuple[int, str, bytes]
"""Status, media type, body."""


class Page:
    """An ASGI endpoint for GET and HEAD of something that takes no time."""

    def __init__(self, reply: Callable[[], Reply]) -> None:
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodNotAllowedError(method=scope["method"][:16], allowed="GET, HEAD")
        status, media_type, body = self._reply()
        exchange = Exchange(scope, receive, send, scope["dits.correlation_id"], headers_of(scope))
        await start(exchange, status, [("Content-Type", media_type), ("Content-Length", str(len(body)))])
        await finish(exchange, b"" if scope["method"] == "HEAD" else body)


def routes(
    operations: tuple[AnyOperation, ...], health: Health, measures: Measures, versions: Versions
) -> list[Route]:
    pages: dict[str, Callable[[], Reply]] = {
        "/": lambda: (200, JSON, json.dumps(WELCOME).encode()),
        "/openapi.json": partial(_described, operations, HEAD),
        "/config/status": lambda: (200, JSON, json.dumps(versions.standing()).encode()),
        "/metrics": lambda: (200, MEDIA_TYPE, measures.text()),
        "/health": lambda: _health(health, well=health.is_well),
        "/health/live": lambda: (200, JSON, b'{"status": "alive"}'),
        "/health/ready": lambda: _health(health, well=health.is_ready),
    }
    for edition in EDITIONS:
        pages[f"/openapi/{edition}.json"] = partial(_described, operations, edition)
    return [Route(path, Page(reply)) for path, reply in pages.items()]


@lru_cache(maxsize=len(EDITIONS))
def _described(operations: tuple[AnyOperation, ...], edition: str) -> Reply:
    """Made when it is first asked for: it takes longer than the rest of a start."""
    return (200, JSON, json.dumps(document(operations, edition)).encode())


def _health(health: Health, *, well: bool) -> Reply:
    return (200 if well else 503, JSON, json.dumps(health.body()).encode())
