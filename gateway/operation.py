"""What the API offers, as data: one `Operation` a thing that can be asked, whatever door it is asked through.

Promises: HTTP and NATS run the same handler with the same checks, idempotency and answers; a handler is a
synchronous function from (core, call) to what follows and never waits: for that it hands back what is to be
waited for (`Pending`), and bytes come and go in steps (`Sink`, iterators), so no thread waits for a client.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from domain.decider import Context
from domain.errors import NotFoundError
from domain.event import Event, IdempotencyKey
from domain.ids import AggregateId, RepoId, derived_id, parse_name, repo_id
from domain.position import Position
from gateway.caller import Caller, Principal
from gateway.core import Core, Limits
from gateway.following import Following

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Takes = Literal["query", "json", "bytes", "stream"]
"""Where what is asked comes from: the query string, a JSON body; `bytes` is a whole raw body in memory,
`stream` a raw body in blocks, handed to a `Sink`. Raw bodies keep the query string for what is asked."""

HEX_ID = re.compile(r"[0-9a-f]{32}")
OCTETS = "application/octet-stream"
JSON = "application/json"


class Wire(BaseModel):
    """A body that others see: closed and strict."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Nothing(Wire):
    """An operation that asks for nothing but its path."""


A = TypeVar("A", bound=BaseModel)
A_co = TypeVar("A_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[A_co]):
    """One request, parsed and allowed."""

    operation: str
    method: str
    caller: Caller
    path: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case names."""
    asked: A_co
    content: bytes
    """The raw body of a `bytes` operation."""
    key: IdempotencyKey
    key_was_sent: bool
    correlation_id: str
    after: Position | None
    """X-Dits-After: how far a read model must have come."""

    @property
    def principal(self) -> Principal:
        """Who asks; operations that need a scope have one."""
        assert isinstance(self.caller, Principal), self.operation
        return self.caller

    @property
    def repo_name(self) -> str:
        return parse_name(self.path["repo"])

    @property
    def repo(self) -> RepoId:
        """Its visibility was checked before the handler was called."""
        return repo_id(self.repo_name)

    def hex_id(self, part: str, thing: str) -> str:
        """An id from the path; what cannot be one is not there. Raises NotFoundError."""
        text = self.path[part]
        if not HEX_ID.fullmatch(text):
            raise NotFoundError(thing=thing, name=text[:64].encode("unicode_escape").decode()[:64])
        return text

    @property
    def context(self) -> Context:
        return Context(self.principal.consumer, self.correlation_id, idempotency=self.key)

    def step_context(self) -> Context:
        """For asks that repeat themselves in steps of one request, which no single key can answer for."""
        return Context(self.principal.consumer, self.correlation_id)

    def derived(self, purpose: str) -> str:
        """The id of what this command creates: the same for every retry (house: Idempotency)."""
        return derived_id(purpose, self.principal.consumer, self.operation, self.key.key)


Live = Callable[["Waits"], AsyncGenerator[bytes]]
"""A body that goes on for as long as the client listens."""


class Waits(Protocol):
    """What a live body may use to wait: it holds no thread while it does."""

    @property
    def following(self) -> Following: ...

    async def run(self, step: Callable[[], Any]) -> Any:
        """A short synchronous step, in the pool."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back. Without `status`, the operation's success."""

    body: BaseModel | bytes | Iterator[bytes] | Live | None = None
    position: Position | None = None
    """X-Dits-Position: of the write, or of the read model that was read."""
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    replayed: bool = False
    media_type: str | None = None
    length_bytes: int | None = None
    """Of an iterator's bytes, if it is known."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The answer comes with an event of this aggregate; until then, look again; when time is up, `late`."""

    aggregate: AggregateId | None
    """None: any news may bring it."""
    ends: tuple[type[Event], ...]
    look: Callable[[], Answer | None]
    late: Callable[[], Answer]


class Sink(Protocol):
    """Takes a raw body in blocks. Every method is one synchronous step, called one after the other.

    Callers may rely on: exactly one of `end` and `interrupted` is called, last.
    """

    def write(self, block: bytes) -> None: ...

    def end(self) -> Answer: ...

    def interrupted(self) -> None:
        """The client went away, or `write` or `end` raised."""
        ...


Follows = Answer | Pending | Sink
Handler = Callable[[Core, Call[A]], Follows]


def json_limit(limits: Limits) -> int:
    return limits.json_bytes_max


@dataclass(frozen=True, slots=True)
class Operation(Generic[A]):
    """One row of the table."""

    name: str
    method: Method
    path: str
    """Starlette's template; parameters are plain segments, or ``:path`` for the rest."""
    scope: str | None
    """``read``, ``write``, ``admin:<area>``; None is any valid key. Anonymous may use ``read`` of public
    repositories."""
    asks: type[A]
    """Model of the query string or JSON body, as `takes` says."""
    handler: Handler[A]
    about: str
    """One sentence for the docs."""
    answers: type[BaseModel] | None = None
    """Model of the JSON answer; None is bytes or nothing."""
    success: int = 200
    takes: Takes = "query"
    needs_key: bool = False
    """An Idempotency-Key is required."""
    claims_name: bool = False
    """It creates what its body names, so no fold of one aggregate sees a key that is used for two names; the
    kept answers do, as a courtesy."""
    changes_access: bool = False
    """Answered only when this process's follower has seen it, so that keys and visibility hold at once."""
    since: str = "v1"
    """The edition that describes it first; older ones serve it as it is."""
    limit_bytes: Callable[[Limits], int] = field(default=json_limit)

    @property
    def writes(self) -> bool:
        """What asks for much posts its question (`chunks.get`), and reads all the same."""
        return self.method not in {"GET", "HEAD"} and self.scope != "read"

    @property
    def reads_only(self) -> bool:
        return self.scope == "read"

    @property
    def route(self) -> str:
        """The path without convertors: the bounded metrics label."""
        return self.path.replace(":path}", "}")

    @property
    def subject(self) -> str | None:
        """The NATS door; bytes go over HTTP only."""
        if self.takes in {"bytes", "stream"} or (self.answers is None and self.success != 204):
            return None
        return f"dits.{'cmd' if self.writes else 'qry'}.{self.name}"


AnyOperation = Operation[Any]
