"""NATS as a transport: JSON operations by request and reply, from an event loop in a thread of its own.

Promises: as `wire.Transport`; only JSON operations are carried, bytes go over HTTP. This module is the
one bridge between the client's threads and nats-py, which is loaded on first use.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NoAnswerInTimeError
from threading import Thread
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from .errors import ConnectionLostError, NoBusError
from .http import lowered
from .wire import Answer, Call, standing_headers

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

T = TypeVar("T")

CLIENT_INBOX = "_INBOX_client"
"""The only subjects that the bus user ``client`` may read."""
CONNECT_TIMEOUT_S = 5.0
GRACE_S = 2.0
"""What a thread waits beyond the request's own time-out before it believes that the loop is gone."""


class Bus:
    """One connection to the bus, shared by all threads of a client."""

    def __init__(self, url: str, key: str | None, *, inbox: str = CLIENT_INBOX) -> None:
        self.server = _shown(url)
        self._headers = standing_headers(key)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="dits-bus", daemon=True)
        self._thread.start()
        try:
            self._nats = self._run(_connected(url, inbox), CONNECT_TIMEOUT_S)
        except BaseException:
            self._end()
            raise

    def carry(self, call: Call) -> Answer:
        body = {**call.path, **call.query, **(call.body or {})}
        payload = json.dumps(body, ensure_ascii=False).encode()
        headers = {**self._headers, **call.headers}
        reply = self._nats.request(call.operation.subject, payload, timeout=call.timeout_s, headers=headers)
        message = self._run(reply, call.timeout_s)
        answered = lowered(message.headers or {})
        return Answer(int(answered.get("status", "500")), answered, message.data)

    def close(self) -> None:
        if not self._loop.is_running():
            return
        try:
            self._run(self._nats.close(), CONNECT_TIMEOUT_S)
        finally:
            self._end()

    def _run(self, work: Coroutine[object, object, T], timeout_s: float) -> T:
        from nats.errors import Error as NatsError

        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s + GRACE_S)
        except (NatsError, OSError, NoAnswerInTimeError, CancelledError) as error:
            future.cancel()
            raise ConnectionLostError(server=self.server, reason=type(error).__name__) from error

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _connected(url: str, inbox: str) -> Nats:
    try:
        import nats
    except ImportError as error:
        raise NoBusError from error

    async def quiet(_error: Exception) -> None:
        """Whoever asked is told by his own request."""

    return await nats.connect(
        url,
        inbox_prefix=inbox.encode(),
        connect_timeout=int(CONNECT_TIMEOUT_S),
        max_reconnect_attempts=-1,
        error_cb=quiet,
        allow_reconnect=True,
    )


def _shown(url: str) -> str:
    """The address without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
