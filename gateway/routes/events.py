"""Events from any position on: as pages, and as a stream of the past and then the present (seed S5).

Promises: each event once and in the log's order, also across the seam between past and present; a stream can
be taken up again after any id; who waits holds no thread and no connection to a server, and a slow reader
delays nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from domain.consumer import grants
from domain.errors import DitsError, ForbiddenError, InvalidPositionError, NotYetConsistentError
from domain.ids import ConsumerId, RepoId
from domain.position import Position
from gateway.caller import Principal
from gateway.core import Core
from gateway.history import Part
from gateway.operation import Answer, AnyOperation, Call, Operation, Pending, Waits
from gateway.wire.v2_events import EventPage, ReadEvents, told

STREAM = "text/event-stream"
PAUSE_S = 0.25
"""Between two tries where news cannot wake us: the archive is behind, or a server is away."""
EVENTS_PER_STEP = 256
ADMIN = "admin:events"


def read(core: Core, call: Call[ReadEvents]) -> Answer | Pending:
    """Of one repository; whether the caller may see it was checked before."""
    return _read(core, call, call.repo)


def read_all(core: Core, call: Call[ReadEvents]) -> Answer | Pending:
    """Keys and settings too: for operators, and for keys that see every repository."""
    scopes, repos = call.principal.scopes, call.principal.repos
    if not (grants(scopes, ADMIN) or (repos is None and grants(scopes, "read"))):
        raise ForbiddenError(scope=ADMIN)
    return _read(core, call, None)


def _read(core: Core, call: Call[ReadEvents], repo: RepoId | None) -> Answer | Pending:
    reader = call.caller.consumer if isinstance(call.caller, Principal) else None
    listening = Listening(core, repo, reader, _begin(core, call))
    if STREAM in call.headers.get("accept", ""):
        return _stream(listening, follow=call.asked.follow is not False)
    if not call.asked.follow:
        return _page(listening, call)
    return Pending(None, (), lambda: _news(listening, call), lambda: _page(listening, call))


def _begin(core: Core, call: Call[ReadEvents]) -> Position | None:
    """A reconnect's Last-Event-ID counts more than the address. Raises InvalidPositionError."""
    text = call.headers.get("last-event-id") or call.asked.after
    if not text:
        return None
    after = Position.decode(text)
    end = core.log.end()
    if end is None or after.sequence > end.sequence or after.incarnation != end.incarnation:
        raise InvalidPositionError(given=text[:16])
    return after


# ------------------------------------------------------------------ pages
def _page(listening: Listening, call: Call[ReadEvents]) -> Answer:
    """Raises NotYetConsistentError rather than give an empty page while there is more."""
    end = listening.core.log.end()
    part = listening.part(call.asked.limit)
    is_end = part.is_last and (end is None or _sequence(part.reached) >= end.sequence)
    needed = max(_sequence(call.after), 0 if end is None or part.events else end.sequence)
    if part.is_last and _sequence(part.reached) < needed:
        raise NotYetConsistentError()
    return _answer(listening, part, is_end=is_end)


def _news(listening: Listening, call: Call[ReadEvents]) -> Answer | None:
    """A page that is not empty."""
    part = listening.part(call.asked.limit)
    return _answer(listening, part, is_end=part.is_last) if part.events else None


def _answer(listening: Listening, part: Part, *, is_end: bool) -> Answer:
    events = [told(recorded, listening.reader) for recorded in part.events]
    following = part.reached.encode() if part.reached is not None else None
    return Answer(EventPage(events=events, next=following, end=is_end), part.reached)


# ------------------------------------------------------------------ streams
@dataclass(slots=True)
class Listening:
    """One reader and where they are."""

    core: Core
    repo: RepoId | None
    reader: ConsumerId | None
    at: Position | None

    def part(self, limit: int) -> Part:
        return self.core.history.part(self.repo, self.at, limit)

    def step(self) -> Step:
        """The next events as text; where the reader is does not change before they were sent."""
        part = self.part(EVENTS_PER_STEP)
        following = [*part.events[1:], None]
        blocks = list[str]()
        for recorded, later in zip(part.events, following, strict=False):
            is_whole = later is None or later.position != recorded.position
            event = told(recorded, self.reader)
            name = f"id: {event.position}\n" if is_whole else ""
            blocks.append(f"{name}event: {event.topic}\ndata: {event.model_dump_json()}\n\n")
        return Step("".join(blocks).encode(), part.reached, part.is_last)


@dataclass(frozen=True, slots=True)
class Step:
    text: bytes
    reached: Position | None
    is_last: bool


def _stream(listening: Listening, *, follow: bool) -> Answer:
    """The first step is made now, so that what is wrong with it is still said as an error."""
    until = None if follow else _sequence(listening.core.log.end())
    heartbeat_s = listening.core.limits.heartbeat_s
    first = listening.step()

    async def live(waits: Waits) -> AsyncGenerator[bytes]:
        clock = asyncio.get_running_loop().time
        step, spoke_at, is_news = first, clock(), False
        yield b"retry: 1000\n\n"
        while True:
            if step.text or clock() - spoke_at >= heartbeat_s:
                yield step.text or b": still here\n\n"
                spoke_at = clock()
            has_moved, listening.at = step.reached != listening.at, step.reached
            if until is not None and step.is_last and _sequence(listening.at) >= until:
                return
            if has_moved:
                is_news = False
            else:
                # News that the step before did not show is still on its way into the archive.
                await asyncio.sleep(PAUSE_S if is_news else 0)
                left_s = max(spoke_at + heartbeat_s - clock(), 0.001)
                is_news = await waits.following.moved(_sequence(listening.at), left_s)
            step = await _next(waits, listening)

    return Answer(live, listening.at, media_type=STREAM)


async def _next(waits: Waits, listening: Listening) -> Step:
    """No step forward while a server is away or this process is busy."""
    try:
        step: Step = await waits.run(listening.step)
    except DitsError as error:
        if error.kind != "unavailable":
            raise
        return Step(b"", listening.at, is_last=False)
    return step


def _sequence(position: Position | None) -> int:
    return position.sequence if position is not None else 0


ABOUT = "Events after a position, as a page; with `Accept: text/event-stream` the past and then the present."
OPERATIONS: tuple[AnyOperation, ...] = (
    Operation("events.read", "GET", "/repos/{repo}/events", "read", ReadEvents, read, ABOUT, EventPage),
    Operation("events.read", "GET", "/events", None, ReadEvents, read_all, ABOUT, EventPage),
)
