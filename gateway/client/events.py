"""What happened: the log from any position on, and what happens now.

Promises: events come in the log's order, each once, across any number of lost connections; whoever goes
on from the `resume_after` of the last event dealt with misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from json import loads
from typing import cast

from . import operations as op
from .calls import Calls
from .errors import ConnectionLostError, DitsError, NotDitsError
from .operations import Operation
from .pacing import may_pass
from .results import Event, EventPage, Fields
from .wire import Call, Json, Plain

SILENCE_S_MAX = 60.0
"""A stream that says nothing for so long is dead; the server's comments come more often."""
PAGE_EVENTS = 500
BUS_WAIT_S = 10
"""How long one question over the bus waits for news."""


class Events:
    def __init__(self, calls: Calls, *, streams: bool) -> None:
        """`streams`: follow over server-sent events; else by questions over the bus."""
        self._calls = calls
        self._streams = streams

    def page(
        self, repo: str | None = None, *, after: str | None = None, limit: int = PAGE_EVENTS
    ) -> EventPage:
        return self._page(repo, after, {"limit": limit})

    def replay(self, repo: str | None = None, *, after: str | None = None) -> Iterator[Event]:
        """Everything from after that position to the end of the log; None is the beginning."""
        while True:
            page = self.page(repo, after=after)
            yield from _resumable(page.events, after)
            if page.end or page.next is None:
                return
            after = page.next

    def subscribe(self, repo: str | None = None, *, after: str | None = None) -> Iterator[Event]:
        """The past after that position, then everything that happens, until the caller stops."""
        source = self._stream if self._streams else self._questions
        calls, tries, seen = self._calls, 0, Seen()
        while True:
            try:
                for event in source(repo, after):
                    tries, after = 0, event.resume_after
                    if seen.is_news(event):
                        yield event
                raise ConnectionLostError(server=calls.transport.server, reason="the stream ended")
            except DitsError as error:
                tries += 1
                if not may_pass(error) or tries >= calls.pacing.tries_max:
                    raise
                calls.machine.sleep(calls.pacing.pause_s(tries, error, calls.machine.jitter()))

    def _stream(self, repo: str | None, after: str | None) -> Iterator[Event]:
        operation, path = _where(repo)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        call = Call(operation, path, {"follow": True}, headers=headers, timeout_s=SILENCE_S_MAX)
        stream = self._calls.open(call)
        try:
            for message in messages(stream.blocks()):
                after = message.id or after
                event = Event.of(_parsed(message, self._calls.http.server))
                yield replace(event, resume_after=after)
        finally:
            stream.close()

    def _questions(self, repo: str | None, after: str | None) -> Iterator[Event]:
        while True:
            page = self._page(repo, after, {"follow": True}, headers={"Prefer": f"wait={BUS_WAIT_S}"})
            yield from _resumable(page.events, after)
            after = page.next or after

    def _page(
        self,
        repo: str | None,
        after: str | None,
        query: dict[str, Plain],
        headers: dict[str, str] | None = None,
    ) -> EventPage:
        operation, path = _where(repo)
        asked = {**query, "after": after} if after else query
        return EventPage.of(self._calls.ask(operation, path, query=asked, headers=headers))


@dataclass(slots=True)
class Seen:
    """The last event that was handed on: what came before a lost connection may come again."""

    position: str = ""
    index: int = -1

    def is_news(self, event: Event) -> bool:
        if event.position == self.position and event.index <= self.index:
            return False
        self.position, self.index = event.position, event.index
        return True


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event (WHATWG HTML, 9.2)."""

    id: str
    topic: str
    data: str


def messages(blocks: Iterable[bytes]) -> Iterator[Message]:
    """The messages of a stream; one that was cut off is not delivered, comments are not either."""
    fields: dict[str, list[str]] = {}
    for line in _lines(blocks):
        if not line:
            if "data" in fields:
                yield Message(_last(fields, "id"), _last(fields, "event"), "\n".join(fields["data"]))
            fields = {}
            continue
        name, _, value = line.partition(":")
        fields.setdefault(name, []).append(value.removeprefix(" "))


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from (line.decode().removesuffix("\r") for line in lines)


def _last(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[-1]


def _parsed(message: Message, server: str) -> Fields:
    try:
        return Fields(cast("Json", loads(message.data)), op.EVENTS_READ.name)
    except ValueError as error:
        raise NotDitsError(server=server, reason="an event is no JSON") from error


def _resumable(events: Sequence[Event], after: str | None) -> Iterator[Event]:
    """A page ends with a message's last event."""
    for event, following in zip_longest(events, events[1:]):
        assert event is not None
        if following is None or following.position != event.position:
            after = event.position
        yield replace(event, resume_after=after)


def _where(repo: str | None) -> tuple[Operation, dict[str, str]]:
    return (op.ALL_EVENTS_READ, {}) if repo is None else (op.EVENTS_READ, {"repo": repo})
