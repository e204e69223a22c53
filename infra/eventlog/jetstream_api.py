"""JetStream's request/reply API, spoken over the connection: JSON in, JSON or messages out (NATS ADR-31).

Promises: what is asked here may be asked twice, so a broken line is waited out and the question repeated
until the read deadline; after it, UnavailableError.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from domain.errors import UnavailableError
from domain.ports import Clock
from infra.eventlog.connection import DEPENDENCY, Connection, Outgoing, Reply
from infra.eventlog.reader import Stored

END_OF_BATCH = "204"
NOT_FOUND = "404"
REPEAT_WAIT_S = 0.02
Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited: for one answer, for a read with its repetitions, for an append with its own."""

    answer_s: float = 2.0
    read_s: float = 5.0
    append_s: float = 5.0


class Page(NamedTuple):
    """Messages, and how many more the server would have had."""

    messages: Sequence[Stored]
    pending: int


class ApiError(Exception):
    """The server answered with an error. Never leaves this package."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.code = int(error.get("code", 0))
        self.err_code = int(error.get("err_code", 0))
        super().__init__(str(error.get("description", "")))


class JetStreamApi:
    """Safe for any number of threads."""

    def __init__(self, connection: Connection, clock: Clock, patience: Patience) -> None:
        self.connection = connection
        self.clock = clock
        self.patience = patience

    def ask(self, verb: str, body: Body | None = None) -> dict[str, Any]:
        """``$JS.API.<verb>``. Raises ApiError, UnavailableError."""
        outgoing = Outgoing(f"$JS.API.{verb}", b"" if body is None else json.dumps(body).encode())
        answer = cast("dict[str, Any]", json.loads(self._repeated(outgoing, _always)[-1].data))
        if "error" in answer:
            raise ApiError(answer["error"])
        return answer

    def get(self, stream: str, body: Body) -> Stored | None:
        """One message, from any replica."""
        outgoing = Outgoing(f"$JS.API.DIRECT.GET.{stream}", json.dumps(body).encode())
        reply = self._repeated(outgoing, _always)[0]
        if reply.status == NOT_FOUND:
            return None
        if reply.status is not None:
            raise UnavailableError(dependency=DEPENDENCY)
        return _stored(reply)

    def get_batch(self, stream: str, body: Body) -> Page:
        """Messages in order, as many as the server gives for one question; it must name a ``batch``."""
        outgoing = Outgoing(f"$JS.API.DIRECT.GET.{stream}", json.dumps(body).encode())
        *replies, end = self._repeated(outgoing, _ends)
        if end.status == NOT_FOUND:
            return Page((), pending=0)
        if end.status != END_OF_BATCH:
            raise UnavailableError(dependency=DEPENDENCY)
        messages = tuple(_stored(reply) for reply in replies)
        _check_complete(messages, (*replies, end))
        return Page(messages, int(end.headers["Nats-Num-Pending"]))

    def leader_get(self, stream: str, body: Body) -> Stored | None:
        """One message as the stream's leader has it: what conflicts are judged by."""
        try:
            answer = self.ask(f"STREAM.MSG.GET.{stream}", body)["message"]
        except ApiError as error:
            if error.code == 404:
                return None
            raise UnavailableError(dependency=DEPENDENCY) from error
        return Stored(answer["seq"], answer["subject"], _payload(answer))

    def publish(self, outgoing: Outgoing) -> Reply:
        """The server's answer to a message that may be sent twice. Raises UnavailableError."""
        return self._repeated(outgoing, _always)[-1]

    def _repeated(self, outgoing: Outgoing, is_last: Callable[[Reply], bool]) -> list[Reply]:
        deadline_ms = self.clock.monotonic_ms() + round(self.patience.read_s * 1000)
        while True:
            left_s = (deadline_ms - self.clock.monotonic_ms()) / 1000
            if left_s <= 0 or not self.connection.wait_until_up(left_s):
                raise UnavailableError(dependency=DEPENDENCY)
            timeout_s = min(self.patience.answer_s, left_s)
            try:
                return self.connection.collect((outgoing,), timeout_s=timeout_s, is_last=is_last)
            except UnavailableError:
                self.clock.sleep(REPEAT_WAIT_S)


def _always(_: Reply) -> bool:
    return True


def _ends(reply: Reply) -> bool:
    return reply.status is not None


def _stored(reply: Reply) -> Stored:
    return Stored(int(reply.headers["Nats-Sequence"]), reply.headers["Nats-Subject"], reply.data)


def _payload(answer: Mapping[str, Any]) -> bytes:
    return base64.b64decode(answer.get("data", ""))


def _check_complete(messages: Sequence[Stored], replies: Sequence[Reply]) -> None:
    """Each reply names the sequence before it in this batch; a lost reply would be a hole."""
    before = 0
    for message, reply in zip(messages, replies, strict=False):
        if int(reply.headers["Nats-Last-Sequence"]) != before:
            raise UnavailableError(dependency=DEPENDENCY)
        before = message.sequence
    if messages and int(replies[-1].headers["Nats-Last-Sequence"]) != before:
        raise UnavailableError(dependency=DEPENDENCY)
