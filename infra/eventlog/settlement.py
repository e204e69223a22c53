"""What a server's answer to an append means, decided without touching the world (NATS ADR-50).

Promises: an answer is read as landed only if the server said so; whatever may change by itself is `busy`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from infra.eventlog.append import Append
from infra.eventlog.connection import Outgoing, Reply

CONFLICT_CODES = frozenset({10071, 10164})
"""Wrong last sequence; the same when the server keeps it from a batch under way."""
FULL_CODES = frozenset({10077, 10047, 10023, 10028})
"""Maximum bytes exceeded; the account's or the server's resources used up."""
EXPECTED = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
CORRELATION = "X-Correlation-ID"


class Verdict(Enum):
    LANDED = "landed"
    CONFLICT = "conflict"
    FULL = "full"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One message of an append: its bytes, and which subject must stand at which sequence."""

    subject: str
    payload: bytes
    sequence: int
    guarded: str | None = None
    """The subject that is guarded; None if it is the message's own."""


def judge(reply: Reply) -> tuple[Verdict, int]:
    """The verdict, and the sequence of the last message if it landed."""
    answer: dict[str, Any] = json.loads(reply.data)
    error = answer.get("error")
    if error is None:
        return Verdict.LANDED, int(answer["seq"])
    code = int(error.get("err_code", 0))
    if code in CONFLICT_CODES:
        return Verdict.CONFLICT, 0
    return (Verdict.FULL if code in FULL_CODES else Verdict.BUSY), 0


def outgoing(append: Append, messages: tuple[Expectation, ...], attempt: int) -> tuple[Outgoing, ...]:
    """As sent: one message alone, several as one atomic batch, named anew for each attempt."""
    if len(messages) == 1:
        return (Outgoing(messages[0].subject, messages[0].payload, _headers(append, messages[0])),)
    batch_id = f"{append.id.hex()}-{attempt}"
    return tuple(
        Outgoing(
            message.subject,
            message.payload,
            _headers(append, message) | _batch(batch_id, place, is_last=place == len(messages)),
        )
        for place, message in enumerate(messages, start=1)
    )


def _headers(append: Append, message: Expectation) -> dict[str, str]:
    headers = {EXPECTED: str(message.sequence), CORRELATION: append.correlation_id}
    if message.guarded is not None:
        headers[EXPECTED_SUBJECT] = message.guarded
    return headers


def _batch(batch_id: str, place: int, *, is_last: bool) -> dict[str, str]:
    headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(place)}
    if is_last:
        headers["Nats-Batch-Commit"] = "1"
    return headers
