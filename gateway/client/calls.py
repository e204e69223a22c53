"""One place where a call gets its key, its position and its patience.

Promises: every try of a write carries the same Idempotency-Key, so a retry has one effect (I6); a read
asks for at least the position of this client's last write, so a client sees what it did; errors are
raised, never returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TypeVar

from .http import Http, HttpStream
from .machine import Machine
from .operations import Operation
from .pacing import Pacing, persisting
from .results import Fields
from .wire import Answer, Buffer, Call, Json, Parts, Plain, Transport

T = TypeVar("T")


class Calls:
    """How all operations reach the server. Safe for threads."""

    def __init__(
        self, http: Http, transport: Transport, *, machine: Machine, pacing: Pacing, position: str = ""
    ) -> None:
        self.http = http
        self.transport = transport
        self.machine = machine
        self.pacing = pacing
        self._written = Written(position)

    @property
    def position(self) -> str:
        """Of the last write that this client was told of; empty if there was none."""
        return self._written.position

    def ask(
        self,
        operation: Operation,
        path: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Plain] | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fields:
        """A JSON operation over the chosen transport. Raises DitsError."""
        call = Call(operation, path or {}, query or {}, body, headers=headers or {})
        transport = self.http if operation.door is None else self.transport
        answer = self.carry(call, transport)
        return Fields(answer.json(transport.server), operation.name)

    def items(
        self,
        operation: Operation,
        path: Mapping[str, str],
        read: Callable[[Fields], T],
        query: Mapping[str, Plain] | None = None,
    ) -> Iterator[T]:
        """A list to its end, part by part."""
        asked = dict(query or {})
        while True:
            page = self.ask(operation, path, query=asked)
            yield from page.each("items", read)
            after = page.onward()
            if after is None:
                return
            asked["after"] = after

    def bytes(
        self, operation: Operation, path: Mapping[str, str], parts: Sequence[Buffer] | None = None
    ) -> Answer:
        """An operation that carries bytes; always over HTTP. Raises DitsError."""
        content = None if parts is None else Parts(parts)
        return self.carry(Call(operation, path, content=content), self.http)

    def carry(self, call: Call, transport: Transport) -> Answer:
        """Try until it is answered for good. Raises DitsError."""
        ready = self.prepared(call)
        return persisting(lambda: self._once(ready, transport), self.pacing, self.machine)

    def open(self, call: Call) -> HttpStream:
        """An answer that is read as it arrives; one try. Raises DitsError."""
        stream = self.http.open(self.prepared(call))
        if stream.status < 400:
            return stream
        try:
            raise stream.whole().problem(self.http.server)
        finally:
            stream.close()

    def once(self, call: Call) -> Answer:
        """One try over HTTP, for callers who must look before they try again. Raises DitsError."""
        return self._once(self.prepared(call), self.http)

    def prepared(self, call: Call) -> Call:
        """With an idempotency key if it writes, with our last write's position if it reads."""
        extra = dict(call.headers)
        if call.operation.door == "cmd":
            extra.setdefault("Idempotency-Key", self.machine.token())
        elif after := self._written.position:
            extra.setdefault("X-Dits-After", after)
        return replace(call, headers=extra)

    def _once(self, call: Call, transport: Transport) -> Answer:
        answer = transport.carry(call)
        if answer.status < 400:
            if call.operation.method not in {"GET", "HEAD"}:
                self._written.note(answer)
            return answer
        problem = answer.problem(transport.server)
        after = call.headers.get("X-Dits-After")
        if problem.code == "INVALID_POSITION" and after is not None:
            # The log is another one than it was when we wrote: what we wrote is not in it.
            self._written.forget(after)
            headers = {name: value for name, value in call.headers.items() if name != "X-Dits-After"}
            return self._once(replace(call, headers=headers), transport)
        raise problem


class Written:
    """The position of the last write that this client was told of."""

    def __init__(self, position: str) -> None:
        self._guard = Lock()
        self._position = position

    @property
    def position(self) -> str:
        return self._position

    def note(self, answer: Answer) -> None:
        position = answer.headers.get("x-dits-position", "")
        if position:
            with self._guard:
                self._position = position

    def forget(self, position: str) -> None:
        with self._guard:
            if self._position == position:
                self._position = ""
