"""The usual questions under /versions, answered in the very call that brings them (V6.1, V9.1d).

Promises: what is said, counted and logged is what the edge's pipeline says, counts and logs; whatever takes
waiting, is refused or is unusual goes there, and then nothing has happened yet. Why: a task, a dozen
coroutines and a look at each header take as long as all the rest of such a request.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from domain.errors import DitsError
from gateway.access import AccessLine
from gateway.addresses import client_address
from gateway.admission import Arrival, Passage
from gateway.caller import Principal
from gateway.correlation import correlation_id
from gateway.discovering import Discovered, discovered
from gateway.edge import COMMON, UNKNOWN_ROUTE, Edge, forwarded_for
from gateway.heads import head_of
from gateway.http_door import headers_of
from gateway.negotiation import spoken_in
from gateway.tracing import Ending

COMMON_HEAD = head_of(COMMON)
METHOD = "GET"
STATUS = 200


@dataclass(frozen=True, slots=True)
class Prompt:
    """One a process. The scope is of a GET without a body, and holds what the server put into it."""

    edge: Edge

    def __call__(self, scope: Scope) -> bytes | None:
        """Head and body of a 200, or None: then it is the edge's to answer."""
        edge = self.edge
        if scope["query_string"] or edge.is_full or edge.is_draining():
            return None
        began_ms, headers, passage = edge.clock.monotonic_ms(), headers_of(scope), Passage()
        found = self._found(scope, headers, passage)
        if found is None or found.status != STATUS or passage.standing is None:
            return None
        correlation = correlation_id(headers.get("x-correlation-id"), edge.ids)
        span = edge.tracer.began(headers) if edge.tracer.is_recording else None
        page, standing = found.page, passage.standing
        answer = b"%bx-correlation-id: %b\r\n%b%b\r\n%b" % (
            page.head,
            correlation.encode(),
            COMMON_HEAD,
            standing.head(),
            page.body,
        )
        known = passage.caller if isinstance(passage.caller, Principal) else None
        took_ms = edge.clock.monotonic_ms() - began_ms
        edge.measures.answered(METHOD, found.route, STATUS, UNKNOWN_ROUTE, took_ms / 1000)
        name = known.name if known is not None else "anonymous"
        line = AccessLine(METHOD, found.route, None, STATUS, True, name, UNKNOWN_ROUTE)
        edge.access_log(line, correlation, len(page.body), took_ms)
        if edge.tracer.is_recording:
            kind = known.kind if known is not None else "anonymous"
            edge.tracer.ended(span, Ending(METHOD, found.route, STATUS, UNKNOWN_ROUTE, correlation, kind))
        return answer

    def _found(self, scope: Scope, headers: dict[str, str], passage: Passage) -> Discovered | None:
        """The page, once the request is counted."""
        edge = self.edge
        forwarded = forwarded_for(scope) if edge.trusted_proxies else None
        address = client_address(scope.get("client"), forwarded, edge.trusted_proxies)
        spoken = spoken_in(scope)
        arrival = Arrival(spoken.given, spoken.opted_in, headers, address, "", is_discovery=True)
        if not edge.admission.at_once(arrival, passage):
            return None
        try:
            found = discovered(scope, arrival, passage)
        except DitsError:
            return None
        assert passage.caller is not None
        passage.standing = edge.admission.counted_at_once(passage.caller, address)
        return found
