"""One request from the door to its answer, whatever the door: allowed, parsed, run, waited for.

Promises: the order of the checks is that of `acceptance/versioning.yaml` (R11), from routing on: permission,
then key, body and handler; a retry finds its own effect or its remembered refusal; everything
that waits, waits here, holding no thread.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3
from pydantic import BaseModel, ValidationError

from domain.errors import (
    DitsError,
    IdempotencyKeyRequiredError,
    IdempotencyKeyReusedError,
    InvalidNameError,
    InvalidPositionError,
    NotYetConsistentError,
    UnavailableError,
)
from domain.event import IdempotencyKey
from domain.ids import parse_name, repo_id
from domain.position import Position
from gateway import auth
from gateway.admission import Admission
from gateway.answers import Refusal, Scope, accepted, refusal_of
from gateway.bridge import Bridge
from gateway.caller import Caller, Principal
from gateway.core import Core
from gateway.errors import body_error, query_error, told
from gateway.following import Following
from gateway.measures import Measures
from gateway.operation import Answer, AnyOperation, Call, Follows, Pending
from gateway.pressure import Pressure
from gateway.tracing import Tracer
from gateway.wire.editions import HEAD, asks_of, upgraded

POLLS_S = (0.005, 0.01, 0.02, 0.03, 0.05)
"""Between tries of a read whose model is behind; the last one repeats."""
KEY_CHARACTERS_MAX = 128
KEY_PATTERN_TEXT = "1 to 128 visible ASCII characters"


@dataclass(frozen=True, slots=True)
class Request:
    """What a door makes of what came in."""

    method: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case names."""
    query: Mapping[str, object]
    """Text over HTTP, JSON values over NATS."""
    content: Callable[[], Awaitable[bytes]]
    """The body, read when it is known that its sender may send it."""
    correlation_id: str
    edition: str = HEAD
    """The wire form that is asked in and answered in."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The composed gateway: the core, and what waits at its edge."""

    core: Core
    bridge: Bridge
    following: Following
    measures: Measures
    admission: Admission
    """Who may come in, for every door."""
    pressure: Pressure
    tracer: Tracer
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is about to end: live bodies end with it."""

    async def run(self, step: Callable[[], Any]) -> Any:
        return await self.bridge.run(step)


async def permit(gateway: Gateway, operation: AnyOperation, request: Request, caller: Caller) -> None:
    """May they? Raises UnauthorizedError, ForbiddenError, NotFoundError."""
    core = gateway.core
    if "repo" not in request.path:
        auth.refuse_unless_allowed(caller, operation.scope, reads=not operation.writes)
        return
    if not isinstance(caller, Principal):
        auth.refuse_unless_allowed(caller, operation.scope, reads=not operation.writes)
    name = parse_name(request.path["repo"])
    facts = core.directory.repos.get(repo_id(name))
    if facts is None:
        facts = await gateway.bridge.run(lambda: auth.found_repo(core.log, name))
    auth.refuse_unless_visible(caller, name, facts)
    auth.refuse_unless_allowed(caller, operation.scope, reads=not operation.writes)
    if isinstance(caller, Principal) and operation.scope != "read":
        auth.refuse_unless_for(caller, repo_id(name), operation.scope or "write")


async def perform(gateway: Gateway, operation: AnyOperation, request: Request, caller: Caller) -> Follows:
    """What follows from a permitted request; a Sink only from a `stream` operation."""
    after = await _after(gateway, request)
    content = b"" if operation.takes in {"query", "stream"} else await request.content()
    tries = _read_tries(gateway)
    while True:
        try:
            follows = await gateway.bridge.run(
                lambda: _handled(gateway.core, operation, request, caller, content, after)
            )
        except NotYetConsistentError:
            if not await tries():
                raise
            continue
        return await _awaited(gateway, operation, request, follows)


async def performed(gateway: Gateway, operation: AnyOperation, request: Request, caller: Caller) -> Follows:
    """`perform`, counted if it is a command with a key."""
    if not operation.writes or "idempotency-key" not in request.headers:
        return await perform(gateway, operation, request, caller)
    outcomes = gateway.measures.idempotency
    try:
        follows = await perform(gateway, operation, request, caller)
    except DitsError:
        outcomes["refused"].inc()
        raise
    replayed = isinstance(follows, Answer) and follows.replayed
    outcomes["replayed" if replayed else "executed"].inc()
    return follows


async def _awaited(gateway: Gateway, operation: AnyOperation, request: Request, follows: Follows) -> Follows:
    if isinstance(follows, Pending):
        follows = await _ended(gateway, follows, _patience_s(gateway, request.headers))
    if operation.changes_access and isinstance(follows, Answer) and follows.position is not None:
        await gateway.following.reached(follows.position, gateway.core.limits.access_wait_s)
    return follows


async def _ended(gateway: Gateway, pending: Pending, patience_s: float) -> Answer:
    """Look, wait for an event, look again: nothing is missed, because the watch begins before the look."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while True:
        expectation = gateway.following.expect(pending.aggregate, pending.ends)
        try:
            answer = await gateway.bridge.run(pending.look)
            left_s = deadline - loop.time()
            if answer is None and left_s > 0 and await expectation.met(left_s):
                continue
            return answer if answer is not None else await gateway.bridge.run(pending.late)
        finally:
            expectation.forget()


def _patience_s(gateway: Gateway, headers: Mapping[str, str]) -> float:
    """RFC 7240: `Prefer: wait=<seconds>`; what cannot be read is passed over, as that RFC says."""
    limits = gateway.core.limits
    for preference in headers.get("prefer", "").split(","):
        name, _, seconds = preference.strip().partition("=")
        if name.strip().lower() == "wait" and seconds.strip().isascii() and seconds.strip().isdigit():
            return min(float(seconds.strip()[:6]), limits.prefer_wait_s_max)
    return limits.commit_wait_s


