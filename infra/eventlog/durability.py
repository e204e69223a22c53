"""Does every event server sync before it acknowledges? Asked of the servers themselves at every start (I1).

Promises: a server that syncs lazily, an older one, and one that does not tell are refused; `unsafe` lets a
lazy one pass, never an old one. The question is ``$SYS.REQ.SERVER.PING.VARZ``, which only the system account
may ask (or an account that imports it); each server of a cluster answers it once (ADR 0033).
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from domain.errors import LazyFsyncError, ServerTooOldError, UnavailableError
from infra.eventlog.connection import Connection, Outgoing, Reply

OLDEST = (2, 15, 1)
VARZ = "$SYS.REQ.SERVER.PING.VARZ"
ANSWER_S = 2.0
"""One server answers at once; those of a cluster get this long, since nobody says how many they are."""


def refuse_lazy_servers(system_url: str, *, unsafe: bool) -> None:
    """Raises LazyFsyncError, ServerTooOldError, UnavailableError."""
    with Connection(system_url, name="dits durability check") as connection:
        refuse_old_version(connection.server_version)
        answers = [] if unsafe else _answers(connection)
    if not unsafe and not (answers and all(_syncs_always(answer) for answer in answers)):
        raise LazyFsyncError()


def refuse_old_version(version: tuple[int, int, int]) -> None:
    if version < OLDEST:
        raise ServerTooOldError(version=_dotted(version), needed=_dotted(OLDEST))


def _answers(connection: Connection) -> list[dict[str, Any]]:
    seen: list[Reply] = []

    def is_last(reply: Reply) -> bool:
        seen.append(reply)
        return not connection.is_clustered

    with suppress(UnavailableError):
        connection.collect((Outgoing(VARZ, b""),), timeout_s=ANSWER_S, is_last=is_last)
    return [json.loads(reply.data) for reply in seen if reply.data]


def _syncs_always(answer: dict[str, Any]) -> bool:
    """A server without JetStream stores nothing, so it cannot lose anything."""
    jetstream = answer["data"].get("jetstream", {}).get("config")
    return jetstream is None or jetstream.get("sync_always", False) is True


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
