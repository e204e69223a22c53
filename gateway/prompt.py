"""The answers to a head that a connection repeats, as a poll of /versions does (V6.1, V9.1d).

Promises: what the head says is read once, what becomes of it is decided each time: the registry, the key, the
limit, the page. What is said, counted and logged is what the edge's pipeline says, counts and logs; whatever
takes waiting, is refused or is unusual goes there, and then nothing has happened yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from starlette.types import Scope

from domain.errors import DitsError
from gateway.addresses import client_address
from gateway.admission import Arrival, Passage
from gateway.caller import Caller
from gateway.correlation import correlation_id
from gateway.discovering import discovered
from gateway.edge import COMMON, UNKNOWN_ROUTE, Edge, Met, forwarded_for
from gateway.heads import head_of
from gateway.http_door import headers_of
from gateway.limiting import Standing
from gateway.negotiation import spoken_in
from gateway.versions.snapshot import Page

COMMON_HEAD = head_of(COMMON)
METHOD = "GET"
STATUS = 200


class Heard(NamedTuple):
    """What a head says; of its address there is only the path, and that names no version."""

    scope: Scope
    arrival: Arrival
    correlation: str | None


class Reply(NamedTuple):
    """A page, for somebody who is sure to get it: it was counted."""

    page: Page
    route: str
    caller: Caller
    standing: Standing


@dataclass(frozen=True, slots=True)
class Prompt:
    """One a process."""

    edge: Edge

    def heard(self, scope: Scope) -> Heard:
        """Of a GET under /versions without a query, as it came from the server."""
        edge, headers, spoken = self.edge, headers_of(scope), spoken_in(scope)
        forwarded = forwarded_for(scope) if edge.trusted_proxies else None
        address = client_address(scope.get("client"), forwarded, edge.trusted_proxies)
        arrival = Arrival(spoken.given, spoken.opted_in, headers, address, "", is_discovery=True)
        return Heard(scope, arrival, headers.get("x-correlation-id"))

    def answer(self, heard: Heard) -> bytes | None:
        """Head and body of a 200, without the server's own fields; None: it is the edge's to answer."""
        edge = self.edge
        if edge.is_full or edge.is_draining():
            return None
        began_ms = edge.clock.monotonic_ms()
        reply = self._reply(heard)
        if reply is None:
            return None
        correlation = correlation_id(heard.correlation, edge.ids)
        answer = b"%bx-correlation-id: %b\r\n%b%b\r\n%b" % (
            reply.page.head,
            correlation.encode(),
            COMMON_HEAD,
            reply.standing.head(),
            reply.page.body,
        )
        span = edge.tracer.began(heard.arrival.headers) if edge.tracer.is_recording else None
        edge.note(_met(reply, correlation, edge.clock.monotonic_ms() - began_ms), span)
        return answer

    def _reply(self, heard: Heard) -> Reply | None:
        edge, passage = self.edge, Passage()
        if not edge.admission.at_once(heard.arrival, passage):
            return None
        try:
            status, page, route = discovered(heard.scope, heard.arrival, passage)
        except DitsError:
            return None
        caller = passage.caller
        if status != STATUS or caller is None:
            return None
        standing = edge.admission.counted_at_once(caller, heard.arrival.address)
        return None if standing is None else Reply(page, route, caller, standing)


def _met(reply: Reply, correlation: str, took_ms: int) -> Met:
    size_bytes = len(reply.page.body)
    caller, version = reply.caller, UNKNOWN_ROUTE
    return Met(METHOD, reply.route, None, STATUS, True, caller, version, correlation, size_bytes, took_ms)