# ------------------------------------------------------------------ reading after a write
async def _after(gateway: Gateway, request: Request) -> Position | None:
    """X-Dits-After, once this process's follower has come that far. Raises InvalidPositionError (S3.3)."""
    text = request.headers.get("x-dits-after")
    if text is None:
        return None
    after = Position.decode(text)
    if after.sequence <= gateway.following.sequence:
        return _same_log(gateway, after)
    end = await gateway.bridge.run(gateway.core.log.end)
    if end is None or after.sequence > end.sequence or after.incarnation != end.incarnation:
        raise InvalidPositionError(given=text[:16])
    await gateway.following.reached(after, gateway.core.limits.read_wait_s)
    return after


def _same_log(gateway: Gateway, after: Position) -> Position:
    position = gateway.following.position
    assert position is not None
    if after.incarnation != position.incarnation:
        raise InvalidPositionError(given=after.encode()[:16])
    return after


def _read_tries(gateway: Gateway) -> Callable[[], Awaitable[bool]]:
    """Each call sleeps before another try; False when the time for it is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + gateway.core.limits.read_wait_s
    pauses = list(reversed(POLLS_S))

    async def another() -> bool:
        pause_s = pauses.pop() if len(pauses) > 1 else pauses[0]
        if loop.time() + pause_s > deadline:
            return False
        if len(pauses) == len(POLLS_S) - 1:
            gateway.measures.waits.inc()
        await asyncio.sleep(pause_s)
        return True

    return another


# ------------------------------------------------------------------ in a thread of the pool
def _handled(
    core: Core,
    operation: AnyOperation,
    request: Request,
    caller: Caller,
    content: bytes,
    after: Position | None,
) -> Follows:
    asked = _asked(operation, request, content)
    key, was_sent = _key(core, operation, request, asked, content)
    call = Call(
        operation=operation.name,
        method=request.method,
        caller=caller,
        path=request.path,
        headers=request.headers,
        asked=asked,
        content=content if operation.takes == "bytes" else b"",
        key=key,
        key_was_sent=was_sent,
        correlation_id=request.correlation_id,
        after=after,
    )
    if not (operation.writes and was_sent and isinstance(caller, Principal)):
        return operation.handler(core, call)
    return _handled_once(core, operation, call, Scope(caller.consumer, operation.name, key.key))


def _handled_once(core: Core, operation: AnyOperation, call: Call[Any], scope: Scope) -> Follows:
    """A refusal of this key is answered as it was the first time."""
    _refuse_again(core, scope, call.key)
    try:
        follows = operation.handler(core, call)
    except DitsError as error:
        _remember(core, scope, refusal_of(error, call.key.body_digest))
        raise
    if operation.claims_name:
        _remember(core, scope, accepted(call.key.body_digest))
    return follows


def _refuse_again(core: Core, scope: Scope, key: IdempotencyKey) -> None:
    try:
        refusal = core.answers.recall(scope)
    except UnavailableError:
        return  # A courtesy: without it the command is decided again, and the log knows its effects.
    if refusal is None:
        return
    if refusal.body_digest != key.body_digest:
        raise IdempotencyKeyReusedError(key=key.key)
    if refusal.is_acceptance:
        return
    raise told(refusal.code, refusal.message, dict(refusal.details), replayed=True)


def _remember(core: Core, scope: Scope, refusal: Refusal | None) -> None:
    if refusal is None:
        return
    try:
        core.answers.keep(scope, refusal)
    except UnavailableError:
        return


def _asked(operation: AnyOperation, request: Request, content: bytes) -> BaseModel:
    """In the head form, whatever edition it came in, so that a retry may come in another one.

    Raises MalformedBodyError, InvalidBodyError, InvalidQueryError.
    """
    return upgraded(operation, request.edition, _parsed(operation, request, content))


def _parsed(operation: AnyOperation, request: Request, content: bytes) -> BaseModel:
    model = asks_of(operation, request.edition)
    if operation.takes == "json":
        try:
            return model.model_validate_json(content or b"{}")
        except ValidationError as error:
            raise body_error(error) from error
    try:
        return model.model_validate(dict(request.query), strict=False)
    except ValidationError as error:
        raise query_error(error) from error


def _key(
    core: Core, operation: AnyOperation, request: Request, asked: BaseModel, content: bytes
) -> tuple[IdempotencyKey, bool]:
    """Scope's key and the digest of what was asked. Raises IdempotencyKeyRequiredError, InvalidNameError."""
    sent = request.headers.get("idempotency-key")
    if sent is None and operation.needs_key:
        raise IdempotencyKeyRequiredError()
    if sent is not None and not (
        0 < len(sent) <= KEY_CHARACTERS_MAX and sent.isascii() and sent.isprintable() and " " not in sent
    ):
        raise InvalidNameError(name=sent.encode("unicode_escape").decode()[:64], pattern=KEY_PATTERN_TEXT)
    key = sent if sent is not None else core.ids.token(16).hex()
    raw = content if operation.takes == "bytes" else b""
    return IdempotencyKey(operation.name, key, body_digest(request.path, asked, raw)), sent is not None


def body_digest(path: Mapping[str, str], asked: BaseModel, raw: bytes) -> bytes:
    """BLAKE3 of what was asked in one canonical form: equal requests are equal however they are spelt."""
    canonical = json.dumps([dict(path), asked.model_dump(mode="json")], sort_keys=True, separators=(",", ":"))
    hasher = blake3(canonical.encode())
    hasher.update(raw)
    return hasher.digest()
