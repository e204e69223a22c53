"""The NATS connection: nats-py in a loop thread of its own, and the one bridge into it from sync code.

Promises: it reconnects for ever; nothing that was waiting when the line broke is sent later behind our back;
`epoch` grows with every break, so that whoever must look at the log first can tell (I11); an unknown outcome
is told apart from "was not sent". Serves seed S1.1 (NATS goes away in mid-request).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoResultError
from itertools import count
from threading import Event, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

import nats
import nats.errors
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg

from domain.errors import UnavailableError

DEPENDENCY = "the event log"
INBOX_PREFIX = "_INBOX_house"
RECONNECT_WAIT_S = 0.25
PING_INTERVAL_S = 10
"""A half-open line is noticed within two of these."""
PENDING_NONE = 0
"""No buffer for a broken line: what is published then fails at once instead of landing later."""
STOP_TIMEOUT_S = 5.0
NO_RESPONDERS = "503"
QUESTIONS = "$JS.API."
Context = Callable[[], Mapping[str, str]]
"""Headers of whatever the calling thread is at work on: correlation id and trace (V10.1d)."""


class Reply(NamedTuple):
    """One message that came back."""

    subject: str
    headers: Mapping[str, str]
    data: bytes
    reply_to: str = ""

    @property
    def status(self) -> str | None:
        return self.headers.get("Status")


class Outgoing(NamedTuple):
    """One message to send."""

    subject: str
    payload: bytes
    headers: dict[str, str] | None = None

    def carrying(self, context: Mapping[str, str]) -> Outgoing:
        """With the headers of what caused it; its own win. A question to the server is no message."""
        if not context or self.subject.startswith(QUESTIONS):
            return self
        return self._replace(headers={**context, **(self.headers or {})})


class LineBrokenError(UnavailableError):
    """{dependency} went away while it was asked; the outcome is unknown"""


class _Waiting:
    """Replies collected for one caller; changed in the loop thread only."""

    def __init__(self, token: str, is_last: Callable[[Reply], bool]) -> None:
        self.token = token
        self.is_last = is_last
        self.done: Future[list[Reply]] = Future()
        self.replies: list[Reply] = []


def _one(_: Reply) -> bool:
    return True


class Connection:
    """Safe for any number of threads; none of its methods may be called from a coroutine."""

    def __init__(
        self, url: str, *, name: str = "dits", connect_timeout_s: float = 5.0, context: Context = dict
    ) -> None:
        """`url`: comma-separated servers with credentials. Raises UnavailableError."""
        self._context = context
        self._epoch = 0
        self._up = Event()
        self._waiting: dict[str, _Waiting] = {}
        self._tokens = count(1)
        self._client = Client()
        self._loop = uvloop.new_event_loop()
        self._thread = Thread(target=self._run, name="nats", daemon=True)
        self._thread.start()
        try:
            self._call(self._connect(url.split(","), name, connect_timeout_s), connect_timeout_s + 1)
        except (OSError, TimeoutError, nats.errors.Error) as error:
            self.close()
            raise UnavailableError(dependency=DEPENDENCY) from error

    @property
    def epoch(self) -> int:
        """How often the line broke."""
        return self._epoch

    @property
    def server_version(self) -> tuple[int, int, int]:
        version = self._client.connected_server_version
        return (version.major, version.minor, version.patch)

    @property
    def is_clustered(self) -> bool:
        return bool(self._client._server_info.get("cluster"))  # pyright: ignore[reportPrivateUsage]

    def is_up(self) -> bool:
        return self._up.is_set()

    def wait_until_up(self, timeout_s: float) -> bool:
        return self._up.wait(timeout_s)

    def request(
        self,
        subject: str,
        payload: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout_s: float,
    ) -> Reply:
        """One question, one answer. Raises UnavailableError; LineBrokenError if the outcome is unknown."""
        return self.collect((Outgoing(subject, payload, headers),), timeout_s=timeout_s)[-1]

    def collect(
        self,
        outgoing: Sequence[Outgoing],
        *,
        timeout_s: float,
        is_last: Callable[[Reply], bool] = _one,
        epoch: int | None = None,
    ) -> list[Reply]:
        """Send in order, the last with a reply address; the replies up to the one for which `is_last` holds.

        With `epoch`, nothing is sent if the line broke since. Raises UnavailableError if nothing was sent or
        nobody listens, LineBrokenError if the outcome is unknown.
        """
        waiting = _Waiting(str(next(self._tokens)), is_last)
        context = self._context()
        messages = [message.carrying(context) for message in outgoing]
        self._loop.call_soon_threadsafe(self._start, messages, waiting, epoch)
        try:
            return waiting.done.result(timeout_s)
        except NoResultError as error:
            self._loop.call_soon_threadsafe(self._waiting.pop, waiting.token, None)
            raise LineBrokenError(dependency=DEPENDENCY) from error

    def tell(self, subject: str, payload: bytes, *, reply_to: str) -> None:
        """Send without waiting; what is lost with the line is lost."""
        publishing = self._client.publish(subject, payload, reply=reply_to)
        asyncio.run_coroutine_threadsafe(publishing, self._loop)

    def listen(self, subject: str, told: Callable[[Reply], None]) -> None:
        """Call `told` in the loop thread for each message; it must not block. Survives reconnects."""

        async def callback(msg: Msg) -> None:
            told(_reply(msg))

        self._call(self._client.subscribe(subject, cb=callback), STOP_TIMEOUT_S)

    def serve(
        self, subject: str, queue: str, told: Callable[[str, str, Mapping[str, str], bytes], None]
    ) -> None:
        """Call `told(subject, reply_to, headers, payload)` in the loop thread for each request to one of
        `queue`; it must not block. Survives reconnects."""

        async def callback(msg: Msg) -> None:
            told(msg.subject, msg.reply, msg.headers or {}, msg.data)

        self._call(self._client.subscribe(subject, queue=queue, cb=callback), STOP_TIMEOUT_S)

    def answer(self, reply_to: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Send and forget, from any thread: a line that is broken loses it, and the asker asks again."""
        self._loop.call_soon_threadsafe(self._answer, reply_to, payload, dict(headers))

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._call(self._wind_down(), STOP_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT_S)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---------------------------------------------------------------- in the loop thread
    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine: Any, timeout_s: float) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    async def _connect(self, servers: list[str], name: str, timeout_s: float) -> None:
        await self._client.connect(
            servers,
            name=name,
            inbox_prefix=INBOX_PREFIX,
            connect_timeout=max(1, round(timeout_s)),
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            max_reconnect_attempts=-1,
            allow_reconnect=True,
            pending_size=PENDING_NONE,
            ping_interval=PING_INTERVAL_S,
            max_outstanding_pings=2,
            disconnected_cb=self._broke,
            reconnected_cb=self._came_back,
            error_cb=_expected,
        )
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._up.set()

    async def _wind_down(self) -> None:
        """Close, and see every task of nats-py end before the loop does."""
        if self._client.is_connected or self._client.is_reconnecting:
            # nats-py waits for its own reconnect, which it has just cancelled; nobody cancels this coroutine.
            with contextlib.suppress(asyncio.CancelledError):
                await self._client.close()
        # A reconnect that is cancelled half-way may have begun new tasks meanwhile.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _broke(self) -> None:
        self._epoch += 1
        self._up.clear()
        # Bytes that nats-py had not written yet would go out after the reconnect, before the log was checked.
        self._client._pending.clear()  # pyright: ignore[reportPrivateUsage]
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.done.set_exception(LineBrokenError(dependency=DEPENDENCY))

    async def _came_back(self) -> None:
        self._up.set()

    def _start(self, outgoing: Sequence[Outgoing], waiting: _Waiting, epoch: int | None) -> None:
        if not self._up.is_set() or (epoch is not None and epoch != self._epoch):
            waiting.done.set_exception(UnavailableError(dependency=DEPENDENCY))
            return
        self._waiting[waiting.token] = waiting
        self._sending = self._loop.create_task(self._send(outgoing, waiting))

    async def _send(self, outgoing: Sequence[Outgoing], waiting: _Waiting) -> None:
        reply_to = f"{self._inbox}.{waiting.token}"
        try:
            for message in outgoing[:-1]:
                await self._client.publish(message.subject, message.payload, headers=message.headers)
            last = outgoing[-1]
            await self._client.publish(last.subject, last.payload, reply=reply_to, headers=last.headers)
        except nats.errors.Error as error:
            self._finish(waiting, _error_of(error))

    def _answer(self, reply_to: str, payload: bytes, headers: dict[str, str]) -> None:
        if self._up.is_set() and reply_to:
            self._loop.create_task(self._publish(reply_to, payload, headers))

    async def _publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        with contextlib.suppress(nats.errors.Error):
            await self._client.publish(subject, payload, headers=headers)

    async def _answered(self, msg: Msg) -> None:
        waiting = self._waiting.get(msg.subject.rpartition(".")[2])
        if waiting is None:
            return
        reply = _reply(msg)
        waiting.replies.append(reply)
        if reply.status == NO_RESPONDERS and not reply.data:
            self._finish(waiting, UnavailableError(dependency=DEPENDENCY))
        elif waiting.is_last(reply):
            self._finish(waiting, None)

    def _finish(self, waiting: _Waiting, error: UnavailableError | None) -> None:
        if self._waiting.pop(waiting.token, None) is None:
            return
        if error is None:
            waiting.done.set_result(waiting.replies)
        else:
            waiting.done.set_exception(error)


def _error_of(error: nats.errors.Error) -> UnavailableError:
    """nats-py refused to send: certain when it holds no line, unknown otherwise."""
    if isinstance(error, nats.errors.OutboundBufferLimitError | nats.errors.ConnectionClosedError):
        return UnavailableError(dependency=DEPENDENCY)
    return LineBrokenError(dependency=DEPENDENCY)


async def _expected(_: Exception) -> None:
    """nats-py reports every break here; `epoch` and the callers' errors already tell."""


def _reply(msg: Msg) -> Reply:
    return Reply(msg.subject, msg.headers or {}, msg.data, msg.reply)
